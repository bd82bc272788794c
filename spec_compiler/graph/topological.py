"""Calls in a topological order that stays as near to the present one as it can."""

from __future__ import annotations

from collections.abc import Mapping

from spec_compiler.graph.node import Node


class InvalidGraph(Exception):
    """A graph that no edit should have made: a bug of the compiler, never a mistake of the user."""


def topological(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The calls by name, each behind those that it takes from.

    Raises:
        InvalidGraph: a cycle.
    """
    done: dict[str, Node] = {}
    for start in nodes:
        stack = [start]  # no recursion: a chain may be longer than Python's stack is deep
        open_: set[str] = set()
        while stack:
            name = stack[-1]
            if name in done:
                stack.pop()
                continue
            waiting = [ref.node for ref in nodes[name].inputs if ref.node not in done]
            if not waiting:
                done[name] = nodes[name]
                stack.pop()
                open_.discard(name)
                continue
            # A node that is met again waits for what was put on the stack above it, and that for the node itself.
            if name in open_ and any(each in open_ for each in waiting):
                raise InvalidGraph(f"a cycle through {name}")
            open_.add(name)
            stack += reversed(waiting)
    return done
