"""What a spec may do only when the caller says so: run code, and name files outside of its folder.

Everything is found in the spec's data alone, before anything is imported or opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spec_compiler.base import Base
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.spec import Spec

# Layers that run what they are given: Python code, or a graph from a file.
CODE_LAYERS = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
_LAYER_PLACES = ("head", "replace", "insert", "set", "data")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_ALLOW = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the caller allows: code that the spec names, and paths that leave its folder."""

    code: bool = False
    paths: bool = True


def permitted(spec: Spec, allowed: Permissions) -> Spec:
    """The spec itself, which does nothing that is not allowed.

    Raises:
        SpecError: SC112 for code, SC510 for a path that leaves the folder through `..`, a link or its root; located.
    """
    problems: list[Diagnostic] = []
    if not allowed.code:
        problems += _code(spec)
    if not allowed.paths:
        problems += _paths(spec)
    if problems:
        raise spec.source.located(SpecError(problems))
    return spec


def _code(spec: Spec) -> Iterator[Diagnostic]:
    for path, base in _bases(spec):
        if base.python is not None:
            message = f"the base runs Python code, `{base.python}`"
            yield Diagnostic("SC112", message, (*path, "python"), help=_ALLOW)
    for section in _LAYER_PLACES:
        for path, value in _mappings(spec.source.data.get(section), (section,)):
            yield from _named_code(path, value)


def _named_code(path: Path, value: Any) -> Iterator[Diagnostic]:
    """A class that runs code, as an entry or in Keras's own serialised form."""
    if isinstance(value, str):
        if value in CODE_LAYERS and isinstance(path[-1], int):
            yield Diagnostic("SC112", f"`{value}` layers run code", path, help=_ALLOW)
        return
    for name in CODE_LAYERS:
        arguments = value.get(name)
        if name in value and path[-1] != "where" and not _only_python(arguments):
            yield Diagnostic("SC112", f"`{name}` layers run code", (*path, name), at_key=True, help=_ALLOW)
    name = value.get("class_name")
    if isinstance(name, str):
        module = str(value.get("module") or "keras")
        foreign = module.partition(".")[0] != "keras"
        if foreign or name in (*CODE_LAYERS, "__lambda__"):
            what = f"`{module}.{name}` is code" if foreign else f"`{name}` runs code"
            yield Diagnostic("SC112", what, (*path, "class_name"), help=_ALLOW)


def _only_python(arguments: Any) -> bool:
    """Whether the code is an object in memory, which only a caller in Python can have put there."""
    return isinstance(arguments, Mapping) and callable(arguments.get("function"))


def _paths(spec: Spec) -> Iterator[Diagnostic]:
    folder = os.path.realpath(spec.source.folder)
    for path, name in _files(spec):
        here = os.path.realpath(os.path.join(folder, os.path.expanduser(name)))
        if os.path.commonpath((folder, here)) != folder:
            how = "is an absolute path" if os.path.isabs(os.path.expanduser(name)) else "leaves the spec's folder"
            if ".." not in name.split("/") and not os.path.isabs(os.path.expanduser(name)):
                how = "leaves the spec's folder through a link"
            help = "the caller restricts paths: put the file beside the spec"
            yield Diagnostic("SC510", f"`{name}` {how}", path, help=help)


def _files(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Every file and folder that the spec names, less those of installed packages."""
    for path, base in _bases(spec):
        for key in ("file", "spec"):
            name = getattr(base, key)
            if name is not None:
                yield (*path, key), name
        if base.weights.kind == "file" and base.weights.file is not None:
            inside = ("file",) if base.weights.map is not None else ()
            yield (*path, "weights", *inside), base.weights.file
    for key in ("train", "validation"):
        name = getattr(spec.data, key, None)
        if isinstance(name, str) and not _FUNCTION.fullmatch(name):
            yield ("data", key), name


def _bases(spec: Spec) -> Iterator[tuple[Path, Base]]:
    if spec.base is not None:
        yield ("base",), spec.base
    for name, base in (spec.bases or {}).items():
        yield ("bases", name), base


def _mappings(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every mapping and text below a value, with its path."""
    todo: list[tuple[Path, Any]] = [(path, value)]
    while todo:
        place, here = todo.pop()
        if isinstance(here, Mapping):
            yield place, here
            todo += [((*place, str(key)), each) for key, each in here.items()]
        elif isinstance(here, list | tuple):
            todo += [((*place, index), each) for index, each in enumerate(here)]
        elif isinstance(here, str):
            yield place, here
