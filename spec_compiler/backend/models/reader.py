"""`keras.Model` -> `Graph`. With `store.py` the only place that looks at the attributes Keras keeps to itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
from keras.src.models.functional import Functional as _Functional  # private: what `keras.Model(inputs, outputs)` makes

from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.low_rank import read_lora
from spec_compiler.backend.models.state import asset_files, loads_itself
from spec_compiler.backend.models.store import layer_groups, parts, store_paths
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Kind, LayerSpec, Shape, Stored, VariableSpec
from spec_compiler.graph.node import Node, Structure, TensorSpec, ValueRef
from spec_compiler.language.layer_names import numbered

_GENERATOR = re.compile(r"seed_generator(_\d+)?")


def read_graph(model: Any) -> Graph:
    """The graph of a Functional or Sequential model: one node for each call that its outputs depend on.

    Raises:
        SpecError: SC304 for a model whose graph Keras does not know.
    """
    functional = _functional(model)
    calls, node_name = _calls(functional)
    # by the calls, not by `_keras_history`: Keras's `Input(tensor=…)`, as in `clone_model`, writes that anew
    put_out = {
        id(tensor): ValueRef(node_name(operation, number), index)
        for operation, number, node in calls
        for index, tensor in enumerate(node.outputs)
    }

    def to_reference(value: Any) -> Structure:
        if keras.backend.is_keras_tensor(value):
            return put_out[id(value)]
        if isinstance(value, dict):
            return {key: to_reference(each) for key, each in value.items()}
        if isinstance(value, list):
            return [to_reference(each) for each in value]
        if isinstance(value, tuple):
            return tuple(to_reference(each) for each in value)
        return value

    positions = {id(layer): index for index, layer in enumerate(model.layers)}
    groups = layer_groups(model)
    layers: dict[str, LayerSpec] = {}
    nodes: dict[str, Node] = {}
    for operation, index, node in calls:
        if operation.name not in layers:
            place = positions.get(id(operation)), groups.get(id(operation))
            layers[operation.name] = read_layer(operation, *place, foreign=True)
        name = node_name(operation, index)
        args, kwargs = to_reference((tuple(node.arguments.args), dict(node.arguments.kwargs)))
        nodes[name] = Node(name, operation.name, args, kwargs, tuple(map(tensor_spec, node.outputs)))
    graph = Graph(
        name=str(model.name),
        layers=_with_shared_places(layers, model),
        nodes=nodes,
        inputs=to_reference(functional._inputs_struct),
        outputs=to_reference(functional._outputs_struct),
        positions=tuple(layer.name for layer in model.layers if layer.name in layers),
    )
    return graph.sorted()


def node_tensors(model: Any) -> dict[ValueRef, Any]:
    """The symbolic tensors of a model, by the names that `read_graph` gives them."""
    calls, node_name = _calls(_functional(model))
    return {
        ValueRef(node_name(operation, number), index): tensor
        for operation, number, node in calls
        for index, tensor in enumerate(node.outputs)
    }


def _calls(functional: Any) -> tuple[list[tuple[Any, int, Any]], Callable[[Any, int], str]]:
    """The calls that a model's outputs depend on: operation, its number among the operation's, Keras's node; in order.

    With them the function that names a call: after its operation, with a number where that is called more than once.
    """
    rank = {id(operation): index for index, operation in enumerate(functional._operations)}
    calls = [
        (node.operation, node.operation._inbound_nodes.index(node), node)
        for depth in sorted(functional._nodes_by_depth, reverse=True)
        for node in sorted(functional._nodes_by_depth[depth], key=lambda node: rank[id(node.operation)])
    ]
    number: dict[int, list[int]] = {}
    for operation, index, _ in sorted(calls, key=lambda call: call[1]):
        number.setdefault(id(operation), []).append(index)

    def node_name(operation: Any, index: int) -> str:
        indices = number[id(operation)]
        return str(operation.name) if len(indices) == 1 else f"{operation.name}@{indices.index(index)}"

    return calls, node_name


def read_layer(
    operation: Any, position: int | None = None, group: str | None = None, *, foreign: bool = False
) -> LayerSpec:
    """One layer, plain operation or nested model.

    Of a `foreign` one, that nobody here made, the config may not be had: it then holds the `error`.

    Raises:
        SpecError: SC304 where it has no config that it could be rebuilt from.
    """
    kind = _kind(operation)
    is_layer = kind in ("layer", "model")  # with variables and a switch for training, which inputs and operations lack
    try:
        config = keras.saving.serialize_keras_object(operation)
    except Exception as error:
        reason = keras_reason(error)
        config = {"class_name": type(operation).__name__, "config": {"name": operation.name}, "error": reason}
        if not foreign:
            message = f"the layer `{operation.name}` of class `{type(operation).__name__}` cannot be rebuilt: {reason}"
            help = "give its class a `get_config` that returns its constructor arguments"
            raise SpecError.single("SC304", message, help=help) from None
    config.pop("build_config", None)  # the layer is built again on what it is called on
    if isinstance(operation, keras.layers.TextVectorization):  # it tells the size of its table, empty in a skeleton
        config["config"]["vocabulary_size"] = operation._lookup_layer.get_config()["vocabulary_size"]
    class_name = str(config.get("registered_name") or config["class_name"])
    variables = read_variables(operation) if is_layer else ()
    return LayerSpec(
        name=str(operation.name),
        class_name=class_name,
        config=config,
        kind=kind,
        trainable=bool(operation.trainable) if is_layer else True,
        variables=variables,
        position=position,
        inner=read_graph(operation) if kind == "model" else None,
        stored=Stored(
            group,
            loads_itself=is_layer and any(map(loads_itself, parts(operation))),
            assets=asset_files(operation) if is_layer else (),
        ),
        takes_training=bool(getattr(operation, "_call_has_training_arg", False)),
        lora=read_lora(operation, class_name, variables),
    )


def read_variables(layer: Any) -> tuple[VariableSpec, ...]:
    """A layer's variables in the order of `layer.variables`.

    Keras numbers random generators through a whole process; here each layer's own are counted, so that the same spec
    gives the same names.
    """
    if not layer.variables:
        return ()
    generators: dict[str, str] = {}

    def path_of(variable: Any) -> str:
        inside = f"/{variable.path}".partition(f"/{layer.name}/")[2] or str(variable.path)  # less the scopes around
        first, *rest = inside.split("/")
        if _GENERATOR.fullmatch(first):
            first = generators.setdefault(first, numbered("seed_generator", len(generators)))
        return "/".join([first, *rest])

    legacy = {id(each): index for index, each in enumerate([*layer.trainable_weights, *layer.non_trainable_weights])}
    paths = store_paths(layer)
    trains = {id(each) for inner in layer._flatten_layers() for each in inner._trainable_variables}
    return tuple(
        VariableSpec(
            path=path_of(variable),
            shape=tuple(int(size) for size in variable.shape),
            dtype=str(variable.dtype),
            trainable=id(variable) in trains,  # `variable.trainable` is false in a frozen layer, which a phase may thaw
            store_path=paths.get(id(variable)),
            legacy_index=legacy.get(id(variable)),
        )
        for variable in layer.variables
    )


def _with_shared_places(layers: dict[str, LayerSpec], model: Any) -> dict[str, LayerSpec]:
    """The layers, each variable that an earlier layer of the model has as well with its place there."""
    places: dict[int, str] = {}
    shared = dict(layers)
    for layer in model.layers:
        spec = layers.get(layer.name)
        if spec is None or not spec.variables:
            continue
        pairs = list(zip(spec.variables, layer.variables, strict=True))
        if any(id(variable) in places for variable in layer.variables):
            variables = tuple(replace(described, shared_path=places.get(id(variable))) for described, variable in pairs)
            shared[layer.name] = replace(spec, variables=variables)
        for described, variable in pairs:
            places.setdefault(id(variable), f"{spec.stored.group}/{described.store_path}")
    return shared


def tensor_spec(tensor: Any) -> TensorSpec:
    """Shape and dtype of a symbolic tensor."""
    shape: Shape = tuple(None if size is None else int(size) for size in tensor.shape)
    return TensorSpec(shape, str(keras.backend.standardize_dtype(tensor.dtype)))


def has_all_configs(graph: Graph) -> bool:
    """Whether every layer of a graph has a config, at every depth."""
    return all(
        "error" not in layer.config and (layer.inner is None or has_all_configs(layer.inner))
        for layer in graph.layers.values()
    )


def custom_objects(model: Any) -> dict[str, Any]:
    """The classes of a model's own layers that Keras could not find by their names."""
    return {cls.__name__: cls for cls in map(type, parts(model)) if not cls.__module__.startswith("keras.")}


def _functional(model: Any) -> Any:
    if not isinstance(model, keras.Model):
        raise SpecError.single("SC304", f"a base is a `keras.Model`, got `{type(model).__name__}`")
    message = f"`{model.name}` is a subclassed model, its graph is Python code that Keras does not know"
    if isinstance(model, keras.Sequential):
        if not _is_plain(model):
            help = "put what its `call` adds into a layer: `keras.Sequential([*layers, YourLayer()])`"
        elif not model.built or model._functional is None:
            message = f"the Sequential model `{model.name}` is not built, it does not know its input's shape"
            help = "begin it with `keras.Input(shape)`, or call `model.build(input_shape)`"
        else:
            return model._functional
    elif not isinstance(model, _Functional):
        help = (
            "rebuild it with the functional API: `inputs = keras.Input(shape)`,\n"
            "`model = keras.Model(inputs, your_model.call(inputs))`"
        )
    elif not _is_plain(model):
        own = "call" if type(model).call is not _Functional.call else "__call__"
        message = f"`{model.name}` has a `{own}` of its own, which may do more than the graph that Keras knows"
        help = "if that graph is what you mean, pass it alone: `keras.Model(model.input, model.output)`"
    else:
        return model
    raise SpecError.single("SC304", message, help=help)


def _is_plain(model: Any) -> bool:
    """Whether a Functional or Sequential model does what its graph says: a class may have a `call` of its own."""
    kind = keras.Sequential if isinstance(model, keras.Sequential) else _Functional
    return type(model).call is kind.call and type(model).__call__ is kind.__call__


def _kind(operation: Any) -> Kind:
    if isinstance(operation, keras.layers.InputLayer):
        return "input"
    # any other model is a layer to us, also a Sequential that was never called: Keras knows no graph of it
    functional = operation._functional if isinstance(operation, keras.Sequential) else operation
    if isinstance(functional, _Functional) and _is_plain(operation):
        return "model"
    return "layer" if isinstance(operation, keras.Layer) else "operation"
