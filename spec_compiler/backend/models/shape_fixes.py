"""What would mend a shape that does not fit: changes of the spec, none of them said before it is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Fix
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis, is_wider
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import Node
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_values import flow, is_data
from spec_compiler.keras_facts.merges import MERGES, TAKE_LISTS
from spec_compiler.language.places import in_section

APPEND = 1_000_000  # an index past the end of any list


def fit_fixes(layer: LayerSpec, culprit: LayerSpec | None, graph: Graph, node: str, base: Graph) -> Iterator[Fix]:
    """What may make a kept layer fit again: another width, a projection, a cut before it, fresh weights."""
    yield from _strategy_fixes(culprit, graph, base)
    inputs = graph.nodes[node].data_inputs
    wanted = next((base.spec_of(ref) for ref in base.nodes[node].data_inputs), None) if node in base.nodes else None
    got = graph.spec_of(inputs[0]) if inputs else None
    if culprit is not None and wanted is not None and got is not None and got.shape != wanted.shape:
        axis = channel_axis(graph, inputs[0].node)
        size = wanted.shape[axis]
        if is_wider(got.shape, wanted.shape, axis) and size is not None:
            yield from _width_fixes(culprit, size)
            if 3 <= len(wanted.shape) <= 5:  # with the axes of batch and channels: Keras has Conv1D to Conv3D
                name = f"Conv{len(wanted.shape) - 2}D"
                layers = [{name: {"filters": size, "kernel_size": 1}}]
                text = f"insert a projection: `before: {layer.name}`, `with: {flow(layers)}`"
                yield Fix(text, ((("insert", APPEND), {"before": layer.name, "with": layers}),))
        if len(wanted.shape) == 2:  # behind a `Flatten` the size of the image is in the kernel
            text = f"end before it with `cut_at: {inputs[0].node}` and a `head` of your own"
            yield Fix(text, ((("cut_at",), inputs[0].node),))
    if culprit is not None and culprit.name == layer.name:
        yield from _around_the_kernel(layer)
    entry = fresh_entry(layer)
    if entry is not None:
        change = {"layers": layer.name, "with": [entry]}
        text = f"give `{layer.name}` fresh weights by naming it in `replace`"
        yield Fix(text, ((("replace", APPEND), change),))
    if culprit is not None and not culprit.is_new:
        yield from _as_in_the_base(culprit)


def _around_the_kernel(layer: LayerSpec) -> Iterator[Fix]:
    """Zeros around a kernel that `set` makes larger."""
    if layer.changed_by is not None and layer.adapter is None and "kernel_size" in layer.changed:
        text = "add `weights: centre`, which puts zeros around the old kernel"
        yield Fix(text, (((*layer.changed_by.path, "weights"), "centre"),))


def _strategy_fixes(culprit: LayerSpec | None, graph: Graph, base: Graph) -> Iterator[Fix]:
    """Values for an input's other channels, where it has no `weights` yet: the strategies that fit their number."""
    cause = culprit.cause if culprit is not None and culprit.kind == "input" else None
    if culprit is None or cause is None or in_section(cause.path)[:1] not in (("input",), ("inputs",)):
        return
    is_new = in_section(cause.path)[0] == "inputs"
    was = [base.nodes[ref.node] for ref in base.input_refs] if is_new else [base.nodes.get(culprit.name)]
    shapes = {each.outputs[0].shape for each in was if each is not None}
    now, axis = graph.nodes[culprit.name].outputs[0].shape, channel_axis(graph, culprit.name)
    then = shapes.pop() if len(shapes) == 1 else now
    new, old = now[axis], then[axis] if len(then) == len(now) else None
    if new is None or old is None or new == old:
        return
    section = cause.path if is_new else cause.path[:-1]
    for strategy in ["sum"] if new == 1 else ["repeat", "zeros"] if new > old else []:
        yield Fix(f"add `weights: {strategy}` to the input", (((*section, "weights"), strategy),))


def _as_in_the_base(layer: LayerSpec) -> Iterator[Fix]:
    """Arguments that `set` gives a layer, each as the base has it."""
    if layer.changed_by is None or in_section(layer.changed_by.path)[:1] != ("set",):
        return
    base = layer.arguments  # Keras has not built it anew yet
    for key, value in ((key, base[key]) for key in layer.changed if key in base):
        if value != layer.changed[key] and is_data(value):
            text = f"leave `{key}` out, the weights of `{layer.name}` are for `{key}: {flow(value)}`"
            yield Fix(text, (((*layer.changed_by.path, "to", key), value),))


def fit_help(layer: LayerSpec, culprit: LayerSpec | None, gone: str | None, wanted: str) -> str:
    """Advice where no change of the spec that was tried makes a kept layer fit; `gone` was taken away before it."""
    if gone is not None:
        return _leave_in(gone)
    if culprit is not None and culprit.kind == "input":
        return f"leave the input as the base has it: `{layer.name}` has weights for {wanted} only"
    if culprit is not None and culprit.is_new:
        return f"take `{culprit.name}` out, put it into the `head`, or let what reaches `{layer.name}` be {wanted}"
    whose = (culprit or layer).name
    return (
        f"leave the arguments of `{whose}` as the base has them,\n"
        f"or put a new layer in the place of `{layer.name}` with `replace`"
    )


def _leave_in(gone: str) -> str:
    return f"leave `{gone}` in, or put a layer of the same output shape in its place with `replace`"


def fresh_entry(layer: LayerSpec) -> Mapping[str, Any] | None:
    """A layer of the base as an entry; None where an entry cannot say it."""
    record = (catalogue.class_record(layer.class_name, "layer") or {}).get("arguments", {})
    if not record:
        return None
    arguments = {
        name: value
        for name, value in _plain_arguments(layer).items()
        if name not in ("dtype", "trainable", "name") and value != record[name].get("default")
    }
    return {layer.class_name: {**arguments, "name": layer.name_in_keras}}


def _plain_arguments(layer: LayerSpec) -> dict[str, Any]:
    """The arguments that an entry can say: Keras's config has more, and objects in its own serialised form."""
    catalogued = catalogue.argument_names(layer.class_name, "layer")
    return {
        key: value
        for key, value in layer.arguments.items()
        if key in catalogued and is_data(value) and not isinstance(value, Mapping)
    }


def call_fixes(
    spec: LayerSpec, node: Node, graph: Graph, base: Graph, shapes: list[Shape], culprit: LayerSpec | None
) -> Iterator[Fix]:
    """What may make a layer take its input: another padding, a place before what flattens, another width."""
    if not spec.is_new:
        yield from _kept_fixes(node, graph, base, culprit)
        return
    path = spec.origin.path
    rank = len(shapes[0]) if shapes else 0
    if "padding" in catalogue.argument_names(spec.class_name, "layer") and rank > 2:
        yield Fix(f"set `padding: same` in `{spec.name}`", (((*path, spec.class_name, "padding"), "same"),))
    axis = spec.arguments.get("axis")
    if isinstance(axis, int) and not -rank <= axis < rank:
        text = f"set `axis: -1` in `{spec.name}`, the last of the axes 0 to {rank - 1}"
        yield Fix(text, (((*path, spec.class_name, "axis"), -1),))
    if rank != 2 or not isinstance(path[-1], int):
        return
    below = graph.layer_of(node.data_inputs[0].node) if node.data_inputs else None
    if below is not None and below.is_new and below.origin.path == (*path[:-1], path[-1] - 1):
        swapped = ((path, _entry(below)), (below.origin.path, _entry(spec)))
        yield Fix(f"put it before `{below.name}`", swapped)


def _kept_fixes(node: Node, graph: Graph, base: Graph, culprit: LayerSpec | None) -> Iterator[Fix]:
    if culprit is None:
        return
    if culprit.kind == "input":
        yield from _input_fixes(culprit, graph, base)
        yield from _strategy_fixes(culprit, graph, base)
    inputs = zip(node.data_inputs, base.nodes[node.name].data_inputs, strict=False) if node.name in base.nodes else ()
    sizes: dict[int | None, None] = {}  # each once: all inputs of a merge may come from the one layer
    for now, then in inputs:
        got, wanted = graph.spec_of(now), base.spec_of(then)
        axis = channel_axis(graph, now.node)
        if got is not None and wanted is not None and is_wider(got.shape, wanted.shape, axis):
            sizes[wanted.shape[axis]] = None
    for size in sizes:
        yield from _width_fixes(culprit, size)


def _width_fixes(layer: LayerSpec, size: int | None) -> Iterator[Fix]:
    """Another width, where the layer is new and has an argument for it."""
    argument = width_argument(layer) if layer.is_new else None
    if argument is not None:
        place = (*layer.origin.path, layer.class_name, argument)
        yield Fix(f"set `{argument}: {size}` in `{layer.name}`", ((place, size),))


def call_help(
    spec: LayerSpec, shapes: list[Shape], culprit: LayerSpec | None, gone: str | None, axis: int = -1
) -> str | None:
    """Advice where no change of the spec is plain to see.

    `gone` is a layer before it that an edit took away, `axis` the one of the channels.
    """
    spatial = slice(2, None) if axis == 1 else slice(1, -1)
    sizes = {shape[spatial] for shape in shapes if len(shape) > 2}
    if not spec.is_new:
        if gone is not None:
            return _leave_in(gone)
        if spec.kind == "model" and culprit is not None and culprit.kind == "input":
            return (
                "a nested model keeps the size that it was built for: build the base for the new one,\n"
                "for an application with `input_shape` in `base`"
            )
        if culprit is not None and culprit.is_new and culprit.kind != "input":
            return f"take `{culprit.name}` out, or put it into the `head`"
        return None
    if len(shapes) < 2 and spec.class_name in TAKE_LISTS:
        taker = "a merge" if spec.class_name in MERGES else f"`{spec.class_name}`"
        return f"{taker} takes several tensors: name them with `from: [a, b]`"
    if spec.class_name in MERGES and len(sizes) > 1:
        return "bring them to one size first, for example with `UpSampling2D` or `Resizing`"
    if spec.class_name in MERGES and len({shape[axis] for shape in shapes}) > 1 and len(shapes[0]) == 4:
        return f"bring them to one width first, with `Conv2D: {{filters: {shapes[0][axis]}, kernel_size: 1}}`"
    if shapes and len(shapes[0]) == 2 and spec.class_name.endswith(("1D", "2D", "3D", "Transpose")):
        return f"a `{spec.class_name}` takes images or sequences, `Flatten` and pooling layers leave one row of numbers"
    is_small = any(size is not None and size <= 1 for shape in shapes for size in shape[spatial])
    if is_small and spec.class_name.endswith(("1D", "2D", "3D", "Transpose")):
        return "the tensor is too small here: take a larger input, or cut earlier"
    return None


def width_argument(layer: LayerSpec) -> str | None:
    """The argument that says how wide a layer's output is."""
    return next((key for key in ("filters", "units") if key in layer.arguments), None)


def _entry(layer: LayerSpec) -> Any:
    """A new layer as an entry again, for another place."""
    return {layer.class_name: _plain_arguments(layer)}


def _input_fixes(layer: LayerSpec, graph: Graph, base: Graph) -> Iterator[Fix]:
    """An input whose new shape leaves the channels out."""
    if (
        layer.name not in base.nodes
        or layer.changed_by is None
        or in_section(layer.changed_by.path) != ("input", "shape")
    ):
        return
    shape = list(graph.nodes[graph.calls[layer.name][0]].outputs[0].shape[1:])
    was = base.nodes[layer.name].outputs[0].shape[1:]
    if len(shape) == len(was) - 1:
        whole = [was[0], *shape] if channel_axis(base, layer.name) == 1 else [*shape, was[-1]]
        yield Fix(f"write `shape: {flow(whole)}`, with the channels", ((("input", "shape"), whole),))
