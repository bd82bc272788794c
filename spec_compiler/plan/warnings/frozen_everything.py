"""SC308: a `freeze` that leaves nothing to train, in a spec that somebody else will train."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, quoted
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.head import Head
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def frozen_everything(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning at `freeze`; none for a feature extractor, none where phases say what trains: theirs is SC607."""
    layers = plan.after.layers.values()
    weighted = [layer for layer in layers if any(weight.trainable for weight in layer.weights)]
    if spec.section(Freeze) is None or spec.train or not weighted or any(layer.trainable for layer in weighted):
        return
    new = [layer for layer in weighted if layer.is_new]
    if new:
        names = quoted(layer.name for layer in new[:3]) + (" …" if len(new) > 3 else "")
        plural = "layers" if len(new) > 1 else "layer"
        message = f"`freeze` leaves nothing to train, it freezes the new {plural} {names} as well"
        help = "write `freeze: base`, or leave them out: `{layers: …, except: new}`"
        yield Diagnostic("SC308", message, spec.place("freeze"), help=help)
    elif spec.section(Head) is not None or any(
        layer.is_new for layer in layers
    ):  # otherwise a frozen feature extractor
        message = f"`freeze` leaves nothing to train, all {len(weighted)} layers with weights are frozen"
        yield Diagnostic(
            "SC308", message, spec.place("freeze"), help="leave some layers out of it, or add a layer to `head`"
        )
