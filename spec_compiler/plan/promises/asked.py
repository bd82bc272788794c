"""A result, and who asks whether it keeps what was promised of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.reached import reached_layers
from spec_compiler.language.bounds import Bounds
from spec_compiler.language.selectors import Selector
from spec_compiler.spec import Spec
from spec_compiler.training.trained import Trained, trained

MOST_NAMED = 4  # layers in one note


@dataclass(frozen=True)
class Asked:
    """A result, and who wants to know of it: `expect`, or the policy."""

    spec: Spec
    graph: Graph
    is_policy: bool

    @property
    def says(self) -> str:
        """Who promises, in messages."""
        return "the policy" if self.is_policy else "`expect`"

    @cached_property
    def states(self) -> tuple[Trained, ...]:
        """What trains, in each phase where there are any."""
        return trained(self.spec, self.graph)

    def resolved(self, selector: Selector) -> tuple[Graph, tuple[str, ...]]:
        """The layers that a selector matches, and the graph in which it reaches them.

        Raises:
            SpecError: as `resolve`.
        """
        # A promise that reaches into a nested model looks inside, and does not open it: it changes nothing.
        return reached_layers(selector, self.graph)

    def bounded(self, bounds: Bounds, value: int, message: str, sizes: Mapping[str, int], key: str) -> str:
        """The figure as text, which is within its bounds; `sizes` are the shares of the layers.

        Raises:
            SpecError: SC320.
        """
        broken = bounds.broken_at(value)
        if broken is None:
            return f"{value:,}"
        path, bound = broken
        largest = [f"`{name}` {size:,}" for name, size in Counter(sizes).most_common(MOST_NAMED) if size]
        verb = "is" if len(largest) == 1 else "are"
        ways = ["change what has most of them"] if path == ("at_most",) and largest else []
        ways += [] if self.is_policy else [f"write `{(*path, key)[0]}: {value}`"]
        raise SpecError.single(
            "SC320",
            f"{message.format(f'{value:,}')}, {self.says} says {bound}",
            path=path,
            notes=(f"the largest {verb} {', '.join(largest)}",) if largest else (),
            help=", or ".join(ways) or None,
        )


def unknown(message: str, note: str, help: str | None) -> SpecError:
    """The error for a size that is not known."""
    return SpecError.single("SC321", message, notes=(note,), help=help)


def layers_text(names: Iterable[str], named: bool = True) -> str:
    """How many layers there are, or with `named` the only one's name."""
    names = list(names)
    if len(names) == 1:
        return f"`{names[0]}`" if named else "1 layer"
    return f"{len(names)} layers"


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:MOST_NAMED]) + more
