"""Which nodes of a large graph may stand in one box: connected runs of one kind that no path leaves and re-enters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from spec_compiler.diagram.merged import Entry, Merged

Edge = tuple[str, str]

LARGE = 40  # nodes; what is smaller is drawn whole


def runs(merged: Merged, *, context: int = 1) -> tuple[tuple[str, ...], ...]:
    """The groups of nodes that one box each may stand for, none where the graph is small enough to be drawn whole.

    A group holds nodes to which the same happens: unchanged ones, dropped ones, or ones of which only the shape
    changed. Whoever has a neighbour of another sort at most `context` edges away is drawn alone, and so are new
    nodes, nodes with changed arguments, and the inputs and outputs of the model. Frozen and trainable nodes go into
    separate groups, unless that makes so many that the picture would be large again.
    """
    order = merged.topological()
    if len(merged.entries) <= LARGE or order is None:
        return ()
    sorts = {key: _sort(entry) for key, entry in merged.entries.items()}
    foldable = {key: sort for key, sort in sorts.items() if not _alone(merged.entries[key])}
    # What the spec adds is what one wants to see, unless it is itself too much to be seen.
    if Counter(sorts.values())["new"] <= LARGE:
        foldable = {key: sort for key, sort in foldable.items() if sort != "new"}
    for sort in set(sorts.values()):
        others = [key for key in sorts if sorts[key] != sort]
        for key in nearby(merged.arrows, others, context):
            # The others are among these as well; they are judged when it is the turn of their own sort.
            if sorts[key] == sort:
                foldable.pop(key, None)
    freezing = _spread(order, merged.arrows, {key: merged.entries[key].freezing for key in foldable})
    groups = fold(order, merged.arrows, {key: (sort, freezing[key]) for key, sort in foldable.items()})
    # `batch_norm: all` freezes every third layer of a ResNet: runs that also agree in that are too short to help.
    if len(order) - sum(map(len, groups)) + len(groups) > LARGE:
        groups = fold(order, merged.arrows, foldable)
    return groups


def _sort(entry: Entry) -> str:
    if entry.state == "toggled":
        return "kept"
    return "set" if entry.changes_itself else entry.state


def _alone(entry: Entry) -> bool:
    return entry.changes_itself or any(call.is_output or call.layer.kind == "input" for call in entry.calls)


def _spread(
    order: Sequence[str], edges: Collection[Edge], values: Mapping[str, Hashable | None]
) -> dict[str, Hashable]:
    """Gives nodes without a value that of a neighbour, upstream if there is one: an activation goes with its layer."""
    # Without this, each activation, which has nothing to freeze, would part the run of frozen layers that it is in.
    spread = dict(values)
    for nodes, neighbours in ((order, _targets(_backwards(edges))), (order[::-1], _targets(edges))):
        for node in nodes:
            if node in spread and spread[node] is None:
                near = (spread.get(each) for each in neighbours[node])
                spread[node] = next((value for value in near if value is not None), None)
    return spread


def _targets(edges: Iterable[Edge]) -> defaultdict[str, list[str]]:
    """The nodes that the edges of each node lead to."""
    targets = defaultdict(list)
    for source, target in edges:
        targets[source].append(target)
    return targets


def _backwards(edges: Iterable[Edge]) -> list[Edge]:
    return [(target, source) for source, target in edges]


def fold(
    order: Sequence[str], edges: Collection[Edge], kinds: Mapping[str, Hashable], *, minimum: int = 3
) -> tuple[tuple[str, ...], ...]:
    """Disjoint groups of nodes, connected and of one kind, that leave the graph acyclic when each becomes one node.

    `order` is a topological order of the graph. Only nodes in `kinds` are folded, and only with nodes of the same
    kind. Groups of fewer than `minimum` nodes are left alone.

    >>> fold("abcde", [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")], dict.fromkeys("abcd"))
    (('a', 'b', 'c', 'd'),)

    A branch that goes around `x` cannot share a box with what comes after `x`:

    >>> fold("abxcd", [("a", "b"), ("a", "x"), ("b", "c"), ("x", "c"), ("c", "d")], dict.fromkeys("abcd"), minimum=2)
    (('a', 'b'), ('c', 'd'))
    """
    # Greedy, along the edges and in order: the best partition is a hard problem, and a second look at a picture of
    # almost the same model should find the same folds.
    quotient, sources = _Quotient(order, edges), _targets(_backwards(edges))
    for node in [node for node in order if node in kinds]:
        for before in sources[node]:
            if before in kinds and kinds[before] == kinds[node]:
                quotient.merge(before, node)
    groups = (tuple(group) for group in quotient.groups())
    return tuple(group for group in groups if len(group) >= minimum)


def nearby(edges: Collection[Edge], start: Iterable[str], distance: int) -> set[str]:
    """The nodes at most `distance` edges away from the given ones, in either direction, themselves included.

    >>> sorted(nearby([("a", "b"), ("b", "c"), ("c", "d")], ["b"], 1))
    ['a', 'b', 'c']
    """
    neighbours = _targets([*edges, *_backwards(edges)])
    near = newest = set(start)
    for _ in range(distance):
        newest = {neighbour for node in newest for neighbour in neighbours[node]} - near
        near = near | newest
    return near


class _Quotient:
    """The graph in which every group is one vertex, named by its first node; it stays acyclic."""

    def __init__(self, order: Sequence[str], edges: Iterable[Edge]) -> None:
        self.position = {node: index for index, node in enumerate(order)}
        self.targets: dict[str, set[str]] = {node: set() for node in order}  # between vertices of the quotient
        self.origins: dict[str, set[str]] = {node: set() for node in order}  # the same backwards
        self.vertex = {node: node for node in order}
        self.members = {node: [node] for node in order}
        for source, target in edges:
            self.targets[source].add(target)
            self.origins[target].add(source)

    def merge(self, before: str, node: str) -> None:
        """Puts `node` and `before`, which it takes a tensor from, into one group if no other path connects the two."""
        first, second = self.vertex[before], self.vertex[node]
        if first == second or self._goes_around(first, second, self.position[node]):
            return
        # The earlier node names the vertex, whichever group is larger: keys of folds depend on the graph alone.
        if self.position[second] < self.position[first]:
            first, second = second, first
        joining = self.members.pop(second)
        self.members[first] += joining
        self.vertex |= dict.fromkeys(joining, first)
        for neighbours, back in ((self.targets, self.origins), (self.origins, self.targets)):
            moved = neighbours.pop(second)
            for vertex in moved:
                back[vertex].discard(second)
                back[vertex].add(first)
            neighbours[first] |= moved
        # The edges between the two are inside now; left in, they would look like a cycle.
        self.targets[first] -= {first, second}
        self.origins[first] -= {first, second}

    def groups(self) -> list[list[str]]:
        """The groups and their nodes, in the order of the graph."""
        groups = (sorted(group, key=self.position.__getitem__) for group in self.members.values())
        return sorted(groups, key=lambda group: self.position[group[0]])

    def _goes_around(self, first: str, second: str, limit: int) -> bool:
        """Whether a path of two or more edges leads from one vertex to another.

        Every vertex on such a path has a node before `limit`, the position of the last node of `second`.
        """
        todo = [vertex for vertex in self.targets[first] if vertex != second]
        seen: set[str] = set()
        while todo:
            vertex = todo.pop()
            if vertex == second:
                return True
            if vertex not in seen and self.position[vertex] < limit:
                seen.add(vertex)
                todo += self.targets[vertex]
        return False
