"""Whether the layers behind an input can take numbers of the dtype that `input` gives it.

Keras casts between kinds of floats, and what a nested model takes; whole numbers reach every other layer as they are. A
convolution then fails when the model is called, and an activation computes with whole numbers, though both say a
float's shape. So only those layers take them of which a test has shown that they put out what they do for floats.
"""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.graph import Graph, LayerSpec

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
    given = graph.layer_of(name).config.get("config", {}).get("dtype")
    before = graph.nodes[name].outputs[0].dtype
    if not isinstance(given, str) or _is_float(given) or not _is_float(before):
        return
    refusing = next(_refusing(graph, name, given), None)
    if refusing is None:
        return
    layer = graph.layer_of(refusing)
    kept = "" if layer.is_new else "the kept layer "
    text = f"{kept}`{layer.name}` ({layer.class_name}) takes floats, it cannot take `{given}`"
    help = f"convert them first: `insert: [{{after: {name}, layers: [{{Rescaling: 1.0}}]}}]`"
    yield Diagnostic("SC401", text, ("input", "dtype"), help=help if _is_whole(given) else "leave `dtype` out")


def _refusing(graph: Graph, name: str, dtype: str) -> Iterator[str]:
    """The calls that whole numbers from an input reach, and that do not take them."""
    reached = {name}
    for each, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        if not any(ref.node in reached for ref in node.inputs) or (_is_whole(dtype) and _converts(layer)):
            continue
        if layer.class_name not in HAND_ON:
            yield each
        reached.add(each)


def _converts(layer: LayerSpec) -> bool:
    if layer.inner is not None:
        return all(_is_float(layer.inner.nodes[ref.node].outputs[0].dtype) for ref in layer.inner.input_refs)
    return layer.class_name in CONVERT


def _is_whole(dtype: str) -> bool:
    return dtype.startswith(("int", "uint", "bool"))


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))
