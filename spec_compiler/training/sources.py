"""Whether the data that a spec names is there, as far as that can be known without running code or reading images."""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Mapping

import numpy as np

from spec_compiler.diagnostics import SpecError, did_you_mean, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.data import HELD
from spec_compiler.training.arrays import ArrayFile, read_heads
from spec_compiler.training.class_weights import class_weights, counts_of
from spec_compiler.training.folder import Folders, read_folders
from spec_compiler.training.folder_data import folder_parts
from spec_compiler.training.image_data import check_classes
from spec_compiler.training.kinds import ends
from spec_compiler.training.reported import input_names, output_names
from spec_compiler.training.samples import Parts
from spec_compiler.training.table_data import Tables, read_tables, table_parts

Source = Folders | Tables | Mapping[str, ArrayFile]  # what is known of the data before Keras is loaded


def check_data(spec: Spec, graph: Graph | None) -> Source | None:
    """Proves that what the section `data` names is there, and that its classes and columns fit the model.

    `graph` is the edited model, None where that is not known. Images are not read, functions are not called.

    Raises:
        SpecError: SC102, SC501, SC602, SC603, SC604, SC606, SC620; located.
    """
    if spec.data is None or not spec.train:  # without phases nothing uses it, which SC312 says
        return None
    with spec.source.locating():
        source = read_source(spec)
        if graph is None or spec.compile is None:
            return source
        if isinstance(source, Folders):
            _check_samples(spec, folder_parts(spec, graph, source), graph)
        elif isinstance(source, Tables):
            _check_samples(spec, table_parts(spec, graph, source), graph)
        else:
            for key, file in source.items():
                with under("data", key if isinstance(getattr(spec.data, key), str) else "train"):
                    file.chosen(key, input_names(graph), output_names(graph))
        return source


def _check_samples(spec: Spec, parts: Parts, graph: Graph) -> None:
    """Proves that each class and label has a number of the model's, and that `class_weight` names classes."""
    assert spec.data is not None
    if any(each.kind in ("image", "mask") for each in (*parts.train.inputs, *parts.train.targets)):
        with under("data", "train"):
            require_pillow()
    outputs = {each.name: each for each in ends(graph, output_names(graph), graph.output_refs)}
    counts = counts_of(parts.train.targets)
    for index, series in enumerate(parts.train.targets):
        if series.kind == "class" or (series.kind == "mask" and series.class_names):
            check_classes(graph, series.class_names, series.path, index)
        if series.kind == "mask":  # what its pixels are, only reading it says
            counts[series.name] = np.ones(max(2, outputs[series.name].units or 2), "int64")
    if spec.data.class_weight is not None:
        class_weights(spec.data.class_weight, parts.train.targets, counts)


def read_source(spec: Spec) -> Source:
    """What the section `data` names: the folders, the tables, or what the files of arrays hold; nothing of code.

    Raises:
        SpecError: SC501, SC510, SC602, SC603, SC606, SC620; paths relative to the spec.
    """
    data, folder = spec.data, spec.source.folder
    assert data is not None
    if data.form in ("folder", "table"):
        if data.is_folder:
            with under("data", "train"):
                require_pillow()
        return read_folders(data, folder, spec.seed) if data.is_folder else read_tables(data, folder)
    files: dict[str, ArrayFile] = {}
    for key in ("train", *HELD):
        if isinstance(text := getattr(data, key), str):
            if data.is_code:
                _check_function(text, folder, key)
            else:
                with under("data", key):
                    files[key] = read_heads(text, folder)
    return files


def num_batches(spec: Spec, source: Source | None) -> int | None:
    """How many batches make a pass over the images of a folder; None of other data, of which they are not known yet."""
    if spec.data is None or not isinstance(source, Folders):
        return None
    return -(-len(source.train) // spec.data.batch_size)


def require_pillow() -> None:
    """Proves that images can be read at all.

    Raises:
        SpecError: SC603.
    """
    if importlib.util.find_spec("PIL") is None:
        message = "images are read with Pillow, which is not installed"
        raise SpecError.single("SC603", message, help="install it: `pip install pillow`")


def _check_function(text: str, folder: Folder, key: str) -> None:
    """Proves that `module:function` can be found, without importing the module."""
    name, _, member = text.partition(":")
    package, module = name.partition(".")[0], f"{name.replace('.', '/')}.py"
    with under("data", key):
        folder.permit(module, text)
        folder.permit(package, text)
    file = folder.place(module)
    if not os.path.isfile(file):
        beside = os.path.isdir(os.path.join(folder, package))
        if beside or importlib.util.find_spec(package) is not None:
            return  # a package: what is in it, importing it would say
        modules = [file.removesuffix(".py") for file in sorted(os.listdir(folder.path or ".")) if file.endswith(".py")]
        help = did_you_mean(name, modules, f"put `{module}` beside the spec, or install its package")
        message = f"there is no module `{name}`"
        raise SpecError.single("SC606", message, path=("data", key), chars=(0, len(name)), help=help)
    names = _top_names(file, folder)
    if names is not None and member not in names:
        message = f"the module `{name}` has no function `{member}`"
        help = did_you_mean(member, sorted(names))
        raise SpecError.single("SC606", message, path=("data", key), chars=(len(name) + 1, len(text)), help=help)


def _top_names(file: str, folder: Folder) -> set[str] | None:
    """The names that a module binds; None where only running it would tell, or it is no Python."""
    try:
        with folder.open(file) as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    bound: set[str] = set()
    for node in ast.walk(tree):  # of functions inside functions too: rather a name too many than a wrong error
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    dynamic = {"*", "__getattr__", "globals", "exec"}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return None if dynamic & (bound | used) else bound
