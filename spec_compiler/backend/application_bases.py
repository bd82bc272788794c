"""`base: {application: VGG16}`: its graph, from the constructor or from memory, and its weights."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import replace

from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.applications import application, downloaded
from spec_compiler.backend.models.fresh_layers import Custom
from spec_compiler.backend.weights import references
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.language.base import Base, Weights
from spec_compiler.memory.bases import base_key, keep_graph, keep_refusal, recall_graph, resized_key
from spec_compiler.memory.cache import Key
from spec_compiler.memory.files import keep_download
from spec_compiler.spec.file_paths import locate
from spec_compiler.weights.known import differing, given, of_keras
from spec_compiler.weights.sources import WeightSource


def from_application(base: Base, folder: Folder) -> LoadedBase:
    """An application; its weights are looked for once they are asked for.

    Raises:
        SpecError: SC505, paths relative to the base.
    """
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
            path, download = file(), constructed().download
            has_hash = download is not None and download.has_hash
            source = _downloaded(path, base.weights, own, result, has_hash)
            keep_download(key, path, has_hash)
            return source
        return given(base.weights, folder, own, result)

    reference = None
    if base.weights.loaded_by_us_alone:
        reference = references.compiled(str(base.application), own, Custom(), weights)
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
    if remembered is not None and not differing(own, remembered):
        return
    try:
        pretrained = application(imagenet)
    except SpecError:  # there are no such weights
        return
    keep_graph(key, pretrained.graph)
    other = differing(own, pretrained.graph)
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


def _downloaded(path: str, weights: Weights, graph: Graph, result: Graph, has_hash: bool) -> WeightSource:
    try:
        return of_keras(path, weights, graph, result, has_hash)
    except SpecError as error:
        help = f"remove `{path}`, and Keras downloads it again"  # of some of its files Keras knows no hash
        damaged = [replace(each, help=help) if each.code in ("SC502", "SC514") else each for each in error.diagnostics]
        raise SpecError(damaged).under("weights") from None
