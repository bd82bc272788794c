"""Which variables learn how fast, and which the weight decay leaves alone: each variable in exactly one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, under
from spec_compiler.edits.freezing import chosen, normalizes
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.leaves import depths, leaves, leaves_of, trained_variables
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import bare
from spec_compiler.language.selectors import Selector
from spec_compiler.spec import Spec
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.spec.rates import ROLES, Group

_NORMALIZATION_NAMES = ("gamma", "beta")  # of a normalization inside of a wrapper


class Grouping(NamedTuple):
    """How fast the variables of each layer learn, and which of them the weight decay leaves alone.

    Layers go by their names, `outer/inner` in a nested model; those that are not in `times` learn as the optimizer
    says. `spared` are the layers of which the weight decay leaves everything alone, `roles` what it leaves alone of
    every layer.
    """

    times: Mapping[str, float]
    spared: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def spares(self, layer: str, class_name: str, variable: str) -> bool:
        """Whether the weight decay leaves a variable alone, by its layer, the layer's class and its own name."""
        if layer in self.spared:
            return True
        return any(role in self.roles and _is(role, class_name, variable) for role in ROLES)


def grouping(compile: Compile, graph: Graph) -> Grouping | None:
    """What `compile` says of single layers of the edited model; None where it says nothing.

    With `decay_by_depth: d` a layer learns `d ** depth` times as fast as the optimizer says, where `depth` is how many
    layers with weights, normalizations left out, the longest way from it to an output still goes through: 0 for the
    last one. ULMFiT (Howard and Ruder, 2018, section 3.2) divides by 2.6 from each layer to the one before it; BEiT
    (Bao and others, 2021, appendix H) multiplies by a decay to the power of the number of blocks that still follow.
    Depth in the graph in place of a number in a list treats branches side by side alike.

    Raises:
        SpecError: SC201 and the other errors of a selector, SC108 for a layer in two entries; paths from the spec.
    """
    if not compile.has_groups:
        return None
    times: dict[str, float] = {}
    if compile.decay_by_depth is not None:
        times = {name: compile.decay_by_depth**depth for name, depth in depths(graph, _is_step).items()}
    said: dict[str, int] = {}
    for index, entry in enumerate(compile.learning_rates):
        path: Path = ("compile", "learning_rates", index, "layers")
        found = _leaves(entry.layers, graph, path)
        twice = next((name for name, _ in leaves(graph) if name in found and name in said), None)
        if twice is not None:
            other = compile.learning_rates[said[twice]].layers
            message = f"`{twice}` is in two entries, `{other.text}` and `{entry.layers.text}`"
            raise SpecError.single("SC108", message, path=path, help="take it out of one of them with `except`")
        said |= dict.fromkeys(found, index)
        times |= dict.fromkeys(found, entry.times)
    spared: set[str] = set()
    for at, each in enumerate(compile.no_weight_decay):
        if each.selector is not None:
            spared |= _leaves(each.selector, graph, ("compile", "no_weight_decay", at))
    roles = frozenset(each.role for each in compile.no_weight_decay if each.role is not None)
    return Grouping(times, frozenset(spared), roles)


def groups_of(grouping: Grouping, graph: Graph, optimizer: KerasObject) -> tuple[Group, ...]:
    """The groups of the variables that train in a phase, the fastest first; `graph` has what trains in it."""
    decays = has_weight_decay(optimizer) is not False
    found: dict[tuple[float, bool], list[tuple[str, int]]] = {}
    for name, layer, variable in trained_in(graph):
        spared = not decays or grouping.spares(name, layer.class_name, last(variable.path))
        found.setdefault((grouping.times.get(name, 1.0), not spared), []).append((name, variable.num_elements))
    return tuple(
        Group(times, decays, tuple(dict.fromkeys(name for name, _ in each)), len(each), sum(size for _, size in each))
        for (times, decays), each in sorted(found.items(), key=lambda item: (-item[0][0], not item[0][1]))
    )


def trained_in(graph: Graph) -> Iterator[tuple[str, LayerSpec, VariableSpec]]:
    """Each variable that trains in a graph, with its layer and the layer's name."""
    return trained_variables(graph, lambda layer: graph.inference and normalizes(layer.class_name))


def planned_groups(spec: Spec, graph: Graph, trained: Graph, optimizer: KerasObject | None = None) -> tuple[Group, ...]:
    """The groups that a plan shows; none where `compile` tells no variables apart. `graph` is the edited model."""
    found = grouping(spec.compile, graph) if spec.compile is not None else None
    if spec.compile is None or found is None:
        return ()
    return groups_of(found, trained, optimizer or spec.compile.optimizer)


def group_problems(spec: Spec, graphs: Sequence[Graph], graph: Graph) -> Iterator[Diagnostic]:
    """What `compile` says of single layers and is wrong or without effect; `graphs` are those of the phases."""
    compile = spec.compile
    if compile is None or not compile.has_groups:
        return
    try:
        found = grouping(compile, graph)
    except SpecError as error:
        yield from error.diagnostics
        return
    assert found is not None
    if problems := [*_tied(found, graph)]:
        yield from problems
        return
    trained = {
        (name, layer.class_name, last(variable.path))
        for each in graphs or (graph,)
        for name, layer, variable in trained_in(each)
    }
    names = {name for name, _, _ in trained}
    never = "no phase trains a weight of" if spec.train else "nothing trains of"
    for index, entry in enumerate(compile.learning_rates):
        path: Path = ("compile", "learning_rates", index, "layers")
        if not names & _leaves(entry.layers, graph, path):
            message = f"{never} what `{entry.layers.text}` matches"
            yield Diagnostic("SC310", message, path, help="leave the entry out, or let a phase train these layers")
    yield from _decay_problems(spec, graph, trained)


def _decay_problems(spec: Spec, graph: Graph, trained: set[tuple[str, str, str]]) -> Iterator[Diagnostic]:
    compile = spec.compile
    if compile is None or not compile.no_weight_decay:
        return
    optimizers = [phase.optimizer or compile.optimizer for phase in spec.train] or [compile.optimizer]
    if not any(has_weight_decay(each) is not False for each in optimizers):
        message = f"`no_weight_decay` leaves variables out of a weight decay that `{optimizers[0].name}` does not have"
        help = f"write `{optimizers[0].name}: {{weight_decay: 0.01}}` or `AdamW`, or leave it out"
        yield Diagnostic("SC310", message, ("compile", "no_weight_decay"), at_key=True, help=help)
        return
    held = {
        (name, layer.class_name, last(each.path))
        for name, layer in leaves(graph)
        for each in layer.weights
        if each.trainable
    }
    for at, each in enumerate(compile.no_weight_decay):
        path: Path = ("compile", "no_weight_decay", at)
        if each.role is not None:  # whether a phase trains some is no question: a list of both is what one writes
            if not any(Grouping({}, roles=frozenset({each.role})).spares(*one) for one in held):
                what = {"biases": "bias", "normalization": "normalization with weights"}[each.role]
                yield Diagnostic("SC310", f"the model has no {what}", path, help="leave it out")
        elif each.selector is not None:
            inside = _leaves(each.selector, graph, path)
            if not any(name in inside for name, _, _ in trained):
                never = "no phase trains" if spec.train else "nothing trains"
                message = f"{never} a weight of what `{each.text}` matches"
                yield Diagnostic("SC310", message, path, help="leave it out")


def _tied(found: Grouping, graph: Graph) -> Iterator[Diagnostic]:
    """SC108 for a variable that two layers hold which learn at two rates."""
    tied = graph.tied_layers
    for at, layer in enumerate(tied):
        for other in tied[:at]:
            rates = [found.times.get(each.name, 1.0) for each in (other, layer)]
            if layer.tied & other.tied and rates[0] != rates[1]:
                message = f"`{other.name}` and `{layer.name}` hold the same variable, which learns at one rate"
                path: Path = ("compile", "learning_rates")
                yield Diagnostic("SC108", message, path, at_key=True, help="name both in one entry, or neither")
                return


def has_weight_decay(optimizer: KerasObject) -> bool | None:
    """Whether an optimizer has a weight decay; None where only its code knows."""
    record = catalogue.class_record(optimizer.class_name, "optimizer")
    if record is None:
        return None
    keys = [key for key in record["arguments"] if key.endswith("weight_decay")]
    values = [optimizer.arguments.get(key, record["arguments"][key].get("default")) for key in keys]
    return any(values)


def last(path: str) -> str:
    """A variable's own name, of its path inside of a layer."""
    return path.rpartition("/")[2]


def _leaves(selector: Selector, graph: Graph, path: Path) -> frozenset[str]:
    with under(*path):
        found = leaves_of(chosen(selector, graph), graph)
        weights = {name for name, layer in leaves(graph) if layer.weights}
        if not found & weights:
            message = f"no layer that `{selector.text}` matches has weights"
            raise SpecError.single("SC310", message, help="name layers that have some, or leave it out")
    return found & weights


def _is_step(layer: LayerSpec) -> bool:
    return bool(layer.weights) and not _is_normalization(layer.class_name)


def _is_normalization(class_name: str) -> bool:
    """Whether a class scales and shifts what it normalizes; `SpectralNormalization` wraps a layer."""
    name = bare(class_name)
    return name.endswith("Normalization") and name not in ("SpectralNormalization", "Normalization")


def _is(role: str, class_name: str, variable: str) -> bool:
    if role == "biases":
        return variable == "bias" or variable.endswith("_bias")
    return _is_normalization(class_name) or variable in _NORMALIZATION_NAMES
