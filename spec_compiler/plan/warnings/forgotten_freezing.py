"""SC611: frozen layers that train again once the saved model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path
from spec_compiler.edits.freeze import Freeze
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

# Keras gives their config to the constructor, which makes their inner layers after it has been told `trainable`; the
# test that makes this list saves and loads every class of the catalogue.
FORGET_FREEZING = (
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "GroupQueryAttention",
    "GroupedQueryAttention",
    "MultiHeadAttention",
)


def forgotten_freezing(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for all such layers at a place: at `freeze`, else at the entry that makes a layer frozen."""
    names_at: dict[Path, list[str]] = {}
    for layer in plan.after.layers.values():
        if not layer.trainable and layer.variables and _forgets(layer):
            path = spec.place("freeze") if spec.section(Freeze) is not None else layer.origin.path
            if path:
                names_at.setdefault(path, []).append(layer.name)
    for path, names in names_at.items():
        more = f", and {len(names) - 1} more like it" if len(names) > 1 else ""
        trainable = f'model.get_layer("{names[0]}").trainable'
        yield Diagnostic(
            "SC611",
            f"`{names[0]}` is frozen, but trains again once the saved model is loaded{more}",
            path,
            notes=("Keras makes the layers inside of it anew and does not freeze them",),
            help=f"freeze it again after loading: `{trainable} = True`, then `{trainable} = False`",
        )


def _forgets(layer: LayerSpec) -> bool:
    """Whether a layer is one of those, or wraps one, or is a model that has one."""
    if layer.inner is not None:
        return any(_forgets(inner) for inner in layer.inner.layers.values())
    return layer.class_name in FORGET_FREEZING or _names_one(layer.arguments)


def _names_one(config: Any) -> bool:
    if isinstance(config, Mapping):
        return config.get("class_name") in FORGET_FREEZING or any(_names_one(part) for part in config.values())
    return isinstance(config, list | tuple) and any(_names_one(part) for part in config)
