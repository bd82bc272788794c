"""The first layer at which an artefact departs from its model, or that an exporter does not take.

Layers inside of the model are made outputs of further artefacts: those that the last outputs depend on, and that no
output depends on which is all right. So a few exports find one among hundreds, and each still joins most layers as the
artefact itself does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spec_compiler.backend.exporting.comparing import worst
from spec_compiler.backend.exporting.subject import Array, Subject
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef

Feeds = Mapping[str, Array]  # by the names of inputs
MOST = 16  # outputs of one artefact that is made to look inside

# What an artefact of a model puts out for inputs; SC521 where there is none.
Run = Callable[[Subject, Feeds], list[Array]]
# How far off each of some nodes is, None for one that is all right.
Judge = Callable[[Subject, Feeds, Sequence[str]], Mapping[str, float | None]]


@dataclass(frozen=True)
class Departure:
    """A layer that is at fault although all that it takes is right; `outer` are the models that it is in."""

    layer: LayerSpec
    difference: float
    outer: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name, from the outermost model."""
        return "/".join((*self.outer, self.layer.name))

    @property
    def outermost(self) -> str:
        """The name of the model's own layer that it is, or is in."""
        return (*self.outer, self.layer.name)[0]


def first_departure(subject: Subject, arrays: Feeds, run: Run, tolerance: float) -> Departure | None:
    """The first layer of a model that departs; None where every one, made an output, agrees."""

    def judge(subject: Subject, arrays: Feeds, names: Sequence[str]) -> dict[str, float | None]:
        refs = [_refs(subject.graph, name) for name in names]
        inside = subject.up_to([ref for each in refs for ref in each])
        ours = inside.run(arrays)
        try:
            theirs = run(inside, arrays)
        except SpecError:  # one of them cannot be an output of an artefact: it counts as agreeing
            if len(names) == 1:
                return {names[0]: None}
            halves = names[: len(names) // 2], names[len(names) // 2 :]
            return {**judge(subject, arrays, halves[0]), **judge(subject, arrays, halves[1])}
        found: dict[str, float | None] = {}
        at = 0
        for name, each in zip(names, refs, strict=True):
            gap = worst(ours[at : at + len(each)], theirs[at : at + len(each)])
            at += len(each)
            found[name] = gap if not gap <= tolerance else None
        return found

    return _first(subject, arrays, judge, MOST)


def first_refused(subject: Subject, arrays: Feeds, run: Run) -> Departure | None:
    """The first layer of a model up to which no artefact can be made; None where there is no such one."""

    def judge(subject: Subject, arrays: Feeds, names: Sequence[str]) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for name in names:
            inside = subject.up_to(_refs(subject.graph, name))
            inside.run(arrays)  # Keras exports no model that was never called
            try:
                run(inside, arrays)
                found[name] = None
            except SpecError:
                found[name] = float("inf")
        return found

    return _first(subject, arrays, judge, 1)


def _refs(graph: Graph, name: str) -> list[ValueRef]:
    return [ValueRef(name, index) for index in range(len(graph.nodes[name].outputs))]


def _first(subject: Subject, arrays: Feeds, judge: Judge, most: int) -> Departure | None:
    found = _search(subject.graph, lambda names: judge(subject, arrays, names), most)
    if found is None:
        return None
    node, difference = found
    layer = subject.graph.layer_of(node)
    if layer.inner is not None:
        call = subject.graph.nodes[node]
        inner = Subject.of(next(each for each in subject.model.layers if each.name == call.layer))
        if len(inner.inputs) == len(call.data_inputs):
            taken = subject.up_to(call.data_inputs).run(arrays)
            inside = _first(inner, dict(zip(inner.inputs, taken, strict=True)), judge, most)
            if inside is not None:
                return Departure(inside.layer, inside.difference, (layer.name, *inside.outer))
    return Departure(layer, difference)


def _search(
    graph: Graph, judge: Callable[[Sequence[str]], Mapping[str, float | None]], most: int
) -> tuple[str, float] | None:
    """The first node, in order, that is at fault while none is on which it depends; and how far off it is."""
    known: dict[str, float | None] = {}
    suspects = [name for name in graph.nodes if graph.layer_of(name).kind != "input"]
    suspects = _before(graph, {ref.node for ref in graph.output_refs}, suspects)
    while unknown := [name for name in suspects if name not in known]:
        at = np.linspace(0, len(unknown) - 1, min(most, len(unknown))) if most > 1 else [len(unknown) // 2]
        known |= judge([unknown[index] for index in np.unique(np.round(at).astype(int))])
        right = set(_before(graph, [name for name, gap in known.items() if gap is None], suspects))
        suspects = [name for name in suspects if name not in right]
        wrong = next((name for name in suspects if known.get(name) is not None), None)
        if wrong is not None:
            suspects = _before(graph, [wrong], suspects)
    return next(((name, gap) for name in suspects if (gap := known.get(name)) is not None), None)


def _before(graph: Graph, ends: Iterable[str], among: Sequence[str]) -> list[str]:
    """Those of some nodes that others depend on, and the others themselves."""
    found = graph.ancestors(ends)
    return [name for name in among if name in found]
