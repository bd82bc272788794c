"""Two models that no spec connects, as a plan: which layer of the one is which of the other.

Layers are matched by name where class and name agree; what is left, by structure: runs of layers between two matched
ones that are alike, first in class, arguments and weights, then in class and weights, then in class.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import BASE, LayerSpec, Origin
from spec_compiler.graph.node import Node
from spec_compiler.language.layer_names import is_automatic
from spec_compiler.plan import Plan

How = Literal["name", "structure"]
SECOND = Origin("second model")

Signature = Callable[[LayerSpec], Hashable]
Checksums = dict[str, tuple[str, ...]]  # of each layer's weights, in order


@dataclass(frozen=True)
class Match:
    """One layer of the first model and the one of the second that it became, and how that was found."""

    before: str
    after: str
    how: How
    same_weights: bool | None = None  # bit for bit; None where they were not read or there are none


@dataclass(frozen=True)
class Comparison:
    """What differs between two models. In the plan, matched layers of the second have their names in the first."""

    plan: Plan
    matches: tuple[Match, ...]

    def count(self, how: How) -> int:
        """How many layers were matched so."""
        return sum(match.how == how for match in self.matches)

    @property
    def summary(self) -> str:
        """How the layers were matched, in one line."""
        left = self.plan.count("dropped"), self.plan.count("new")
        by_name = self.count("name")
        text = f"matched {by_name} layer{'s' if by_name != 1 else ''} by name, {self.count('structure')} by structure"
        return f"{text}; {left[0]} only in the first model, {left[1]} only in the second"

    @property
    def weights_summary(self) -> str | None:
        """Whether the matched layers hold the same weights, in one line; None where none were read."""
        same = sum(match.same_weights is True for match in self.matches)
        other = [match.before for match in self.matches if match.same_weights is False]
        if not same and not other:
            return None
        names = f": {', '.join(other[:6])}{' …' if len(other) > 6 else ''}" if other else ""
        return f"the same bit for bit in {same} layer{'s' if same != 1 else ''}, different in {len(other)}{names}"

    @property
    def renamed(self) -> tuple[Match, ...]:
        """The matches whose names differ."""
        return tuple(match for match in self.matches if match.before != match.after)

    def to_json(self) -> list[dict[str, str | bool]]:
        """The matches as plain data."""
        return [
            {"before": match.before, "after": match.after, "by": match.how}
            | ({} if match.same_weights is None else {"same_weights": match.same_weights})
            for match in self.matches
        ]


def compare(
    before: Graph,
    after: Graph,
    name: str | None = None,
    stored: tuple[Checksums, Checksums] | None = None,
) -> Comparison:
    """The second model as a change of the first; `stored` are the checksums of the weights of both.

    How each of the two came about does not count: what a spec changed in it is no change from one to the other.

    >>> empty = Graph("empty", {}, {}, (), ())
    >>> compare(empty, empty).summary
    'matched 0 layers by name, 0 by structure; 0 only in the first model, 0 only in the second'
    """
    before, after = _as_it_is(before), _as_it_is(after)
    matches = tuple(match_layers(before, after))
    if stored is not None:
        matches = tuple(_with_weights(match, *stored) for match in matches)
    plan = Plan(name or f"{before.name} → {after.name}", before, _as_edited(before, after, matches))
    return Comparison(plan, matches)


def _as_it_is(model: Graph) -> Graph:
    """The model less what it says of the edits that made it."""
    # Else a layer that a spec made in the first model would count as new in a comparison of the two.
    layers = {name: replace(layer, origin=BASE, changed_by=None, adapter=None) for name, layer in model.layers.items()}
    return replace(model, layers=layers, removed={})


def _with_weights(match: Match, before: Checksums, after: Checksums) -> Match:
    old, new = before.get(match.before), after.get(match.after)
    return match if old is None or new is None else replace(match, same_weights=old == new)


def match_layers(before: Graph, after: Graph) -> Iterator[Match]:
    """The pairs of layers that are the same, in the order of the first model."""
    matches: dict[str, Match] = {}
    for name, layer in before.layers.items():
        other = after.layers.get(name)
        if other is not None and _same_name(layer, other):
            matches[name] = Match(name, name, "name")
    # The surest first: what is the same to the last argument becomes an anchor, between which the next looks.
    for signature in (_exact, _weights, _class):
        for old, new in _gaps(before, after, matches):
            for one, other_name in _aligned(before, after, old, new, signature):
                matches[one] = Match(one, other_name, "structure")
    order = {name: index for index, name in enumerate(before.calls)}
    yield from sorted(matches.values(), key=lambda match: order[match.before])


def _same_name(layer: LayerSpec, other: LayerSpec) -> bool:
    """Whether equal names mean the same layer: names that Keras numbers by itself do only if the weights agree too."""
    if layer.class_name != other.class_name or layer.kind != other.kind:
        return False
    return not is_automatic(layer.name, layer.class_name) or layer.kind == "input" or _weights(layer) == _weights(other)


def _class(layer: LayerSpec) -> Hashable:
    return layer.class_name, layer.kind


def _weights(layer: LayerSpec) -> Hashable:
    return _class(layer), tuple(variable.shape for variable in layer.variables or ())


def _exact(layer: LayerSpec) -> Hashable:
    # As text, because configs hold lists and mappings, which cannot be hashed.
    own = {key: value for key, value in layer.arguments.items() if key not in ("name", "trainable")}
    return _weights(layer), json.dumps(own, sort_keys=True, default=str)


def _gaps(before: Graph, after: Graph, matches: Mapping[str, Match]) -> list[tuple[list[str], list[str]]]:
    """The runs of unmatched layers that lie behind the same matched one in both models, or before all of them."""
    old = _runs(before, {name: name for name in matches})
    new = _runs(after, {match.after: match.before for match in matches.values()})
    return [(old[anchor], new[anchor]) for anchor in old if anchor in new]


def _runs(graph: Graph, anchors: Mapping[str, str]) -> dict[str, list[str]]:
    """The runs of layers that are no anchors, by what the anchor before each is called in the first model."""
    runs: dict[str, list[str]] = {}
    anchor = ""
    for name in graph.calls:
        if name in anchors:
            anchor = anchors[name]
        else:
            runs.setdefault(anchor, []).append(name)
    return runs


def _aligned(
    before: Graph, after: Graph, old: Sequence[str], new: Sequence[str], signature: Signature
) -> Iterator[tuple[str, str]]:
    lefts = [signature(before.layers[name]) for name in old]
    rights = [signature(after.layers[name]) for name in new]
    # `SequenceMatcher` begins at the longest block and is quadratic: what is equal at both ends is settled before.
    start = 0
    while start < min(len(lefts), len(rights)) and lefts[start] == rights[start]:
        start += 1
    end = 0
    while end < min(len(lefts), len(rights)) - start and lefts[-1 - end] == rights[-1 - end]:
        end += 1
    yield from zip(old[:start], new[:start], strict=True)
    matcher = SequenceMatcher(None, lefts[start : len(lefts) - end], rights[start : len(rights) - end], autojunk=False)
    for block in matcher.get_matching_blocks():
        for index in range(block.size):
            yield old[start + block.a + index], new[start + block.b + index]
    yield from zip(old[len(old) - end :], new[len(new) - end :], strict=True)


def _as_edited(before: Graph, after: Graph, matches: Sequence[Match]) -> Graph:
    """The second model under the first one's names; what matches nothing is new."""
    names = {match.after: match.before for match in matches}
    matched = set(names)
    used = set(names.values())
    for name in after.layers:
        if name not in matched:
            fresh = name
            while fresh in used:  # no layer of either has a space in its name, which Keras allows but nobody writes
                fresh += " (second)"
            names[name] = fresh
            used.add(fresh)
    numbers = {call: index for calls in after.calls.values() for index, call in enumerate(calls)}

    def node_name(node: Node) -> str:
        """As the first model numbers its calls, so that the same calls have the same names."""
        layer = names[node.layer]
        calls_before = before.calls.get(layer, ()) if node.layer in matched else ()
        is_single = len(after.calls[node.layer]) == 1 and len(calls_before) <= 1
        return layer if is_single else f"{layer}@{numbers[node.name]}"

    edited = after.relabelled(names, {node.name: node_name(node) for node in after.nodes.values()})
    origins = {names[name]: BASE if name in matched else SECOND for name in after.layers}
    layers = {name: replace(layer, origin=origins[name]) for name, layer in edited.layers.items()}
    return replace(edited, layers=layers)
