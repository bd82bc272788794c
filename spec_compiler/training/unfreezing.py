"""What a phase trains, epoch by epoch: all at once, or one stage of the frozen part after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, Path, under
from spec_compiler.edits.freezing import normalizes, unfrozen
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.leaves import leaves
from spec_compiler.graph.stages import stages
from spec_compiler.graph.trainable import with_thawed
from spec_compiler.spec import Spec


class Stage(NamedTuple):
    """From one epoch of a phase on: the model with what trains, and the layers that it unfreezes.

    `epoch` is how many epochs of the phase were before.
    """

    epoch: int
    graph: Graph
    layers: tuple[str, ...] = ()


def stages_of_phase(spec: Spec, graph: Graph, index: int) -> tuple[Stage, ...]:
    """What trains in a phase, in order of its epochs: the sections' state, its `freeze`, its `unfreeze`, its stages.

    Each phase is by itself, whatever those before it froze. Stages that the phase is too short for are left out.

    Raises:
        SpecError: as `resolve`, paths relative to the phase.
    """
    phase = spec.train[index]
    if phase.freeze is not None:
        with under("freeze"):
            graph = phase.freeze.apply(graph)
    if phase.unfreeze is not None:
        with under("unfreeze"):
            graph = unfrozen(phase.unfreeze, graph)
    found = [Stage(0, graph)]
    for number, layers in enumerate(frozen_stages(graph) if phase.unfreeze_every is not None else (), 1):
        epoch = number * (phase.unfreeze_every or 1)
        if epoch >= phase.epochs:
            break
        graph = with_thawed(graph, layers, lambda layer: _stays(layer, found[0].graph))
        found.append(Stage(epoch, graph, layers))
    return tuple(found)


def frozen_stages(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The frozen layers with weights of each stage that has some, from the output back."""
    frozen = {
        name for name, layer in leaves(graph) if not layer.trainable and layer.weights and not _stays(layer, graph)
    }
    found = (tuple(name for name in stage if name in frozen) for stage in reversed(stages(graph)))
    return tuple(each for each in found if each)


def unfreezing_problems(spec: Spec, found: tuple[Stage, ...], index: int) -> Iterator[Diagnostic]:
    """SC310 for an `unfreeze_every` that unfreezes nothing."""
    phase = spec.train[index]
    path: Path = ("train", index, "unfreeze_every")
    if phase.unfreeze_every is None or len(found) > 1:
        return
    if not frozen_stages(found[0].graph):
        message = f"the phase `{phase.phase}` freezes nothing that `unfreeze_every` could unfreeze"
        yield Diagnostic("SC310", message, path, at_key=True, help="add `freeze: base` to the phase, or leave it out")
        return
    message = f"the phase `{phase.phase}` is over after {phase.epochs} epochs, before anything is unfrozen"
    help = f"write more than `epochs: {phase.unfreeze_every}`, or a smaller number here"
    yield Diagnostic("SC310", message, path, help=help)


def _stays(layer: LayerSpec, graph: Graph) -> bool:
    return graph.inference and normalizes(layer.class_name)
