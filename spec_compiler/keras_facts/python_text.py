"""Python where YAML is meant, as in `Dropout(0.5)` or `(64, 64, 3)`: read with `ast`, never run."""

from __future__ import annotations

import ast
import warnings
from typing import Any, NamedTuple

_LONGEST = 500  # characters; `ast.parse` recurses, and deep brackets end the process on some versions of Python
_QUOTES = ("'", '"')


class Call(NamedTuple):
    """A call in Python, the function by its last name: `keras.layers.Dense(10, activation='softmax')`."""

    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


def parsed(text: str) -> Any:
    """What a Python expression says: data, a `Call`, or the last part of a name (`Dense` for `keras.layers.Dense`).

    Raises:
        ValueError: it is no expression that means something in a spec.

    >>> parsed("(None, 3)"), parsed("tf.nn.relu"), parsed("Dropout(0.5)").positional
    ([None, 3], 'relu', (0.5,))
    """
    if len(text) > _LONGEST:
        raise ValueError("too long")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in a text that may be no Python at all
            return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str()):
            return node.value
        case ast.Tuple() | ast.List():
            return [_value(each) for each in node.elts]
        case ast.Dict():
            return {_key(key): _value(each) for key, each in zip(node.keys, node.values, strict=True)}
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Call() as inner):  # `Dense(10)(x)`: what it is called on is another matter
            return _value(inner)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            named = {each.arg: _value(each.value) for each in node.keywords if each.arg is not None}
            if len(named) == len(node.keywords):
                return Call(name, tuple(_value(each) for each in node.args), named)
    raise ValueError("an expression that a spec has no form for")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("a key that is no text")


def whole(text: str, start: int) -> str | None:
    """The expression in brackets that begins at an index and may go on behind commas; None where they never close."""
    depth, quote = 0, ""
    for index in range(start, min(len(text), start + _LONGEST)):
        letter = text[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth < 0:
                return None
            if depth == 0:
                return text[start : index + 1]
    return None
