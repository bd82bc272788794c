"""`blocks`: layers with a name and parameters, and copies of them wherever an entry of new layers has that name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, did_you_mean, near, quoted, show
from spec_compiler.diagnostics.advice import Advice, Wrap
from spec_compiler.diagnostics.near import num_slips
from spec_compiler.keras_facts import catalogue
from spec_compiler.text.block_definitions import NAME, OF_A_USE, OF_AN_ENTRY, Block, problems_of
from spec_compiler.text.imports import library_block, library_names
from spec_compiler.text.source import Place, Source, key_text, placed, texts_in, walked
from spec_compiler.text.variables import COPY, Filling, Told, Variable, size, uses_in, variables_of

MOST_COPIES = 1000
MAX_DEPTH = 32  # blocks inside of each other
EXPANDED = ("vars", "blocks", "imports")  # sections that are no more in what is validated
_NAME = re.compile(NAME)
_TAKE_LAYERS = ("head", "insert", "replace", "steps")
_HOLDS_ENTRIES = {"insert": ("with",), "replace": ("with",)}


def expanded(source: Source) -> Source:
    """The source without `vars` and `blocks`: every `${name}` is its value, every block the copies of its layers.

    An entry `NAME: {parameters}` becomes `{"block NAME": {"name": …, "copies": [[entry, …], …]}}`, with what stands
    beside the name as it is; no key of a user's has a space in it.

    Raises:
        SpecError: SC110 an unknown variable or a calculation that fails, SC005 too many values, SC101, SC102, SC103,
            SC105, SC107, SC113 and SC202 what is wrong with a block or with a use of one.
    """
    if not isinstance(source.data, dict):
        return source
    told = Told(source)
    told.assigned |= source.assigned
    values, places = variables_of(told), dict(source.moved)
    data: dict[Any, Any] = {}
    for key, value in source.data.items():
        if num_slips(key_text(key), "blocks", 1) == 1:
            data[key] = value  # its parameters are no variables of the spec
        elif key not in ("vars", "blocks"):
            # A misspelt one is told with the fields.
            takes_layers = any(num_slips(key_text(key), each, 1) <= 1 for each in _TAKE_LAYERS)
            filling = Filling(values, places, told, takes_layers)
            data[key] = filling.filled(value, (key_text(key),), Place((key_text(key),)))
    told.check("vars")
    blocks = _Blocks(told, values, places)
    told.check("blocks")
    for key in data:
        data[key] = blocks.section(key, data[key], (key_text(key),))
    told.check("blocks")
    return replace(
        source,
        data=data,
        moved=places,
        assigned=told.assigned,
        unused=tuple(_unused_variables(source, values)),
        unused_blocks=tuple(blocks.unused()),
        unfilled=source,
    )


class _Blocks:
    """The blocks of a source, and how they take the place of their uses."""

    def __init__(self, told: Told, values: Mapping[str, Variable], places: dict[Path, Place]) -> None:
        self.told, self.values, self.places = told, values, places
        self.used: set[str] = set()
        self.own: dict[str, Block] = {}
        raw = told.source.data.get("blocks")
        if raw is not None and not isinstance(raw, dict):
            told.tell(Diagnostic("SC103", f"`blocks` must be a mapping, got {show(raw)}"), Place(("blocks",)))
            return
        for key, value in (raw or {}).items():
            name = key_text(key)
            place = placed(("blocks", name), told.source.moved)
            problems = [*problems_of(name, value)]
            for each in problems:
                told.tell(each, place.below(*each.path))
            if not problems:
                self.own[name] = Block(value.get("vars") or {}, value["layers"], place)

    def unused(self) -> Iterator[str]:
        """Those of the spec's own text that nothing uses, not even another block."""
        for name, block in self.own.items():
            if name in self.used or block.place.source is not None:
                continue
            others = (each.layers for other, each in self.own.items() if other != name)
            if not any(name in (*path, value) for each in others for path, value in walked(each)):
                yield name

    def section(self, key: Any, value: Any, at: Path) -> Any:
        """A section with the blocks in its entries expanded."""
        if key == "head":
            return self._entries(value, at, ())
        if key == "steps":
            return _in_mappings(value, at, self.section)
        holding = _HOLDS_ENTRIES.get(key, ())

        def inner(key: Any, value: Any, at: Path) -> Any:
            return self._entries(value, at, ()) if key in holding else value

        return _in_mappings(value, at, inner) if holding else value

    def _entries(self, value: Any, at: Path, chain: tuple[str, ...]) -> Any:
        """Entries of new layers, or a single one; `chain` are the blocks that they are inside of."""
        if isinstance(value, list):
            return [self._entry(each, (*at, index), chain) for index, each in enumerate(value)]
        return self._entry(value, at, chain)

    def _entry(self, entry: Any, at: Path, chain: tuple[str, ...]) -> Any:
        keys = [entry] if isinstance(entry, str) else list(entry) if isinstance(entry, dict) else []
        whats = [key for key in keys if isinstance(key, str) and key not in OF_AN_ENTRY]
        name = next((key for key in whats if self._block(key) is not None), None)
        if self.told.room < 0:
            return entry
        if name is None:
            self._near(whats, at, is_key=isinstance(entry, dict))
            return entry
        other = next(
            (key for key in whats if key != name and (self._block(key) or key in catalogue.layer_names())), None
        )
        if other is not None:
            message = f"an entry is one class or block, this has `{name}` and `{other}`"
            help = "begin each with `- `"
            self.told.tell(Diagnostic("SC105", message, at_key=True, help=help), placed((*at, other), self.places))
            return entry
        use = placed((*at, name) if isinstance(entry, dict) else at, self.places)
        made = self._use(name, entry[name] if isinstance(entry, dict) else None, use, at, chain)
        if made is None:
            return entry
        self.places[(*at, _key(name))] = use
        return {_key(key) if key == name else key: made if key == name else value for key, value in _pairs(entry)}

    def _use(self, name: str, given: Any, use: Place, at: Path, chain: tuple[str, ...]) -> dict[str, Any] | None:
        """What a use of a block becomes; None where something is wrong with it."""
        block = self._block(name)
        assert block is not None
        self.used.add(name)
        if name in chain:
            way = " → ".join((*chain[chain.index(name) :], name))
            problem = Diagnostic("SC113", f"a block that uses itself makes layers without end: {way}", at_key=True)
            self.told.tell(replace(problem, help="let one of them do without the next"), use)
            return None
        if len(chain) >= MAX_DEPTH:
            self.told.tell(Diagnostic("SC005", f"more than {MAX_DEPTH} blocks inside of each other"), use)
            return None
        if given is not None and not isinstance(given, dict):
            self._no_mapping(name, block, given, use)
            return None
        arguments = {key_text(key): value for key, value in (given or {}).items()}
        values = self._parameters(name, block, arguments, use, (*at, name))
        times = self._copies_wanted(arguments, (*at, name))
        if values is None or times is None:
            return None
        layers = block.layers if isinstance(block.layers, list) else [block.layers]
        body = self._place(name, "layers")._replace(related=_used_at(name, use))
        copies = []
        for index in range(times):
            self.told.room -= size(layers)
            if self.told.room < 0:
                return None
            here = (*at, _key(name), "copies", index)
            numbers = zip(COPY, (index + 1, times), strict=True)
            filling = Filling(values | {key: Variable(number, body) for key, number in numbers}, self.places, self.told)
            self.places[here] = body
            copies.append(self._entries(filling.filled(layers, here, body), here, (*chain, name)))
        return {"name": arguments.get("name"), "copies": copies}

    def _parameters(
        self, name: str, block: Block, given: Mapping[str, Any], use: Place, at: Path
    ) -> dict[str, Variable] | None:
        """The variables of the spec with the parameters of a block, given or by default; None where one is wrong."""
        before = len(self.told.problems)
        defined = (f"`{name}` is defined here", block.place)
        known = tuple(map(key_text, block.parameters))
        misspelt: list[str] = []
        for key in given:
            if key not in (*known, *OF_A_USE):
                misspelt += near(key, known)
                place = placed(at, self.places).below(key)  # the key's, a variable's value is elsewhere
                otherwise = f"its parameters are {quoted(known)}" if known else "it has no parameters"
                help = did_you_mean(key, (*known, *OF_A_USE), otherwise)
                problem = Diagnostic("SC101", f"the block `{name}` has no parameter `{key}`", at_key=True, help=help)
                self.told.tell(problem, place._replace(related=(defined, *place.related)))
        values = dict(self.values)
        for key, default in zip(known, block.parameters.values(), strict=True):
            if key in given:
                start = (*at, key)
                place, value = placed(start, self.places), given[key]
                rows = self.places.items() if isinstance(value, dict | list) else ()
                inner = {path[len(start) :]: row for path, row in rows if path[: len(start)] == start != path}
            elif default is None and key in misspelt:  # which is told where it is misspelt
                continue
            elif default is None:
                problem = Diagnostic("SC102", f"the block `{name}` needs `{key}`", help=f"write `{name}: {{{key}: …}}`")
                self.told.tell(problem, use._replace(related=(defined, *use.related)))
                continue
            else:
                inner = {}
                place = self._place(name, "vars", key)._replace(related=_used_at(name, use))
                value = Filling(values, inner, self.told).filled(default, (), place)
                place = inner.pop((), place)
            values[key] = Variable(value, place, inner, name)
        return values if len(self.told.problems) == before else None

    def _copies_wanted(self, given: Mapping[str, Any], at: Path) -> int | None:
        name, times = given.get("name"), given.get("times", 1)
        if name is not None and not isinstance(name, str):
            problem = Diagnostic("SC103", f"`name` must be text, got {show(name)}")
            self.told.tell(problem, placed((*at, "name"), self.places))
            return None
        if type(times) is not int or not 0 < times <= MOST_COPIES:
            message = f"`times` must be a whole number from 1 to {MOST_COPIES:,}, got {show(times)}"
            self.told.tell(Diagnostic("SC103", message), placed((*at, "times"), self.places))
            return None
        return times

    def _no_mapping(self, name: str, block: Block, given: Any, use: Place) -> None:
        first = next(iter(map(key_text, block.parameters)), None)
        help: str = "write the name alone, it has no parameters"
        if first is not None:
            help = Advice(f"write `{name}: {{{first}: …}}`", Wrap(first))
        self.told.tell(Diagnostic("SC105", f"a block takes a mapping of parameters, got {show(given)}", help=help), use)

    def _block(self, name: str) -> Block | None:
        """The block of a name: of the spec, or of the package."""
        if name in self.own or not _NAME.match(name) or name not in library_names():
            return self.own.get(name)
        source = library_block(name)
        written = source.data["blocks"][name]
        return Block(written.get("vars") or {}, written["layers"], Place(("blocks", name), source))

    def _place(self, name: str, *path: str) -> Place:
        """Where a part of a block is written; `--set` may have put it into one that another file brings."""
        if name in self.own:
            return placed(("blocks", name, *path), self.told.source.moved)
        return Place(("blocks", name, *path), library_block(name))

    def _near(self, whats: list[str], at: Path, is_key: bool) -> None:
        """Tells of what is no class and no block, but nearly one of these."""
        if len(whats) != 1 or not _NAME.match(whats[0]) or near(whats[0], catalogue.layer_names()):
            return
        (word,) = whats
        names = near(word, (*self.own, *library_names()))
        if names:
            place = placed((*at, word) if is_key else at, self.places)
            problem = Diagnostic("SC202", f"no layer class or block named `{word}`", at_key=is_key)
            self.told.tell(replace(problem, help=did_you_mean(word, names)), place)


def _key(name: str) -> str:
    """The key of an expanded block."""
    return f"block {name}"


def _pairs(entry: Any) -> list[tuple[Any, Any]]:
    return [(entry, None)] if isinstance(entry, str) else list(entry.items())


def _used_at(name: str, use: Place) -> tuple[tuple[str, Place], ...]:
    """What is said beside a mistake in a block: where it is used, and where what uses it is."""
    return ((f"`{name}` is used here", use._replace(related=())), *use.related)


def _in_mappings(value: Any, at: Path, change: Callable[[Any, Any, Path], Any]) -> Any:
    """A mapping, or each of a list of them, with its values changed."""
    if isinstance(value, list):
        return [_in_mappings(each, (*at, index), change) for index, each in enumerate(value)]
    if isinstance(value, dict):
        return {key: change(key, each, (*at, key_text(key))) for key, each in value.items()}
    return value


def _unused_variables(source: Source, values: Mapping[str, Variable]) -> Iterator[str]:
    used = {name for text in texts_in(source.data) for name in uses_in(text)}
    return (name for name, each in values.items() if name not in used and each.place.source is None)
