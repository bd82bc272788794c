"""What `prune` and `widen` share: which channels are meant, which of them can go, and the graph after that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spec_compiler.adapters.narrowed import Narrowed, Widened
from spec_compiler.adapters.which import Ranked, Which
from spec_compiler.channels.atoms import Array, LayerPath, Reason
from spec_compiler.channels.choice import how_many
from spec_compiler.channels.group import Group
from spec_compiler.channels.groups import Channels
from spec_compiler.channels.importance import By, is_gamma
from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.narrowed_graph import narrowed
from spec_compiler.edits.own_channels import HEADS, alike, number_of, part_of, per_root, roots_of
from spec_compiler.graph import Graph, LeftOut
from spec_compiler.graph.group_change import GroupChange
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.resolve import resolve, resolve_one
from spec_compiler.language.selectors import Selector

_Choose = Callable[[str, Group, Sequence[int]], str | None]  # of a layer, in a group, channels: why not


@dataclass
class Narrowing:
    """One edit while its channels are chosen."""

    before: Graph
    channels: Channels
    origin: Origin
    inexact: bool = False  # whether channels may go though no masked model is equal
    fixed: dict[int, int] = field(default_factory=dict)
    ranked: list[Ranked] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    done: dict[int, str | None] = field(default_factory=dict)  # by channel, why one that was asked for stays as it is
    how: str = ""

    @classmethod
    def of(cls, graph: Graph, origin: Origin, inexact: bool = False) -> Narrowing:
        """The edit on a graph whose shapes are known, before anything is chosen."""
        assert graph.shaped is not None
        return cls(graph, Channels.of(graph.shaped.graph), origin, inexact)

    # what is chosen

    def keep(self, selector: Selector, nodes: Sequence[str], keep: float | int, round_to: int, by: By) -> None:
        """Ranks the channels of layers, of which a share or a number stays.

        Raises:
            SpecError: SC323 a layer named by itself that cannot get fewer, or none of several can; paths relative to
                the selector.
        """
        self.how = "drawn at random" if by == "random" else f"chosen by {by}"

        def ranked(layer: str, group: Group, asked: Sequence[int]) -> str | None:
            if by == "gamma" and not any(is_gamma(use) for use in group.uses):
                return _NO_GAMMA
            stay = self._stays(group)
            roots = [root for root in asked if root not in stay]
            parts = list(alike(self.channels, group, np.array(roots, dtype=np.intp)))
            each = per_root(self.channels, layer, group)
            number = keep if isinstance(keep, float) else part_of(self.channels, keep, layer, group)
            wanted = number if isinstance(keep, float) else max(1, round(number / each))
            share = wanted if isinstance(wanted, float) or len(parts) == 1 else wanted / len(roots)
            stays = [how_many(len(part), share, -(-round_to // each)) for part in parts]
            if sum(stays) == len(roots):
                return f"{_ALL_STAY}{len(roots) * each} channels stay"
            self.ranked += [
                Ranked(group, tuple(part.tolist()), number, by) for part, number in zip(parts, stays, strict=True)
            ]
            return None

        self._each(selector, nodes, ranked)

    def drop(self, layer: str, numbers: Sequence[int]) -> None:
        """Takes out the channels of a layer that have these numbers.

        Raises:
            SpecError: SC201 and the others of a name that is no layer's, SC323; paths relative to the mapping's value.
        """
        self.how = "given by their numbers"
        try:
            selector = Selector.parse(layer)
            name = self.before.nodes[resolve(selector, self.before)[0]].layer
            if not _is_name(selector):
                resolve_one(selector, self.before, "`channels`")
        except SpecError as error:
            raise SpecError(replace(each, path=(), at_key=True) for each in error.diagnostics) from None
        line = self.channels.line_of(name)
        groups = self.channels.groups_of(name)
        if line is None or not groups:
            raise self._refused(name, self._why_none(name), (), at_key=True)
        beyond = next((at for at, number in enumerate(numbers) if number >= len(line)), None)
        if beyond is not None:
            message = f"`{name}` has {len(line)} channels, from 0 to {len(line) - 1}"
            raise SpecError.single("SC323", message, path=(beyond,))
        of_root = {int(root): group for group in groups for root in group.channels}
        for at, number in enumerate(numbers):
            root = int(self.channels.root[line[number]])
            group = of_root.get(root)
            why = "it stays whatever leaves" if group is None else self._reason(group, [root])
            if why is not None:
                raise self._refused(name, why, (at,))
            self.fixed[root] = 0
        for group in groups:
            if self.fixed.keys() >= set(group.channels.tolist()):
                raise self._refused(name, "none of its channels would stay", (), at_key=True)

    def widen(self, selector: Selector, nodes: Sequence[str], to: int) -> None:
        """Copies the channels of layers, in turns, until there are that many.

        Raises:
            SpecError: SC323, paths relative to the selector.
        """
        self.how = "each copied in turns"

        def copied(layer: str, group: Group, asked: Sequence[int]) -> str | None:
            each = per_root(self.channels, layer, group)
            there = sum(self.fixed.get(root, 1) for root in roots_of(self.channels, layer, group))
            number, wanted = number_of(self.channels, layer, group), part_of(self.channels, to, layer, group)
            if wanted <= there * each:
                return f"it has {number}{_ALREADY}"
            if wanted % 1:
                return f"its channels come from several layers, which cannot make {to} of {number} in equal parts"
            if wanted % each:
                return f"its channels come in groups of {each}"
            times, more = divmod(int(wanted) // each - there + len(asked), len(asked))
            if group.uneven and more:
                return f"all must be copied equally often, {next(iter(group.uneven.values())).text}"
            for at, root in enumerate(asked):
                self.fixed[root] = times + (at < more)
            return None

        self._each(selector, nodes, copied)

    def _each(self, selector: Selector, nodes: Sequence[str], choose: _Choose) -> None:
        """Chooses in the groups of all layers that are meant, each once; what cannot be is told or listed."""
        layers = list(dict.fromkeys(self.before.nodes[name].layer for name in nodes))
        is_one = _is_name(selector)
        left: list[tuple[str, str]] = []
        num_chosen = 0
        for layer in layers:
            groups = self._groups_of(layer, is_one)
            if groups is None:
                continue
            if not groups:
                left.append((layer, self._why_none(layer)))
            for group in groups:
                roots = roots_of(self.channels, layer, group)
                asked = [root for root in roots if root not in self.done]  # others of a group may be another layer's
                if asked or not roots:
                    why = self._reason(group, asked) or choose(layer, group, asked)
                    self.done.update(dict.fromkeys(asked, why))
                    num_chosen += why is None
                reasons = [self.done[root] for root in roots]
                if None not in reasons:
                    left.append((layer, reasons[0] or ""))
        if not num_chosen:
            if not left:
                message = f"`{selector.text}` selects no layer that makes channels"
                raise SpecError.single("SC323", message, path=_path(selector))
            if len(left) > 1:
                message = f"none of the {len(left)} layers of `{selector.text}` can be {self._done_to}"
                notes = [f"`{layer}`: {_said(why)}" for layer, why in left[:3]]
                help = _FEWER if all(why.startswith(_ALL_STAY) for _, why in left) else None
                raise SpecError.single("SC323", message, path=_path(selector), notes=notes, help=help)
        if (is_one or not num_chosen) and left:
            raise self._refused(*left[0], _path(selector))
        self.left += [LeftOut(layer, _said(why), self.origin) for layer, why in left]

    @property
    def _done_to(self) -> str:
        return "pruned" if self.origin.section == "prune" else "widened"

    def _groups_of(self, layer: str, is_one: bool) -> tuple[Group, ...] | None:
        """The groups of what a layer makes; None of one that makes nothing by itself and is not named by itself."""
        if self.channels.line_of(layer, HEADS) is not None:
            return self.channels.groups_of(layer, HEADS)
        groups = self.channels.groups_of(layer)
        if is_one:
            return groups
        made = [group for group in groups if any(use.role == "makes" and use.layer[0] == layer for use in group.uses)]
        has_kernel = any("kernel" in each.path for each in self.before.layers[layer].weights)
        return tuple(made) if made or has_kernel else None

    # why not

    def _stays(self, group: Group) -> Mapping[int, Reason]:
        """The channels of a group that cannot leave, or that have no copies, and why."""
        if self.origin.section == "widen":
            return {**group.unwidenable, **group.pinned}
        return {**({} if self.inexact else group.mixed), **group.pinned}

    def _reason(self, group: Group, roots: Sequence[int]) -> str | None:
        """Why some channels cannot be changed: of those that leave where none can, of copies where one has none."""
        if not roots:
            return "it makes no channels"
        stays = self._stays(group)
        found = [stays[root].text for root in roots if root in stays]
        is_refused = len(found) == len(roots) or (found and self.origin.section == "widen")
        return found[0] if is_refused else None

    def _why_none(self, layer: str) -> str:
        does = self.channels.found.ruleless.get((layer,))
        return f"it {does}" if does else "nothing of what it puts out can leave"

    def _refused(self, layer: str, why: str, path: Path, at_key: bool = False) -> SpecError:
        message = f"`{layer}` cannot be {self._done_to}: {_said(why)}"
        help = "what goes in and out keeps its size: name other layers" if why.startswith(_END) else None
        help = "choose by what makes them, with `by: l1`" if why == _NO_GAMMA else help
        help = _FEWER if why.startswith(_ALL_STAY) else help
        help = "write a larger number; `prune` takes channels out" if why.endswith(_ALREADY) else help
        group = self.channels.group_of(layer) if layer in self.before.layers else None
        if group is not None and group.mixed and not group.pinned and self.origin.section == "prune":
            help = "`inexact: allow` prunes it all the same, no masked model equals the result then"
        return SpecError.single("SC323", message, path=path, at_key=at_key, help=help)

    # the graph after it

    def graph(self) -> Graph:
        """The graph with other numbers of channels."""
        kind = Widened if self.origin.section == "widen" else Narrowed
        assert self.before.shaped is not None
        shaped = self.before.shaped.graph
        which = Which(self.channels, shaped.layers, dict(self.fixed), tuple(self.ranked))
        counts = which.example
        changes = list(self._changes(counts))
        mixed = next((each.inexact for each in changes if each.inexact), "")

        def adapter(layer: LayerSpec, rearranged: bool) -> Narrowed:
            return kind(self.origin, layer, which, self.how, mixed, rearranged)

        graph = narrowed(self.before, self.channels, counts, self.origin, adapter)
        return replace(graph, left=(*graph.left, *self.left), groups=(*graph.groups, *changes))

    def _changes(self, counts: Array) -> Iterator[GroupChange]:
        for group in self.channels.groups:
            before, after = len(group.channels), int(counts[group.channels].sum())
            if (counts[group.channels] == 1).all():
                continue
            gone = [root for root in group.channels.tolist() if counts[root] != 1]
            mixed = next((group.mixed[root].text for root in gone if root in group.mixed), "")
            if self.origin.section == "widen":
                mixed = ""
            times = self._times(group)
            yield GroupChange(
                tuple(map("/".join, group.makers)),
                tuple(map("/".join, group.readers)),
                before * times,
                after * times,
                self.how,
                mixed,
                len(group.variables),
                self.origin,
            )

    def _times(self, group: Group) -> int:
        """How many channels of its first maker each channel of a group is."""
        maker: LayerPath = group.makers[0]
        if group.unit == HEADS or len(maker) > 1:
            return 1
        return per_root(self.channels, maker[0], group)


def _is_name(selector: Selector) -> bool:
    return len(selector.terms) == 1 and selector.terms[0].form == "name"


def _path(selector: Selector) -> Path:
    return selector.terms[0].path if len(selector.terms) == 1 else selector.path


_NO_GAMMA = "it goes through no BatchNormalization, whose gamma is to say what counts"
_ALL_STAY, _ALREADY = "all of its ", " channels already"
_FEWER = "`keep` says how many channels stay, below 1 which share: write `keep: 0.5` for a half"
_END = "the model's "  # begins the reason of what is one of its ends


def _said(why: str) -> str:
    """A reason as it goes on behind `cannot be pruned`."""
    return f"its channels are {why}" if why.startswith(_END) else why
