"""What is legal in a spec but surely not meant: warnings on the spec and on the model before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.channels import channel_axis
from spec_compiler.diagnostics import Diagnostic, Path, did_you_mean
from spec_compiler.freezing import Freezing
from spec_compiler.graph import Graph
from spec_compiler.layer_spec import LayerSpec
from spec_compiler.plan import Plan
from spec_compiler.resolve import resolve_term
from spec_compiler.spec import Spec
from spec_compiler.stale_paddings import stale_paddings
from spec_compiler.training.lint import training_warnings

LARGE_DENSE = 50_000_000
CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
)
_THROUGH = ("ZeroPadding2D", "Dropout", "SpatialDropout2D", "Identity")  # what may stand before a normalization


def lint(spec: Spec, plan: Plan) -> tuple[Diagnostic, ...]:
    """The warnings, in the order of the rules, after those of the edits; paths from the spec."""
    return (
        *plan.after.warnings,
        *unused_parts(spec),
        *_head_on_softmax(spec, plan),
        *_frozen_everything(spec, plan.after),
        *_loose_normalizations(spec, plan.after),
        *_pointless_freezes(spec, plan.after),
        *_pointless_cut(spec, plan),
        *_large_dense(plan.after),
        *stale_paddings(spec, plan),
        *_lambdas(spec, plan.after),
        *training_warnings(spec, plan),
    )


def unused_parts(spec: Spec) -> Iterator[Diagnostic]:
    """What the spec alone shows to have no effect: SC111 for variables, SC312 for sections."""
    yield from _unused_variables(spec)
    for section in ("data", "compile"):
        if getattr(spec, section) is not None and not spec.train:
            help = "add `train: [{phase: main, epochs: 5}]`, which `spec-compiler train` runs, or remove it"
            message = f"nothing uses `{section}`, this spec has no `train`"
            yield Diagnostic("SC312", message, (section,), at_key=True, help=help)


def _unused_variables(spec: Spec) -> Iterator[Diagnostic]:
    """SC111 for each variable that nothing in the spec uses."""
    for name in spec.source.unused:
        help = "remove it, or write `${" + name + "}` where it belongs"
        if ("vars", name) in spec.source.assigned and ("vars", name) not in spec.source.keys:
            known = [path[1] for path in spec.source.keys if len(path) == 2 and path[0] == "vars"]
            help = did_you_mean(name, (str(each) for each in known)) or help
        yield Diagnostic("SC111", f"nothing uses the variable `{name}`", ("vars", name), at_key=True, help=help)


def _head_on_softmax(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    if spec.head is None:
        return
    for index, entry in enumerate(spec.head.root):
        name = _made_at(plan.after, ("head", index))
        if entry.takes is not None and len(entry.takes) > 1:
            continue
        for ref in plan.after.nodes[name].data_inputs if name in plan.after.nodes else ():
            layer = plan.after.layer_of(ref.node)
            is_flat = (spec_of := plan.after.spec_of(ref)) is not None and len(spec_of.shape) == 2
            if is_flat and _ends_in_softmax(layer) and entry.class_name in ("Dense", "Dropout", "BatchNormalization"):
                path = ("head", index) if entry.takes is None else ("head", index, "from")
                if isinstance(spec.source.data["head"][index], dict) and entry.takes is None:
                    path = (*path, entry.class_name)
                yield Diagnostic(
                    "SC307",
                    f"`{name}` takes the probabilities of `{layer.name}`, a softmax leaves little to learn from",
                    path,
                    at_key=True,
                    help=_below_softmax(spec, plan.after, ref.node, layer),
                )


def _below_softmax(spec: Spec, graph: Graph, node: str, layer: LayerSpec) -> str:
    if layer.is_new:
        return f"take the activation out of `{layer.name}`, or end the head there"
    below = graph.nodes[node].data_inputs
    cut = f"`cut_at: {below[0].node}`" if below else "`cut_at`"
    if spec.base is not None and spec.base.application is not None and "include_top" not in spec.base.arguments:
        return f"write `include_top: false` in `base`, or cut before it with {cut}"
    return f"cut before it with {cut}"


def _frozen_everything(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    weighted = [layer for layer in graph.layers.values() if _trains(layer)]
    if spec.freeze is None or spec.train or not weighted or any(layer.trainable for layer in weighted):
        return
    new = [layer for layer in weighted if layer.is_new]
    if not new:
        if spec.head is None and not any(layer.is_new for layer in graph.layers.values()):
            return  # a frozen feature extractor
        message = f"`freeze` leaves nothing to train, all {len(weighted)} layers with weights are frozen"
        yield Diagnostic("SC308", message, ("freeze",), help="leave some layers out of it, or add a layer to `head`")
        return
    names = ", ".join(f"`{layer.name}`" for layer in new[:3])
    plural = "layers" if len(new) > 1 else "layer"
    yield Diagnostic(
        "SC308",
        f"`freeze` leaves nothing to train, it freezes the new {plural} {names}{' …' if len(new) > 3 else ''} as well",
        ("freeze",),
        help="write `freeze: base`, or leave them out: `{layers: …, except: new}`",
    )


def _trains(layer: LayerSpec) -> bool:
    return any(each.trainable for each in layer.weights)


def _loose_normalizations(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    if spec.freeze is None:
        return
    loose = [name for name in graph.nodes if (found := _convolution(graph, name)) is not None and not found.trainable]
    if not loose:
        return
    first = _convolution(graph, loose[0])
    more = f", and {len(loose) - 1} more like it" if len(loose) > 1 else ""
    yield Diagnostic(
        "SC309",
        f"`{loose[0]}` trains while the convolution `{first.name if first else ''}` under it is frozen{more}",
        ("freeze",),
        notes=("its moving statistics go on changing, so the frozen features do as well",),
        help="freeze it too, or write `{layers: …, batch_norm: all}`",
    )


def _pointless_freezes(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC313 for each element of a `freeze` that finds no layer with weights."""
    places: list[tuple[Path, Freezing | None]] = [(("freeze",), spec.freeze.root if spec.freeze else None)]
    places += [(("train", index, "freeze"), phase.freeze) for index, phase in enumerate(spec.train)]
    for path, freezing in places:
        for term in freezing.selector.terms if freezing is not None and freezing.selector is not None else ():
            layers = list(dict.fromkeys(graph.nodes[name].layer for name in resolve_term(term, graph)))
            if any(graph.layers[name].weights for name in layers):
                continue
            whose = f"`{layers[0]}` has" if len(layers) == 1 else f"the {len(layers)} layers of `{term.text}` have"
            message = f"{whose} no weights, freezing changes nothing"
            yield Diagnostic("SC313", message, (*path, *term.path), help="leave it out, or name layers with weights")


def _convolution(graph: Graph, name: str) -> LayerSpec | None:
    """The convolution right under a BatchNormalization of the base that trains."""
    layer = graph.layer_of(name)
    if layer.class_name != "BatchNormalization" or layer.is_new or not layer.trainable:
        return None
    while True:
        taken = graph.nodes[name].data_inputs
        if len(taken) != 1:
            return None
        name = taken[0].node
        below = graph.layer_of(name)
        if below.class_name in CONVOLUTIONS and not below.is_new:
            return below
        if below.class_name not in _THROUGH:
            return None


def _pointless_cut(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """SC310: a cut at the output, or before what another section makes the output."""
    if spec.cut_at is None:
        return
    before, name = plan.before, spec.cut_at.root.text
    ends = [ref.node for ref in before.output_refs]
    if len(ends) == 1 and name in (ends[0], before.nodes[ends[0]].layer):
        message = f"`cut_at: {name}` cuts nothing, it is the model's output already"
        yield Diagnostic("SC310", message, ("cut_at",), help="remove it")
    elif name in before.nodes and name not in plan.after.nodes and name not in _replaced(plan, name):
        by = "outputs" if spec.outputs is not None else "head"
        message = f"`{by}` ends before `{name}`, so `cut_at` changes nothing"
        there = ((f"`{by}` is here", (by,)),)
        yield Diagnostic("SC310", message, ("cut_at",), help=f"remove it, or take `{name}` in `{by}`", related=there)


def _replaced(plan: Plan, name: str) -> tuple[str, ...]:
    """The name alone where a section that edits took the layer away on purpose."""
    origin = plan.after.removed.get(name)
    return (name,) if origin is not None and origin.section in ("replace", "remove") else ()


def _large_dense(graph: Graph) -> Iterator[Diagnostic]:
    for name, node in graph.nodes.items():
        layer = graph.layers[node.layer]
        if not layer.is_new or layer.class_name != "Dense" or layer.num_parameters <= LARGE_DENSE:
            continue
        below = graph.layer_of(node.data_inputs[0].node) if node.data_inputs else None
        while below is not None and below.class_name == "Dropout":
            taken = graph.nodes[graph.calls[below.name][0]].data_inputs
            below = graph.layer_of(taken[0].node) if taken else None
        if below is None or below.class_name != "Flatten":
            continue
        shape = graph.spec_of(graph.nodes[graph.calls[below.name][0]].data_inputs[0])
        rank = len(shape.shape) - 2 if shape is not None else 2
        pooling = f"GlobalAveragePooling{rank}D" if 1 <= rank <= 3 else "global pooling"
        units = layer.arguments.get("units", "…")
        channels = shape.shape[channel_axis(graph, graph.calls[below.name][0])] if shape is not None else None
        instead = channels * units + units if channels and isinstance(units, int) else None
        notes = (f"`{below.name}` flattens {tuple(shape.shape)} into {_flat(shape.shape)} numbers",) if shape else ()
        yield Diagnostic(
            "SC404",
            f"`{name}` has {layer.num_parameters:,} parameters, as it takes all that `{below.name}` flattens",
            (*layer.origin.path, layer.class_name),
            at_key=True,
            notes=notes,
            help=f"write `{pooling}` in place of `Flatten`" + (f": {instead:,} parameters" if instead else ""),
        )


def _flat(shape: Any) -> str:
    product = 1
    for size in shape[1:]:
        product *= size or 1
    return f"{product:,}"


def _ends_in_softmax(layer: LayerSpec) -> bool:
    activation = layer.arguments.get("activation")
    if isinstance(activation, dict):
        activation = activation.get("config")
    return layer.class_name == "Softmax" or activation == "softmax"


def _made_at(graph: Graph, path: tuple[str | int, ...]) -> str:
    return next((name for name, layer in graph.layers.items() if layer.origin.path == path), "")


def _lambdas(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC509, once for each layer that is a Lambda or holds one."""
    for layer in graph.layers.values():
        for function in [*_functions(layer.config)][:1]:
            first, carries, options = "", "carries its code", "safe_mode=False"
            if function is not None:
                name = function.rpartition(":")[2]
                carries, options = f"needs `{function}` again", f"custom_objects={{'{name}': {name}}}, safe_mode=False"
                if ">" in name:  # `package>name`: known once the module that registers it is imported
                    first, options = "import the module that registers it and ", "safe_mode=False"
            what = "is" if layer.class_name == "Lambda" else "holds"
            yield Diagnostic(
                "SC509",
                f"`{layer.name}` {what} a Lambda layer: a saved file {carries}, and loading it asks for trust",
                layer.origin.path or ("base" if spec.base is not None else "bases",),
                help=f"{first}load it with `keras.models.load_model(file, {options})`, or replace it by a named layer",
            )


def _functions(config: Any) -> Iterator[str | None]:
    """The functions of the Lambda layers in a config, by name; None for one that a file holds as code."""
    if isinstance(config, list | tuple):
        for each in config:
            yield from _functions(each)
    elif isinstance(config, Mapping):
        inner = config.get("config")
        if config.get("class_name") == "Lambda" and isinstance(inner, Mapping):
            function = inner.get("function")
            if isinstance(function, Mapping):  # as Keras writes it
                function = function.get("config") if function.get("class_name") == "function" else None
            yield function if isinstance(function, str) else None
        else:
            for each in config.values():
                yield from _functions(each)
