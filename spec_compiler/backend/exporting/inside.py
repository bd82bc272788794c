"""Where a file departs inside, by what flows in it: for artefacts that somebody else made, or that were damaged.

Each layer's output is looked for among the tensors of the file, whatever they are called and however they are laid out.
A converter joins layers, so one that is not found says nothing where something behind it is; the first with nothing
behind it is where the file goes another way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from spec_compiler.backend.exporting.comparing import relative
from spec_compiler.backend.exporting.departing import Departure
from spec_compiler.backend.exporting.subject import Array, Subject
from spec_compiler.graph.node import Node, ValueRef

_SOME = 4  # of a tensor of fewer numbers another one may be the same by chance


def first_not_found(
    subject: Subject, feeds: Mapping[str, Array], tensors: Sequence[Array], tolerance: float
) -> Departure | None:
    """The first layer that nothing in the file puts out, nor anything behind it; None where the outputs are found."""
    graph = subject.graph
    names = [name for name in graph.nodes if graph.layer_of(name).kind != "input"]
    refs = [ValueRef(name) for name in names]
    ours = dict(zip(names, subject.up_to(refs).run(feeds), strict=True))
    by_size: dict[int, list[Array]] = defaultdict(list)
    for each in tensors:
        if each.dtype.kind in "fiu" and each.size >= _SOME:
            by_size[each.size].append(each)
    nearest = {name: _nearest(each, by_size[each.size]) for name, each in ours.items() if each.dtype.kind in "fiu"}
    found = graph.ancestors(name for name, gap in nearest.items() if gap <= tolerance)
    for name in names:
        node = graph.nodes[name]
        if name in found or name not in nearest or ours[name].size < _SOME:
            continue
        if all(ref.node in found or graph.layer_of(ref.node).kind == "input" for ref in node.inputs):
            return _within(subject, node, feeds, tensors, tolerance) or Departure(graph.layer_of(name), nearest[name])
    return None


def _within(
    subject: Subject, node: Node, feeds: Mapping[str, Array], tensors: Sequence[Array], tolerance: float
) -> Departure | None:
    """The first inside of a node that is a model; None for another one."""
    layer = subject.graph.layers[node.layer]
    if layer.inner is None:
        return None
    inner = Subject.of(next(each for each in subject.model.layers if each.name == node.layer))
    if len(inner.inputs) != len(node.data_inputs):
        return None
    taken = dict(zip(inner.inputs, subject.up_to(node.data_inputs).run(feeds), strict=True))
    found = first_not_found(inner, taken, tensors, tolerance)
    return None if found is None else Departure(found.layer, found.difference, (layer.name, *found.outer))


def _nearest(ours: Array, tensors: Sequence[Array]) -> float:
    """How far the nearest of some tensors of the same size is from an array, in any layout."""
    gaps = [relative(ours, each) for tensor in tensors for each in _layouts(tensor, ours.shape)]
    return min(gaps, default=float("inf"))


def _layouts(tensor: Array, shape: tuple[int, ...]) -> list[Array]:
    """A tensor in a shape: as it lies, and with the channels, which converters put first, at the end."""
    found = []
    if tuple(size for size in tensor.shape if size > 1) == tuple(size for size in shape if size > 1):
        found.append(tensor.reshape(shape))
    if tensor.ndim > 2:
        last = np.moveaxis(tensor, 1, -1)
        if last.shape == shape:
            found.append(last)
    return found
