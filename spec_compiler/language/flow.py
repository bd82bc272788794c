"""What flows in, as the values of a new layer use it: `"${in.channels // 16}"`, `"${in.shape}"`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, did_you_mean
from spec_compiler.text.arithmetic import evaluate

Shape = tuple[int | None, ...]
_USE = re.compile(r"\$\{([^{}]*\bin\.[^{}]*)\}")
_NAME = re.compile(r"\bin\.(?:channels|shape\s*\[\s*(-?\d+)\s*\])")
_WORD, _WORDS = re.compile(r"\bin\.(\w+)"), ("channels", "shape")
_SHAPE = re.compile(r"\s*in\.shape\s*")
_FORMS = "write `in.channels`, `in.shape` or `in.shape[0]`, whole numbers and `+ - * // %`"


class NotKnown(ValueError):
    """A size that is asked for and is not fixed, or that the tensor does not have."""


def uses_flow(value: Any) -> bool:
    """Whether a value, at any depth, depends on what flows in.

    >>> uses_flow({"units": "${in.channels // 16}"}), uses_flow({"units": 3})
    (True, False)
    """
    if isinstance(value, Mapping):
        return any(map(uses_flow, value.values()))
    if isinstance(value, list | tuple):
        return any(map(uses_flow, value))
    return isinstance(value, str) and _USE.search(value) is not None


def filled_in(value: Any, shape: Shape, channel_axis: int = -1) -> Any:
    """The value for a tensor of this shape, the batch axis included.

    Raises:
        NotKnown: a size is not fixed.
        ValueError: the text is no such expression.

    >>> filled_in({"units": "${in.channels // 16}", "shape": "${in.shape}"}, (None, 7, 7, 64))
    {'units': 4, 'shape': [7, 7, 64]}
    """
    if isinstance(value, Mapping):
        return {key: filled_in(each, shape, channel_axis) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled_in(each, shape, channel_axis) for each in value]
    if not isinstance(value, str) or "in." not in value:
        return value
    if whole := _USE.fullmatch(value):
        return _value(whole[1], shape, channel_axis)
    return _USE.sub(lambda use: str(_value(use[1], shape, channel_axis)), value)


def _value(text: str, shape: Shape, channel_axis: int) -> Any:
    if _SHAPE.fullmatch(text):
        return list(shape[1:])

    def size(use: re.Match[str]) -> str:
        sizes, at = (shape, channel_axis) if use[1] is None else (shape[1:], int(use[1]))
        if not -len(sizes) <= at < len(sizes):
            raise NotKnown(f"`{use[0]}` is asked for, the tensor has {len(sizes)} axes")
        if sizes[at] is None:
            raise NotKnown(f"`{use[0]}` is not fixed")
        return str(sizes[at])

    filled = _NAME.sub(size, text)
    if unknown := re.search(r"\bin\.\w+", filled):
        raise ValueError(f"there is no `{unknown[0]}`")
    return evaluate(filled, {})


def stand_in(value: Any) -> Any:
    """The value as it is for some tensor, so that its form can be checked before any is known."""
    if isinstance(value, Mapping):
        return {key: stand_in(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [stand_in(each) for each in value]
    if not isinstance(value, str) or not uses_flow(value):
        return value
    whole = _USE.fullmatch(value)
    return [1] if whole and _SHAPE.fullmatch(whole[1]) else 1 if whole else _USE.sub("1", value)


def check_sizes(value: Any, path: Path = ()) -> Iterator[Diagnostic]:
    """SC110 for each expression of what flows in that is none."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from check_sizes(each, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from check_sizes(each, (*path, index))
    elif isinstance(value, str):
        for use in _USE.finditer(value):
            try:
                _value(use[1], (None, 7919, 7919, 7919), -1)
            except NotKnown:
                continue
            except ValueError as error:
                unknown = next((each for each in _WORD.finditer(value, *use.span(1)) if each[1] not in _WORDS), None)
                help = did_you_mean(f"in.{unknown[1]}", [f"in.{each}" for each in _WORDS]) if unknown else None
                chars = unknown.span() if unknown and help else use.span(1)
                yield Diagnostic("SC110", f"`{use[1]}`: {error}", path, chars=chars, help=help or _FORMS)
