"""`base: {file: model.keras}`: a saved model's graph, from the file or from memory, and its weights."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.fresh_layers import Custom, lambda_factories
from spec_compiler.backend.models.reader import has_all_configs, read_graph
from spec_compiler.backend.models.rebuilding import Originals
from spec_compiler.backend.models.saved_code import SavedCode, saved_config
from spec_compiler.backend.models.symbolic import skeleton
from spec_compiler.backend.saved_models import load_by_keras, rebuilt, told_of
from spec_compiler.backend.weights import references
from spec_compiler.diagnostics import under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.language.base import Base, Weights
from spec_compiler.memory.bases import base_key, keep_graph, recall_graph
from spec_compiler.spec.file_paths import locate
from spec_compiler.weights.files import find
from spec_compiler.weights.known import given
from spec_compiler.weights.sources import WeightSource


def from_file(base: Base, folder: Folder, code: bool, modules: Sequence[ModuleType]) -> LoadedBase:
    """A saved model, none of whose layers is made where its graph is remembered.

    Raises:
        SpecError: SC501, SC502, SC112, SC304; paths relative to the base.
    """
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
        return given(base.weights, folder, read, result)

    by_keras = functools.partial(load_by_keras, path, objects, code)
    reference, name = None, os.path.basename(path)
    if base.own_weights:
        reference = references.saved(path, name, by_keras, again)
    elif base.weights.loaded_by_us_alone:
        reference = references.compiled(name, read, custom, weights)
    elif base.weights.kind != "none":
        reference = references.saved(path, name, by_keras, again, locate(base.weights, folder))
    return LoadedBase(read, weights, custom, key=key, references={"": reference} if reference is not None else {})
