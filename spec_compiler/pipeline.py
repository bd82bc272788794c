"""What `check`, `plan` and `compile` do once Keras is needed, readable as a table of contents.

base   -> Graph         backend/bases    the model it starts from, without its weights
Graph  -> Graph         editing          the sections in their fixed order, each result checked
Graph  -> keras.Model   backend/writer   fresh layers, shapes proven, still without weights
weights                 backend/weights  kept ones copied, new ones initialised, all in the ledger
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spec_compiler.backend.bases import LoadedBase, from_built, load
from spec_compiler.backend.weights import transfer
from spec_compiler.backend.writer import Built, build
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.editing import apply_edits, opened_for
from spec_compiler.graph import Graph
from spec_compiler.known_calls import learn
from spec_compiler.ledger import WeightLedger
from spec_compiler.mending import mended
from spec_compiler.permissions import Permissions
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec, load_spec
from spec_compiler.training.check import check_training

log = logging.getLogger("spec_compiler")


@dataclass(frozen=True)
class Planned:
    """Everything but the weights."""

    spec: Spec
    base: LoadedBase
    built: Built
    plan: Plan

    def fill(self) -> WeightLedger:
        """Gives the built model its weights.

        Raises:
            SpecError: SC501 to SC508, a weights file that is not there or does not fit; located.
        """
        log.info("copying weights")
        with self.spec.source.locating():
            return transfer(self.base.graph, self.built, self.base.weights(self.built.graph))


def planned(spec: Spec, model: Any, allowed: Permissions, inside: tuple[str, ...] | None = None) -> Planned:
    """A spec followed to the skeleton of its result. `inside` are the spec files that are being compiled around it.

    Raises:
        SpecError: the first section that does not fit, or all layers that do not; located.
    """
    around = inside if inside is not None else _here(spec)
    with spec.source.locating():
        log.info("reading the base")
        base = load(spec, model, lambda path: _other(path, allowed, around), allowed.code)
        log.info("applying the edits")
        before = opened_for(spec, base.graph)

        def edited(spec: Spec) -> tuple[Graph, Built]:
            graph = apply_edits(spec, before)
            return graph, build(graph, before, seed=spec.seed, custom=base.custom, folder=spec.source.folder)

        try:
            graph, built = edited(spec)
        except SpecError as error:
            raise mended(error, spec, edited) from None
        if base.key is not None:
            learn(graph, before, built.graph, base.key)
        check_training(spec, built.graph)
    return Planned(spec, base, built, Plan(built.graph.name, before, built.graph))


def file_warnings(planned: Planned) -> tuple[Diagnostic, ...]:
    """What is legal in the base's weights but worth saying; SC507 for layers that a weight map leaves out.

    Raises:
        SpecError: SC501 to SC508; located.
    """
    if planned.base.is_remote:
        return ()
    with planned.spec.source.locating():
        source = planned.base.weights(planned.built.graph)
    return unmapped_warnings(source.unmapped, planned.plan.after)


def _other(path: str, allowed: Permissions, inside: tuple[str, ...]) -> LoadedBase:
    """The result of another spec as a base.

    Raises:
        SpecError: the other spec's own mistakes, located in its file; SC304 where specs go round in a circle.
    """
    here = os.path.realpath(path)
    if here in inside:
        chain = " → ".join(os.path.basename(each) for each in (*inside, here))
        help = "let one of them start from an `application` or a `file`"
        raise SpecError.single("SC304", f"specs that are each other's base: {chain}", path=("spec",), help=help)
    spec = load_spec(_shown(path), allowed=allowed)
    result = planned(spec, None, allowed, (*inside, here))
    return from_built(result.built, result.base, result.fill)


def _here(spec: Spec) -> tuple[str, ...]:
    return (os.path.realpath(spec.source.file),) if spec.source.file else ()


def _shown(path: str) -> str:
    """A path as messages say it: from the folder that the caller is in, if it is below that."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def unmapped_warnings(unmapped: Iterable[str], graph: Graph) -> tuple[Diagnostic, ...]:
    """SC507 for each layer that the result keeps and the base's weight map leaves out."""
    return tuple(
        Diagnostic(
            "SC507",
            f"`base.weights.map` leaves out `{name}`, which is kept and will be initialised",
            ("base", "weights", "map"),
            at_key=True,
            help=f"add `{name}: GROUP`, or take the layer out",
        )
        for name in unmapped
        if name in graph.layers and not graph.layers[name].is_new
    )
