"""The `base` section -> a model's graph, and where its weights are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import keras

from spec_compiler.backend.application_bases import from_application
from spec_compiler.backend.file_bases import from_file
from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.fresh_layers import Custom, lambda_factories
from spec_compiler.backend.models.functions import call_function
from spec_compiler.backend.models.reader import custom_objects, has_all_configs, read_graph
from spec_compiler.backend.models.rebuilding import Originals
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights import references
from spec_compiler.backend.weights.memory_weights import FilledWeights, MemoryWeights
from spec_compiler.diagnostics import Path, SpecError, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.joined import joined
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.language.base import Base
from spec_compiler.memory.bases import (
    joined_key,
    keep_graph,
    result_key,
)
from spec_compiler.spec import Spec
from spec_compiler.weights.files import FileWeights
from spec_compiler.weights.sources import JoinedWeights, WeightSource


def passed(spec: Spec, model: Any) -> LoadedBase | None:
    """The model that the caller passes; None where the spec names a base.

    Raises:
        SpecError: SC108 there are both, SC102 there is neither, SC304.
    """
    named = next((key for key in ("base", "bases") if getattr(spec, key) is not None), None)
    if model is None and named is None:
        message = "the spec has no `base`, and no model was passed"
        help = "add `base: {application: VGG16}`"
        raise SpecError.single("SC102", message, path=("base",), at_key=True, help=help)
    if model is not None and named is not None:
        message = f"the caller passes a model and the spec has a `{named}`"
        raise SpecError.single("SC108", message, path=(named,), at_key=True, help="leave one of the two out")
    return _from_memory(model) if model is not None else None


def load(base: Base, folder: Folder, code: bool = False, modules: Sequence[ModuleType] = ()) -> LoadedBase:
    """An application, a saved model, or what a function returns; `code` allows functions of a saved model to run, and
    `modules` are those that define its classes.

    Raises:
        SpecError: SC501, SC502, SC505, SC304, SC112; paths relative to the base.
    """
    if base.application is not None:
        return from_application(base, folder)
    return _from_python(base.python, folder) if base.python is not None else from_file(base, folder, code, modules)


def placed(base: LoadedBase, path: Path) -> LoadedBase:
    """The base as the one that stands at a path in the spec: what is said of its weights is said there."""

    def weights(result: Graph) -> WeightSource:
        with under(*path):
            source = base.weights(result)
        return replace(source, path=(*path, *source.path)) if isinstance(source, FileWeights) else source

    return replace(base, weights=weights, traps=lambda: [each.under(*path) for each in base.traps()])


def joined_bases(bases: Mapping[str, LoadedBase]) -> LoadedBase:
    """Several bases as one, whose layers have the name of theirs before their own: `left/conv1`."""
    whole = frozenset(name for name, base in bases.items() if base.is_layer)

    def below(name: str, key: str) -> str:
        return key if name in whole else f"{name}/{key}"

    custom = Custom(
        {key: value for base in bases.values() for key, value in base.custom.objects.items()},
        {below(name, key): factory for name, base in bases.items() for key, factory in base.custom.factories.items()},
        any(base.custom.has_lambdas for base in bases.values()),
        Originals(
            {
                below(name, key): each
                for name, base in bases.items()
                for key, each in base.custom.originals.layers.items()
            }
        ),
    )
    return LoadedBase(
        joined({name: base.graph for name, base in bases.items()}, whole),
        lambda result: JoinedWeights({name: base.weights(base.graph) for name, base in bases.items()}, whole),
        custom,
        any(base.is_remote for base in bases.values()),
        joined_key({name: base.key for name, base in bases.items()}),
        references={below(name, key): each for name, base in bases.items() for key, each in base.references.items()},
        traps=lambda: [each for base in bases.values() for each in base.traps()],
    )


def from_built(built: Built, base: LoadedBase, fill: Callable[[], object]) -> LoadedBase:
    """The result of a spec as a base of another; `fill` gives it its weights."""
    originals = Originals.of(built.model)
    factories = {**base.custom.factories, **lambda_factories(built.model)}
    objects = {**base.custom.objects, **custom_objects(built.model)}
    custom = replace(base.custom, objects=objects, factories=factories, originals=originals)
    graph = _frozen_as(built.graph, read_graph(built.model))
    key = result_key(built.graph) if base.key is not None else None  # user's code may have had its part in others
    if originals.are_needed or not has_all_configs(graph):
        key = None
    keep_graph(key, graph)
    reference = {"": references.passed(built.model, f"the result of {built.graph.name}")}
    return LoadedBase(graph, lambda _: FilledWeights(built.model, fill=fill), custom, base.is_remote, key, reference)


def _frozen_as(said: Graph, graph: Graph) -> Graph:
    """The graph of a built model with what is frozen in it, which Keras's layers are only told with their weights."""
    layers = dict(graph.layers)
    for layer in said.layers.values():
        if layer.can_train:
            name = layer.name_in_keras
            layers[name] = _as_said(layer, layers[name])
    return replace(graph, layers=layers)


def _as_said(said: LayerSpec, layer: LayerSpec) -> LayerSpec:
    """The layer frozen or not, and as Keras does it all that is inside of one that is frozen."""
    if not said.trainable:
        return _frozen(layer)
    inner = layer.inner
    if said.inner is not None and inner is not None:
        inner = _frozen_as(said.inner, inner)
    return replace(layer, trainable=True, inner=inner)


def _frozen(layer: LayerSpec) -> LayerSpec:
    """The layer frozen, and as Keras does it all that is inside of it."""
    inner = layer.inner
    if inner is not None:
        inside = {name: _frozen(each) if each.can_train else each for name, each in inner.layers.items()}
        inner = replace(inner, layers=inside)
    return replace(layer, trainable=False, inner=inner)


def _from_memory(model: Any) -> LoadedBase:
    graph = read_graph(model)
    unbuilt = [layer.name for layer in model.layers if not getattr(layer, "built", True)]
    if unbuilt:
        raise SpecError.single("SC304", f"the layer `{unbuilt[0]}` has no weights yet", help="call the model once")
    custom = Custom(custom_objects(model), lambda_factories(model), originals=Originals.of(model))
    return LoadedBase(graph, lambda result: MemoryWeights(model), custom, references={"": references.passed(model)})


def _from_python(text: str, folder: Folder) -> LoadedBase:
    """The model that a function returns; the caller has allowed it to run. Its module may stand beside the spec."""
    help = "the function takes no arguments and returns a `keras.Model`"
    with under("python"):
        model = call_function(text, folder, "SC505", help=help)
    if not isinstance(model, keras.Model):
        message = f"`{text}` returned `{type(model).__name__}`, not a `keras.Model`"
        raise SpecError.single("SC505", message, path=("python",))
    return _from_memory(model)
