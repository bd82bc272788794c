"""`outputs`: which layers the model puts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Path, SpecError, show, under
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.ends import tensor
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import ValueRef
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector

_Key = str | int | None  # an output's name, its position in a list, or None where it is the only one
_SCHEMA: dict[str, Any] = {
    "description": "A layer, a list of layers, or a mapping from output names to layers.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}, "minProperties": 1},
    ],
}


@dataclass(frozen=True, slots=True)
class Ends(Parsed):
    """One layer, several in an order, or several by name."""

    definition: ClassVar[str] = "outputs"
    definitions: ClassVar[Mapping[str, Any]] = {"outputs": _SCHEMA}

    named: Mapping[_Key, Selector] = field(hash=False)

    @classmethod
    def _parsed(cls, raw: Any) -> Ends:
        """The ends that a YAML value says.

        Raises:
            SpecError: SC103, SC104.
        """
        pairs: Mapping[_Key, Any] = raw if isinstance(raw, Mapping) else {None: raw}
        if isinstance(raw, list | tuple):
            pairs = dict(enumerate(raw))
        if not pairs:
            raise SpecError.single("SC103", "`outputs` needs at least one layer")
        selectors: dict[_Key, Selector] = {}
        for key, text in pairs.items():
            with under(*_place(key)):
                if not isinstance(text, str):
                    raise SpecError.single("SC103", f"an output is a layer's name, got {show(text)}")
                selectors[key] = Selector.parse(text)
        return cls(selectors)


def _place(key: _Key) -> Path:
    """Where the selector of an output stands below `outputs`."""
    return () if key is None else (key,)


class Outputs(Value, Edit):
    """The layers whose outputs become the model's outputs, in this order.

    With names, the model returns a mapping.
    """

    key: ClassVar = "outputs"
    says: ClassVar = "The layers that the model puts out."
    names: ClassVar = ("",)

    root: Ends = Field(examples=["block4_pool", ["conv2_block3_out", "conv5_block3_out"], {"low": "block1_pool"}])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with these outputs; what serves none of them goes."""
        refs: dict[_Key, ValueRef] = {}
        for key, selector in self.root.named.items():
            with under(*_place(key)):
                refs[key] = tensor(selector, graph, "an output")
        outputs: Any
        if None in refs:
            outputs = refs[None]
        elif all(isinstance(key, int) for key in refs):
            outputs = list(refs.values())
        else:
            outputs = {str(key): ref for key, ref in refs.items()}
        return replace(graph, outputs=outputs).pruned(Origin("outputs", path))
