"""Between which numbers a figure must lie: `{at_most: 25M}`, `{at_least: 0.97}`, or the one number that it must be."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, show, under
from spec_compiler.language.parsed import Parsed

KEYS = ("at_least", "at_most")
SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
MOST = 10**18  # no model has as many parameters, and Python refuses to print a number of thousands of digits
_COUNT = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([kMG]?)")
_NEARLY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([kmgb])[a-z]{0,10}", re.IGNORECASE)
_UNITS = "`k`, `M` and `G` are thousands, millions and billions, as in `25M`"
_AMOUNT = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?[kMG]?$", "description": _UNITS},
        {"$ref": "#/definitions/variable"},
    ]
}


def _mapping(number: dict[str, Any]) -> dict[str, Any]:
    properties = {key: {"description": f"{key.replace('_', ' ')} this".capitalize() + ".", **number} for key in KEYS}
    return {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": properties}


@dataclass(frozen=True, slots=True)
class Bounds(Parsed):
    """What a count must be: at least, at most, or, where both are the same and written as one number, exactly this."""

    definition: ClassVar[str] = "bounds"
    definitions: ClassVar[Mapping[str, Any]] = {
        "bounds": {"description": _UNITS, "anyOf": [*_AMOUNT["anyOf"], _mapping(_AMOUNT)]}
    }

    at_least: float | None = None
    at_most: float | None = None
    is_exact: bool = False

    @classmethod
    def _parsed(cls, raw: Any) -> Self:
        """The bounds that a YAML value says.

        Raises:
            SpecError: SC101, SC103.

        >>> Bounds.parse({"at_most": "2.5M"}).text, Bounds.parse("10k").text
        ('at most 2,500,000', 'exactly 10,000')
        """
        if not isinstance(raw, Mapping):
            return cls.exactly(raw)
        problems = [
            Diagnostic(
                "SC101",
                f"bounds have no key `{key}`",
                (str(key),),
                at_key=True,
                help=did_you_mean(str(key), KEYS, "their keys are `at_least` and `at_most`"),
            )
            for key in raw
            if key not in KEYS
        ]
        if problems or not raw:
            raise SpecError(problems or [Diagnostic("SC103", "bounds need `at_least` or `at_most`")])
        at_least, at_most = (cls._under(key, raw[key]) if key in raw else None for key in KEYS)
        found = cls(at_least, at_most)
        if found.at_least is not None and found.at_most is not None and found.at_least > found.at_most:
            raise SpecError.single("SC103", f"no number is {found.text}", help="exchange the two")
        return found

    @classmethod
    def _under(cls, key: str, raw: Any) -> float:
        with under(key):
            return cls.number(raw)

    @classmethod
    def exactly(cls, raw: Any) -> Self:
        """The bounds that one number is."""
        number = cls.number(raw)
        return cls(number, number, is_exact=True)

    @classmethod
    def number(cls, raw: Any) -> float:
        """A count as YAML says it.

        Raises:
            SpecError: SC103.
        """
        value: Any = raw
        if isinstance(raw, str) and (written := _COUNT.fullmatch(raw.strip())) is not None:
            value = Decimal(written[1]) * SUFFIXES[written[2]]
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        if is_number and 0 <= value < MOST and value == int(value):
            return int(value)
        help = _UNITS
        if isinstance(raw, str) and (nearly := _NEARLY.fullmatch(raw.strip())) is not None:
            help = f"write `{nearly[1]}{ {'k': 'k', 'm': 'M', 'g': 'G', 'b': 'G'}[nearly[2].lower()] }`"
        raise SpecError.single("SC103", f"a count is a whole number such as `25M`, got {show(raw)}", help=help)

    def broken_at(self, value: float) -> tuple[Path, str] | None:
        """Which bound a value breaks, as its place below the bounds and in words; None where it keeps them."""
        if self.is_exact:
            return None if value == self.at_least else ((), self.text)
        if self.at_least is not None and not value >= self.at_least:
            return ("at_least",), f"at least {number_text(self.at_least)}"
        if self.at_most is not None and not value <= self.at_most:
            return ("at_most",), f"at most {number_text(self.at_most)}"
        return None

    def distance(self, value: float) -> float:
        """How far a value is from keeping the bounds; 0 where it does."""
        below = self.at_least - value if self.at_least is not None else 0
        above = value - self.at_most if self.at_most is not None else 0
        return max(0, below, above)

    @property
    def text(self) -> str:
        """The bounds in words."""
        if self.is_exact:
            return f"exactly {number_text(self.at_least or 0)}"
        said = {"at least": self.at_least, "at most": self.at_most}
        return " and ".join(f"{word} {number_text(value)}" for word, value in said.items() if value is not None)


class MetricBounds(Bounds):
    """What a metric must reach: at least or at most, never one number exactly."""

    __slots__ = ()
    definition: ClassVar[str] = "metric_bounds"
    definitions: ClassVar[Mapping[str, Any]] = {
        "metric_bounds": _mapping({"anyOf": [{"type": "number"}, {"$ref": "#/definitions/variable"}]})
    }

    @classmethod
    def exactly(cls, raw: Any) -> Self:
        """Refused: no training ends at one number.

        Raises:
            SpecError: SC103.
        """
        is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
        help = f"write `{{at_least: {raw if is_number else 0.97}}}`, or `at_most` where less is better"
        raise SpecError.single("SC103", f"a metric has bounds, got {show(raw)}", help=help)

    @classmethod
    def number(cls, raw: Any) -> float:
        """A number as YAML says it.

        Raises:
            SpecError: SC103.
        """
        if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw) and abs(raw) < MOST:
            return raw
        raise SpecError.single(
            "SC103", f"the bound of a metric is a number, got {show(raw)}", help="for example `0.97`"
        )


def number_text(value: float) -> str:
    """A number as messages say it.

    >>> number_text(25_000_000), number_text(0.97)
    ('25,000,000', '0.97')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
