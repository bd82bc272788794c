"""A new layer as every section writes it: a class or `layer:`, and modifiers beside it (`from`, `call`, `name`).

Flatten
Dropout: 0.3
{Dense: {units: 10}, from: pooled, name: scores}
{layer: encoder, from: left}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError, collected, did_you_mean, show, write
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.diagnostics.near import num_slips, offered
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_checks import check_entry
from spec_compiler.keras_facts.function_names import bare, is_own
from spec_compiler.keras_facts.merges import MERGES
from spec_compiler.language.adapted import NewWeights
from spec_compiler.language.flow import check_sizes, stand_in
from spec_compiler.language.parsed import OneOrMore, Parsed
from spec_compiler.language.selectors import Selector
from spec_compiler.text.plain_data import is_plain

MODIFIERS = ("from", "call", "weights", "name")
IN, ABOVE = "in", "above"  # words of `from`: what flows into the chain, and what the entry above puts out
BLOCK = "block "  # begins the key of a block whose copies are written out (`text/blocks.py`), as no key of a user does
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
            problems += map(_no_modifier, beside)
            beside = {}
        what = next(iter(entry)) if isinstance(entry, Mapping) and len(entry) == 1 else entry
        copies: tuple[tuple[LayerEntry, ...], ...] = ()
        if isinstance(what, str) and what.startswith(BLOCK) and isinstance(entry, Mapping):
            with collected(problems):
                copies = cls._copies(what, entry[what]["copies"])
            own_name = entry[what].get("name")
            value: Any = {} if own_name is None else {"name": own_name}
            problems += (each.under(what) for each in _name_problems(value, cls.matches))
        elif what == "layer" and isinstance(entry, Mapping):
            value = entry[what]
            problems += _layer_problems(value)
        else:
            problems += _entry_problems(entry, cls.matches)
            value = next(iter(entry.values()), None) if isinstance(entry, Mapping) else None
        takes = None
        if "from" in beside:
            with collected(problems, "from"):
                takes = _sources(beside["from"], what)
        weights = None
        if "weights" in beside:
            with collected(problems, "weights"):
                weights = _new_weights(beside["weights"], what)
        problems += _beside_problems(beside, value, what, cls.matches)
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


MATCH = "{name}"  # in a layer's name: the layer that the edit matched
PLACEHOLDERS = (MATCH, "{index}", "{count}")  # which of the matches it is, from 1, and how many there are
PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def _no_modifier(key: str) -> Diagnostic:
    message = f"`{key}` says how a layer joins a model, this one goes into none"
    help = "layers that are joined stand in `head`, `insert` and `replace`"
    return Diagnostic("SC101", message, (key,), at_key=True, help=Advice(f"remove it, {help}", Remove()))


def _new_weights(raw: Any, what: Any) -> NewWeights:
    """What `weights` beside a class says.

    Raises:
        SpecError: SC101 where the entry makes no layer of its own, else as `NewWeights.parse`.
    """
    if what == "layer":
        message = "`weights` gives a new layer its values, `layer` calls one that has some"
        raise SpecError.single("SC101", message, at_key=True, help=Advice("remove it", Remove()))
    return NewWeights.parse(raw)


def _layer_problems(value: Any) -> Iterator[Diagnostic]:
    """What is wrong with the name of a layer that is to be called once more."""
    if not isinstance(value, str) or not value.strip():
        help = "a new layer begins with its class, as `Dense: {units: 10}`"
        yield Diagnostic("SC103", f"`layer` names a layer that is there, got {show(value)}", ("layer",), help=help)


def _beside_problems(beside: Mapping[str, Any], value: Any, what: Any, matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with a name and a call's constants that stand beside the class."""
    if "name" in beside:
        name = beside["name"]
        if not isinstance(name, str) or "/" in name:
            message = f"`name` must be text without `/`, got {show(name)}"
            yield Diagnostic("SC103", message, ("name",))
        else:
            yield from _name_problems({"name": name}, matches)
        if isinstance(value, Mapping) and "name" in value:
            message = "the layer's name is said twice, among its arguments too"
            once = Advice("keep one of the two", Remove())
            yield Diagnostic("SC108", message, ("name",), at_key=True, help=once)
    call = beside.get("call", {})
    if not isinstance(call, Mapping) or not call or not all(isinstance(key, str) for key in call):
        if "call" in beside:
            message, help = f"`call` maps arguments of the call to values, got {show(call)}", "as `{training: true}`"
            yield Diagnostic("SC103", message, ("call",), help=help)
        return
    taken = beside.get("from")
    for key in call:
        if isinstance(taken, Mapping) and key in taken:
            message = f"`{key}` is said twice, `from` says it too"
            yield Diagnostic("SC108", message, ("call", key), at_key=True, help="keep one of the two")


def _entry_problems(entry: Any, matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with a class and its arguments, at the smallest place that is at fault."""
    if isinstance(entry, Mapping) and len(entry) > 1 and all(isinstance(key, str) for key in entry):
        names = list(entry)
        classes = [name for name in names if name in catalogue.layer_names() or _is_no_keras_class(name)]
        extra = next((name for name in names if name not in classes), names[1])
        owner = next((name for name in classes if entry[name] is None), None)
        help: str = "an entry is one class, its arguments belong to it"
        if len(classes) > 1:
            help = "begin each layer with `- `"
        if owner is not None and extra in catalogue.argument_names(owner, "layer"):
            help = f"indent the arguments below `{owner}:`, or write `{owner}: {{{extra}: …}}`"
        elif classes and extra in catalogue.argument_names(classes[0], "layer"):
            help = f"move `{extra}` into the arguments: `{classes[0]}: {{…, {extra}: …}}`"
        elif near := next((key for key in MODIFIERS if num_slips(extra, key, 2) <= 2), None):
            help = write(near, f"did you mean `{near}`?")
        message = f"a layer entry has one class, this has {len(names)} keys: `{extra}` is too many"
        if not classes:
            message, extra = f"a layer entry is one class, this has {len(names)} keys and none is a class", ""
            texts = (value for value in entry.values() if isinstance(value, str))  # `{type: Dense, units: 3}`
            named = next((text for text in texts if text in catalogue.layer_names()), "Class")
            help = f"write `- {named}: {{arguments}}`"
        yield Diagnostic("SC105", message, (extra,) if extra else (), at_key=bool(extra), help=help)
        return
    ((class_name, value),) = entry.items() if isinstance(entry, Mapping) and len(entry) == 1 else (("", None),)
    if isinstance(value, str) and num_slips(str(class_name), "layer", 1) == 1:
        message, meant = f"no layer class named `{class_name}`", did_you_mean(str(class_name), ("layer",))
        yield Diagnostic("SC202", message, (str(class_name),), at_key=True, help=meant)
        return
    yield from check_entry(stand_in(entry))
    if isinstance(value, Mapping):
        yield from (each.under(str(class_name)) for each in (*_name_problems(value, matches), *check_sizes(value)))
    elif class_name:
        yield from (each.under(str(class_name)) for each in check_sizes(value))


def _is_no_keras_class(name: str) -> bool:
    """Whether a key says what an entry is and is no class of Keras's."""
    return name == "layer" or name.startswith(BLOCK) or is_own(name)


_UNNAMED = Advice("leave it out, and Keras names the layer", Remove())


def _name_problems(arguments: Mapping[str, Any], matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with the name of a layer, and with those of layers inside of it."""
    for path, name in _names(arguments):
        own = path == ("name",)
        if own and name == "":
            yield Diagnostic("SC107", "`name` must not be empty", path, help=_UNNAMED)
        for placeholder in PLACEHOLDER.finditer(name if isinstance(name, str) else ""):
            if own and matches and placeholder[0] in PLACEHOLDERS:
                continue
            message, help = f"nothing here fills in `{placeholder[0]}`", "write the name out, without braces"
            if not own:
                help = "leave the name out, a layer inside of another needs none"
            elif matches:
                near = [each for each in PLACEHOLDERS if num_slips(placeholder[0], each, 1) == 1]
                otherwise = f"only `{MATCH}` is filled in, with the name of the layer that was matched"
                help = offered(near) or otherwise
            elif placeholder[0] == MATCH:
                message = f"`{MATCH}` stands for a layer that an edit matched, here none is"
            yield Diagnostic("SC107", message, path, help=help, chars=placeholder.span())


def _names(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every name that a layer's arguments say, its own and those of layers inside of it."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key == "name":
                yield (*path, "name"), below
            else:
                yield from _names(below, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from _names(below, (*path, index))


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


def snake_case(class_name: str) -> str:
    """The name that Keras gives to an unnamed layer of a class, before it is made unique.

    >>> snake_case("GlobalAveragePooling2D")
    'global_average_pooling2d'
    """
    # The three steps of `keras/src/utils/naming.py`; a class of one's own has its module or package before its name.
    name = re.sub(r"\W+", "", bare(class_name))
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def numbered(name: str, number: int) -> str:
    """The name as Keras counts it: the first is without a number.

    >>> [numbered("dense", number) for number in range(3)]
    ['dense', 'dense_1', 'dense_2']
    """
    return f"{name}_{number}" if number else name


def is_automatic(name: str, class_name: str) -> bool:
    """Whether a layer has the name that Keras gives to one without.

    >>> is_automatic("conv_lstm2d_3", "ConvLSTM2D"), is_automatic("dense_top", "Dense")
    (True, False)
    """
    return re.fullmatch(rf"{snake_case(class_name)}(_\d+)?", name) is not None
