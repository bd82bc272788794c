"""What a spec may do only when the caller says so: run code, and name files outside of its folder.

Everything is found in the spec's data alone, before anything is imported or opened, and all of the data is walked: a
place is exempt by being named, never by being forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import is_function
from spec_compiler.keras_facts.side_effects import CODE_LAYERS, FUNCTIONS
from spec_compiler.spec.file_places import FIELDS, asked_in, is_plain_text, is_word, plain_place
from spec_compiler.text.source import Source, walked

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
_RUN = {"imports", *(place[0] for place, purpose in FIELDS.items() if purpose == "module")}  # sections that run code
_ALLOW = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"
ALLOW_MODEL = "if you trust this model, allow it: `--allow-code`, or `allow_code=True`"


class Permissions(NamedTuple):
    """What the caller allows: code that the spec names, and paths that leave its folder."""

    code: bool = False
    paths: bool = True


EVERYTHING = Permissions(code=True)


def permitted(source: Source, allowed: Permissions) -> Source:
    """The source, which asks for nothing that is not allowed; its folder is confined where paths may not leave it.

    Raises:
        SpecError: SC112 for code, SC510 for a path that leaves the folder through `..`, a link or its root; located.
    """
    source = replace(source, is_confined=not allowed.paths)
    if not isinstance(source.data, dict):
        return source
    problems: list[Diagnostic] = []
    if not allowed.code:
        problems += _code(source.data)
    if not allowed.paths:
        problems += _paths(source)
    if problems:
        raise source.located(SpecError(problems))
    return source


def _paths(source: Source) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    for asked in asked_in(source.data):
        with collected(problems, *asked.path):
            if asked.purpose == "module":  # `a.b` is read from `a/b.py`, or from a package `a`
                for place in (f"{asked.name.replace('.', '/')}.py", asked.name.partition(".")[0]):
                    source.folder.permit(place, asked.name)
            else:
                source.folder.permit(asked.name)
    return problems


def _code(data: dict[str, Any]) -> Iterator[Diagnostic]:
    for path, value in walked(data):
        if not path:  # the keys of the spec itself are its fields, whatever they are called
            continue
        found: list[Diagnostic] = []
        if isinstance(value, str):
            found += _named_code(path, value)
        elif isinstance(value, Mapping):
            found += (*_code_class(path, value), *_own_classes(path, value), *_serialised_code(path, value))
        if found and not is_word(path):  # which takes longer to see
            yield from found


def _named_code(path: Path, text: str) -> Iterator[Diagnostic]:
    """A class that runs code, by its name alone, code of the user's own, and a module that is imported."""
    text = text.strip()  # as the language reads it
    if path[0] not in _RUN and text not in CODE_LAYERS and not is_function(text):  # as nearly all of them
        return
    place = plain_place(path)
    if text in CODE_LAYERS and place[-1] != "class_name":
        yield Diagnostic("SC112", f"a `{text}` layer runs code", path, help=_ALLOW)
    if place == ("imports",):
        if not text.endswith(SPEC_SUFFIXES):  # no module, and never imported as one
            yield Diagnostic("SC112", f"`imports` runs Python code, `{text}`", path, help=_ALLOW)
    elif FIELDS.get(place) == "module":
        yield Diagnostic("SC112", f"the base runs Python code, `{text}`", path, help=_ALLOW)
    elif not is_function(text) or is_plain_text(path) or place[-1] == "class_name":
        return
    elif place[-1] not in FUNCTIONS:
        yield Diagnostic("SC112", f"`{text}` is Python code", path, help=_ALLOW)
    elif not any(each in CODE_LAYERS for each in place):
        yield Diagnostic("SC112", f"`{place[-1]}` names Python code, `{text}`", path, help=_ALLOW)


def _own_classes(path: Path, value: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Code of the user's own that stands as a key, as a class does before its arguments."""
    for name in value:
        if isinstance(name, str) and is_function(name.strip()):
            yield Diagnostic("SC112", f"`{name}` is Python code", (*path, name), at_key=True, help=_ALLOW)


def _code_class(path: Path, value: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A class that runs code, as an entry with its arguments."""
    for name in CODE_LAYERS:
        if name in value and path != ("bases",) and not _only_python(value[name]):
            yield Diagnostic("SC112", f"a `{name}` layer runs code", (*path, name), at_key=True, help=_ALLOW)


def _serialised_code(path: Path, value: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What an object in Keras's own serialised form names that is no part of Keras's layers."""
    if "class_name" not in value:
        return
    name = str(value["class_name"])
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


def _only_python(arguments: Any) -> bool:
    """Whether the code is an object in memory, which only a caller in Python can have put there."""
    return isinstance(arguments, Mapping) and callable(arguments.get("function"))
