"""Blocks as they are written: their names, parameters and layers, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Diagnostic, did_you_mean, quoted, show
from spec_compiler.diagnostics.advice import Advice, Rename, Wrap
from spec_compiler.keras_facts import catalogue
from spec_compiler.text.source import Place, key_text
from spec_compiler.text.variables import COPY

NAME = r"^[a-z][a-z0-9_]*$"  # of a block: no class of Keras's is called so, nor will one be
PARAMETER = r"[A-Za-z_][A-Za-z0-9_]*"
OF_AN_ENTRY = ("layer", "from", "call", "weights", "name")  # keys of an entry that are no block
KEYS = ("description", "vars", "layers")
OF_A_USE = ("times", "name")  # what may stand among the parameters


class Block(NamedTuple):
    """A block as it is written: its parameters with their defaults, and its layers."""

    parameters: Mapping[str, Any]
    layers: Any
    place: Place


def problems_of(name: str, value: Any) -> Iterator[Diagnostic]:
    """What is wrong with a block as it is written, its layers aside."""
    yield from _name_problems(name)
    yield from _problems(name, value)


def _name_problems(name: str) -> Iterator[Diagnostic]:
    """What is wrong with the name of a block."""
    if name in OF_AN_ENTRY:
        message = f"`{name}` has a meaning of its own in an entry, no block is called so"
    elif name in catalogue.layer_names():
        message = f"`{name}` is a class of `keras.layers`, no block is called so"
    elif not re.match(NAME, name):
        message = f"the name of a block is small letters, digits and `_`, got `{name}`"
    else:
        return
    yield Diagnostic("SC103", message, at_key=True, help="choose another name")


def _problems(name: str, value: Any) -> Iterator[Diagnostic]:
    if not isinstance(value, dict):
        message = f"the block `{name}` must be a mapping with `layers`, got {show(value)}"
        above = Advice("write `layers:` above them", Wrap("layers"))
        yield Diagnostic("SC103", message, help=above if isinstance(value, list) else None)
        return
    for key in map(key_text, value):
        if key not in KEYS:
            help = did_you_mean(key, KEYS, f"its keys are {quoted(KEYS)}")
            yield Diagnostic("SC101", f"a block has no key `{key}`", (key,), at_key=True, help=help)
    layers, parameters = value.get("layers"), value.get("vars")
    if layers is None or layers == []:
        yield Diagnostic("SC102", f"the block `{name}` needs `layers`", help="add `layers: […]`")
    elif not isinstance(layers, list | dict | str):
        yield Diagnostic("SC103", f"`layers` must be a list of entries, got {show(layers)}", ("layers",))
    if parameters is not None and not isinstance(parameters, dict):
        message = f"`vars` must be a mapping of parameters and their defaults, got {show(parameters)}"
        yield Diagnostic("SC103", message, ("vars",))
        return
    for key in map(key_text, parameters or ()):
        if key in (*OF_A_USE, *COPY):
            message = f"`{key}` has a meaning of its own in a block, no parameter is called so"
            yield Diagnostic("SC103", message, ("vars", key), at_key=True, help="choose another name")
        elif not re.fullmatch(PARAMETER, key):
            message = f"the name of a parameter is letters, digits and `_`, got `{key}`"
            name = key.rstrip(":")  # in braces `{filters:, size: 3}` has a key `filters:`
            help = Advice(f"write `{name}: null`", Rename(name)) if re.fullmatch(PARAMETER, name) else None
            yield Diagnostic("SC103", message, ("vars", key), at_key=True, help=help)
