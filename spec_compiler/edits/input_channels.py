"""`input: {channels: 1, weights: sum}`: what reads an input, with values for its other channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from spec_compiler.adapters.input_channels import InputChannels
from spec_compiler.adapters.mix import Mix
from spec_compiler.diagnostics import Diagnostic, Fix, Path, SpecError
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.input_readers import CONSTANTS, Readers
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Unfit
from spec_compiler.graph.channels import channel_axis
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.opened import open_model
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.adapted import InputWeights

if TYPE_CHECKING:
    from spec_compiler.channels.groups import Channels


@dataclass(frozen=True)
class AdaptChannels(Edit):
    """The edit behind `weights` of an input, whose shape has changed already; `which` says which input."""

    weights: InputWeights
    which: Callable[[Graph], str]
    said: Mapping[str, Any] = field(default_factory=dict)  # what else the input says

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph whose layers take the input as it is now.

        Raises:
            SpecError: SC407 where the strategy does not fit the channels, or what reads them.
        """
        # It needs NumPy, which only a spec that says `weights` is to load.
        from spec_compiler.channels.groups import Channels

        name = self.which(graph)
        mix = self._mix(graph, name)
        if mix.rows == tuple({i: 1.0} for i in range(mix.old)):
            return self._idle(graph, path, f"`{name}` has its channels as {_before(graph)}")
        known = _shaped(graph)
        readers = Readers(known, name, mix)
        try:
            channels = Channels.of(known)
            readers.find(channels)
        except Unfit as error:
            fixes = tuple(self._otherwise(graph, name, mix, path))
            message = f"`weights: {mix.strategy}` does not fit what reads `{name}`: {error.reason}"
            raise SpecError.single("SC407", message, help=error.help, fixes=fixes) from None
        origin = Origin("input", path)
        promised = mix.promise(readers.are_linear)
        layers = dict(graph.layers)
        for layer, arguments in readers.arguments.items():
            layers[layer] = _with_arguments(layers[layer], arguments, origin)
        for layer, uses in readers.uses.items():
            before = layers[layer] if layer in readers.arguments else known.layers[layer]
            if not before.keeps_weights and before.adapter is None:
                continue  # it begins anew, at its new size
            adapter = InputChannels(origin, mix, before, tuple(uses), promised, channel_axis(graph, name))
            layers[layer] = adapter.on_new_channels()
        if layers == graph.layers:
            return self._idle(graph, path, f"what reads `{name}` is new and has no values of the base")
        nodes = {
            call: replace(node, outputs=readers.outputs(node, channels)) if node.outputs else node
            for call, node in graph.nodes.items()
        }
        return replace(graph, layers=layers, nodes=nodes)

    def _idle(self, graph: Graph, path: Path, why: str) -> Graph:
        """The graph as it is, with SC313."""
        message = f"`weights: {self.weights.strategy}` changes nothing, {why}"
        return replace(graph, warnings=(*graph.warnings, Diagnostic("SC313", message, path, help="leave it out")))

    def _otherwise(self, graph: Graph, name: str, mix: Mix, path: Path) -> Iterator[Fix]:
        """For one channel, that it is repeated in front of everything, and nothing needs other values; else zeros."""
        if mix.new > mix.old:
            yield Fix("write `weights: zeros`, which mixes no channels", ((path, "zeros"),))
        if mix.new > 1:
            return
        axis = {"axis": 1} if channel_axis(graph, name) == 1 else {}
        entry = {"after": name, "with": [{"Concatenate": axis, "from": [name] * mix.old}]}
        without = {key: value for key, value in self.said.items() if key != "preprocess"}
        if without == self.said:
            text = f"leave `weights` out and repeat the channel: `insert: {flow([entry])}`"
            yield Fix(text, ((path, None), (("insert", 1_000_000), entry)))
        elif path[:-1] == ("input",):  # the preprocessing is for as many channels as the base has
            steps = [{"input": {"preprocess": self.said["preprocess"]}}, {"input": without}, {"insert": [entry]}]
            text = f"repeat the channel before the preprocessing, without `input`: `steps: {flow(steps)}`"
            yield Fix(text, ((path[:-1], None), (("steps",), steps)))

    def _mix(self, graph: Graph, name: str) -> Mix:
        """The matrix, for the number of channels that the input has in the base and the one that it has now."""
        now = graph.layer_of(name).arguments["batch_shape"]
        was = graph.nodes[name].outputs[0].shape
        axis = channel_axis(graph, name)
        strategy = self.weights.strategy
        if len(now) != len(was):
            raise _unfit(strategy, f"the input has {len(was)} axes {_before(graph)}, now {len(now)}")
        old, new = was[axis], now[axis]
        if old is None or new is None:
            raise _unfit(strategy, f"the number of channels of `{name}` is open", help="say it with `shape`")
        if strategy == "sum" and new != 1:
            help = "write `weights: repeat`, or `weights: mean`"
            raise _unfit(strategy, f"it makes one channel, `{name}` has {new} now", help=help)
        if strategy == "zeros" and new < old:
            help = f"write `weights: {{take: {flow([*range(new)])}}}` with those that stay"
            raise _unfit(strategy, f"it is for new channels, `{name}` has {new} in the place of {old}", help=help)
        if strategy != "take":
            return Mix(strategy, old, new)  # type: ignore[arg-type]  # the words of `InputWeights`
        take = tuple(self.weights.value)
        if len(take) != new:
            help = "say for each channel which old one it takes"
            raise _unfit(strategy, f"it says {len(take)} channels, `{name}` has {new} now", (strategy,), help)
        for index, each in enumerate(take):
            if each >= old:
                help = f"they are 0 to {old - 1}" if old > 1 else "0 is the only one"
                raise _unfit(strategy, f"`{name}` has no channel {each} {_before(graph)}", (strategy, index), help)
        return Mix("take", old, new, take)


def _before(graph: Graph) -> str:
    """When an input had its other channels: in the base, unless edits came between."""
    return "in the base" if graph.shaped is None else "before this section"


def opened_to_inputs(graph: Graph) -> Graph:
    """The graph with those nested models opened that the channels of one of its inputs lead into."""
    from spec_compiler.channels.groups import Channels  # as above

    while names := _led_into(Channels.of(graph)) if any(each.inner for each in graph.layers.values()) else ():
        for name in names:
            graph = open_model(graph, name)
    return graph


def _led_into(channels: Channels) -> list[str]:
    graph = channels.graph
    inputs = {atom for _, line in channels.found.inputs.values() for atom in channels.root[line].tolist()}

    def carries(ref: ValueRef) -> bool:
        lines = (line for line in channels.found.lines((), ref) if line is not None)
        return any(not inputs.isdisjoint(channels.root[line].tolist()) for line in lines)

    nested = [node for node in graph.nodes.values() if graph.layers[node.layer].inner is not None]
    return list(dict.fromkeys(node.layer for node in nested if any(map(carries, node.data_inputs))))


def _with_arguments(layer: LayerSpec, arguments: Mapping[str, Any], origin: Origin) -> LayerSpec:
    if layer.is_new:
        return layer.with_arguments({**layer.arguments, **arguments})
    return replace(layer, changed={**layer.changed, **arguments}, changed_by=origin)


def _shaped(graph: Graph) -> Graph:
    """The graph with the shapes of preprocessing that an edit put behind an input; it keeps that of what it takes.

    Layers that edits made or changed before have the variables that they have since then.
    """
    nodes, layers = dict(graph.nodes), dict(graph.layers)
    if graph.shaped is not None:
        layers |= {name: graph.shaped.graph.layers[name] for name in layers if graph.shaped.holds_for(layers[name])}
    for name, node in graph.nodes.items():
        if not node.outputs and graph.layers[node.layer].class_name in (*CONSTANTS, "Flip"):
            nodes[name] = replace(node, outputs=nodes[node.data_inputs[0].node].outputs)
    return replace(graph, nodes=nodes, layers=layers)


def _unfit(strategy: str, reason: str, path: Path = (), help: str | None = None) -> SpecError:
    return SpecError.single("SC407", f"`weights: {strategy}` does not fit: {reason}", path=path, help=help)
