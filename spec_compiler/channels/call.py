"""One call of a layer as a rule sees it: what comes in, what the layer is, and the words for what the rule finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from spec_compiler.channels.atoms import FIXED, Axes, Kind, LayerPath, Line, Reason, Record, Role, Use
from spec_compiler.graph.layer_spec import Shape, VariableSpec
from spec_compiler.graph.node import Structure

Number = Callable[[Line], int]  # how many indices of a line there are, once channels have left or come
Argument = Callable[[Number], Any]  # a constructor's argument, by that
_STATE = "seed_generator_state"


class NoRule(Exception):
    """A call that a rule does not understand; says why, in words that follow the layer's name."""


@dataclass(eq=False)
class Call:
    """A call of a layer: the lines that come in, shapes without the batch, and arguments as the config has them.

    What a rule finds goes into the record; `arguments` are those constructor arguments that change with the channels.
    A new layer that Keras has not built yet has `variables` None: it is made for what it will take.
    """

    record: Record
    path: LayerPath
    class_name: str
    config: Mapping[str, Any]
    ins: list[Axes]
    in_shapes: list[Shape]
    shapes: list[Shape]
    variables: Mapping[int, VariableSpec] | None = field(default_factory=dict)
    args: tuple[Structure, ...] = ()
    kwargs: Mapping[str, Structure] = field(default_factory=dict)
    tied: bool = False  # whether another layer holds its variables too
    arguments: dict[str, Argument] = field(default_factory=dict)
    claimed: set[int] = field(default_factory=set)

    # what comes in and goes out

    @property
    def shape(self) -> Shape:
        """The shape of what it puts out, without the batch."""
        return self.shapes[0]

    @property
    def rank(self) -> int:
        """The number of axes of what comes in, without the batch."""
        return len(self.in_shapes[0])

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in what comes in, by `data_format`."""
        return 0 if self.config.get("data_format") == "channels_first" else self.rank - 1

    def axis(self, number: int, rank: int | None = None) -> int:
        """An axis as Keras counts it, the batch first, counted without the batch."""
        rank = self.rank if rank is None else rank
        axis = number - 1 if number >= 0 else number + rank
        if not 0 <= axis < rank:
            raise NoRule("works along the batch")
        return axis

    def argument(self, key: str, position: int, default: Any = None) -> Any:
        """An argument of an operation, wherever it stands: in its config, or in its call by key or by position."""
        for place in (self.config, self.kwargs):
            if key in place:
                return place[key]
        return self.args[position] if len(self.args) > position else default

    def across(self, axis: int, does: str, i: int = 0) -> Line | None:
        """The line along one axis, of a layer that mixes along all others: what lies along those stays."""
        for other, line in enumerate(self.ins[i]):
            if other != axis and line is not None:
                self.mark(line, "pinned", does)
        return self.ins[i][axis]

    # variables

    def variable(self, name: str) -> tuple[int, VariableSpec] | None:
        """The variable whose path ends so, and its index; None where the layer has none."""
        for index, variable in (self.variables or {}).items():
            if f"/{variable.path}".endswith(f"/{name}"):
                self.claimed.add(index)
                return index, variable
        return None

    def size(self, name: str, axis: int) -> int:
        """The size of an axis of a variable that the layer must have."""
        found = self.variable(name)
        if found is None or not -len(found[1].shape) <= axis < len(found[1].shape):
            raise NoRule(f"has no variable `{name}` as Keras's has")
        return found[1].shape[axis]

    def use(self, name: str, axis: int, line: Line | None, role: Role) -> None:
        """Lays a line along an axis of a variable; the layer's second call must agree with its first."""
        found = self.variable(name)
        if found is None:
            return
        index, variable = found
        axis %= len(variable.shape)
        if line is None:
            return
        if variable.shape[axis] != len(line):
            raise NoRule(f"has a variable `{name}` of another size than its input says")
        if self.tied:
            self.mark(line, "pinned", "shares its variables with another layer")
        key = (self.path, index, axis)
        known = self.record.uses.setdefault(key, Use(*key, name.rpartition("/")[2], self.class_name, role, line))
        self.unite(known.line, line, "is called on both")

    def made(self, name: str, axis: int, argument: str | None = None, unit: str = "channels", times: int = 1) -> Line:
        """The line of new channels that a variable makes, `times` of them side by side (the gates of an LSTM).

        The layer's second call gets the line of its first. `argument` is the one that says how many they are.
        """
        if self.variables is None:
            return self._to_be_made(argument, unit)
        size = self.size(name, axis)
        found = self.variable(name)
        assert found is not None
        known = self.record.uses.get((self.path, found[0], axis % len(found[1].shape)))
        if size % times:
            raise NoRule(f"has a variable `{name}` of another size than its arguments say")
        line = known.line[: size // times] if known else self.record.fresh(self.path, size // times, unit)
        self.use(name, axis, self.tiled(line, times), "makes")
        if argument is not None:
            self.arguments[argument] = lambda number: number(line)
        return line

    def _to_be_made(self, argument: str | None, unit: str) -> Line:
        """The line of the channels that a new layer will make."""
        size = self.config.get(argument or "")
        if argument is None or not isinstance(size, int):
            raise NoRule("is not built yet")
        blocks = (each for each in self.record.blocks if (each.layer, each.unit) == (self.path, unit))
        known = next(blocks, None)
        line = self.record.fresh(self.path, size, unit) if known is None else known.line
        self.arguments[argument] = lambda number: number(line)
        return line

    def tiled(self, line: Line, times: int) -> Line:
        """The line that often in a row."""
        if times > 1:
            self.seam(line[-1], line[0])
        return np.tile(line, times)

    def unclaimed(self) -> str | None:
        """The name of a variable that no rule has asked for; the states of random generators do not count."""
        names = (each.path for index, each in (self.variables or {}).items() if index not in self.claimed)
        return next((path for path in names if not path.endswith(_STATE)), None)

    # findings

    def reason(self, does: str) -> Reason:
        """The layer and what it does."""
        return Reason(f"`{'/'.join(self.path)}` ({self.class_name}) {does}", self.path)

    def mark(self, line: Line | None, kind: Kind, does: str) -> None:
        """Keeps for every channel of a line that the layer does this to it."""
        if line is not None:
            self.record.mark(line, kind, self.reason(does))

    def unite(self, one: Line, other: Line, does: str) -> None:
        """Lets the channels at the same index leave together."""
        self.record.unite(one, other, self.reason(does))

    def whole(self, line: Line, per: int, does: str) -> None:
        """Lets each that many channels in a row leave together, as one."""
        if per > 1:
            self.unite(np.repeat(line[::per], per), line, does)
            self.mark(line, "whole", does)

    def seam(self, before: int, behind: int) -> None:
        """Remembers that two channels from different places stand side by side."""
        self.record.seam(before, behind, self.reason("has several places for one channel, side by side"))

    def joined(self, lines: Iterable[Line | None], does: str) -> Line | None:
        """Lines of the same size as one: their channels leave together; None where none of them can."""
        found = list(lines)
        some = [line for line in found if line is not None]
        for line in some[1:]:
            self.unite(some[0], line, does)
        if len(some) < len(found):
            for line in some:
                self.mark(line, "pinned", does + " with what keeps its size")
        return some[0] if some else None

    def row(self, parts: Iterable[tuple[Line | None, int | None]]) -> Line | None:
        """Lines one behind the other, each with its size; None where none of them has channels that can leave."""
        found = list(parts)
        lines = [line for line, _ in found if line is not None]
        if not lines:
            return None
        if any(size is None for _, size in found):
            for line in lines:
                self.mark(line, "pinned", "puts it beside what has an open size")
            return None
        full = [np.full(size or 0, FIXED) if line is None else line for line, size in found]
        full = [line for line in full if len(line)]
        for before, behind in pairwise(full):
            self.seam(before[-1], behind[0])
        return np.concatenate(full)
