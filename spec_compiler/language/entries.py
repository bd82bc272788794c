"""A new layer as every section writes it: a class or `layer:`, and modifiers beside it (`from`, `call`, `name`).

Flatten
Dropout: 0.3
{Dense: {units: 10}, from: pooled, name: scores}
{layer: encoder, from: left}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError, collected
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.merges import MERGES
from spec_compiler.language.adapted import NewWeights
from spec_compiler.language.entry_problems import (
    BLOCK,
    MODIFIERS,
    beside_problems,
    entry_problems,
    layer_problems,
    no_modifier,
)
from spec_compiler.language.layer_names import name_problems
from spec_compiler.language.parsed import OneOrMore, Parsed
from spec_compiler.language.selectors import Selector
from spec_compiler.text.plain_data import is_plain

IN, ABOVE = "in", "above"  # words of `from`: what flows into the chain, and what the entry above puts out
_Key = int | str | None  # the place in a list, the name of a call's argument, nothing where one stands alone


@dataclass(frozen=True, slots=True)
class LayerEntry(Parsed):
    """A new layer, or one more call of a layer that is there.

    Attributes:
        class_name: the class by its public Keras name, `block NAME` for a block, empty for `layer:`.
        name: None where Keras should choose; it may hold `{name}`, the name of the layer that an edit matched.
        takes: what it is called on, None for what the entry above puts out.
        call: constants that its call gets as keyword arguments.
        weights: where its values come from, None for its initializers.
        layer: the name of the layer that is called once more.
        copies: the entries of a block, as often as it stands there.
    """

    definition: ClassVar[str] = "layer_entry"
    joins: ClassVar[bool] = True  # whether modifiers may stand beside the class
    matches: ClassVar[bool] = True  # whether there is a layer that `{name}` may stand for

    class_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    name: str | None = None
    takes: Mapping[_Key, Selector] | None = field(default=None, hash=False)
    call: Mapping[str, Any] = field(default_factory=dict, hash=False)
    layer: str | None = None
    weights: NewWeights | None = None
    copies: tuple[tuple[LayerEntry, ...], ...] = ()
    class_path: Path = ()
    name_path: Path = ()

    @classmethod
    def _parsed(cls, raw: Any) -> Self:
        """The entry that a YAML value says.

        Raises:
            SpecError: SC105 another form, SC202 unknown class, SC102, SC106 and SC107 for its arguments, SC101 for a
                modifier where none may stand, SC103, SC104 and SC108 for what modifiers say.

        >>> LayerEntry.parse({"Dropout": 0.3}).arguments
        {'rate': 0.3}
        """
        entry, beside = raw, {}
        if isinstance(raw, Mapping) and any(key not in MODIFIERS for key in raw):
            entry = {key: value for key, value in raw.items() if key not in MODIFIERS}
            beside = {key: raw[key] for key in MODIFIERS if key in raw}
        problems: list[Diagnostic] = []
        if not cls.joins:
            problems += map(no_modifier, beside)
            beside = {}
        what = next(iter(entry)) if isinstance(entry, Mapping) and len(entry) == 1 else entry
        copies: tuple[tuple[LayerEntry, ...], ...] = ()
        if isinstance(what, str) and what.startswith(BLOCK) and isinstance(entry, Mapping):
            with collected(problems):
                copies = cls._copies(what, entry[what]["copies"])
            own_name = entry[what].get("name")
            value: Any = {} if own_name is None else {"name": own_name}
            problems += (each.under(what) for each in name_problems(value, cls.matches))
        elif what == "layer" and isinstance(entry, Mapping):
            value = entry[what]
            problems += layer_problems(value)
        else:
            problems += entry_problems(entry, cls.matches)
            value = next(iter(entry.values()), None) if isinstance(entry, Mapping) else None
        takes = None
        if "from" in beside:
            with collected(problems, "from"):
                takes = _sources(beside["from"], what)
        weights = None
        if "weights" in beside:
            with collected(problems, "weights"):
                weights = _new_weights(beside["weights"], what)
        problems += beside_problems(beside, value, what, cls.matches)
        if problems:
            raise SpecError(problems)
        call = dict(beside.get("call") or {})
        if what == "layer":
            return cls("", {}, beside.get("name"), takes, call, value, class_path=("layer",), name_path=("name",))
        class_path: Path = () if isinstance(entry, str) else (what,)
        first = catalogue.first_argument(what, "layer")
        arguments = dict(value) if isinstance(value, Mapping) else {} if value is None else {str(first): value}
        name, name_path = arguments.pop("name", None), (*class_path, "name")
        if "name" in beside:
            name, name_path = beside["name"], ("name",)
        return cls(what, arguments, name, takes, call, None, weights, copies, class_path, name_path)

    @classmethod
    def _copies(cls, block: str, copies: Any) -> tuple[tuple[LayerEntry, ...], ...]:
        """The entries of a block, each copy by itself."""
        made: list[tuple[LayerEntry, ...]] = []
        problems: list[Diagnostic] = []
        for number, body in enumerate(copies):
            with collected(problems, block, "copies", number):
                # An object that only Python can put there may be written as another is.
                made.append(_body(_Written(body)) if is_plain(body) else _body.__wrapped__(_Written(body)))
            if problems:  # the next copy would say the same again
                raise SpecError(problems)
        return tuple(made)

    @property
    def sources(self) -> Iterator[tuple[Path, Selector]]:
        """What `from` names, each with its place in the entry."""
        return ((("from",) if key is None else ("from", key), each) for key, each in (self.takes or {}).items())

    @property
    def block(self) -> str | None:
        """The block that it writes out, None for a layer."""
        return self.class_name.removeprefix(BLOCK) if self.class_name.startswith(BLOCK) else None


class HeadEntry(LayerEntry):
    """A layer of a head, which no layer is matched by."""

    __slots__ = ()
    matches: ClassVar[bool] = False


class InBlock(LayerEntry):
    """A layer of a block, whose name is the block's and its own."""

    __slots__ = ()
    matches: ClassVar[bool] = False


class _Written:
    """Entries of a block, which are the same as others where they are written the same, to the types of numbers."""

    __slots__ = ("entries", "text")

    def __init__(self, entries: Any) -> None:
        self.entries, self.text = entries, repr(entries)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and self.text == other.text


@lru_cache(maxsize=64)  # a block stands in many places, often with the same parameters
def _body(written: _Written) -> tuple[InBlock, ...]:
    """The layers of one copy of a block.

    Raises:
        SpecError: as `LayerEntry.parse`, for each that is wrong.
    """
    entries: list[InBlock] = []
    problems: list[Diagnostic] = []
    for index, entry in enumerate(written.entries):
        with collected(problems, index):
            entries.append(InBlock.parse(entry))
    if problems:
        raise SpecError(problems)
    return tuple(entries)


class LooseEntry(LayerEntry):
    """A layer that goes into no model, as those that change training images."""

    __slots__ = ()
    definition: ClassVar[str] = "layer"
    joins: ClassVar[bool] = False
    matches: ClassVar[bool] = False


Entries = Annotated[tuple[LayerEntry, ...], Field(min_length=1), OneOrMore()]  # the layers of one chain
HeadEntries = Annotated[tuple[HeadEntry, ...], Field(min_length=1), OneOrMore()]  # those of a head


def _new_weights(raw: Any, what: Any) -> NewWeights:
    """What `weights` beside a class says.

    Raises:
        SpecError: SC101 where the entry makes no layer of its own, else as `NewWeights.parse`.
    """
    if what == "layer":
        message = "`weights` gives a new layer its values, `layer` calls one that has some"
        raise SpecError.single("SC101", message, at_key=True, help=Advice("remove it", Remove()))
    return NewWeights.parse(raw)


def _sources(takes: Any, class_name: Any) -> dict[_Key, Selector]:
    """What `from` says: one layer, a list for a merge, or a mapping from arguments of the call."""
    if takes is None or (isinstance(takes, list | tuple | Mapping) and not takes):
        raise SpecError.single("SC103", "`from` needs a layer or a list of layers", at_key=True)
    if isinstance(takes, list | tuple) and len(takes) == 1 and class_name in MERGES:
        help = f"write `from: {takes[0]}`, or name what it is to be merged with" if isinstance(takes[0], str) else None
        raise SpecError.single("SC103", "`from` is a list of one, a merge takes several", help=help)
    pairs: Mapping[_Key, Any] = {None: takes}
    if isinstance(takes, list | tuple):
        pairs = dict(enumerate(takes))
    elif isinstance(takes, Mapping) and "layers" not in takes:  # which is a selector's own form
        pairs = {str(key): value for key, value in takes.items()}
    sources: dict[_Key, Selector] = {}
    problems: list[Diagnostic] = []
    for key, source in pairs.items():
        with collected(problems, *(() if key is None else (key,))):
            sources[key] = Selector.parse(source)
    if problems:
        raise SpecError(problems)
    return sources
