"""The values that a sweep tries for a variable: a list of them, or a range of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, show, under
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.parsed import Parsed

# What a range is called: whether its values are whole numbers, and whether they lie evenly by their logarithm.
RANGES: Mapping[str, tuple[bool, bool]] = {
    "uniform": (False, False),
    "log": (False, True),
    "int": (True, False),
    "log_int": (True, True),
}
_FORMS = "write a list of values, or a range such as `{log: [1.0e-5, 1.0e-2]}`"
MOST_VALUES = 1000  # that are listed for one variable


@dataclass(frozen=True, slots=True)
class Values(Parsed):
    """What a variable may be: one of `choices`, or where there are none a number from `low` to `high`, both included.

    `kind` is a key of `RANGES`, `step` what lies between two numbers where not all are meant.
    """

    definition: ClassVar[str] = "swept_values"
    definitions: ClassVar[Mapping[str, Any]] = {
        "swept_values": {
            "description": "The values of a variable: a list, of which each trial takes one, or a range of numbers.",
            "anyOf": [
                {"type": "array", "minItems": 1},
                *(
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": [kind],
                        "properties": {
                            kind: {
                                "description": ("Whole numbers" if whole else "Numbers")
                                + " from the first to the second, "
                                + ("evenly by their logarithm." if log else "in steps of the third if there is one."),
                                "type": "array",
                                "minItems": 2,
                                "maxItems": 2 if log else 3,
                                "items": {
                                    "anyOf": [
                                        {"type": "integer" if whole else "number"},
                                        {"$ref": "#/definitions/variable"},
                                    ]
                                },
                            }
                        },
                    }
                    for kind, (whole, log) in RANGES.items()
                ),
            ],
        }
    }

    choices: tuple[Any, ...] = ()
    kind: str | None = None
    low: float = 0
    high: float = 0
    step: float | None = None

    @classmethod
    def _parsed(cls, raw: Any) -> Self:
        """The values that YAML says.

        Raises:
            SpecError: SC101, SC103.

        >>> Values.parse({"int": [16, 64, 16]}).text, Values.parse([128, 256]).text
        ('int 16 to 64 by 16', '128, 256')
        """
        if isinstance(raw, list | tuple):
            return cls._listed(raw)
        if not isinstance(raw, Mapping):
            raise SpecError.single(
                "SC103", f"the values of a variable are a list or a range, got {show(raw)}", help=_FORMS
            )
        unknown = [str(key) for key in raw if key not in RANGES]
        if unknown or len(raw) != 1:
            problems = [
                Diagnostic(
                    "SC101",
                    f"a range has no key `{key}`",
                    (key,),
                    at_key=True,
                    help=did_you_mean(key, RANGES, f"ranges are {quoted(RANGES)}"),
                )
                for key in unknown
            ]
            raise SpecError(problems or [Diagnostic("SC103", f"a range is one of {quoted(RANGES)}", help=_FORMS)])
        ((kind, bounds),) = raw.items()
        with under(kind):
            return cls._range(kind, bounds)

    @classmethod
    def _listed(cls, raw: Any) -> Self:
        if not raw:
            raise SpecError.single("SC103", "a list of values needs at least one", help=_FORMS)
        if len(raw) > MOST_VALUES:
            raise SpecError.single(
                "SC103", f"a list of values has at most {MOST_VALUES:,}, got {len(raw):,}", help=_FORMS
            )
        seen: dict[str, int] = {}
        for index, value in enumerate(raw):
            if seen.setdefault(flow(value), index) != index:
                message = f"{show(value)} stands twice among the values"
                raise SpecError.single("SC103", message, path=(index,), help="remove one of the two")
        return cls(tuple(raw))

    @classmethod
    def _range(cls, kind: str, bounds: Any) -> Self:
        is_whole, is_log = RANGES[kind]
        number = "whole number" if is_whole else "number"
        most = 2 if is_log else 3
        example = "[16, 256]" if is_whole else "[1.0e-5, 1.0e-2]" if is_log else "[0.1, 0.5]"
        help = f"for example `{{{kind}: {example}}}`"
        if not isinstance(bounds, list | tuple) or not 2 <= len(bounds) <= most:
            wanted = "its lowest and highest number" + ("" if is_log else ", and a step if not all are meant")
            raise SpecError.single("SC103", f"`{kind}` takes {wanted}, got {show(bounds)}", help=help)
        kinds = int if is_whole else int | float
        for index, each in enumerate(bounds):
            if isinstance(each, bool) or not isinstance(each, kinds) or not math.isfinite(each):
                message = f"a bound of `{kind}` is a {number}, got {show(each)}"
                raise SpecError.single("SC103", message, path=(index,), help=help)
        low, high, step = (*bounds, None)[:3]
        if low >= high:
            help = "exchange the two" if low > high else "write a list of one value"
            raise SpecError.single("SC103", f"`{kind}` goes from {low} to {high}, which is not higher", help=help)
        if is_log and low <= 0:
            other = "int" if is_whole else "uniform"
            message = f"`{kind}` begins at {low}, which has no logarithm"
            raise SpecError.single("SC103", message, path=(0,), help=f"begin above 0, or write `{other}`")
        if step is not None and not 0 < step <= high - low:
            message = f"the step of `{kind}` lies between 0 and {high - low}, got {step}"
            raise SpecError.single("SC103", message, path=(2,), help=help)
        if not is_whole:
            low, high, step = float(low), float(high), None if step is None else float(step)
        return cls((), kind, low, high, step)

    @property
    def is_whole(self) -> bool:
        """Whether they are whole numbers of a range."""
        return self.kind is not None and RANGES[self.kind][0]

    @property
    def is_log(self) -> bool:
        """Whether they lie evenly by their logarithm."""
        return self.kind is not None and RANGES[self.kind][1]

    @property
    def count(self) -> int | None:
        """How many values there are; None of a range without a step."""
        if self.kind is None:
            return len(self.choices)
        step = self.step or (1 if self.is_whole else None)
        # `1e-9`: 0.3 / 0.1 is a little less than 3
        return None if step is None else int((self.high - self.low) / step + 1e-9) + 1

    def at(self, index: int) -> Any:
        """One of the values that can be counted."""
        if self.kind is None:
            return self.choices[index]
        value = self.low + index * (self.step or 1)
        return int(value) if self.is_whole else value

    def tried(self) -> tuple[Any, ...]:
        """The values that stand for all: every one of a list, the ends and the middle of a range."""
        count = self.count
        if self.kind is None or (count is not None and count <= 3):
            return tuple(self.at(index) for index in range(count or 0))
        middle = math.sqrt(self.low * self.high) if self.is_log else (self.low + self.high) / 2
        if count is not None:
            step = self.step or 1
            return self.at(0), self.at(round((middle - self.low) / step)), self.at(count - 1)
        return self.low, middle, self.high

    @property
    def text(self) -> str:
        """Them in words."""
        if self.kind is None:
            shown = [flow(each) for each in self.choices[:6]]
            return ", ".join(shown) + (f" … ({len(self.choices)})" if len(self.choices) > len(shown) else "")
        return f"{self.kind} {self.low:g} to {self.high:g}" + (f" by {self.step:g}" if self.step is not None else "")
