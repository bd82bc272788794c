"""SC408: biases that Keras on TensorFlow adds along another axis, as that has as many places as there are biases.

`keras.ops.add` of Keras's TensorFlow backend makes `tf.nn.bias_add` of a sum with what may be a bias, a tensor with a
single axis longer than 1, and adds it along the last axis where the size is the same, else along the first behind the
batch. A convolution with channels first means the latter: of 5 filters over a map 5 columns wide each column gets a
bias. In a graph TensorFlow may join a convolution and its bias to one operation, which is right: `model(x)` and
`predict` then disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, Path
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.same_arguments import arguments_of, has_argument
from spec_compiler.keras_facts.settings import image_data_format, settings
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

_CONVOLUTION = re.compile(r"(Depthwise|Separable)?Conv\dD(Transpose)?")


def biases_along_another_axis(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning, at what brings the first such layer there, for all that the base does not have so already."""
    if settings()["backend"] != "tensorflow":
        return
    already = {(each.outer.name_in_base, each.layer.name_in_base) for each in _found(plan.before)}
    found = [each for each in _found(plan.after) if (each.outer.name_in_base, each.layer.name_in_base) not in already]
    names = list(dict.fromkeys(each.name for each in found))
    if not found:
        return
    shape, more = found[0].shape, f", and {len(names) - 1} more like it" if len(names) > 1 else ""
    yield Diagnostic(
        "SC408",
        f"Keras on TensorFlow adds the biases of `{names[0]}` along its last axis, not one to each channel{more}",
        _cause(found[0].outer, plan.after),
        notes=(f"it puts out {shape}, whose last axis is as long as there are biases, {shape[-1]}",),
        help="make one of the two sizes another, or write `use_bias: false`",
    )


class _Found(NamedTuple):
    """Such a layer, what one of its calls puts out, and the layer of the model that it is, or is inside of."""

    name: str
    shape: Shape
    layer: LayerSpec
    outer: LayerSpec


def _found(graph: Graph, within: str = "", outer: LayerSpec | None = None) -> Iterator[_Found]:
    for node in graph.nodes.values():
        layer = graph.layers[node.layer]
        if layer.inner is not None:
            yield from _found(layer.inner, f"{within}{layer.name}/", outer or layer)
        elif node.outputs and _is_misplaced(layer, node.outputs[0].shape):
            yield _Found(within + layer.name, node.outputs[0].shape, layer, outer or layer)


def _is_misplaced(layer: LayerSpec, shape: Shape) -> bool:
    bias = next((each.shape for each in layer.variables or () if each.path.rpartition("/")[2] == "bias"), ())
    if _CONVOLUTION.fullmatch(layer.class_name) and len(bias) == 1:
        is_first = has_argument(layer, "data_format", "channels_first")
        is_left_open = arguments_of(layer).get("data_format") is None and image_data_format() == "channels_first"
        bias = (*bias, *(1,) * (len(shape) - 2)) if is_first or is_left_open else bias
    elif layer.class_name != "EinsumDense":
        return False
    long = [at for at, size in enumerate(bias, len(shape) - len(bias)) if size > 1]
    if len(long) != 1:
        return False
    size = bias[long[0] - len(shape)]
    behind_batch = 1 if shape[1] == size else long[0]
    return long[0] != (len(shape) - 1 if shape[-1] == size else behind_batch)


def _cause(layer: LayerSpec, graph: Graph) -> Path:
    """What made the layer, or changed it, or the input whose size did; the base where nothing says so."""
    causes = [layer.adapter.origin if layer.adapter is not None else None, layer.cause]
    causes += [graph.layer_of(ref.node).cause for ref in graph.input_refs]
    return next((origin.path for origin in causes if origin is not None), ())
