"""`rename`: kept layers under other names, their weights as they are.

It comes after the sections that change layers, which name them as the base does, and as `spec-compiler layers` prints
them; and before those that speak of the result: what it puts out, what of it is frozen. `freeze` so means by a name
what the `freeze` of a phase means, which is trained by the names of the result.

The keys of a mapping of outputs stay: they are what the model calls its outputs, not layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pydantic import Field

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, show
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.new_names import LONGEST_NAME
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.layer_names import PLACEHOLDER
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.section import Value
from spec_compiler.language.selectors import Selector

_SCHEMA: dict[str, Any] = {
    "description": "From the names of layers to their new ones.",
    "type": "object",
    "additionalProperties": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "pattern": r"^[^/@{}]+$|\$\{",
    },
    "minProperties": 1,
}


@dataclass(frozen=True, slots=True)
class Names(Parsed):
    """From selectors of one layer each, by their texts, to new names."""

    definition: ClassVar[str] = "names"
    definitions: ClassVar[Mapping[str, Any]] = {"names": _SCHEMA}

    new: Mapping[str, tuple[Selector, str]] = field(hash=False)

    @classmethod
    def _parsed(cls, raw: Any) -> Names:
        """The names that a YAML value says.

        Raises:
            SpecError: SC103, SC104, SC107, SC113; SC204 for two that become the same.

        >>> [new for _, new in Names.parse({"conv1": "stem"}).new.values()]
        ['stem']
        """
        if not isinstance(raw, Mapping) or not raw:
            message = f"`rename` maps names of layers to new ones, got {show(raw)}"
            raise SpecError.single("SC103", message, help="for example `rename: {predictions: scores}`")
        problems: list[Diagnostic] = []
        found: dict[str, tuple[Selector, str]] = {}
        for key, value in raw.items():
            old = str(key)
            problems += _name_problems(old, value)
            first = next((each for each, (_, new) in found.items() if new == value), None)
            if first is not None:
                message = f"`{value}` is the new name of `{first}` already"
                problems.append(Diagnostic("SC204", message, (old,), help="give each a name of its own"))
            try:
                found[old] = (Selector.parse(key), str(value))
            except SpecError as error:
                problems += _at_key(error, old)
        if problems:
            raise SpecError(problems)
        return cls(found)


class Rename(Value, Edit):
    """New names for layers of the base, also in the saved Keras model."""

    key: ClassVar = "rename"
    says: ClassVar = "Other names for kept layers, whose weights stay."
    keys_are_names: ClassVar = True
    names: ClassVar = ("",)

    root: Names = Field(examples=[{"block1_conv1": "stem", "predictions": "scores"}])

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The same graph with the layers under their new names; whoever takes them follows."""
        chosen: dict[str, str] = {}  # from the layers to the keys that mean them
        problems: list[Diagnostic] = []
        for key, (selector, _) in self.root.new.items():
            try:
                layer = _one_layer(selector, graph, key)
            except SpecError as error:
                problems += _at_key(error, key)
                continue
            if layer in chosen:
                message = f"`{key}` is the layer that `{chosen[layer]}` renames"
                problems.append(Diagnostic("SC108", message, (key,), at_key=True, help="keep one of the two"))
            chosen.setdefault(layer, key)
        new = {layer: self.root.new[key][1] for layer, key in chosen.items()}
        problems += (each for layer, key in chosen.items() for each in _taken(new[layer], layer, key, new, graph))
        if problems:
            raise SpecError(problems)
        renamed = graph.given_names(new, {layer: Origin("rename", (*path, key)) for layer, key in chosen.items()})
        pointless = (_pointless(name, (*path, chosen[layer])) for layer, name in new.items() if layer == name)
        return replace(renamed, warnings=(*graph.warnings, *pointless))

    def gives_names(self, path: Path) -> Mapping[str, tuple[str, Origin]]:
        """The new names, and the old ones as they are written."""
        return {new: (key, Origin("rename", (*path, key))) for key, (_, new) in self.root.new.items()}


def _name_problems(key: str, value: Any) -> Iterator[Diagnostic]:
    """What is wrong with a new name by itself."""
    if not isinstance(value, str) or not value:
        help = f"put it in quotes: `{key}: '{value}'`" if isinstance(value, int | float) else None
        yield Diagnostic("SC103", f"a layer's new name is text, got {show(value)}", (key,), help=help)
    elif "/" in value:
        help = f"write `{value.rpartition('/')[2] or 'name'}`: a slash leads into a base or a nested model"
        yield Diagnostic("SC103", f"a layer's new name is a name without `/`, got {show(value)}", (key,), help=help)
    elif "@" in value:
        help = f"write `{value.replace('@', '_')}`: `@` leads to one call of a layer"
        yield Diagnostic("SC103", f"a layer's new name is a name without `@`, got {show(value)}", (key,), help=help)
    elif found := PLACEHOLDER.search(value):
        message, help = f"nothing here fills in `{found[0]}`", "write the name out, without braces"
        yield Diagnostic("SC107", message, (key,), help=help, chars=found.span())
    elif len(value) > LONGEST_NAME:
        message = f"the name of this layer has {len(value):,} characters, {LONGEST_NAME} are the most"
        yield Diagnostic("SC113", message, (key,), help="write a shorter one")


def _at_key(error: SpecError, key: str) -> Iterator[Diagnostic]:
    """What was said of a selector that stands as a key."""
    return (replace(each, path=(key,), at_key=True, chars=None) for each in error.diagnostics)


def _one_layer(selector: Selector, graph: Graph, key: str) -> str:
    """The one layer of the base that is meant, all of its calls with it.

    Raises:
        SpecError: as `resolve`, SC205 where it means several layers, SC303 for a new one.
    """
    names = list(dict.fromkeys(graph.nodes[name].layer for name in resolve(selector, graph)))
    if len(names) > 1:
        message = f"`{key}` matches {len(names)} layers, a new name is for one"
        raise SpecError.single("SC205", message, help=f"name one of them, for example `{names[-1]}`")
    layer = graph.layers[names[0]]
    if layer.is_new:
        message = f"`{layer.name}` is new, made by `{layer.origin.section}`, its entry says its name"
        related = [("it is made here", layer.origin.path)]
        raise SpecError.single("SC303", message, help="write `name` into that entry", related=related)
    return layer.name


def _taken(name: str, layer: str, key: str, new: Mapping[str, str], graph: Graph) -> Iterator[Diagnostic]:
    """SC204 for a new name that another layer has and keeps, or had: a name that means two things misleads."""
    for other in graph.layers.values():
        if other.name in new or other.name == layer:
            continue
        if name in (other.name, other.name_in_keras):
            by = f"`{other.origin.section}` made it" if other.is_new else "the base has it"
            message = f"a layer named `{name}` is already there, {by}"
            if other.name != name:
                message = f"`{other.name}` is called `{name}` in Keras"
            help = f"write another name, or give `{other.name}` a new one too"
            yield Diagnostic("SC204", message, (key,), help=help if not other.is_new else "write another name")
            return
    if name in graph.removed and name not in graph.layers:
        by = graph.removed[name].section
        message = f"the base has a layer named `{name}`, which `{by}` took away"
        help = "write another name: this one would mean two layers of the plan"
        yield Diagnostic("SC204", message, (key,), help=help)


def _pointless(name: str, path: Path) -> Diagnostic:
    message = f"`{name}` has this name already, renaming it changes nothing"
    return Diagnostic("SC313", message, path, help="leave it out")
