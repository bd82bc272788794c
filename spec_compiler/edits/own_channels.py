"""Which channels of a group are a layer's own, and how many channels of the layer each of them is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spec_compiler.channels.atoms import Array
from spec_compiler.channels.group import Group
from spec_compiler.channels.groups import Channels

HEADS = "heads"  # of attention: they are what it makes by itself, its channels are those of what it is added to


def roots_of(channels: Channels, layer: str, group: Group) -> list[int]:
    """The channels of a layer that are in a group."""
    unit = HEADS if channels.line_of(layer, HEADS) is not None else "channels"
    own = set(channels.channels_of(layer, unit).tolist())
    return [root for root in group.channels.tolist() if root in own]


def per_root(channels: Channels, layer: str, group: Group) -> int:
    """How many of a layer's channels leave as one: a whole group of a convolution in groups."""
    line = channels.line_of(layer)
    roots = roots_of(channels, layer, group)
    if line is None or group.unit == HEADS:
        return 1
    return max(1, int(np.isin(channels.root[line], roots).sum()) // max(1, len(roots)))


def number_of(channels: Channels, layer: str, group: Group) -> int:
    """How many channels a layer has, those of other groups too, as of a Bidirectional's two layers."""
    line = None if group.unit == HEADS else channels.line_of(layer)
    return len(group.channels) if line is None else len(line)


def part_of(channels: Channels, number: int, layer: str, group: Group) -> float:
    """Of so many channels of a layer as many as come from a group, by its share of those that it has."""
    own = len(roots_of(channels, layer, group)) * per_root(channels, layer, group)
    return number * own / number_of(channels, layer, group)


def alike(channels: Channels, group: Group, roots: Array) -> Iterator[Array]:
    """The channels in parts: those of one have equally many places in every variable, any may go for another."""
    size = len(channels.root)
    places = [np.bincount(channels.root[use.line], minlength=size)[roots] for use in group.uses]
    if all((each == each[:1]).all() for each in places):  # as nearly always, and sorting them takes a while
        yield roots
        return
    kinds = np.unique(np.stack(places), axis=1, return_inverse=True)[1].reshape(-1)
    for kind in range(kinds.max() + 1):
        yield roots[kinds == kind]
