"""The source of a base's weights where it can be had without Keras: files, and none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spec_compiler.diagnostics import Path, SpecError, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.language.base import Base, Weights
from spec_compiler.memory.answers import Memory
from spec_compiler.memory.bases import base_key, recall_graph
from spec_compiler.memory.files import known_download
from spec_compiler.spec import Spec
from spec_compiler.spec.file_paths import locate
from spec_compiler.weights.files import FileWeights, check_assets, find
from spec_compiler.weights.sources import JoinedWeights, NoWeights, WeightSource


def known_source(spec: Spec, base: Graph, result: Graph) -> WeightSource | None:
    """Where the weights are of the base that a spec names, or of its several; None where only Keras can tell.

    Raises:
        SpecError: SC501 to SC508, SC512, SC514; paths relative to the spec.
    """
    folder = spec.source.folder
    if spec.base is not None:
        return _known(spec.base, folder, ("base",), base, result)
    sources: dict[str, WeightSource] = {}
    for name, each in (spec.bases or {}).items():
        path = ("bases", name)
        remembered = Memory().base(each, folder, path)
        source = _known(each, folder, path, remembered.graph, remembered.graph) if remembered is not None else None
        if source is None:
            return None
        sources[name] = source
    return _joined(sources)


def _joined(sources: Mapping[str, WeightSource]) -> WeightSource | None:
    return JoinedWeights(sources) if sources else None


def _known(base: Base, folder: Folder, path: Path, graph: Graph, result: Graph) -> WeightSource | None:
    if base.is_layer or base.spec is not None or base.python is not None:
        return None
    with under(*path):
        if base.file is not None and base.own_weights:
            with under("file"):
                file = folder.file(base.file, "model file")
                return replace(find(file, Weights("file", base.file), graph, result), path=(*path, "file"))
        if base.weights.kind == "imagenet":
            return _remembered(base, folder, path, graph, result)
        source = given(base.weights, folder, graph, result)
    return replace(source, path=(*path, *source.path)) if isinstance(source, FileWeights) else source


def _remembered(base: Base, folder: Folder, path: Path, graph: Graph, result: Graph) -> WeightSource | None:
    """The `imagenet` weights; which file that is, the application's constructor says, or said before."""
    known = known_download(base_key(base, folder))
    if known is None:
        return None
    try:
        source = of_keras(known[0], base.weights, graph, result, known[1])
    except SpecError:
        return None  # Keras downloads it again, or says what is wrong
    return replace(source, path=(*path, "weights"))


def of_keras(path: str, weights: Weights, graph: Graph, result: Graph, has_hash: bool) -> FileWeights:
    """The weights in a file that Keras has downloaded; where it knows the hash of the file, that is proof.

    Raises:
        SpecError: as `find`.
    """
    source = replace(find(path, weights, graph, result), path=("weights",))
    return replace(source, unverified=()) if has_hash else source


def given(weights: Weights, folder: Folder, graph: Graph, result: Graph) -> WeightSource:
    """Where the weights are that a base is given: in a file, or nowhere.

    Raises:
        SpecError: as `find`; paths relative to the base.
    """
    with under("weights"):
        if weights.kind == "none":
            check_assets(result, "`null`")
            return NoWeights()
        return replace(find(locate(weights, folder), weights, graph, result), path=("weights",))


def is_trap(spec: Spec) -> bool:
    """Whether weights that the spec names by a file may be those for which Keras builds another graph, as SC511 says.

    That only Keras can say for sure, unless it built the very same graph for `imagenet`.
    """
    bases = [spec.base] if spec.base is not None else list((spec.bases or {}).values())
    folder = spec.source.folder
    return any(_is_trap(each, folder) for each in bases if each.application is not None)


def _is_trap(base: Base, folder: Folder) -> bool:
    if base.weights.file is None:
        return False
    own = recall_graph(base_key(base, folder))
    pretrained = recall_graph(base_key(base.model_copy(update={"weights": Weights("imagenet")}), folder))
    return own is None or pretrained is None or bool(differing(own, pretrained))


def differing(one: Graph, other: Graph) -> list[str]:
    """The layers of the other graph that the one lacks, or has with other arguments."""
    configs = {name: layer.config for name, layer in one.layers.items()}
    return [name for name, layer in other.layers.items() if configs.get(name) != layer.config]
