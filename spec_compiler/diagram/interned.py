"""Configurations of many layers in little room: every key, value and layout of keys is written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class Interned:
    """A table of texts and of lists of keys; what is added is known by its number from then on.

    >>> table = Interned()
    >>> table.config({"units": 8, "use_bias": True}), table.config({"units": 8, "use_bias": False})
    ([0, 2, 3], [0, 2, 4])
    >>> table.texts, table.layouts
    (['units', 'use_bias', '8', 'true', 'false'], [[0, 1]])
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.layout_numbers: dict[tuple[int, ...], int] = {}

    @property
    def texts(self) -> list[str]:
        """Every text, at its number."""
        return list(self.numbers)

    @property
    def layouts(self) -> list[list[int]]:
        """Every list of keys, at its number."""
        return [list(layout) for layout in self.layout_numbers]

    def text(self, text: str) -> int:
        """The number of a text."""
        return self.numbers.setdefault(text, len(self.numbers))

    def config(self, config: Mapping[str, Any]) -> list[int]:
        """A configuration as the number of its keys' layout, and the number of each value."""
        keys = tuple(self.text(str(key)) for key in config)
        layout = self.layout_numbers.setdefault(keys, len(self.layout_numbers))
        return [layout, *(self.text(value_text(value)) for value in config.values())]


class Rows:
    """Rows of JSON data, equal ones once.

    >>> rows = Rows()
    >>> rows.number({"a": 1}), rows.number({"a": 2}), rows.number({"a": 1}), rows.rows
    (0, 1, 0, [{'a': 1}, {'a': 2}])
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.numbers: dict[str, int] = {}

    def number(self, row: dict[str, Any]) -> int:
        """The number of a row."""
        number = self.numbers.setdefault(json.dumps(row), len(self.rows))  # a dict cannot be a key
        if number == len(self.rows):
            self.rows.append(row)
        return number


def value_text(value: Any) -> str:
    """A value of a configuration as text; Keras's serialised objects as `HeNormal(seed=None)`.

    >>> value_text({"module": "keras.initializers", "class_name": "Zeros", "config": {}})
    'Zeros()'
    """
    if isinstance(value, Mapping) and "class_name" in value:
        arguments = value.get("config")
        if not isinstance(arguments, Mapping):
            return f"{value['class_name']}({'' if arguments is None else value_text(arguments)})"
        return f"{value['class_name']}({', '.join(f'{key}={value_text(each)}' for key, each in arguments.items())})"
    if isinstance(value, tuple):
        value = list(value)
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return str(value)
