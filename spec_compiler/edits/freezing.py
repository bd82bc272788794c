"""What training leaves alone: a selector, with a word for the batch normalizations that stay trainable otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, show
from spec_compiler.graph import Graph
from spec_compiler.graph.enclosed import enclosed
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.reached import reached_layers
from spec_compiler.graph.trainable import flags, with_frozen, with_thawed
from spec_compiler.keras_facts.function_names import bare
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.selectors import Selector, mapping_schema

NORMALIZATIONS = ("BatchNormalization",)
_HELP = "`all` keeps every BatchNormalization in inference mode, `selected` only those that are frozen"
_SCHEMA: dict[str, Any] = {
    "title": "Freezing",
    "description": "A selector; in its mapping form `batch_norm: all` may stand beside `layers`.",
    "anyOf": [
        {"$ref": "#/definitions/selector"},
        mapping_schema("batch_norm", batch_norm={"description": _HELP, "enum": ["all", "selected"]}),
    ],
}


@dataclass(frozen=True, slots=True)
class Freezing(Parsed):
    """The layers that training leaves as they are.

    A frozen BatchNormalization runs in inference mode: it normalizes with its moving statistics and does not change
    them. With `batch_norm` "all" that holds for those outside the selection as well, their scale and offset too.
    `selector` is None where only `batch_norm` was said.
    """

    definition: ClassVar[str] = "freezing"
    definitions: ClassVar[Mapping[str, Any]] = {"freezing": _SCHEMA}

    selector: Selector | None
    batch_norm: Literal["selected", "all"] = "selected"

    @classmethod
    def _parsed(cls, raw: Any) -> Freezing:
        """What a YAML value says: a selector, or a selector's mapping with `batch_norm` beside its keys.

        Raises:
            SpecError: SC103, SC104, and what `Selector.parse` raises.

        >>> Freezing.parse({"layers": "..block4_pool", "batch_norm": "all"}).batch_norm
        'all'
        """
        if isinstance(raw, int) and raw > 1:  # as in `for layer in model.layers[:15]`
            forms = f"`'[:{raw}]'` for the first {raw} layers, `'[{raw}:{raw + 1}]'` for the one at that position"
            raise SpecError.single("SC104", f"a selector is text, got {show(raw)}", help=f"write {forms}")
        if not isinstance(raw, Mapping) or "batch_norm" not in raw:
            return cls(Selector.parse(raw))
        choice = raw["batch_norm"]
        if choice not in ("all", "selected"):
            help = did_you_mean(str(choice), ("all", "selected"), _HELP)
            message = f"`batch_norm` must be `all` or `selected`, got {show(choice)}"
            raise SpecError.single("SC103", message, path=("batch_norm",), help=help)
        rest = {key: value for key, value in raw.items() if key != "batch_norm"}
        return cls(Selector.parse(rest) if rest else None, choice)

    def frozen(self, graph: Graph) -> frozenset[str]:
        """The names of the layers that are frozen, those among them that hold no variable but of frozen layers.

        One inside of a nested model is named `outer/inner`; the model stays closed.

        Raises:
            SpecError: as `resolve`; SC201 for `batch_norm: all` on a graph without one.
        """
        names = chosen(self.selector, graph) if self.selector is not None else frozenset()
        if self.batch_norm == "all":
            normalizations = frozenset(
                name for name, layer in (*graph.layers.items(), *enclosed(graph)) if normalizes(layer.class_name)
            )
            if not normalizations and not any(map(_wraps_normalization, graph.layers.values())):
                message = "`batch_norm: all` finds no BatchNormalization in this model"
                raise SpecError.single("SC201", message, path=("batch_norm",), help="leave it out")
            names |= normalizations
        return names

    def apply(self, graph: Graph) -> Graph:
        """The graph with these layers frozen, the others as they were.

        Raises:
            SpecError: as `frozen`.
        """
        return replace(with_frozen(graph, self.frozen(graph)), inference=graph.inference or self.batch_norm == "all")


def unfrozen(selector: Selector, graph: Graph) -> Graph:
    """The graph in which the selected can train, the others as they were; where `batch_norm: all` was said, that holds.

    Raises:
        SpecError: as `resolve`.
    """

    def stays(layer: LayerSpec) -> bool:
        return graph.inference and normalizes(layer.class_name)

    return with_thawed(graph, chosen(selector, graph), stays)


def pointless(before: Graph, after: Graph, message: str, path: Path) -> Graph:
    """The graph after a section that freezes or unfreezes, with SC313 where it has changed nothing."""
    if flags(before) != flags(after) or before.inference != after.inference:
        return after
    return replace(after, warnings=(*after.warnings, Diagnostic("SC313", message, path, help="leave it out")))


def chosen(selector: Selector, graph: Graph) -> frozenset[str]:
    """The layers that a selector matches, with those that hold no variable but of these.

    Raises:
        SpecError: as `resolve`.
    """
    seen, found = reached_layers(selector, graph)
    # Keras keeps `trainable` at the variable as well: of two layers that hold one, both train it or none
    held = frozenset().union(*(layer.tied for layer in seen.tied_layers if layer.name in found))
    return frozenset(found) | {layer.name for layer in seen.tied_layers if layer.tied <= held}


def normalizes(class_name: str) -> bool:
    """Whether a class is a BatchNormalization."""
    return bare(class_name) in NORMALIZATIONS


def _wraps_normalization(layer: LayerSpec) -> bool:
    """Whether a new layer wraps a kept one that is a BatchNormalization, or has one inside."""
    wrapped = layer.wrapped
    if wrapped is None:
        return False
    layers = [wrapped]
    if wrapped.inner is not None:
        layers += [*wrapped.inner.layers.values(), *(each for _, each in enclosed(wrapped.inner))]
    return any(normalizes(each.class_name) for each in layers)
