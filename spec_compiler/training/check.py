"""What of the training sections can be known from the spec and the edited graph alone: no data, no framework."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.freezing import normalizes
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.spec import Spec
from spec_compiler.spec.phase import PlannedPhase
from spec_compiler.training.image_data import image_problems
from spec_compiler.training.loss import loss_problems, metric_problems
from spec_compiler.training.reported import monitor_problems


def check_training(spec: Spec, graph: Graph) -> None:
    """Proves that the phases name layers, that each trains something, and that data, loss and metrics fit the model.

    `graph` is the edited model, its layers built.

    Raises:
        SpecError: SC102, SC103, SC201 and the other errors of a selector, SC604, SC605, SC607; paths from the spec.
    """
    problems = [*_sections(spec), *_phases(spec, graph)]
    if spec.train and spec.compile is not None and spec.data is not None:
        problems += monitor_problems(spec, graph)
    images = [*image_problems(spec, graph)] if spec.data is not None and not spec.data.is_code else []
    problems += images
    # where the model takes no images at all, what its loss computes with is no longer the question
    if spec.compile is not None and not any(problem.code == "SC604" for problem in images):
        problems += loss_problems(spec, graph)
        problems += metric_problems(spec, graph)
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
    """The names of the layers that train in a phase.

    A phase with `freeze` leaves exactly those out, and new layers that say `trainable: false` themselves; one without
    takes what the section `freeze` left.

    Raises:
        SpecError: as `resolve`, paths relative to the phase's `freeze`.
    """
    freeze = spec.train[index].freeze
    if freeze is None:
        return frozenset(name for name, layer in graph.layers.items() if layer.trainable)
    frozen = freeze.frozen(graph)
    return frozenset(name for name, layer in graph.layers.items() if name not in frozen and not _says_frozen(layer))


def planned_phases(spec: Spec, graph: Graph) -> tuple[PlannedPhase, ...]:
    """Each phase with how many parameters of the edited model train in it.

    Raises:
        SpecError: as `trainable_layers`.
    """
    phases = []
    for index, phase in enumerate(spec.train):
        layers = [graph.layers[name] for name in trainable_layers(spec, graph, index)]
        inference = inference_only(spec, index)
        phases.append(PlannedPhase(phase.phase, phase.epochs, sum(_num_trained(layer, inference) for layer in layers)))
    return tuple(phases)


def inference_only(spec: Spec, index: int) -> bool:
    """Whether a phase keeps every BatchNormalization in inference mode."""
    freeze = spec.train[index].freeze
    freezes = [freeze] if freeze is not None else [section.root for _, section in spec.said(Freeze)]
    return any(each.batch_norm == "all" for each in freezes)


def _num_trained(layer: LayerSpec, inference: bool) -> int:
    if layer.inner is not None and inference:
        return sum(_num_trained(inner, inference) for inner in layer.inner.layers.values())
    if inference and normalizes(layer.class_name):
        return 0
    return sum(weight.num_elements for weight in layer.weights if weight.trainable)


def _says_frozen(layer: LayerSpec) -> bool:
    return layer.is_new and layer.arguments.get("trainable") is False


def _sections(spec: Spec) -> Iterator[Diagnostic]:
    if not spec.train:
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


_COMPILE = "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}"


def _phases(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    for index, phase in enumerate(spec.train):
        try:
            names = trainable_layers(spec, graph, index)
        except SpecError as error:
            yield from error.under("train", index, "freeze").diagnostics
            continue
        if not any(weight.trainable for name in names for weight in graph.layers[name].weights):
            path: Path = ("train", index) + (("freeze",) if phase.freeze is not None else ())
            by = "freezes" if phase.freeze is not None else "inherits from `freeze`"
            message = f"the phase `{phase.phase}` {by} every layer with weights, it would train nothing"
            yield Diagnostic("SC607", message, path, help="leave some layers out of the selector, or add a `head`")
