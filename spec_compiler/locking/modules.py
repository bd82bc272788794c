"""Modules that a spec names: found, and followed through what they import, without running any of them."""

from __future__ import annotations

import ast
import contextlib
import importlib.machinery
import importlib.metadata
import os
import sys
import sysconfig
from collections.abc import Iterator
from typing import NamedTuple

from spec_compiler.files import Folder

_MOST = 1000  # files of code; who names more names a whole installation


class Code(NamedTuple):
    """Where the code of a module is: the files beside the spec, or else an installed package and its version."""

    files: tuple[str, ...] = ()
    package: str | None = None
    version: str | None = None


def code_of(name: str, folder: Folder) -> Code:
    """The code of a module: its own file with all that it imports of the spec's folder, or an installed package.

    A package that is installed from a folder one works in changes without its version, and so counts by its files.
    """
    files: dict[str, None] = {}
    todo = [name]
    while todo and len(files) < _MOST:
        for file in _beside(todo.pop(), folder):
            if file not in files:
                files[file] = None
                todo += _imported(file, folder)
    return Code(tuple(sorted(files))) if files else _installed(name.partition(".")[0])


def _beside(name: str, folder: Folder) -> Iterator[str]:
    """The files beside the spec that importing a module runs: those of the packages around it, and its own."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        place = "/".join(parts[:length])
        for file in (f"{place}/__init__.py", f"{place}.py"):
            if os.path.isfile(folder.place(file)):
                yield file
                break
        else:
            if not os.path.isdir(folder.place(place)):  # a folder may be a package without any code
                return


def _imported(file: str, folder: Folder) -> Iterator[str]:
    """The modules that a file may import, wherever in it that stands."""
    try:
        with folder.open(folder.place(file)) as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError, RecursionError):  # whoever imports it says so
        return
    package = os.path.dirname(file).replace("/", ".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*filter(None, above), *([node.module] if node.module else [])])
            yield start
            yield from (f"{start}.{each.name}" if start else each.name for each in node.names)


def _installed(name: str) -> Code:
    """The package that an installed module is of; its files where it has no version that says as much."""
    spec = None
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.machinery.PathFinder.find_spec(name, [each for each in sys.path if each])
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        return Code()
    origin = spec.origin or next(iter(spec.submodule_search_locations or ()))
    if any(_is_below(origin, sysconfig.get_path(each)) for each in ("purelib", "platlib", "stdlib")):
        version = _version_of(name)
        if version is not None or _is_below(origin, sysconfig.get_path("stdlib")):
            return Code(package=name, version=version)
    if not spec.submodule_search_locations:
        return Code((origin,), name)
    found = (
        os.path.join(below, each)
        for place in spec.submodule_search_locations
        for below, _, names in os.walk(place)
        for each in names
        if each.endswith(".py")
    )
    return Code(tuple(sorted(found)[:_MOST]), name)


def _version_of(module: str) -> str | None:
    """The version of the distribution that a module comes in, which may have another name."""
    names = (module, module.replace("_", "-"), *importlib.metadata.packages_distributions().get(module, ()))
    for name in dict.fromkeys(names):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return None


def _is_below(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(folder), ""))
