"""SC405: paddings that Keras chose for the size that the base's input had, kept on another size.

Where the base is an application its constructor is asked again; of a model in a file, of another spec's result and of
one in memory nobody knows the constructor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

# What MobileNetV2, MobileNetV3, EfficientNet and NASNet call the layers that `imagenet_utils.correct_pad` pads. A test
# compares the list with what changes between two sizes of all applications.
_CHOSEN = (
    r"(^|[/_])(stem_conv_pad|block\d+[a-z]_dwconv_pad|block_\d+_pad|expanded_conv(_\d+)?_depthwise_pad"
    r"|separable_conv_1_pad_.+|reduction_pad_1_.+)$"
)

Padding = tuple[tuple[int, int], tuple[int, int]]


def stale_paddings(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning, at the `input` section that changes the size, for all paddings that are no longer what they were."""
    stale = [
        (name, chosen)
        for name, layer in plan.after.layers.items()
        if layer.name_in_base in plan.before.layers and (chosen := _chosen_now(layer, plan)) is not None
    ]
    if not stale:
        return
    name, chosen = stale[0]
    layer = plan.after.layers[name]
    more = f", and {len(stale) - 1} more like it" if len(stale) > 1 else ""
    mended = f"{{layers: {layer.name_in_base}, to: {{padding: {flow([*map(list, chosen)])}}}}}"
    yield Diagnostic(
        "SC405",
        f"`{name}` keeps the padding {_padding(layer)}, which Keras chose for another size{more}",
        _cause(plan.after),
        notes=(f"on its input {_input(plan.after, name)} Keras chooses {chosen}",),
        help=f"{_instead(spec)}write `set: [{mended}]`",
    )


def _instead(spec: Spec) -> str:
    """Where to say the size so that Keras chooses; nowhere for an application, which refuses it in the section."""
    if spec.base is not None and spec.base.application is not None:
        return "make this the first step,\nor " if spec.steps else ""
    if spec.base is not None and spec.base.spec is not None:
        return f"write `input` into `{spec.base.spec}`,\nor "
    return "build the base for this size,\nor "


def _chosen_now(layer: LayerSpec, plan: Plan) -> Padding | None:
    """What Keras chooses for the layer's input now, where the layer keeps what Keras chose for the input it had."""
    padding = _padding(layer)
    if layer.is_new or padding is None or not re.search(_CHOSEN, layer.name_in_base):
        return None
    sides = ((plan.before, layer.name_in_base), (plan.after, layer.name))
    was, now = (_chosen(layer, padding, _input(*side)) for side in sides)
    return now if was == padding != now else None


def _chosen(layer: LayerSpec, padding: Padding, shape: Shape) -> Padding | None:
    """As `imagenet_utils.correct_pad`: one less before an even size; sizes that are not fixed count as even."""
    if len(shape) != 4:
        return None
    rows, columns = shape[2:] if layer.arguments.get("data_format") == "channels_first" else shape[1:3]
    if rows is None:  # `correct_pad` asks for the rows alone
        rows = columns = 0
    half_row, half_column = padding[0][1], padding[1][1]  # half of the kernel, which no choice changes
    if columns is None:
        return None  # Keras cannot choose
    return (half_row - 1 + rows % 2, half_row), (half_column - 1 + columns % 2, half_column)


def _padding(layer: LayerSpec) -> Padding | None:
    if layer.class_name != "ZeroPadding2D":
        return None
    match layer.arguments.get("padding"):
        case [[int(top), int(bottom)], [int(left), int(right)]]:
            return (top, bottom), (left, right)
    return None


def _input(graph: Graph, layer: str) -> Shape:
    """The shape that the layer's first call takes."""
    taken = graph.nodes[graph.calls[layer][0]].data_inputs
    spec = graph.spec_of(taken[0]) if taken else None
    return spec.shape if spec is not None else ()


def _cause(graph: Graph) -> Path:
    """The `input` section, or the base where no edit of the input is behind the new size."""
    changed = (graph.layer_of(ref.node).changed_by for ref in graph.input_refs)
    return next((origin.path for origin in changed if origin is not None), ())
