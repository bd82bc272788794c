"""What `input.weights` says as a matrix: of which old channels each new one is made, and what that preserves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from spec_compiler.graph.adapter import Preserves

Strategy = Literal["sum", "mean", "repeat", "zeros", "take"]


@dataclass(frozen=True)
class Mix:
    """The matrix that a strategy means for an input that has `new` channels in the place of `old`."""

    strategy: Strategy
    old: int
    new: int
    take: tuple[int, ...] = ()

    @property
    def rows(self) -> tuple[Mapping[int, float], ...]:
        """The matrix by its rows: for each new channel the old ones that it stands for, and how often.

        >>> Mix("repeat", 2, 3).rows
        ({0: 0.6666666666666666}, {1: 0.6666666666666666}, {0: 0.6666666666666666})
        """
        old, new = self.old, self.new
        if self.chosen is not None:
            return tuple({} if i is None else {i: 1.0} for i in self.chosen)
        if self.strategy == "repeat":
            return tuple({c % old: old / new} for c in range(new))
        return tuple(dict.fromkeys(range(old), 1.0 if self.strategy == "sum" else 1 / old) for _ in range(new))

    @property
    def chosen(self) -> tuple[int | None, ...] | None:
        """For each new channel the old one that it is, None for one that no old one is; None where they are mixed."""
        if self.strategy == "take":
            return self.take
        if self.strategy == "zeros" or self.old == self.new == 1:
            return tuple(c if c < self.old else None for c in range(self.new))
        return None

    @property
    def keeps_channels(self) -> bool:
        """Whether each old channel is one new channel as it is: whatever treats channels alike does not see M then."""
        columns = [[row[i] for row in self.rows if i in row] for i in range(self.old)]
        return all(column == [1.0] for column in columns)

    def formula(self, new: str = "zeros") -> str:
        """What becomes of a variable, in a line; `new` is what channels get that no old one is."""
        old = _counted(self.old, "old channel")
        if self.strategy == "sum":
            return f"the sum over {old}"
        if self.strategy == "mean":
            return f"the mean over {old}" + (f", for each of {self.new}" if self.new > 1 else "")
        if self.strategy == "repeat":
            return f"{old} repeated over {self.new}, scaled {self.old}/{self.new}"
        if self.strategy == "zeros":
            return f"{old}, and {new} for {_counted(self.new - self.old, 'new one')}"
        return f"the old channels {list(self.take)}"

    def promise(self, is_linear: bool) -> tuple[Preserves, str]:
        """What is preserved, as `Contract` says it; `is_linear`: nothing but sums stands between input and kernels."""
        if self.strategy == "sum":
            return "partly", f"the function, on {_counted(self.old, 'equal channel')}"
        if self.strategy == "zeros":
            return "partly", f"the function, of the first {f'{self.old} channels' if self.old > 1 else 'channel'}"
        if self.keeps_channels:
            return "partly", f"the function, on its channels in the order {list(self.take or range(self.new))}"
        if not is_linear:
            return "not", "values only: what stands before the kernels treats channels one by one"
        if self.strategy == "take" and len(set(self.take)) == len(self.take):
            missing = [i for i in range(self.old) if i not in self.take]
            return "partly", f"the function, where its channels {missing} are zero"
        if self.strategy == "take":
            return (
                "not",
                f"the function of sums: a channel of the base is the sum of those that take it in {list(self.take)}",
            )
        if self.strategy == "mean" or self.old == 1:
            share = self.old if self.strategy == "mean" else self.new
            return "not", f"the function of sums: each channel of the base is 1/{share} of the sum over all"
        of = f"channel i of the base is {self.old}/{self.new} of the sum over the channels i, i + {self.old}, …"
        return "not", f"the function of sums: {of}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
