"""What is legal to train but surely not meant: pixels that a base was not trained on, freezing that a file forgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from spec_compiler.diagnostics import Diagnostic, Path
from spec_compiler.graph import Graph
from spec_compiler.layer_spec import LayerSpec
from spec_compiler.plan import Plan
from spec_compiler.preprocessing import mode_of

if TYPE_CHECKING:
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
_OF_IMAGENET = ("*_tf_dim_ordering_tf_*", "*_notop.h5", "*_weights_tf_*", "*imagenet*")  # as Keras calls its files


def training_warnings(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """SC610 and SC611, paths from the spec."""
    yield from _plain_pixels(spec, plan.after)
    yield from _forgotten_freezing(spec, plan.after)


def _plain_pixels(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    base = spec.base
    if base is None or base.application is None or spec.data is None or spec.data.is_code:
        return
    if mode_of(base.application) == "none" or not _is_imagenet(base) or len(graph.input_refs) != 1:
        return
    if any(graph.layer_of(each).is_new for each in graph.consumers[graph.input_refs[0].node]):
        return  # the spec has layers of its own there, or `preprocess`
    message = f"`{base.application}` is given pixels from 0 to 255, its weights are for preprocessed ones"
    yield Diagnostic("SC610", message, ("data", "train"), help="add `input: {preprocess: auto}`")


def _is_imagenet(base: Any) -> bool:
    name = base.weights.file or ""
    return base.weights.kind == "imagenet" or any(fnmatchcase(name.rpartition("/")[2], each) for each in _OF_IMAGENET)


def _forgotten_freezing(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    found: dict[Path, list[str]] = {}
    for layer in graph.layers.values():
        if not layer.trainable and layer.variables and _holds(layer):
            path = ("freeze",) if spec.freeze is not None else layer.origin.path
            if path:
                found.setdefault(path, []).append(layer.name)
    for path, names in found.items():
        more = f", and {len(names) - 1} more like it" if len(names) > 1 else ""
        trainable = f'model.get_layer("{names[0]}").trainable'
        help = f"freeze it again after loading: `{trainable} = True`, then `{trainable} = False`"
        notes = ("Keras makes the layers inside of it anew and does not freeze them",)
        message = f"`{names[0]}` is frozen, but trains again once the saved model is loaded{more}"
        yield Diagnostic("SC611", message, path, notes=notes, help=help)


def _holds(layer: LayerSpec) -> bool:
    """Whether a layer is one of those, or wraps one, or is a model that has one."""
    if layer.inner is not None:
        return any(_holds(each) for each in layer.inner.layers.values())
    return layer.class_name in FORGET_FREEZING or _names_one(layer.arguments)


def _names_one(config: Any) -> bool:
    if isinstance(config, Mapping):
        return config.get("class_name") in FORGET_FREEZING or any(_names_one(each) for each in config.values())
    return isinstance(config, list | tuple) and any(_names_one(each) for each in config)
