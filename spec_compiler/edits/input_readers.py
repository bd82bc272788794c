"""What reads the channels of an input, and what it needs of them: axes of variables, numbers in arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from spec_compiler.adapters.input_channels import Along, Run, laid_out
from spec_compiler.adapters.mix import Mix
from spec_compiler.edits.preprocess import same_for_all
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Unfit
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.graph.same_arguments import arguments_of
from spec_compiler.keras_facts.argument_values import flow

if TYPE_CHECKING:
    from spec_compiler.channels.atoms import Reason, Use
    from spec_compiler.channels.groups import Channels

# Arguments with a number for each channel, and what a channel gets there that no old one is.
CONSTANTS: Mapping[str, Mapping[str, float]] = {
    "Normalization": {"mean": 0.0, "variance": 1.0},
    "Rescaling": {"scale": 1.0, "offset": 0.0},
}
# Layers for which a sum of channels is the sum of what they make of each, so that M may stand before or behind them.
_LINEAR = re.compile(
    r"((ZeroPadding|Cropping|UpSampling|AveragePooling|GlobalAveragePooling|SpatialDropout)\dD"
    r"|Flatten|Reshape|Permute|Dropout|GaussianNoise|GaussianDropout|Identity)"
)
_LAYS_OUT = re.compile(r"Flatten|Reshape|Permute|Transpose|Moveaxis|Swapaxes|DepthwiseConv\dD")  # in an order of theirs


@dataclass
class Readers:
    """What reads the channels of an input: axes of variables by layer, and arguments that change."""

    graph: Graph
    name: str
    mix: Mix
    uses: dict[str, list[Along]] = field(default_factory=dict)
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    are_linear: bool = True
    _before: set[str] = field(default_factory=set)  # calls before layers that sum over the channels

    def find(self, channels: Channels) -> None:
        """Finds all.

        Raises:
            Unfit: something reads them that the matrix cannot be in.
        """
        uses = channels.input_uses(self.name)
        for use in (each.use for each in uses if each.use.role == "makes"):
            raise Unfit(f"its channels are joined with those that `{'/'.join(use.layer)}` ({use.class_name}) makes")
        for reason in channels.input_reasons(self.name):
            if self._class(reason.layer) not in CONSTANTS or reason.layer in channels.found.ruleless:
                raise Unfit(self._said(reason))
        takers = {"/".join(each.use.layer) for each in uses if each.use.role == "takes"}
        self._before = self._between(takers)
        self.are_linear = all(_LINEAR.fullmatch(self.graph.layer_of(node).class_name) for node in self._before)
        for use, positions in ((each.use, each.positions) for each in uses):
            layer = "/".join(use.layer)
            if len(use.layer) > 1:
                help = f"name a layer inside of it, which opens `{use.layer[0]}`"
                raise Unfit(f"`{layer}` is in a nested model", help)
            if use.role == "carries":
                self._choose(f"`{layer}` ({use.class_name}) has a number for each channel, its `{use.name}`")
                self.are_linear = False
            in_a_row = self.mix.old == 1 and len(positions) > 1 and self._in_a_row(use, channels)
            runs = laid_out(positions, self.mix.old, in_a_row)
            self.uses.setdefault(layer, []).append(Along(use.index, use.axis, use.role == "takes", runs))
        self._constants(channels)
        self._counted(channels)

    def outputs(self, node: Node, channels: Channels) -> tuple[TensorSpec, ...]:
        """What a call puts out for the input's new channels."""
        number, outputs = self._number(channels), list(node.outputs)
        for index, spec in enumerate(outputs):
            axes = channels.found.lines((), ValueRef(node.name, index)) or (None,) * len(spec.shape[1:])
            sizes = (size if line is None else number(line) for size, line in zip(spec.shape[1:], axes, strict=True))
            outputs[index] = replace(spec, shape=(*spec.shape[:1], *sizes))
        return tuple(outputs)

    def _number(self, channels: Channels) -> Callable[[Any], int]:
        """How long a line will be."""
        own = set(channels.root[channels.found.inputs[self.name][1]].tolist())

        def number(line: Any) -> int:
            held = [each in own for each in channels.root[line].tolist()]
            return len(line) + sum(held) // self.mix.old * (self.mix.new - self.mix.old)

        return number

    def _in_a_row(self, use: Use, channels: Channels) -> bool:
        """Whether several channels in the place of one would stand apart, each with all of its places.

        Raises:
            Unfit: what is between does not say.
        """
        before = self.graph.ancestors(self.graph.calls[use.layer[0]]) & self._before
        layers = [layer for layer in map(self.graph.layer_of, before) if _LAYS_OUT.fullmatch(layer.class_name)]
        if (layers or use.name == "pointwise_kernel") and all("Depthwise" in layer.class_name for layer in layers):
            return True
        is_last = channels.input_axis(self.name) == len(self.graph.nodes[self.name].outputs[0].shape) - 1
        ways = {not is_last and layer.arguments.get("data_format") != "channels_first" for layer in layers}
        if len(ways) > 1 or use.name == "pointwise_kernel" or any(layer.class_name != "Flatten" for layer in layers):
            where = f"`{'/'.join(use.layer)}` ({use.class_name})"
            raise Unfit(f"{where} takes the one channel at several places, whose order is not known")
        return ways == {True}

    def _class(self, path: tuple[str, ...]) -> str:
        return self.graph.layers[path[0]].class_name if len(path) == 1 else ""

    def _said(self, reason: Reason) -> str:
        if reason.text.startswith("the model's output"):
            return f"its channels are {reason.text}"
        other = reason.text.startswith("the model's input")
        return f"its channels are one with those of {reason.text}" if other else reason.text

    def _choose(self, reason: str, help: str | None = None) -> None:
        if self.mix.chosen is None:
            raise Unfit(f"{reason}, and `{self.mix.strategy}` mixes channels", help)

    def _between(self, takers: set[str]) -> set[str]:
        """The calls that the input reaches before layers that sum over its channels."""
        todo, seen = [self.name], {self.name}
        while todo:
            after = {each for each in self.graph.consumers[todo.pop()] if self.graph.nodes[each].layer not in takers}
            todo += after - seen
            seen |= after
        return seen - {self.name}

    def _constants(self, channels: Channels) -> None:
        """Layers whose config has a number for each channel, or whose variables have: `Normalization`, `Rescaling`."""
        own = channels.root[channels.found.inputs[self.name][1]].tolist()
        nodes = {node.layer: node for node in self.graph.nodes.values()}
        for layer in (layer for layer in self.graph.layers.values() if layer.class_name in CONSTANTS):
            axes = channels.found.lines((), nodes[layer.name].data_inputs[0])
            lines = [(at, channels.root[line].tolist()) for at, line in enumerate(axes, 1) if line is not None]
            for axis, line in lines:
                positions = [own.index(each) if each in own else -1 for each in line]
                if max(positions) >= 0:
                    self._constant(layer, axis, len(axes) + 1, laid_out(positions, self.mix.old, False))

    def _constant(self, layer: LayerSpec, axis: int, rank: int, runs: tuple[Run, ...]) -> None:
        """`axis` is the one of the channels in what the layer takes, which has `rank` axes."""
        said, where = arguments_of(layer), f"`{layer.name}` ({layer.class_name})"
        is_along = axis == rank - 1  # an argument of `Rescaling` lies along the last axes
        if layer.class_name == "Normalization":
            told = said.get("axis", -1)
            along = told if isinstance(told, list | tuple) else [told]
            if axis not in [each % rank for each in along if each is not None]:
                return
            if said.get("mean") is None:
                self._adapted(layer, where, runs)
                return
            is_along = True
        for key, neutral in CONSTANTS[layer.class_name].items():
            numbers = _numbers(said.get(key, neutral))
            if numbers is None or len(numbers) not in (1, self.mix.old):
                raise Unfit(f"{where} has a `{key}` that is not one number for each channel")
            if len(numbers) == 1:
                continue
            if runs != (Run(1, 1, runs[0].is_turned),) or not is_along:
                raise Unfit(f"{where} has a number for each channel and place, its `{key}`")
            if len(set(numbers)) > 1:
                help = None
                if layer.origin.path[-1:] == ("preprocess",):
                    rescale = flow(same_for_all(layer.name))
                    help = f"write `rescale: {rescale}`, the same for all channels, in the place of `preprocess`"
                self._choose(f"{where} has another `{key}` for each channel", help)
                old = numbers[::-1] if runs[0].is_turned else numbers
                made = [neutral if i is None else old[i] for i in self.mix.chosen or ()]
                made = made[::-1] if runs[0].is_turned else made
            else:
                made = numbers[:1] * self.mix.new
            self.arguments.setdefault(layer.name, {})[key] = made

    def _adapted(self, layer: LayerSpec, where: str, runs: tuple[Run, ...]) -> None:
        """A `Normalization` that was adapted to data, whose mean and variance are variables."""
        self._choose(f"{where} has a mean and a variance for each channel")
        for index, variable in enumerate(layer.variables or ()):
            if variable.path.rpartition("/")[2] in ("mean", "variance"):
                if len(variable.shape) != 1:
                    raise Unfit(f"{where} has a mean and a variance for each channel and place")
                self.uses.setdefault(layer.name, []).append(Along(index, 0, False, runs))

    def _counted(self, channels: Channels) -> None:
        """Arguments that say how many channels there are: of `Reshape`, of a split."""
        number = self._number(channels)
        for path, told in channels.found.arguments.items():
            for key, argument in told.items():
                if len(path) == 1 and (new := argument(number)) != argument(len):
                    self.arguments.setdefault(path[0], {})[key] = new


def _numbers(value: Any) -> list[float] | None:
    """The numbers in a list, however nested; None where something else is."""
    if isinstance(value, int | float):
        return [float(value)]
    if not isinstance(value, list | tuple):
        return None
    parts = [_numbers(each) for each in value]
    return None if None in parts else [number for part in parts for number in part or ()]
