"""What of the training sections can be known from the spec and the edited graph alone: no data, no framework."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits.freezing import normalizes
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.low_rank import held
from spec_compiler.graph.trainable import with_ties_open
from spec_compiler.spec import Spec
from spec_compiler.spec.phase import PlannedPhase, PlannedStage
from spec_compiler.training.best import fit_problems
from spec_compiler.training.groups import group_problems, planned_groups
from spec_compiler.training.image_data import image_problems
from spec_compiler.training.loss import loss_problems, metric_problems
from spec_compiler.training.pointless import pointless_in_phase, pointless_sections
from spec_compiler.training.reported import monitor_problems
from spec_compiler.training.sweep_measure import sweep_problems
from spec_compiler.training.unfreezing import stages_of_phase, unfreezing_problems


def check_training(spec: Spec, graph: Graph) -> None:
    """Proves that the phases name layers, that each trains something, and that data, loss and metrics fit the model.

    `graph` is the edited model, its layers built.

    Raises:
        SpecError: SC102, SC103, SC201 and the other errors of a selector, SC604, SC605, SC607; paths from the spec.
    """
    problems = [*_sections(spec), *pointless_sections(spec, graph), *_phases(spec, graph)]
    if spec.train and spec.compile is not None and spec.data is not None:
        problems += (*fit_problems(spec, graph), *monitor_problems(spec, graph))
        problems += sweep_problems(spec, graph)
    takes_images = spec.train and spec.data is not None and spec.data.is_folder
    images = [*image_problems(spec, graph)] if takes_images else []
    problems += images
    # where the model takes no images at all, what its loss computes with is no longer the question
    if spec.compile is not None and not any(problem.code == "SC604" for problem in images):
        problems += loss_problems(spec, graph)
        problems += metric_problems(spec, graph)
    problems += group_problems(spec, [*_phase_graphs(spec, graph)], graph)
    if problems:
        raise SpecError(problems)


def check_sections(spec: Spec) -> None:
    """Proves that a run has what it needs, by the spec alone: for a base of which nothing is known yet.

    Raises:
        SpecError: SC102, SC103.
    """
    if problems := [*_sections(spec)]:
        raise SpecError(problems)


def trainable_layers(spec: Spec, graph: Graph, index: int) -> frozenset[str]:
    """The names of the layers that train in a phase, a nested model's where something inside of it does.

    Raises:
        SpecError: as `graph_of_phase`.
    """
    return frozenset(name for name, layer in graph_of_phase(spec, graph, index).layers.items() if layer.trainable)


def graph_of_phase(spec: Spec, graph: Graph, index: int) -> Graph:
    """The edited model with all that trains at some time in a phase: what it has unfrozen at its end.

    Raises:
        SpecError: as `stages_of_phase`.
    """
    return stages_of_phase(spec, graph, index)[-1].graph


def planned_phases(spec: Spec, graph: Graph) -> tuple[PlannedPhase, ...]:
    """Each phase with how many parameters of the edited model train in it.

    Raises:
        SpecError: as `graph_of_phase`.
    """
    planned = []
    for index, phase in enumerate(spec.train):
        first, *others = found = stages_of_phase(spec, graph, index)
        groups = planned_groups(spec, graph, found[-1].graph, phase.optimizer)
        unfreezes = tuple(PlannedStage(each.epoch + 1, each.layers, _num_trained_in(each.graph)) for each in others)
        planned.append(PlannedPhase(phase.phase, phase.epochs, _num_trained_in(first.graph), groups, unfreezes))
    return tuple(planned)


def _num_trained_in(graph: Graph) -> int:
    return sum(counts_of_trained(graph).values())


def counts_of_trained(graph: Graph) -> dict[str, int]:
    """For each layer how many of its parameters change with the gradient, each variable once however many hold it."""
    graph = with_ties_open(graph)
    shared = {layer.name for layer in graph.tied_layers}
    # what a frozen layer holds as well, none trains
    tied = {place for layer in graph.tied_layers if not layer.trainable for place in layer.tied}
    counts = {}
    for name, layer in graph.layers.items():
        if layer.trainable and name in shared:
            own = {layer.stored.at(each): each.num_elements for each in _trained(layer)}
            counts[name] = sum(size for place, size in own.items() if place not in tied)
            tied |= own.keys()
        elif layer.trainable:
            counts[name] = _num_trained(layer, graph.inference)
    return counts


def _num_trained(layer: LayerSpec, inference: bool) -> int:
    if layer.inner is not None:
        return sum(_num_trained(each, inference) for each in layer.inner.layers.values() if each.trainable)
    if inference and normalizes(layer.class_name):
        return 0
    return sum(weight.num_elements for weight in _trained(layer))


def _trained(layer: LayerSpec) -> tuple[VariableSpec, ...]:
    kept = tuple(held(layer))
    return tuple(each for each in layer.weights if each.trainable and each not in kept)


def _sections(spec: Spec) -> Iterator[Diagnostic]:
    if not spec.train:
        if spec.data is not None:
            help = "add `train: [{phase: main, epochs: 5}]`, which `spec-compiler train` runs, or leave it out"
            message = "nothing uses `data`, this spec has no `train`"
            yield Diagnostic("SC312", message, ("data",), at_key=True, help=help)
        if spec.fit is not None:
            help = "add `train: [{phase: main, epochs: 5}]`, which `spec-compiler train` runs, or leave it out"
            yield Diagnostic("SC312", "nothing uses `fit`, this spec has no `train`", ("fit",), at_key=True, help=help)
        return
    for name, example in (("data", "data: {train: FOLDER, validation: 0.2}"), ("compile", _COMPILE)):
        if getattr(spec, name) is None:
            yield Diagnostic("SC102", f"`train` needs the section `{name}`", ("train",), at_key=True,
                             help=f"add `{example}`")  # fmt: skip
    seen: set[str] = set()
    for index, phase in enumerate(spec.train):
        if phase.phase in seen:
            help = f"write another name, for example `{phase.phase}_{index + 1}`"
            yield Diagnostic("SC103", f"two phases are called `{phase.phase}`", ("train", index, "phase"), help=help)
        seen.add(phase.phase)


def _phase_graphs(spec: Spec, graph: Graph) -> Iterator[Graph]:
    """What trains in each phase that can be said."""
    for index in range(len(spec.train)):
        with contextlib.suppress(SpecError):  # which is told of the phase
            yield graph_of_phase(spec, graph, index)


_COMPILE = "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}"


def _phases(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    for index, phase in enumerate(spec.train):
        try:
            found = stages_of_phase(spec, graph, index)
        except SpecError as error:
            yield from error.under("train", index).diagnostics
            continue
        trained = found[0].graph
        if problems := [*pointless_in_phase(spec, graph, index)]:
            yield from problems
            continue
        path: Path = ("train", index)
        if not any(counts_of_trained(trained).values()):
            message = f"the phase `{phase.phase}` begins with every layer with weights frozen, it would train nothing"
            help = "name in `unfreeze` what it is to train, or add a `head`"
            if phase.freeze is not None:
                path = (*path, "freeze")
                message = f"the phase `{phase.phase}` freezes every layer with weights, it would train nothing"
                help = "leave some layers out of the selector, or add a `head`"
            yield Diagnostic("SC607", message, path, help=help)
        yield from unfreezing_problems(spec, found, index)
