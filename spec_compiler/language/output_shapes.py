"""Which shapes the outputs of a model must have: `[null, 10]` for the only one, or a mapping from their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from spec_compiler.diagnostics import SpecError, show, under
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.keras_facts.translation import as_yaml
from spec_compiler.language.parsed import Parsed

Sizes = tuple[int | None, ...]
_SHAPE = {
    "type": "array",
    "description": "The batch axis first; `null` is any size.",
    "items": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}, {"$ref": "#/definitions/variable"}]},
}

_NAMED = {"type": "object", "minProperties": 1, "additionalProperties": _SHAPE}


@dataclass(frozen=True, slots=True)
class OutputShapes(Parsed):
    """The shapes by the names of the outputs, by None where there is only one; a None among the sizes is any size."""

    definition: ClassVar[str] = "output_shapes"
    definitions: ClassVar[Mapping[str, Any]] = {
        "output_shapes": {"anyOf": [_SHAPE, {"$ref": "#/definitions/variable"}, _NAMED]}
    }

    shapes: Mapping[str | None, Sizes] = field(hash=False)

    @classmethod
    def _parsed(cls, raw: Any) -> OutputShapes:
        """The shapes that a YAML value says.

        Raises:
            SpecError: SC103.

        >>> OutputShapes.parse([None, 10]).text
        '`[null, 10]`'
        """
        if isinstance(raw, list | tuple):
            return cls({None: _sizes(raw)})
        if not isinstance(raw, Mapping) or not raw:
            written = as_yaml(raw) if isinstance(raw, str) else None
            help = f"write `{written or '[null, 10]'}`"
            raise SpecError.single("SC103", f"`output` must be a shape, or shapes by name, got {show(raw)}", help=help)
        shapes: dict[str | None, Sizes] = {}
        for name, shape in raw.items():
            with under(str(name)):
                shapes[str(name)] = _sizes(shape)
        return cls(shapes)

    @property
    def text(self) -> str:
        """The shapes as the spec writes them."""
        said = ((f"{name}: " if name else "") + flow(list(shape)) for name, shape in self.shapes.items())
        return f"`{', '.join(said)}`"


def _sizes(raw: Any) -> Sizes:
    if not isinstance(raw, list | tuple):
        raise SpecError.single("SC103", f"a shape is a list of sizes, got {show(raw)}", help="for example `[null, 10]`")
    for index, size in enumerate(raw):
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            message = f"a size is a whole number, or `null` for any, got {show(size)}"
            help = "write `null`" if size in ("None", "none", "*", "?") else "for example `[null, 10]`"
            raise SpecError.single("SC103", message, path=(index,), help=help)
    return tuple(raw)
