"""Arithmetic in texts of a spec: `128 // 16 + 1`, over a few names, and nothing else of Python."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from math import isfinite

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*")
_FLOW = "in."  # begins the names of what flows into a new layer, which only the model knows

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
        number = _number(ast.parse(text.strip(), mode="eval").body, names)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("it is no arithmetic") from None
    except ZeroDivisionError:
        raise ValueError("it divides by zero") from None
    except OverflowError:
        number = float("inf")
    if not isfinite(number) or abs(number) >= 2**63:
        raise ValueError("it does not fit into 64 bits")
    return number


def names_in(text: str) -> tuple[str, ...]:
    """The names of a calculation, each once, those aside that say what flows in.

    >>> names_in("in.channels // (ratio + ratio) * 1e3")
    ('ratio',)
    """
    return tuple(dict.fromkeys(name for name in _NAME.findall(text) if not name.startswith(_FLOW)))


def flows_in(text: str) -> str | None:
    """The first name in a calculation that says what flows in, None where there is none."""
    return next((name for name in _NAME.findall(text) if name.startswith(_FLOW)), None)


def with_numbers(text: str, names: Mapping[str, int | float]) -> str:
    """The calculation with numbers in the place of names.

    >>> with_numbers("in.channels // ratio", {"ratio": 16})
    'in.channels // 16'
    """

    def written(name: re.Match[str]) -> str:
        number = names.get(name[0])
        return name[0] if number is None else f"({number})" if number < 0 else str(number)

    return _NAME.sub(written, text)


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
