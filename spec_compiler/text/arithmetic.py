"""Arithmetic in `${…}`: numbers, names, `+ - * / // %` and parentheses, nothing else."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from math import isfinite

from spec_compiler.diagnostics import show

Number = int | float

MAX_LENGTH = 200  # of a calculation; Python's parser recurses
FLOWS = "in."  # begins the names of what flows into a new layer, `in.channels`, which only the model knows

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*")
_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def evaluate(text: str, names: Mapping[str, int | float]) -> int | float:
    """What a calculation comes to; of integers an integer, if it does not divide with `/`. A name may have dots.

    >>> evaluate("in.channels // 16 + size", {"in.channels": 256, "size": 3})
    19

    Raises:
        ValueError: it is no arithmetic, a name is unknown or no number, or the result is none. Its text is for a user.
    """
    tree, used = _parsed(text)
    try:
        result = _value(tree, [_number(name, names) for name in used], text)
    except ZeroDivisionError:
        raise ValueError(f"`{text.strip()}` divides by zero") from None
    except OverflowError:
        result = float("inf")
    if not isfinite(result) or abs(result) >= 2**63:
        raise ValueError(f"`{text.strip()}` does not fit into 64 bits")
    return result


def names_in(text: str) -> tuple[str, ...]:
    """The names that a calculation uses, each once.

    >>> names_in("in.channels // (ratio * 2)")
    ('in.channels', 'ratio')

    Raises:
        ValueError: it is no arithmetic; its text is for a user.
    """
    tree, used = _parsed(text)
    _value(tree, [1] * len(used), text, dry=True)
    return tuple(dict.fromkeys(used))


def with_numbers(text: str, names: Mapping[str, int | float]) -> str:
    """The calculation with numbers in the place of names, those aside that say what flows in.

    >>> with_numbers("in.channels // ratio", {"ratio": 16})
    'in.channels // 16'

    Raises:
        ValueError: as `evaluate`, of the names.
    """

    def written(name: re.Match[str]) -> str:
        if name[0].startswith(FLOWS):
            return name[0]
        number = _number(name[0], names)
        return f"({number})" if number < 0 else str(number)

    return _NAME.sub(written, text.strip())


def is_number(value: object) -> bool:
    """Whether a value is one to calculate with: `true` is none."""
    return type(value) in (int, float)


def no_number(name: str, value: object) -> str:
    """What is said of a value that is none."""
    return f"`{name}` is {show(value)}, which is no number to calculate with"


def _number(name: str, names: Mapping[str, int | float]) -> Number:
    if name not in names:
        raise ValueError(f"there is no variable `{name}`")
    number = names[name]
    if not is_number(number):
        raise ValueError(no_number(name, number))
    return number


def _parsed(text: str) -> tuple[ast.expr, list[str]]:
    """A calculation as a tree, in which `_0` is the first of its names, `_1` the second."""
    used: list[str] = []

    def numbered(name: re.Match[str]) -> str:
        used.append(name[0])
        return f"_{len(used) - 1}"

    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a calculation of more than {MAX_LENGTH} characters")
    try:
        return ast.parse(_NAME.sub(numbered, text), mode="eval").body, used
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no_arithmetic(text) from None


def _value(tree: ast.expr, numbers: list[Number], text: str, *, dry: bool = False) -> Number:
    """What a tree comes to; `dry` only proves that it is arithmetic."""
    match tree:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            return numbers[int(name[1:])]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _value(operand, numbers, text, dry=dry)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            sides = _value(left, numbers, text, dry=dry), _value(right, numbers, text, dry=dry)
            return 1 if dry else _OPERATORS[type(op)](*sides)
    raise _no_arithmetic(text)


def _no_arithmetic(text: str) -> ValueError:
    return ValueError(f"`{text.strip()}` is no calculation of numbers, variables, `+ - * / // %` and parentheses")
