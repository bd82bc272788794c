"""`set`: new arguments for kept layers, whose weights stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.selecting import Selecting
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.same_arguments import has_argument
from spec_compiler.keras_facts.argument_checks import check_arguments
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.adapted import SetWeights
from spec_compiler.language.selectors import Selector

_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")  # arguments that leave the function as it is
_NOT_SET = {
    "name": "a kept layer keeps its name",
    "trainable": "use `freeze` or `unfreeze`",
    "weights": "`weights` stands beside `to`",
}


class Set(Selecting, Edit):
    """New arguments for layers that stay, with their weights."""

    key: ClassVar = "set"
    says: ClassVar = "New arguments for kept layers, whose weights stay."
    is_list: ClassVar = True
    names: ClassVar = ("layers", "except")

    layers: Selector = Field(description="The layers to change.", examples=["block5_pool", "type:Conv2D"])
    to: dict[str, Any] = Field(
        min_length=1,
        description="Arguments and their new values.",
        examples=[{"strides": 1}, {"activation": "swish"}],
        json_schema_extra={"propertyNames": {"not": {"enum": list(_NOT_SET)}}},
    )

    weights: SetWeights | None = Field(
        default=None,
        description="What becomes of weights that no longer fit. Without it they are an error.",
        examples=["centre"],
    )

    @property
    def _selector(self) -> Selector:
        return self.layers

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with these arguments."""
        names = self._selected(graph, "layers")
        origin = Origin("set", path)
        layers = dict(graph.layers)
        chosen = tuple(dict.fromkeys(graph.nodes[name].layer for name in names))  # once, however often it is called
        for name in chosen:
            layers[name] = self._changed(layers[name], origin, graph)
        self._check_weights([layers[name] for name in chosen], origin)
        warnings = (*graph.warnings, *self._pointless([graph.layers[name] for name in chosen], path))
        return replace(graph, layers=layers, warnings=warnings)

    def _pointless(self, layers: Sequence[LayerSpec], path: Path) -> Iterator[Diagnostic]:
        """SC313 for each argument that every layer has already."""
        for key, value in self.to.items():
            if all(has_argument(layer, key, value) for layer in layers):
                whose = f"`{layers[0].name}` has" if len(layers) == 1 else f"all {len(layers)} selected layers have"
                message = f"{whose} `{key}: {flow(value)}` already, setting it changes nothing"
                yield Diagnostic("SC313", message, (*path, "to", key), at_key=True, help="leave it out")

    def _changed(self, layer: LayerSpec, origin: Origin, graph: Graph) -> LayerSpec:
        cls = layer.class_name
        if layer.kind != "layer":
            what = {"input": "an input", "model": "a nested model", "operation": "a plain operation"}[layer.kind]
            message = f"`{layer.name}` is {what}, it has no arguments to set"
            help = "use `input`" if layer.kind == "input" else "leave it out with `except`"
            raise SpecError.single("SC303", message, path=("layers",), help=help)
        problems: list[Diagnostic] = []
        for key, help in _NOT_SET.items():
            if key in self.to:
                message = f"`set` does not change `{key}`"
                problems.append(Diagnostic("SC108", message, ("to", key), at_key=True, help=help))
        arguments = {key: value for key, value in self.to.items() if key not in _NOT_SET}
        for problem in check_arguments(cls, arguments, kind="layer", partial=True):
            problems.append(replace(problem.under("to"), notes=(*problem.notes, f"`{layer.name}` is a `{cls}`")))
        if problems:
            raise SpecError(problems)
        if layer.is_new:
            return self._altered(layer).with_arguments({**layer.arguments, **self.to})
        changed = replace(layer, changed={**layer.changed, **self.to}, changed_by=origin)
        if self.weights is not None:
            from spec_compiler.adapters import of_changed_layer  # where nothing adapts, a check does without

            adapter = of_changed_layer(self.weights, layer, _below(origin, "weights"), graph)
            if adapter.is_needed(changed):
                return replace(changed, adapter=adapter)
        return replace(changed, adapter=self._altered(layer).adapter)

    def _altered(self, layer: LayerSpec) -> LayerSpec:
        """The layer whose adapter knows that it gets another function than its weights were made for."""
        if layer.adapter is None or layer.adapter.judges_arguments or layer.adapter.altered:
            return layer
        others = (key for key, value in self.to.items() if not has_argument(layer, key, value))
        key = next((key for key in others if not key.endswith(_OF_TRAINING)), "")
        return replace(layer, adapter=replace(layer.adapter, altered=key)) if key else layer

    def _check_weights(self, layers: Sequence[LayerSpec], origin: Origin) -> None:
        """Proves that `weights` makes values for one of the layers, as they are now.

        Raises:
            SpecError: SC310.
        """
        place = _below(origin, "weights")
        if self.weights is None or any(each.adapter is not None and each.adapter.origin == place for each in layers):
            return
        which = f"`{layers[0].name}`" if len(layers) == 1 else f"any of the {len(layers)} selected layers"
        why = f"there is nothing to adapt in {which}"
        help: str | Advice = Advice("leave it out", Remove())
        if all(layer.is_new for layer in layers):
            whose = f"{which} is" if len(layers) == 1 else "the selected layers are"
            why = f"{whose} new, without values of the base"
            help = Advice("leave it out, or say `weights` beside it where it is made", Remove())
        message = f"`weights: {self.weights.strategy}` has no effect: {why}"
        raise SpecError.single("SC310", message, path=("weights",), at_key=True, help=help)


def _below(origin: Origin, key: str) -> Origin:
    return Origin(origin.section, (*origin.path, key))
