"""Arithmetic in texts of a spec: `128 // 16 + 1`, over a few names, and nothing else of Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

_OPERATORS: Mapping[type[ast.AST], Callable[..., int | float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def evaluate(text: str, names: Mapping[str, int | float]) -> int | float:
    """The number that a text says.

    Raises:
        ValueError: it is no arithmetic over these names.

    >>> evaluate("(size + 1) // 2", {"size": 7})
    4
    """
    if len(text) > 1_000:
        raise ValueError("it is too long")
    try:
        return _number(ast.parse(text.strip(), mode="eval").body, names)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("it is no arithmetic") from None
    except ZeroDivisionError:
        raise ValueError("it divides by zero") from None


def _number(node: ast.AST, names: Mapping[str, int | float]) -> int | float:
    match node:
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.Name(name) if name in names:
            return names[name]
        case ast.Name(name):
            raise ValueError(f"there is no `{name}`")
        case ast.UnaryOp(kind, operand) if type(kind) in _OPERATORS:
            return _OPERATORS[type(kind)](_number(operand, names))
        case ast.BinOp(left, kind, right) if type(kind) in _OPERATORS:
            return _OPERATORS[type(kind)](_number(left, names), _number(right, names))
    raise ValueError("it is no arithmetic")
