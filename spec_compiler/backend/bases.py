"""The `base` section -> a model's graph, and where its weights are."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import keras

from spec_compiler.backend.models.applications import Download, application, downloaded
from spec_compiler.backend.models.fresh_layers import Custom, lambda_factories
from spec_compiler.backend.models.functions import call_function
from spec_compiler.backend.models.reader import custom_objects, has_all_configs, read_graph
from spec_compiler.backend.models.rebuilding import Originals
from spec_compiler.backend.models.saved_code import SavedCode, saved_config
from spec_compiler.backend.models.symbolic import skeleton
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.saved_models import load_by_keras, rebuilt, told_of
from spec_compiler.backend.weights import references
from spec_compiler.backend.weights.files import FileWeights, check_assets, find
from spec_compiler.backend.weights.references import Reference
from spec_compiler.backend.weights.sources import FilledWeights, JoinedWeights, MemoryWeights, NoWeights, WeightSource
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.joined import joined
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.language.base import Base, Weights
from spec_compiler.memory.bases import (
    base_key,
    joined_key,
    keep_graph,
    keep_refusal,
    recall_graph,
    resized_key,
    result_key,
)
from spec_compiler.memory.cache import Key
from spec_compiler.spec import Spec
from spec_compiler.spec.file_paths import locate


@dataclass(frozen=True)
class LoadedBase:
    """A base as a graph. `weights` finds where its variables are, which may download a file."""

    graph: Graph
    weights: Callable[[Graph], WeightSource]  # for the graph of the result
    custom: Custom = field(default_factory=Custom)
    is_remote: bool = False
    key: Key | None = None  # what the graph is remembered by
    references: Mapping[str, Reference] = field(default_factory=dict)  # by its layers' prefix; none without weights
    resized: Callable[[Shape], Graph | None] = lambda size: None  # of an application, by its constructor
    traps: Callable[[], Iterable[Diagnostic]] = tuple  # what of its weights is legal but surely not meant
    is_layer: bool = False  # all of it one layer


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
        return _from_application(base, folder)
    return _from_python(base.python, folder) if base.python is not None else _from_file(base, folder, code, modules)


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


def _from_application(base: Base, folder: Folder) -> LoadedBase:
    key = base_key(base, folder)
    graph = recall_graph(key)
    constructed = functools.cache(lambda: application(base))  # late: where the graph is remembered it may not be needed
    if graph is None:
        graph = constructed().graph
        keep_graph(key, graph)
    own, is_remote = graph, base.weights.kind == "imagenet"

    def file() -> str:
        return downloaded(constructed().download, base) if is_remote else locate(base.weights, folder)

    def weights(result: Graph) -> WeightSource:
        if is_remote:
            return _downloaded(file(), base.weights, own, result, constructed().download)
        return _given(base.weights, folder, own, result)

    reference = None
    if base.weights.map is not None:
        reference = references.mapped(str(base.application), own, Custom(), weights)
    elif base.weights.kind != "none":
        reference = references.application(base, file)
    return LoadedBase(
        own,
        weights,
        is_remote=is_remote,
        key=key,
        references={"": reference} if reference is not None else {},
        resized=lambda size: _resized(base, key, size),
        traps=lambda: _graph_of_a_file(base, own, folder),
    )


def _resized(base: Base, key: Key | None, size: Shape) -> Graph | None:
    """What the constructor makes at another size; None where it makes nothing."""
    other = resized_key(key, size)
    graph = recall_graph(other)
    if graph is None:
        try:
            graph = application(base, size).graph
        except SpecError:
            keep_refusal(other)
            return None
        keep_graph(other, graph)
    return graph


def _graph_of_a_file(base: Base, own: Graph, folder: Folder) -> Iterator[Diagnostic]:
    """SC511 for a file of Keras's own `imagenet` weights, given by name, for which Keras builds another graph."""
    if base.weights.file is None:
        return
    imagenet = base.model_copy(update={"weights": Weights("imagenet")})
    key = base_key(imagenet, folder)
    remembered = recall_graph(key)
    if remembered is not None and not _differing(own, remembered):
        return
    try:
        pretrained = application(imagenet)
    except SpecError:  # there are no such weights
        return
    keep_graph(key, pretrained.graph)
    other = _differing(own, pretrained.graph)
    file = locate(base.weights, folder)
    if other and pretrained.download is not None and pretrained.download.is_at(file):
        yield Diagnostic(
            "SC511",
            f"`{os.path.basename(file)}` holds the `imagenet` weights, with a file Keras builds the model without "
            + " and ".join(f"`{name}`" for name in other[:3]),
            ("weights",),
            notes=("the weights were trained with it",),
            help=f"write `weights: imagenet`, and put the file at `{pretrained.download.place}`",
        )


def _differing(one: Graph, other: Graph) -> list[str]:
    """The layers of the other graph that the one lacks, or has with other arguments."""
    configs = {name: layer.config for name, layer in one.layers.items()}
    return [name for name, layer in other.layers.items() if configs.get(name) != layer.config]


def _given(weights: Weights, folder: Folder, graph: Graph, result: Graph) -> WeightSource:
    with under("weights"):
        if weights.kind == "none":
            check_assets(result, "`null`")
            return NoWeights()
        return replace(find(locate(weights, folder), weights, graph, result), path=("weights",))


def _downloaded(path: str, weights: Weights, graph: Graph, result: Graph, download: Download | None) -> WeightSource:
    try:
        source = replace(find(path, weights, graph, result), path=("weights",))
    except SpecError as error:
        help = f"remove `{path}`, and Keras downloads it again"  # of some of its files Keras knows no hash
        damaged = [replace(each, help=help) if each.code in ("SC502", "SC514") else each for each in error.diagnostics]
        raise SpecError(damaged).under("weights") from None
    return replace(source, unverified=()) if download is not None and download.has_hash else source


def _from_file(base: Base, folder: Folder, code: bool, modules: Sequence[ModuleType]) -> LoadedBase:
    assert base.file is not None
    custom = Custom()
    with under("file"):
        path = folder.file(base.file, "model file")
        with told_of(path):
            config = saved_config(path)
            imported = SavedCode.of(config).defined_in(modules)
            saved_code = SavedCode.of(config, imported)
            beside = (folder, folder.beside(base.file))
            objects = {**imported, **saved_code.objects(path, beside, code)}
            again = functools.partial(rebuilt, path, objects, code)
            key = base_key(base, folder) if not (saved_code.names_code or objects) else None
            graph = recall_graph(key)
            if graph is None:  # else no layer is made here: the graph is all that planning asks of a file
                model = skeleton(again)
                originals = Originals.of(model)
                factories = lambda_factories(model) if saved_code or objects else {}
                custom = Custom(objects, factories, saved_code.has_lambdas, originals)
                graph = read_graph(model)
                if originals.are_needed or not has_all_configs(graph):
                    key = None  # the graph alone does not say all
                keep_graph(key, graph)
    inside, read = Weights("file", base.file), graph

    def weights(result: Graph) -> WeightSource:
        if base.own_weights:
            with under("file"):
                return replace(find(path, inside, read, result), path=("file",))
        return _given(base.weights, folder, read, result)

    by_keras = functools.partial(load_by_keras, path, objects, code)
    reference, name = None, os.path.basename(path)
    if base.own_weights:
        reference = references.saved(path, name, by_keras, again)
    elif base.weights.map is not None:
        reference = references.mapped(name, read, custom, weights)
    elif base.weights.kind != "none":
        reference = references.saved(path, name, by_keras, again, locate(base.weights, folder))
    return LoadedBase(read, weights, custom, key=key, references={"": reference} if reference is not None else {})
