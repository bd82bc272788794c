"""`input: {rescale: 1/255}`: Keras's `Rescaling` behind an input, as tutorials write it: `Rescaling(1./255)`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, show
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.new_names import unused_name
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.parsed import Parsed

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_FRACTION = re.compile(rf"\s*(?P<over>{_NUMBER})\s*/\s*(?P<under>{_NUMBER})\s*")
_FORMS = "for example `rescale: 1/255`, or `rescale: {scale: 1/127.5, offset: -1}`"
_VALUE: dict[str, Any] = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*/\s*{_NUMBER}\s*$|\$\{{"}]
}
_SCHEMA: dict[str, Any] = {
    "description": "What the input is multiplied by, and what is added to the product. Each is a number, or a "
    "fraction such as `1/255`.",
    "anyOf": [
        *_VALUE["anyOf"],
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["scale"],
            "properties": {
                "scale": {**_VALUE, "description": "What the input is multiplied by."},
                "offset": {**_VALUE, "description": "What is added to the product."},
            },
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Scale(Parsed):
    """The arguments of a `Rescaling` layer."""

    definition: ClassVar[str] = "rescale"
    definitions: ClassVar[Mapping[str, Any]] = {"rescale": _SCHEMA}

    scale: float
    offset: float = 0.0

    @classmethod
    def _parsed(cls, raw: Any) -> Scale:
        """The scale that a YAML value says.

        Raises:
            SpecError: SC101, SC102, SC103.

        >>> Scale.parse("1./255").scale == 1 / 255
        True
        """
        if not isinstance(raw, Mapping):
            return cls(_number(raw, "rescale"))
        problems: list[Diagnostic] = []
        keys = ("scale", "offset")
        for key in (str(key) for key in raw if key not in keys):
            help = did_you_mean(key, keys, "its keys are `scale` and `offset`")
            problems.append(Diagnostic("SC101", f"`rescale` has no key `{key}`", (key,), at_key=True, help=help))
        if "scale" not in raw:
            problems.append(Diagnostic("SC102", "`rescale` in this form needs `scale`", help="add `scale: 1/255`"))
        found = {"scale": 1.0, "offset": 0.0}
        for key in (key for key in keys if key in raw):
            with collected(problems, key):
                found[key] = _number(raw[key], key)
        if problems:
            raise SpecError(problems)
        return cls(**found)


def _number(raw: Any, key: str) -> float:
    """A number, or one over another as Python divides them."""
    if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
        return raw
    fraction = _FRACTION.fullmatch(raw) if isinstance(raw, str) else None
    if fraction is not None and float(fraction["under"]):
        return float(fraction["over"]) / float(fraction["under"])
    raise SpecError.single("SC103", f"`{key}` is a number or a fraction as `1/255`, got {show(raw)}", help=_FORMS)


@dataclass(frozen=True)
class Rescale(Edit):
    """The edit behind `input: {rescale: 1/255}`; `which` says which input."""

    scale: Scale
    which: Callable[[Graph], str]

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with a `Rescaling` between the input and everything that takes it."""
        origin = Origin("input", path)
        arguments = {"scale": self.scale.scale, "offset": self.scale.offset}
        name = unused_name(graph, "rescaling")
        layer = LayerSpec(name, "Rescaling", {"class_name": "Rescaling", "config": arguments}, origin=origin)
        ref = ValueRef(self.which(graph))
        rewire = dict.fromkeys(graph.edges_from(ref), ValueRef(name))
        return graph.spliced(origin, layers=[layer], after={ref.node: [Node(name, name, (ref,))]}, rewire=rewire)
