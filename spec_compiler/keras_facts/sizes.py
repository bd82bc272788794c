"""Sizes and counts that no machine has: told where they stand, before anything is asked of Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, dotted

MAX_SIZE = 2**31 - 1  # of an axis, a width, a count: what indexes in Keras's backends hold
_NO_SIZES = ("seed", "salt", "mask_value", "mask_token", "oov_token", "axis")


def absurd_sizes(path: Path, value: Any) -> Iterator[Diagnostic]:
    """An SC107 for every whole number in an argument that is larger than a size can be.

    >>> [each.path for each in absurd_sizes(("target_shape",), [-1, 2**40])]
    [('target_shape', 1)]
    """
    if path and path[-1] in _NO_SIZES:
        return
    for inner, each in _integers(value):
        if abs(each) > MAX_SIZE:
            number = f"{each:,}" if each.bit_length() < 100 else "a huge number"
            message = f"`{dotted((*path, *inner))}` is {number}, sizes and counts go up to {MAX_SIZE:,}"
            yield Diagnostic("SC107", message, (*path, *inner), help="write the size that you mean")


def counts(schema: Mapping[str, Any]) -> bool:
    """Whether a schema takes whole numbers, alone or in lists."""
    kinds = schema.get("type")
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    return kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds) or any(map(counts, inner))


def _integers(value: Any) -> Iterator[tuple[Path, int]]:
    """The whole numbers in a value, each with its path."""
    if isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from (((index, *path), found) for path, found in _integers(each))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield (), value
