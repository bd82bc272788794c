"""How Python is written in a spec: `Dropout(0.5)` is `{Dropout: 0.5}`, `(64, 64, 3)` is `[64, 64, 3]`."""

from __future__ import annotations

from typing import Any

from spec_compiler.diagnostics import Advice, write
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.keras_facts.catalogue import ClassKind
from spec_compiler.keras_facts.python_text import Call, parsed


def as_yaml(text: str, kind: ClassKind | None = None) -> str | None:
    """A Python expression in YAML, in braces so that it may stand anywhere; None where it is not known what it means.

    A call must be of a class that the catalogue has, of the kind where that is known.

    >>> as_yaml("Dropout(0.5)"), as_yaml("keras.layers.Dense(10, activation='softmax')")
    ('{Dropout: 0.5}', '{Dense: {units: 10, activation: softmax}}')
    >>> as_yaml("(64, 64, 3)"), as_yaml("keras.layers.Dense")
    ('[64, 64, 3]', 'Dense')
    """
    try:
        return flow(as_data(text, kind))
    except ValueError:
        return None


def written(text: str, kind: ClassKind | None = None) -> Advice | None:
    """The help that says how a Python expression is written in a spec; None where it is not known what it means.

    >>> written("Dropout(0.5)")
    'write `{Dropout: 0.5}`'
    """
    try:
        value = as_data(text, kind)
    except ValueError:
        return None
    return write(value, f"write `{flow(value)}`")


def as_data(text: str, kind: ClassKind | None = None) -> Any:
    """As `as_yaml`, as plain data.

    Raises:
        ValueError: it is not known what it means.
    """
    if not any(sign in text for sign in "(.["):
        raise ValueError("neither a call, a name with dots nor a list")
    value = parsed(text)
    if isinstance(value, str) and catalogue.class_record(value, kind) is None:
        raise ValueError(f"no class {value}")
    return _data(value, kind)


def _data(value: Any, kind: ClassKind | None = None) -> Any:
    """A parsed expression as YAML data.

    Raises:
        ValueError: a call of what the catalogue does not have, or with more arguments than it takes.
    """
    if isinstance(value, list):
        return [_data(each) for each in value]
    if isinstance(value, dict):
        return {key: _data(each) for key, each in value.items()}
    if not isinstance(value, Call):
        return value
    name, names = value.name, catalogue.argument_names(value.name, kind)
    if catalogue.class_record(name, kind) is None or len(value.positional) > len(names):
        raise ValueError(f"no class {name}")
    if not value.named and len(value.positional) == 1 and catalogue.first_argument(name, kind) == names[0]:
        return {name: _data(value.positional[0])}
    arguments = {**dict(zip(names, value.positional, strict=False)), **value.named}
    return {name: {key: _data(each) for key, each in arguments.items()}} if arguments else name
