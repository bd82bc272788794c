"""A layer entry: `ClassName`, `ClassName: {arguments}` or `ClassName: first argument`, with `from:` in a head."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError, collected, write
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.diagnostics.near import num_slips
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_checks import check_entry
from spec_compiler.keras_facts.function_names import bare
from spec_compiler.keras_facts.merges import MERGES
from spec_compiler.language.parsed import OneOrMore, Parsed
from spec_compiler.language.selectors import Selector


@dataclass(frozen=True, slots=True)
class LayerEntry(Parsed):
    """A layer of a chain: its class by its public Keras name, and its constructor arguments.

    `name` is None where Keras should choose; it may hold `{name}`, the name of the layer that an edit matched.
    `takes` is what a layer of a head is called on, None in a chain, where it takes what the one above puts out.
    """

    definition: ClassVar[str] = "layer"
    joins: ClassVar[bool] = False  # whether `from:` may stand beside the class
    matches: ClassVar[bool] = True  # whether there is a layer that `{name}` may stand for

    class_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    name: str | None = None
    takes: tuple[Selector, ...] | None = None
    takes_list: bool = False
    class_path: Path = ()
    name_path: Path = ()

    @classmethod
    def _parsed(cls, raw: Any) -> Self:
        """The entry that a YAML value says.

        Raises:
            SpecError: SC105 another form, SC202 unknown class, SC102, SC106 and SC107 for its arguments, SC101 for
                `from` in a chain, SC303 for a layer that puts out several tensors.

        >>> LayerEntry.parse({"Dropout": 0.3}).arguments
        {'rate': 0.3}
        """
        entry, takes = raw, _ABSENT
        if isinstance(raw, Mapping) and "from" in raw and len(raw) > 1:
            entry = {key: value for key, value in raw.items() if key != "from"}
            takes = raw["from"]
        problems = [*_entry_problems(entry, cls.matches)]
        sources: tuple[Selector, ...] | None = None
        if takes is not _ABSENT and cls.joins:
            with collected(problems, "from"):
                sources = _sources(takes, next(iter(entry), "") if isinstance(entry, Mapping) else entry)
        elif takes is not _ABSENT:
            help = "remove it, a chain needs none; layers that take others than the one above stand in `head`"
            message = "`from` has a meaning in `head` only, here a layer takes what the one above it puts out"
            problems.append(Diagnostic("SC101", message, ("from",), at_key=True, help=help))
        if problems:
            raise SpecError(problems)
        ((class_name, value),) = [(entry, None)] if isinstance(entry, str) else entry.items()
        class_path: Path = () if isinstance(entry, str) else (class_name,)
        first = catalogue.first_argument(class_name, "layer")
        arguments = dict(value) if isinstance(value, Mapping) else {} if value is None else {str(first): value}
        name = arguments.pop("name", None)
        listed = isinstance(takes, list | tuple)
        return cls(class_name, arguments, name, sources, listed, class_path, (*class_path, "name"))


@dataclass(frozen=True, slots=True)
class HeadEntry(LayerEntry):
    """A layer of a head, which may say with `from:` what it is called on."""

    definition: ClassVar[str] = "head_layer"
    joins: ClassVar[bool] = True
    matches: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class LooseEntry(LayerEntry):
    """A layer that goes into no model, as those that change training images."""

    matches: ClassVar[bool] = False


Entries = Annotated[tuple[LayerEntry, ...], Field(min_length=1), OneOrMore()]  # the layers of one chain
HeadEntries = Annotated[tuple[HeadEntry, ...], Field(min_length=1), OneOrMore()]  # those of a head


MATCH = "{name}"  # in a layer's name: the layer that the edit matched
PLACEHOLDER = re.compile(r"\{[^{}]*\}")

_ABSENT: Any = object()


def _entry_problems(entry: Any, matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with a class and its arguments, at the smallest place that is at fault."""
    if isinstance(entry, Mapping) and len(entry) > 1 and all(isinstance(key, str) for key in entry):
        names = list(entry)
        classes = [name for name in names if name in catalogue.layer_names()]
        extra = next((name for name in names if name not in classes), names[1])
        owner = next((name for name in classes if entry[name] is None), None)
        help = "begin each layer with `- `" if len(classes) > 1 else "an entry is one class, its arguments belong to it"
        if owner is not None and extra in catalogue.argument_names(owner, "layer"):
            help = f"indent the arguments below `{owner}:`, or write `{owner}: {{{extra}: …}}`"
        elif classes and extra in catalogue.argument_names(classes[0], "layer"):
            help = f"move `{extra}` into the arguments: `{classes[0]}: {{…, {extra}: …}}`"
        elif num_slips(extra, "from", 2) <= 2:
            help = write("from", "did you mean `from`?")
        message = f"a layer entry has one class, this has {len(names)} keys: `{extra}` is too many"
        if not classes:
            message, extra = f"a layer entry is one class, this has {len(names)} keys and none is a class", ""
            texts = (value for value in entry.values() if isinstance(value, str))  # `{type: Dense, units: 3}`
            meant = next((text for text in texts if text in catalogue.layer_names()), "Class")
            help = f"write `- {meant}: {{arguments}}`"
        yield Diagnostic("SC105", message, (extra,) if extra else (), at_key=bool(extra), help=help)
        return
    yield from check_entry(entry)
    ((class_name, value),) = entry.items() if isinstance(entry, Mapping) and len(entry) == 1 else (("", None),)
    if isinstance(value, Mapping):
        yield from (each.under(str(class_name)) for each in (*_name_problems(value, matches), *_several_outputs(value)))


_UNNAMED = Advice("leave it out, and Keras names the layer", Remove())


def _name_problems(arguments: Mapping[str, Any], matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with the name of a layer, and with those of layers inside of it."""
    for path, name in _names(arguments):
        own = path == ("name",)
        if own and name == "":
            yield Diagnostic("SC107", "`name` must not be empty", path, help=_UNNAMED)
        for placeholder in PLACEHOLDER.finditer(name if isinstance(name, str) else ""):
            if own and matches and placeholder[0] == MATCH:
                continue
            message, help = f"nothing here fills in `{placeholder[0]}`", "write the name out, without braces"
            if not own:
                help = "leave the name out, a layer inside of another needs none"
            elif matches:
                help = f"only `{MATCH}` is filled in, with the name of the layer that was matched"
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


def _several_outputs(arguments: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """SC303 for a layer that puts out its states too: nothing after it could say which tensor it takes."""
    places: list[tuple[Path, Any]] = [(("return_state",), arguments.get("return_state"))]
    inner = arguments.get("layer")  # of a wrapper: `Bidirectional: {layer: {LSTM: {…}}}`
    for name, value in inner.items() if isinstance(inner, Mapping) and len(inner) == 1 else ():
        if isinstance(value, Mapping):
            places.append((("layer", str(name), "return_state"), value.get("return_state")))
    for path, value in places:
        if value is True:
            message = "`return_state: true` puts out several tensors, no entry can say which of them it takes"
            help = "leave it out: the layer puts out the first of them alone"
            yield Diagnostic("SC303", message, path, help=Advice(help, Remove()))


def _sources(takes: Any, class_name: Any) -> tuple[Selector, ...]:
    if takes is None or (isinstance(takes, list | tuple) and not takes):
        raise SpecError.single("SC103", "`from` needs a layer or a list of layers", at_key=True)
    if isinstance(takes, list | tuple) and len(takes) == 1 and class_name in MERGES:
        help = f"write `from: {takes[0]}`, or name what it is to be merged with" if isinstance(takes[0], str) else None
        raise SpecError.single("SC103", "`from` is a list of one, a merge takes several", help=help)
    if not isinstance(takes, list | tuple):
        return (Selector.parse(takes),)
    sources: list[Selector] = []
    problems: list[Diagnostic] = []
    for index, source in enumerate(takes):
        with collected(problems, index):
            sources.append(Selector.parse(source))
    if problems:
        raise SpecError(problems)
    return tuple(sources)


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
