"""`Graph` -> Keras: fresh layers, called as the graph says, without weights. The base is untouched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras

from spec_compiler.backend.models.fit_errors import (
    adapter_errors,
    because,
    call_error,
    fit_errors,
    keras_reason,
    make_error,
)
from spec_compiler.backend.models.fresh_layers import Custom, make_layer, set_arguments
from spec_compiler.backend.models.low_rank import give_lora
from spec_compiler.backend.models.output_counts import count_errors
from spec_compiler.backend.models.reader import read_layer, read_variables, tensor_spec
from spec_compiler.backend.models.rebuilding import Rebuilder, Ways, cannot_be_made
from spec_compiler.backend.models.symbolic import deep, needs_weights, refusal, seeded, skeleton
from spec_compiler.backend.models.wrapping import misfits, with_wrapped
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.files import HERE, Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import does_not_fit
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.node import Node, ValueRef, map_references
from spec_compiler.graph.sized import knows_its_call, sized
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import is_function
from spec_compiler.keras_facts.lora import part_of


@dataclass(frozen=True)
class Built:
    """The model, its layers by name, and the graph with every shape, config and variable filled in."""

    model: Any
    layers: Mapping[str, Any]
    graph: Graph


def build(graph: Graph, base: Graph, *, seed: int = 0, custom: Custom | None = None, folder: Folder = HERE) -> Built:
    """The graph as a Keras model whose variables have no values yet.

    `folder` is the spec's, where the modules of its functions may be. Where a layer cannot be built so (its variables
    begin as arrays), the whole is built with weights instead.

    Raises:
        SpecError: SC401 a layer that cannot take its input, SC402 kept layers whose weights no longer fit, SC403 a new
            layer that cannot be made, SC202 an unknown registered class.
    """
    return skeleton(lambda: _build(graph, base, seed, custom or Custom(), folder))


def _build(graph: Graph, base: Graph, seed: int, custom: Custom, folder: Folder) -> Built:
    layers: dict[str, Any] = {}
    tensors: dict[ValueRef, Any] = {}
    nodes: dict[str, Node] = {}
    specs: dict[str, LayerSpec] = {}
    problems: list[Diagnostic] = []
    rebuilder = Rebuilder(custom.originals, {name: each for name, each in graph.layers.items() if not each.is_new})

    def so_far() -> Graph:
        return replace(graph, nodes={**graph.nodes, **nodes})

    for name, node in graph.nodes.items():
        spec = graph.layers[node.layer]
        if any(ref not in tensors for ref in node.inputs):
            continue  # it depends on a new layer that could not be called
        seeded(seed, node.layer)  # each by its name: an edit elsewhere leaves a new layer's first values as they were
        fresh = node.layer not in layers
        try:
            if fresh and not knows_its_call(spec, node):
                spec = sized(spec, node, so_far())
            if not fresh:
                outputs = _call(layers[node.layer], spec, node, tensors)
            elif spec.is_new or spec.kind == "input" or spec.name in custom.factories:
                layers[node.layer] = named(make_layer(spec, custom, folder), spec)
                outputs = _call(layers[node.layer], spec, node, tensors)
            else:
                by_config, changed = partial(make_layer, spec, custom, folder), partial(set_arguments, spec, folder)
                as_was = _as_was(node, nodes, base)
                ways = rebuilder.ways(spec, by_config, changed, as_was)
                layers[node.layer], outputs, spec = _kept(spec, node, tensors, rebuilder, ways, as_was)
        except SpecError as error:
            raise because(error, node, so_far(), base) from None
        except _Refused as error:
            layers.setdefault(node.layer, error.layer)
            problems += call_error(error.reason, node, so_far(), base, folder).diagnostics
            outputs = _as_in_the_base(name, base)  # so that what follows is checked as well
        else:
            problems += count_errors(spec, node, len(outputs), base, graph)
            problems += _handed_on(spec, [tensors[ref] for ref in node.inputs], outputs)
        nodes[name] = replace(node, outputs=tuple(tensor_spec(tensor) for tensor in outputs))
        if fresh:
            variables = read_variables(layers[node.layer]) if spec.can_train else ()
            if spec.lora is not None or any(part_of(each.path) is not None for each in variables):
                give_lora(layers[node.layer], spec, variables)
                variables = read_variables(layers[node.layer])
            if not problems:
                specs[node.layer] = built_spec(spec, layers[node.layer], variables)
                problems += adapter_errors(specs[node.layer])
            problems += misfits(spec, layers[node.layer])
            if not problems and _misfits(spec, layers[node.layer], variables):
                problems += fit_errors(spec, variables, name, so_far(), base)
                expected = _as_in_the_base(name, base)
                outputs[: len(expected)] = expected  # what follows would only say the same again
        tensors.update((ValueRef(name, index), tensor) for index, tensor in enumerate(outputs))
    if problems:
        raise SpecError(problems)
    inputs = map_references(graph.inputs, tensors.__getitem__)
    ends = map_references(graph.outputs, tensors.__getitem__)
    with deep(len(graph.nodes)):
        model = keras.Model(inputs, ends, name=graph.name)
    if any(map(_scales, layers.values())):  # made under that policy it would have it: see `Trainer.compile`
        model.dtype_policy = _MIXED
    return Built(model, layers, replace(graph, nodes=nodes, layers=specs))


_MIXED = "mixed_float16"


def _scales(layer: Any) -> bool:
    """Whether a layer computes so that Keras scales the loss when the model is compiled."""
    policy = getattr(layer, "dtype_policy", None)
    return policy is not None and policy.name == _MIXED


class _Refused(Exception):
    """A call that Keras refuses, of which layer and why."""

    def __init__(self, reason: Exception, layer: Any) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.layer = layer


def _call(layer: Any, spec: LayerSpec, node: Node, tensors: Mapping[ValueRef, Any]) -> list[Any]:
    if spec.kind == "input":
        return [layer.output]
    args = map_references(node.args, tensors.__getitem__)
    kwargs = map_references(node.kwargs, tensors.__getitem__)
    with refusal(lambda error: _Refused(error, layer)):
        return list(keras.tree.flatten(layer(*args, **kwargs)))


def _handed_on(spec: LayerSpec, taken: list[Any], outputs: list[Any]) -> Iterator[Diagnostic]:
    """SC403 for a new layer that puts out the very tensor that it takes: to Keras the model is a circle then."""
    if spec.is_new and spec.kind == "layer" and any(one is other for one in outputs for other in taken):
        message = f"a `{spec.class_name}` puts out the tensor that it takes, Keras makes no model with one"
        help = "leave it out, or take it into `data.augment` where it changes training images"
        yield Diagnostic("SC403", message, spec.origin.path, help=help)


def _as_in_the_base(name: str, base: Graph) -> list[Any]:
    """Tensors such as the base has there; none for a new layer."""
    outputs = base.nodes[name].outputs if name in base.nodes else ()
    return [keras.KerasTensor(spec.shape, spec.dtype) for spec in outputs]


def _misfits(spec: LayerSpec, layer: Any, new: tuple[VariableSpec, ...]) -> bool:
    """Whether a kept layer, made again, has other variables than the base keeps values for."""
    return spec.can_train and bool(getattr(layer, "built", False)) and does_not_fit(spec, new)


def named(layer: Any, spec: LayerSpec) -> Any:
    """The layer under the name that the plan has for it, and a nested model's layers under theirs.

    A class may call itself otherwise than it is told: KerasHub's MobileNet adds to the name each time it is rebuilt.

    Raises:
        SpecError: SC304, SC403 for a class whose name cannot be set.
    """
    for part, name in _names(layer, spec):
        if part.name == name:
            continue
        with contextlib.suppress(AttributeError):  # a property without a setter
            part.name = name
        if part.name != name:
            message = f"the class `{type(part).__name__}` calls a layer `{part.name}` that is called `{name}` here"
            help = "let its constructor take `name` and hand it on: `super().__init__(name=name)`"
            path = (*spec.origin.path, spec.class_name) if spec.is_new else ()
            raise SpecError.single("SC403" if spec.is_new else "SC304", message, path=path, help=help)
    return layer


def _names(layer: Any, spec: LayerSpec) -> Iterator[tuple[Any, str]]:
    yield layer, spec.name_in_keras
    if spec.inner is not None:
        for part, name in zip(layer.layers, spec.inner.positions, strict=False):
            yield from _names(part, spec.inner.layers[name])


def _kept(
    spec: LayerSpec, node: Node, tensors: Mapping[ValueRef, Any], rebuilder: Rebuilder, ways: Ways, as_was: bool
) -> tuple[Any, list[Any], LayerSpec]:
    """A kept layer, its first call, and its spec: the first way that makes it as the base has it.

    Raises:
        SpecError: SC317 where no way does, SC403 for arguments of `set` that the class refuses.
    """
    reasons: list[str] = []  # one of each way that failed, in their order
    for how, make in ways:
        try:
            layer = named(make(), spec)
            outputs = _call(layer, spec, node, tensors)
        except SpecError:
            raise
        except _Refused as error:
            if spec.changed_by is not None or not as_was:
                raise  # the fault is the input's, not the way's
            reasons.append(keras_reason(error.reason))
        except Exception as error:
            if needs_weights(error):
                raise
            if spec.changed_by is not None and len(ways) == 1:
                raise make_error(error, spec) from None
            reasons.append(keras_reason(error))
        else:
            if spec.lora is not None and not spec.has_new_lora:
                give_lora(layer, spec, read_variables(layer))
            lost = rebuilder.lost(spec, layer) if as_was and spec.changed_by is None else None
            if lost is None:
                return layer, outputs, replace(spec, remade=how)
            reasons.append(lost)
    raise cannot_be_made(spec, reasons, as_was)


def _as_was(node: Node, nodes: Mapping[str, Node], base: Graph) -> bool:
    """Whether a call takes what it takes in the base."""
    if node.name not in base.nodes:
        return False
    now = [nodes[ref.node].outputs[ref.index] for ref in node.inputs]
    return now == [base.spec_of(ref) for ref in base.nodes[node.name].inputs]


def built_spec(spec: LayerSpec, layer: Any, variables: tuple[VariableSpec, ...]) -> LayerSpec:
    """The layer's spec with what Keras made of it: its full config and its variables."""
    if spec.kind == "operation":
        return spec
    if not spec.is_new:
        made = spec.rebuilt(variables)
        config = read_layer(layer, foreign=True).config if spec.cause is not None else spec.config
        return replace(made, config=config)
    made = with_wrapped(read_layer(layer), spec, layer)
    return replace(
        made.with_arguments({**made.arguments, **_named_functions(spec)}),
        name=spec.name,
        keras_name=spec.keras_name,
        origin=spec.origin,
        trainable=spec.trainable,
        adapter=spec.adapter,
        class_name=made.class_name if is_function(spec.class_name) else spec.class_name,
    )


def _named_functions(spec: LayerSpec) -> dict[str, str]:
    """The arguments that name functions, as the spec says them: Keras's config may hold their code instead."""
    return {
        key: value
        for key, value in spec.arguments.items()
        if isinstance(value, str)
        and (is_function(value) or catalogue.argument_kind(spec.class_name, key, "layer") == "function")
    }
