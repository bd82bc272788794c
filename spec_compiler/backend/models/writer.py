"""`Graph` -> Keras: fresh layers, called as the graph says, without weights. The base is untouched."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from spec_compiler.backend.models.allowed_configs import refuse_strangers
from spec_compiler.backend.models.arguments import deserialized
from spec_compiler.backend.models.copying import CannotCopy
from spec_compiler.backend.models.output_counts import count_errors
from spec_compiler.backend.models.reader import read_layer, read_variables, tensor_spec
from spec_compiler.backend.models.rebuilding import Originals, Rebuilder, cannot_be_made
from spec_compiler.backend.models.shapes import because, call_error, fit_errors, keras_reason, make_error
from spec_compiler.backend.models.symbolic import deep, needs_weights, seeded, skeleton
from spec_compiler.diagnostics import Diagnostic, SpecError, under
from spec_compiler.files import HERE, Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.node import Node, ValueRef, map_references
from spec_compiler.keras_facts import catalogue

Factory = Callable[..., Any]  # from the layer's name, and from the arguments that `set` gives it


@dataclass(frozen=True)
class Custom:
    """What the configs of a base's layers cannot say: classes that Keras cannot find, and layers made otherwise.

    `has_lambdas`: configs may hold Python lambdas, whose code the caller has allowed to run. `originals` are the layers
    themselves.
    """

    objects: Mapping[str, Any] = field(default_factory=dict)
    factories: Mapping[str, Factory] = field(default_factory=dict)
    has_lambdas: bool = False
    originals: Originals = field(default_factory=Originals)

    def renamed(self, result: Graph) -> Custom:
        """The same, by the names that a result has for the layers."""
        if not result.renamed:
            return self
        factories = {result.renamed.get(name, name): each for name, each in self.factories.items()}
        layers = {result.renamed.get(name, name): each for name, each in self.originals.layers.items()}
        return replace(self, factories=factories, originals=Originals(layers))


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
    for name, node in graph.nodes.items():
        spec = graph.layers[node.layer]
        if any(ref not in tensors for ref in node.inputs):
            continue  # it depends on a new layer that could not be called
        seeded(seed, node.layer)
        fresh = node.layer not in layers
        try:
            if not fresh:
                outputs = _call(layers[node.layer], spec, node, tensors)
            elif spec.is_new or spec.kind == "input" or spec.name in custom.factories:
                layers[node.layer] = named(make_layer(spec, custom, folder), spec)
                outputs = _call(layers[node.layer], spec, node, tensors)
            else:
                as_was = _as_was(node, nodes, base)
                layers[node.layer], outputs, spec = _kept(spec, node, tensors, custom, folder, rebuilder, as_was)
        except SpecError as error:
            raise because(error, node, replace(graph, nodes={**graph.nodes, **nodes}), base) from None
        except _Refused as error:
            layers.setdefault(node.layer, error.layer)
            problems += call_error(error.reason, node, replace(graph, nodes={**graph.nodes, **nodes}), base).diagnostics
            outputs = _as_in_the_base(name, base)  # so that what follows is checked as well
        problems += count_errors(spec, name, len(outputs), base)
        nodes[name] = replace(node, outputs=tuple(tensor_spec(tensor) for tensor in outputs))
        tensors.update((ValueRef(name, index), tensor) for index, tensor in enumerate(outputs))
        if not fresh:
            continue
        variables = _variables(spec, layers[node.layer])
        if not problems:
            specs[node.layer] = built_spec(spec, layers[node.layer], variables)
        if _misfits(spec, layers[node.layer], variables):
            problems += fit_errors(spec, variables, name, replace(graph, nodes={**graph.nodes, **nodes}), base)
            known = enumerate(_as_in_the_base(name, base))  # what follows would only say the same again
            tensors.update((ValueRef(name, index), tensor) for index, tensor in known)
    if problems:
        raise SpecError(problems)
    inputs = map_references(graph.inputs, tensors.__getitem__)
    ends = map_references(graph.outputs, tensors.__getitem__)
    with deep(len(graph.nodes)):
        model = keras.Model(inputs, ends, name=graph.name)
    if any(
        _scales(layer) for layer in layers.values()
    ):  # made under that policy it would have it: see `Trainer.compile`
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
    try:
        result = layer(*args, **kwargs)
    except Exception as error:
        if needs_weights(error):
            raise
        raise _Refused(error, layer) from None
    return list(keras.tree.flatten(result))


def _as_in_the_base(name: str, base: Graph) -> list[Any]:
    """Tensors such as the base has there; none for a new layer."""
    known = base.nodes[name].outputs if name in base.nodes else ()
    return [keras.KerasTensor(spec.shape, spec.dtype) for spec in known]


def _variables(spec: LayerSpec, layer: Any) -> tuple[VariableSpec, ...]:
    return read_variables(layer) if spec.kind in ("layer", "model") else ()


def _misfits(spec: LayerSpec, layer: Any, new: tuple[VariableSpec, ...]) -> bool:
    if spec.is_new or spec.kind not in ("layer", "model") or not getattr(layer, "built", False):
        return False
    old = spec.variables or ()
    found = spec.continues(new)
    if any(index is not None and old[index].shape != each.shape for index, each in zip(found, new, strict=True)):
        return True
    gone = [each for index, each in enumerate(old) if each.is_weight and index not in found]
    lost = bool(gone)
    if any("lora_" in each.path for each in gone):  # they are part of what the kernel does
        return True
    gained = any(each.is_weight and index is None for index, each in zip(found, new, strict=True))
    return spec.changed_by is None and (lost or gained)  # new arguments may say `use_bias: false`, or `lora_rank: 4`


def named(layer: Any, spec: LayerSpec) -> Any:
    """The layer under the name that the plan has for it, and a nested model's layers under theirs.

    A class may call itself otherwise than it is told: KerasHub's MobileNet adds to the name each time it is rebuilt.

    Raises:
        SpecError: SC304, SC403 for a class whose name cannot be set.
    """
    for each, name in _names(layer, spec):
        if each.name == name:
            continue
        with contextlib.suppress(AttributeError):  # a property without a setter
            each.name = name
        if each.name != name:
            message = f"the class `{type(each).__name__}` calls a layer `{each.name}` that is called `{name}` here"
            help = "let its constructor take `name` and hand it on: `super().__init__(name=name)`"
            path = (*spec.origin.path, spec.class_name) if spec.is_new else ()
            raise SpecError.single("SC403" if spec.is_new else "SC304", message, path=path, help=help)
    return layer


def _names(layer: Any, spec: LayerSpec) -> Iterator[tuple[Any, str]]:
    yield layer, spec.name_in_keras
    if spec.inner is not None:
        for each, name in zip(layer.layers, spec.inner.positions, strict=False):
            yield from _names(each, spec.inner.layers[name])


def make_layer(spec: LayerSpec, custom: Custom, folder: Folder) -> Any:
    """A fresh layer object; `folder` is where the modules of the spec's functions may be.

    Raises:
        SpecError: SC403, SC202.
    """
    if not spec.is_new and spec.name in custom.factories:
        return custom.factories[spec.name](spec.name_in_keras, **_set_arguments(spec, folder))
    if not spec.is_new or spec.kind == "operation":  # a new operation comes with Keras's own config
        return _from_config(spec, custom, folder)
    cls, place = _layer_class(spec), (*spec.origin.path, spec.class_name)
    try:
        return cls(**deserialized(spec.class_name, spec.arguments, folder), name=spec.name_in_keras)
    except SpecError as error:
        raise error.under(*place) from None
    except Exception as error:
        if needs_weights(error):
            raise
        raise make_error(error, spec) from None


def _from_config(spec: LayerSpec, custom: Custom, folder: Folder) -> Any:
    if "error" in spec.config:
        raise CannotCopy(spec.config["error"])
    refuse_strangers(spec.config, f"the config of `{spec.name}`")
    config: dict[str, Any] = _copied(spec.config)  # a `from_config` may empty it, that of `StackedRNNCells` does
    config["config"] = dict(config.get("config") or {})
    if "name" in config["config"]:  # an operation may take none
        config["config"]["name"] = spec.name_in_keras
    for key, made in _set_arguments(spec, folder).items():
        config["config"][key] = keras.saving.serialize_keras_object(made)
    return keras.saving.deserialize_keras_object(
        config, custom_objects=dict(custom.objects), safe_mode=not custom.has_lambdas
    )


def _copied(config: Any) -> Any:
    """A config of its own; several times as quick as `deepcopy`, which remembers what it met."""
    if isinstance(config, Mapping):
        return {key: _copied(value) for key, value in config.items()}
    if type(config) in (list, tuple):
        return type(config)(map(_copied, config))
    return config if type(config) in _CONSTANT else copy.deepcopy(config)


_CONSTANT = frozenset((str, int, float, bool, type(None)))


def _kept(
    spec: LayerSpec,
    node: Node,
    tensors: Mapping[ValueRef, Any],
    custom: Custom,
    folder: Folder,
    rebuilder: Rebuilder,
    as_was: bool,
) -> tuple[Any, list[Any], LayerSpec]:
    """A kept layer, its first call, and its spec: the first way that makes it as the base has it.

    Raises:
        SpecError: SC317 where no way does, SC318, SC403 for arguments of `set` that the class refuses.
    """
    reasons: list[str] = []
    ways = rebuilder.ways(
        spec, lambda: make_layer(spec, custom, folder), lambda: _set_arguments(spec, folder), as_was=as_was
    )
    for how, make in ways:
        try:
            layer = named(make(), spec)
            outputs = _call(layer, spec, node, tensors)
        except SpecError:
            raise
        except _Refused as error:
            if spec.changed_by is not None or not as_was:
                raise
            reasons.append(keras_reason(error.reason))
            continue
        except Exception as error:
            if needs_weights(error):
                raise
            if spec.changed_by is not None and not rebuilder.knows(spec.name):
                raise make_error(error, spec) from None
            reasons.append(keras_reason(error))
            continue
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


def _set_arguments(spec: LayerSpec, folder: Folder) -> dict[str, Any]:
    with under(*(spec.changed_by.path if spec.changed_by is not None else ()), "to"):
        return deserialized(spec.class_name, spec.changed, folder)


def _layer_class(spec: LayerSpec) -> Any:
    if ">" in spec.class_name:
        cls = keras.saving.get_registered_object(spec.class_name)
        if cls is None:
            raise SpecError.single(
                "SC202",
                f"no class is registered as `{spec.class_name}`",
                path=spec.origin.path,
                help="import the module that registers it before compiling",
            )
        return cls
    return getattr(keras.layers, spec.class_name)


def built_spec(spec: LayerSpec, layer: Any, variables: tuple[VariableSpec, ...]) -> LayerSpec:
    """The layer's spec with what Keras made of it: its full config and its variables."""
    if spec.kind == "operation":
        return spec
    if not spec.is_new:
        made = spec.rebuilt(variables)
        config = read_layer(layer, foreign=True).config if spec.changed_by is not None else spec.config
        return replace(made, config=config)
    made = read_layer(layer)
    return replace(
        made.with_arguments({**made.arguments, **_named_functions(spec)}),
        name=spec.name,
        keras_name=spec.keras_name,
        origin=spec.origin,
        trainable=spec.trainable,
        class_name=spec.class_name,
    )


def _named_functions(spec: LayerSpec) -> dict[str, str]:
    """The arguments that name functions, as the spec says them: Keras's config may hold their code instead."""
    return {
        key: value
        for key, value in spec.arguments.items()
        if isinstance(value, str) and catalogue.argument_kind(spec.class_name, key, "layer") == "function"
    }
