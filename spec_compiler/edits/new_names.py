"""New layers by their names: what an entry says, with the matched layer filled in, or a name that nobody has."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter
from spec_compiler.graph.keras_names import flat
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.language.entries import LayerEntry
from spec_compiler.language.layer_names import MATCH, PLACEHOLDERS, snake_case

LONGEST_NAME = 250  # characters: it becomes the name of a file and of a group in files, each up to 255 bytes


@dataclass(frozen=True)
class Match:
    """What an edit matched: the one layer, if it is one, which of its calls, and which of the matches it is, from 1."""

    layer: str | None = None
    call: int | None = None
    index: int = 1
    count: int = 1

    def filled_in(self, text: str) -> str:
        """A text with the placeholders of names filled in, the layer by its name without its base or model."""
        last = (self.layer or "").rpartition("/")[2]
        for placeholder, value in zip(PLACEHOLDERS, (last, str(self.index), str(self.count)), strict=True):
            text = text.replace(placeholder, value)
        return text


NOTHING = Match()


def make_layer(
    name: str,
    entry: LayerEntry,
    origin: Origin,
    path: Path,
    keras_name: str | None = None,
    adapter: Adapter | None = None,
) -> LayerSpec:
    """A new layer, as the entry at `path` below the edit says; `adapter` gives it what its `weights` say."""
    config = {"class_name": entry.class_name, "config": dict(entry.arguments)}
    trainable = bool(entry.arguments.get("trainable", True))
    made_by = Origin(origin.section, (*origin.path, *path))
    return LayerSpec(
        name, entry.class_name, config, trainable=trainable, origin=made_by, keras_name=keras_name, adapter=adapter
    )


def name_in_keras(match: LayerSpec, name: str) -> str | None:
    """The name in Keras of a layer that stays with the matched one, below the base or the model that this is of."""
    prefix, slash, last = name.rpartition("/")
    below, _, matched = match.name.rpartition("/")
    if not slash or prefix != below:
        return None
    before = match.name_in_keras.removesuffix(matched)
    return f"{before}{last}" if before != match.name_in_keras else flat(name)


def layer_name(
    graph: Graph,
    entry: LayerEntry,
    beside: Mapping[str, LayerSpec],
    path: Path,
    match: Match = NOTHING,
    free: Collection[str] = (),
    several: bool = False,
) -> str:
    """The name that the entry says, or one made from its class that nobody has.

    Raises:
        SpecError: SC204, SC205.
    """
    if entry.name is None:
        return unused_name(graph, snake_case(entry.class_name), beside)
    name = entry.name
    if match.layer is None:
        _refuse_placeholders(entry, path)
    else:
        below, slash, matched = match.layer.rpartition("/") if MATCH in name else ("", "", "")
        # One of thousands of placeholders is not written out: only how long it would be is told.
        length = len(name) + name.count(MATCH) * (len(matched) - len(MATCH))
        name = f"{below}{slash}{match.filled_in(name)}" if length <= LONGEST_NAME else "x" * length
    if len(name) - len((match.layer or "").rpartition("/")[0]) > LONGEST_NAME:
        message = f"the name of this layer has {len(name):,} characters, {LONGEST_NAME} are the most"
        raise SpecError.single("SC113", message, path=(*path, *entry.name_path), help="write a shorter one")
    if (name in graph.layers and name not in free) or name in beside:
        other = graph.layers.get(name) or beside[name]
        place: Path = ("base",)
        by, where = "the base has it", "the base is here"
        if other.is_new:
            by, where, place = f"`{other.origin.section}` made it", "the other one is made here", other.origin.path
        help = f"write another name, for example `{unused_name(graph, name, beside)}`"
        if several and not any(each in entry.name for each in (MATCH, "{index}")):
            help = f"put `{MATCH}` into it, which stands for the layer that was matched"
        raise SpecError.single(
            "SC204",
            f"a layer named `{name}` is already there, {by}",
            path=(*path, *entry.name_path),
            help=help,
            related=[] if several else [(where, place)],
        )
    return name


def _refuse_placeholders(entry: LayerEntry, path: Path) -> None:
    name = entry.name or ""
    placeholder = next((each for each in PLACEHOLDERS if each in name), None)
    if placeholder is None:
        return
    start = name.index(placeholder)
    raise SpecError.single(
        "SC205",
        f"`{placeholder}` stands for one matched layer, this region has several",
        path=(*path, *entry.name_path),
        chars=(start, start + len(placeholder)),
        help="write the name out, or take `layers: {each: …}`, which replaces the layers one by one",
    )


def unused_name(graph: Graph, wanted: str, beside: Container[str] = ()) -> str:
    """`wanted`, or a `wanted_1`, `wanted_2` … that no layer has or had: the first, where there are not very many."""

    in_keras = {layer.keras_name for layer in graph.layers.values()}

    def taken(name: str) -> bool:
        return (
            name in graph.layers or name in graph.nodes or name in graph.removed or name in beside or name in in_keras
        )

    if not taken(wanted):
        return wanted
    below, step = 0, 1
    while taken(f"{wanted}_{below + step}"):  # in growing steps, as a head of 10,000 layers would ask 50 million times
        below, step = below + step, step * 2 if step >= 64 else step + 1 if below >= 64 else 1
    while step > 1:
        half = step // 2
        below, step = (below, half) if not taken(f"{wanted}_{below + half}") else (below + half, step - half)
    return f"{wanted}_{below + 1}"
