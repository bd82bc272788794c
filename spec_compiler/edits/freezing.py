"""What training leaves alone: a selector, with a word for the batch normalizations that stay trainable otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from spec_compiler.diagnostics import SpecError, did_you_mean, show
from spec_compiler.graph import Graph
from spec_compiler.graph.resolve import resolve
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

        Raises:
            SpecError: as `resolve`; SC201 for `batch_norm: all` on a graph without one.
        """
        names = {graph.nodes[name].layer for name in resolve(self.selector, graph)} if self.selector else set()
        if self.batch_norm == "all":
            normalizations = {name for name, layer in graph.layers.items() if normalizes(layer.class_name)}
            inner = any(layer.inner and _has_normalization(layer.inner) for layer in graph.layers.values())
            if not normalizations and not inner:
                message = "`batch_norm: all` finds no BatchNormalization in this model"
                raise SpecError.single("SC201", message, path=("batch_norm",), help="leave it out")
            names |= normalizations
        # Keras keeps `trainable` at the variable as well: of two layers that hold one, both train it or none
        frozen = frozenset().union(*(layer.tied for layer in graph.tied_layers if layer.name in names))
        names |= {layer.name for layer in graph.tied_layers if layer.tied <= frozen}
        return frozenset(names)


def normalizes(class_name: str) -> bool:
    """Whether a class is a BatchNormalization."""
    return bare(class_name) in NORMALIZATIONS


def _has_normalization(graph: Graph) -> bool:
    return any(
        normalizes(layer.class_name) or (layer.inner is not None and _has_normalization(layer.inner))
        for layer in graph.layers.values()
    )
