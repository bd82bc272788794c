"""`fold`: layers that become part of those beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, show, under
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.freezing import normalizes
from spec_compiler.graph import Graph
from spec_compiler.graph.enclosed import enclosed, reach
from spec_compiler.graph.graph import LeftOut
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector

if TYPE_CHECKING:
    from spec_compiler.edits.foldable import CannotFold

BATCH_NORM = "batch_norm"
_MOST = 3  # reasons in one message
_HELP = f"write `{BATCH_NORM}`, or `{{{BATCH_NORM}: conv1_bn}}` for some of them"
_SAYS = "Every BatchNormalization that can be folded. `{batch_norm: SELECTOR}` takes some of them."


@dataclass(frozen=True, slots=True)
class WhatToFold(Parsed):
    """What is folded: `batch_norm` for all that can be, or with a selector for some."""

    definition: ClassVar[str] = "folding"
    definitions: ClassVar[Mapping[str, Any]] = {
        "folding": {
            "title": "Folding",
            "description": _SAYS,
            "anyOf": [
                {"const": BATCH_NORM},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": [BATCH_NORM],
                    "properties": {BATCH_NORM: {"$ref": "#/definitions/selector"}},
                },
            ],
        }
    }

    batch_norm: Selector | None = None

    @classmethod
    def _parsed(cls, raw: Any) -> WhatToFold:
        """What a YAML value says.

        Raises:
            SpecError: SC101, SC103, and what `Selector.parse` raises.

        >>> WhatToFold.parse({"batch_norm": "conv1_bn"}).batch_norm.text
        'conv1_bn'
        """
        if raw == BATCH_NORM:
            return cls()
        if not isinstance(raw, Mapping) or not raw:
            help = did_you_mean(raw, [BATCH_NORM], _HELP) if isinstance(raw, str) else _HELP
            raise SpecError.single("SC103", f"`fold` says what is folded, got {show(raw)}", help=help)
        unknown = [str(key) for key in raw if key != BATCH_NORM]
        if unknown:
            help = did_you_mean(unknown[0], [BATCH_NORM], _HELP)
            raise SpecError.single(
                "SC101", f"`fold` has no key `{unknown[0]}`", path=(unknown[0],), at_key=True, help=help
            )
        with under(BATCH_NORM):
            return cls(Selector.parse(raw[BATCH_NORM]))


class Fold(Value, Edit):
    """Merges BatchNormalization into the weights of a layer beside it, with the same function at inference.

    Those inside of a nested model are reached by its name, `{batch_norm: enc/..}`, which opens it.
    """

    key: ClassVar = "fold"
    says: ClassVar = "Merges BatchNormalization into the weights of layers beside it: the same function at inference."
    names: ClassVar = ("", BATCH_NORM)

    root: WhatToFold = Field(examples=[BATCH_NORM, {BATCH_NORM: "conv1_bn"}])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph without what was folded; what was not, of several, is in `Graph.left`.

        Raises:
            SpecError: SC201 for no such layer, SC322 for one by its name that cannot be folded, or several of which
                none can.
        """
        from spec_compiler.edits.foldable import CannotFold  # where nothing adapts, a check does without
        from spec_compiler.edits.folding import Folding  # as above

        origin = Origin("fold", path)
        norms = self._norms(graph)
        folding, left = Folding(graph, origin), {}
        for norm in norms:
            try:
                folding.fold(norm, behind=False)
            except CannotFold as error:
                left[norm] = [error]
        for norm in reversed(list(left)):  # so that the nearer one to the layer behind is there first
            try:
                folding.fold(norm, behind=True)
            except CannotFold as error:
                left[norm].append(error)
            else:
                del left[norm]
        if len(left) == len(norms):
            raise self._refused(left)
        stays = tuple(LeftOut(norm, _reason(left[norm]), origin) for norm in norms if norm in left)
        result = folding.result()
        return replace(result, left=(*result.left, *stays, *self._inside(graph, origin)))

    def _norms(self, graph: Graph) -> Sequence[str]:
        """The BatchNormalizations that are meant, in the graph's order.

        Raises:
            SpecError: SC201.
        """
        selector = self.root.batch_norm
        if selector is None:
            names = [name for name in graph.calls if normalizes(graph.layers[name].class_name)]
            if not names:
                help = reach(graph, lambda name, layer: normalizes(layer.class_name)) or "leave it out"
                raise SpecError.single("SC201", "this model has no BatchNormalization to fold", help=help)
            return names
        with under(BATCH_NORM):
            calls = resolve(selector, graph)
            layers = dict.fromkeys(graph.nodes[call].layer for call in calls)
            names = [name for name in layers if normalizes(graph.layers[name].class_name)]
            if not names:
                one = f"`{selector.text}` is a {graph.layers[next(iter(layers))].class_name}, no BatchNormalization"
                many = f"none of the {len(layers)} layers of `{selector.text}` is a BatchNormalization"
                help = "`type:BatchNormalization` are all of them"
                raise SpecError.single("SC201", one if len(layers) == 1 else many, path=selector.path, help=help)
        return names

    def _inside(self, graph: Graph, origin: Origin) -> Sequence[LeftOut]:
        """The nested models with such layers inside, where all are to be folded: nothing reaches into them."""
        inside = (name for name, layer in enclosed(graph) if normalizes(layer.class_name))
        models = Counter(name.partition("/")[0] for name in inside) if self.root.batch_norm is None else {}
        return [
            LeftOut(name, f"{count} inside of it, which `fold: {{batch_norm: {name}/..}}` reaches", origin)
            for name, count in models.items()
        ]

    def _refused(self, left: Mapping[str, Sequence[CannotFold]]) -> SpecError:
        """SC322 where nothing was folded."""
        selector = self.root.batch_norm
        below = (BATCH_NORM, *selector.path) if selector is not None else ()
        if len(left) == 1:
            [(norm, errors)] = left.items()
            message = f"`{norm}` cannot be folded: {_reason(errors)}"
            notes = tuple(dict.fromkeys(each.edge for each in errors if each.edge))
            help = "leave it out, it goes into a linear layer right beside it only"
            return SpecError([Diagnostic("SC322", message, below, notes=notes, help=help)])
        notes = tuple(f"`{norm}`: {_reason(errors)}" for norm, errors in list(left.items())[:_MOST])
        message = f"none of {len(left)} BatchNormalization can be folded"
        return SpecError([Diagnostic("SC322", message, below, notes=notes, help="leave `fold` out")])


def _reason(errors: Sequence[CannotFold]) -> str:
    return "; ".join(dict.fromkeys(each.reason for each in errors))
