"""Code beside a spec or a model, found by what it defines: text is read, nothing is imported."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spec_compiler.files import Folder
from spec_compiler.keras_facts.function_names import bare


def modules_beside(name: str, folders: Iterable[str | Folder]) -> list[tuple[Folder, str]]:
    """The modules in these folders that define a function or class, by their files; nothing is imported."""
    plain = bare(name)  # `package>name`, where importing the module registers it
    files = [(folder, file) for place, folder in places(folders).items() for file in sorted(os.listdir(place))]
    return [(folder, file) for folder, file in files if _defines(folder, file, plain)]


def places(folders: Iterable[str | Folder]) -> dict[str, Folder]:
    """The folders by where they really are, each once."""
    found: dict[str, Folder] = {}
    for each in folders:
        folder = each if isinstance(each, Folder) else Folder(each)  # beside a model that the user names
        found.setdefault(os.path.realpath(folder.path or "."), folder)
    return found


def _defines(folder: Folder, file: str, name: str) -> bool:
    """Whether a file is a module that a function of this name stands in, at its top."""
    if not file.endswith(".py") or not file.removesuffix(".py").isidentifier():
        return False
    try:
        with folder.open(folder.place(file)) as stream:
            text = stream.read()
        return name.encode() in text and any(  # the bytes first: most modules of a folder need no parsing
            (isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == name)
            or (isinstance(each, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in each.targets))
            for each in ast.parse(text).body
        )
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False


def named_code(config: Any) -> Iterator[str]:
    """The names of functions and classes in a saved model's config that are none of Keras's own.

    >>> wrapped = {"class_name": "Dense", "module": "keras.layers", "config": {}}
    >>> [*named_code({"class_name": "SE", "module": "mine", "config": {"layer": wrapped}})]
    ['SE']
    """
    todo = [config]
    while todo:  # not by recursion: a file may be nested as deep as it likes
        here = todo.pop()
        if isinstance(here, Mapping) and isinstance(here.get("class_name"), str):
            module, name = str(here.get("module") or ""), here["class_name"]
            if module.partition(".")[0] != "keras":
                yield str(here.get("config")) if name == "function" else name
        if isinstance(here, Mapping | list | tuple):
            todo += here.values() if isinstance(here, Mapping) else here
