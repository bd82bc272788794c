"""What a spec may do only when the caller says so: run code, and name files outside of its folder.

Everything is found in the spec's data alone, before anything is imported or opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spec_compiler import catalogue
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.function_names import is_function
from spec_compiler.source import Source

# Layers that run what they are given: Python code, or a graph from a file.
CODE_LAYERS = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# Packages that Keras imports by itself where a config names a class of theirs.
IMPORTED_BY_KERAS = ("keras_hub", "keras_cv", "keras_nlp")
# Where the classes stand that a serialised object in a spec may be of, and those that the catalogue does not know.
GROUPS = (
    "layers",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
)
PARTS = (
    "Functional",
    "Sequential",
    "Model",
    "InputLayer",
    "SeedGenerator",
    "DTypePolicy",
    "DTypePolicyMap",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "AbsMaxQuantizer",
    "QuantizationConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "Float8QuantizationConfig",
    "AWQConfig",
    "GPTQConfig",
)
_FUNCTIONS = ("function", "mask")  # arguments of such layers that may be `module:function`
_LAYER_PLACES = ("head", "replace", "insert", "set", "data")
_ALLOW = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"
ALLOW_MODEL = "if you trust this model, allow it: `--allow-code`, or `allow_code=True`"


class Permissions(NamedTuple):
    """What the caller allows: code that the spec names, and paths that leave its folder."""

    code: bool = False
    paths: bool = True


EVERYTHING = Permissions(code=True)


def permitted(source: Source, allowed: Permissions) -> Source:
    """The source itself, which asks for nothing that is not allowed.

    Raises:
        SpecError: SC112 for code, SC510 for a path that leaves the folder through `..`, a link or its root; located.
    """
    if not isinstance(source.data, dict):
        return source
    problems: list[Diagnostic] = []
    if not allowed.code:
        problems += _code(source.data)
    if not allowed.paths:
        problems += _paths(source.data, source.folder)
    if problems:
        raise source.located(SpecError(problems))
    return source


def _code(data: dict[str, Any]) -> Iterator[Diagnostic]:
    for path, base in _bases(data):
        if base.get("python") is not None:
            message = f"the base runs Python code, `{base['python']}`"
            yield Diagnostic("SC112", message, (*path, "python"), help=_ALLOW)
    for section in _LAYER_PLACES:
        for path, value in _mappings(data.get(section), (section,)):
            yield from _named_code(path, value)
            if section == "set" and path[-1] == "to" and isinstance(value, Mapping):
                yield from _set_code(path, value)
    for section in data.keys() - {*_LAYER_PLACES, "vars"}:
        for path, value in _mappings(data[section], (str(section),)):
            if isinstance(value, Mapping):
                yield from _serialised_code(path, value)


def _named_code(path: Path, value: Any) -> Iterator[Diagnostic]:
    """A class that runs code, as an entry or in Keras's own serialised form."""
    if isinstance(value, str):
        if value in CODE_LAYERS and (isinstance(path[-1], int) or path[-1] in ("layer", "backward_layer", "cell")):
            yield Diagnostic("SC112", f"a `{value}` layer runs code", path, help=_ALLOW)
        return
    for name in CODE_LAYERS:
        if name in value and path[-1] != "where" and not _only_python(value[name]):
            yield Diagnostic("SC112", f"a `{name}` layer runs code", (*path, name), at_key=True, help=_ALLOW)
    yield from _serialised_code(path, value)


def _serialised_code(path: Path, value: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What an object in Keras's own serialised form names that is no part of Keras's layers."""
    name = value.get("class_name")
    if not isinstance(name, str):
        return
    module = str(value.get("module") or "keras")
    if module.partition(".")[0] != "keras":
        what = f"`{module}.{name}` is code that Keras does not ship"
        yield Diagnostic("SC112", what, (*path, "class_name"), help=_ALLOW)
    elif name in (*CODE_LAYERS, "__lambda__"):
        yield Diagnostic("SC112", f"`{name}` runs code", (*path, "class_name"), help=_ALLOW)
    elif not _is_part(module, name, value):
        what = f"`{module}.{name}` is not what layers are made of: Keras would look it up and call it"
        yield Diagnostic("SC112", what, (*path, "class_name"), help="remove it; no permission is for that")


def _is_part(module: str, name: str, value: Mapping[str, Any]) -> bool:
    """Whether the name can be that of an initializer, a layer or the like; the backend knows each by its class."""
    if name == "function":
        name = str(value.get("config"))
        return name in catalogue.catalogue()["activations"]
    if ">" in name or value.get("registered_name") not in (None, name) or name in PARTS:
        return True
    group = module.rpartition(".")[2] if "." in module else None
    if group not in (None, *GROUPS):
        return False
    return any(name in catalogue.catalogue()[each] for each in ((group,) if group else GROUPS))


def _set_code(path: Path, value: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A function for a `Lambda` that is there; its class does not stand beside it."""
    for key, each in value.items():
        if key in _FUNCTIONS and isinstance(each, str) and is_function(each):
            yield Diagnostic("SC112", f"`{key}` names Python code, `{each}`", (*path, key), help=_ALLOW)


def _only_python(arguments: Any) -> bool:
    """Whether the code is an object in memory, which only a caller in Python can have put there."""
    return isinstance(arguments, Mapping) and callable(arguments.get("function"))


def _paths(data: dict[str, Any], start: str) -> Iterator[Diagnostic]:
    folder = os.path.realpath(start)
    for path, name in _files(data):
        expanded = os.path.expanduser(name)
        try:
            here = os.path.realpath(os.path.join(folder, expanded))
        except ValueError:
            continue  # a null byte: no such file
        if os.path.commonpath((folder, here)) != folder:
            how = "leaves the spec's folder"
            if os.path.isabs(expanded):
                how = "is an absolute path outside of the spec's folder"
            elif ".." not in name.split("/"):
                how = "leaves the spec's folder through a link"
            help = "the caller restricts paths (`--restrict-paths`): put the file beside the spec"
            yield Diagnostic("SC510", f"`{name}` {how}", path, help=help)


def _files(data: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every file and folder that the spec names, less those of installed packages."""
    places: list[tuple[Path, Any]] = []
    for path, base in _bases(data):
        places += [((*path, key), base.get(key)) for key in ("file", "spec", "weights")]
        if isinstance(base.get("weights"), Mapping):
            places.append(((*path, "weights", "file"), base["weights"].get("file")))
    if isinstance(data.get("data"), Mapping):
        places += [(("data", key), data["data"].get(key)) for key in ("train", "validation")]
    for path, name in places:
        is_other = isinstance(name, str) and (name.startswith("package:") or name == "imagenet")
        if isinstance(name, str) and not is_other and not (path[0] == "data" and is_function(name)):
            yield path, name


def _bases(data: dict[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    several = data.get("bases")
    places: list[tuple[Path, Any]] = [(("base",), data.get("base"))]
    if isinstance(several, Mapping):
        places += [(("bases", str(name)), base) for name, base in several.items()]
    for path, base in places:
        if isinstance(base, Mapping):
            yield path, base


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
