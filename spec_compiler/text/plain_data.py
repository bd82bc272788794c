"""What YAML can hold, and all that is in it, wherever it stands; `source.walked` says where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SCALARS = (str, int, float, type(None))  # by their types, which are known sooner than what is no mapping


def is_plain(data: Any) -> bool:
    """Whether there is nothing in data that YAML could not hold.

    >>> is_plain({"units": [1, None]}), is_plain({"units": [object()]})
    (True, False)
    """
    return all(isinstance(each, SCALARS) for each in leaves(data))


def leaves(data: Any) -> Iterator[Any]:
    """Everything in data that is neither a mapping nor a list."""
    todo = [data]
    while todo:
        value = todo.pop()
        if isinstance(value, SCALARS):
            yield value
        elif isinstance(value, Mapping):
            todo += value.values()
        elif isinstance(value, list | tuple):
            todo += value
        else:
            yield value


def mappings(data: Any) -> Iterator[Mapping[Any, Any]]:
    """Every mapping in data."""
    todo = [data]
    while todo:
        value = todo.pop()
        if isinstance(value, SCALARS):
            continue
        if isinstance(value, Mapping):
            yield value
            todo += value.values()
        elif isinstance(value, list | tuple):
            todo += value


def with_python_numbers(value: Any) -> Any:
    """The value with NumPy's numbers, which a dict made in Python may hold, as Python's own."""
    if isinstance(value, Mapping):
        return {key: with_python_numbers(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(with_python_numbers(each) for each in value)
    is_number = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_number else value
