"""Whether the layers behind an input can take numbers of the dtype that `input` gives it.

Keras casts between kinds of floats, and what a nested model takes; whole numbers reach every other layer as they are. A
convolution then fails when the model is called, and an activation computes with whole numbers, though both say a
float's shape. So only those layers take them of which a test has shown that they put out what they do for floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec

_TEXT = "string"
CONVERT = (
    "Rescaling",
    "Normalization",
    "BatchNormalization",
    "Dense",
    "EinsumDense",
    "Embedding",
    "Discretization",
    "IntegerLookup",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
)
HAND_ON = (
    "Identity",
    "Flatten",
    "Reshape",
    "Permute",
    "RepeatVector",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flip",  # the operation that `preprocess` begins with
)


def check_input_dtypes(graph: Graph) -> Graph:
    """The edited graph itself, whose inputs of another dtype go into layers that take it.

    Raises:
        SpecError: SC401.
    """
    problems = [problem for ref in graph.input_refs for problem in _problems(graph, ref.node)]
    if problems:
        raise SpecError(problems)
    return graph


def _problems(graph: Graph, name: str) -> Iterator[Diagnostic]:
    dtype = graph.layer_of(name).arguments.get("dtype")
    before = graph.nodes[name].outputs[0].dtype
    if not isinstance(dtype, str):
        return
    as_text = _TEXT in (dtype, before) and dtype != before
    if not as_text and (_is_float(dtype) or not _is_float(before)):
        return
    takes = _takes_both if as_text else _converts if _is_whole(dtype) else _takes_nothing_else
    refusing = next(_refusing(graph, name, takes), None)
    if refusing is None:
        return
    layer = graph.layer_of(refusing)
    kept = "" if layer.is_new else "the kept layer "
    what = "text" if before == _TEXT else "floats" if _is_float(before) else "whole numbers"
    text = f"{kept}`{layer.name}` ({layer.class_name}) takes {what}, it cannot take `{dtype}`"
    help = f"convert them first: `insert: [{{after: {name}, with: [{{Rescaling: 1.0}}]}}]`"
    is_help = _is_whole(dtype) and _is_float(before)
    place: Path = ("input",)
    if graph.layer_of(name).origin.section == "inputs":
        place = graph.layer_of(name).origin.path
    yield Diagnostic("SC401", text, (*place, "dtype"), help=help if is_help else "leave `dtype` out")


def _refusing(graph: Graph, name: str, takes: Callable[[LayerSpec], bool]) -> Iterator[str]:
    """The calls that values of the input's new dtype reach, and that do not take them."""
    reached = {name}
    for call, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        if not any(ref.node in reached for ref in node.inputs) or takes(layer):
            continue
        if layer.class_name not in HAND_ON:
            yield call
        reached.add(call)


def _converts(layer: LayerSpec) -> bool:
    if layer.inner is not None:
        return all(_is_float(layer.inner.nodes[ref.node].outputs[0].dtype) for ref in layer.inner.input_refs)
    return layer.class_name in CONVERT


def _takes_both(layer: LayerSpec) -> bool:
    """Whether it takes text as well as numbers."""
    return layer.class_name == "Hashing"


def _takes_nothing_else(layer: LayerSpec) -> bool:
    return False


def _is_whole(dtype: str) -> bool:
    return dtype.startswith(("int", "uint", "bool"))


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))
