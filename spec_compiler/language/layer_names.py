"""Names of layers: what one that is written may hold, and those that Keras gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Advice, Diagnostic, Path
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.diagnostics.near import num_slips, offered
from spec_compiler.keras_facts.function_names import bare

MATCH = "{name}"  # in a layer's name: the layer that the edit matched
PLACEHOLDERS = (MATCH, "{index}", "{count}")  # which of the matches it is, from 1, and how many there are
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_UNNAMED = Advice("leave it out, and Keras names the layer", Remove())


def name_problems(arguments: Mapping[str, Any], matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with the name of a layer, and with those of layers inside of it."""
    for path, name in _names(arguments):
        own = path == ("name",)
        if own and name == "":
            yield Diagnostic("SC107", "`name` must not be empty", path, help=_UNNAMED)
        for placeholder in PLACEHOLDER.finditer(name if isinstance(name, str) else ""):
            if own and matches and placeholder[0] in PLACEHOLDERS:
                continue
            message, help = f"nothing here fills in `{placeholder[0]}`", "write the name out, without braces"
            if not own:
                help = "leave the name out, a layer inside of another needs none"
            elif matches:
                near = [each for each in PLACEHOLDERS if num_slips(placeholder[0], each, 1) == 1]
                otherwise = f"only `{MATCH}` is filled in, with the name of the layer that was matched"
                help = offered(near) or otherwise
            elif placeholder[0] == MATCH:
                message = f"`{MATCH}` stands for a layer that an edit matched, here none is"
            yield Diagnostic("SC107", message, path, help=help, chars=placeholder.span())


def _names(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every name that a layer's arguments say, its own and those of layers inside of it."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key == "name":
                yield (*path, "name"), below
            else:
                yield from _names(below, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from _names(below, (*path, index))


def snake_case(class_name: str) -> str:
    """The name that Keras gives to an unnamed layer of a class, before it is made unique.

    >>> snake_case("GlobalAveragePooling2D")
    'global_average_pooling2d'
    """
    # The three steps of `keras/src/utils/naming.py`; a class of one's own has its module or package before its name.
    name = re.sub(r"\W+", "", bare(class_name))
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def numbered(name: str, number: int) -> str:
    """The name as Keras counts it: the first is without a number.

    >>> [numbered("dense", number) for number in range(3)]
    ['dense', 'dense_1', 'dense_2']
    """
    return f"{name}_{number}" if number else name


def is_automatic(name: str, class_name: str) -> bool:
    """Whether a layer has the name that Keras gives to one without.

    >>> is_automatic("conv_lstm2d_3", "ConvLSTM2D"), is_automatic("dense_top", "Dense")
    (True, False)
    """
    return re.fullmatch(rf"{snake_case(class_name)}(_\d+)?", name) is not None
