"""What an edit does to channels that move together, as a plan says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from spec_compiler.graph.layer_spec import Origin


class GroupChange(NamedTuple):
    """Channels that become fewer or more together.

    Attributes:
        makers: the layers that make them.
        readers: those that sum over them.
        before: how many there were, `after` how many there are.
        chosen: how those are chosen that leave or are copied.
        inexact: why no masked model equals the narrower one; empty where one does.
        num_variables: how many variables change.
        origin: where the spec says so.
    """

    makers: tuple[str, ...]
    readers: tuple[str, ...]
    before: int
    after: int
    chosen: str
    inexact: str
    num_variables: int
    origin: Origin

    def relabelled(self, names: Mapping[str, str]) -> GroupChange:
        """The same with layers under other names."""
        makers, readers = (tuple(names.get(each, each) for each in part) for part in (self.makers, self.readers))
        return self._replace(makers=makers, readers=readers)
