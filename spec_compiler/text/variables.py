"""`vars`: values with a name, and `${name}` in their place anywhere in a spec."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, near, quoted, show
from spec_compiler.text.arithmetic import evaluate, flows_in, names_in, with_numbers
from spec_compiler.text.source import Assignment, Place, Source, key_text, placed
from spec_compiler.text.yaml_text import MAX_NODES

MOST_PROBLEMS = 10  # that are told: each is compared with every variable
USE = re.compile(r"\$\{([^{}]*)\}")  # of a variable
COPY = ("index", "count")  # of a copy of a block: which it is, from 1, and of how many
_FORMS = "write numbers, variables, `+ - * / // %` and parentheses"
_CALCULATES = re.compile(r"[-+*/%()]")


class Variable(NamedTuple):
    """A value with a name and its place; `inner` are the places of what in it is written elsewhere than below that.

    `block` is the block whose parameter it is, None for a variable of the spec.
    """

    value: Any
    place: Place
    inner: Mapping[Path, Place] = {}
    block: str | None = None


@dataclass
class Told:
    """What is found while the variables of a source are filled in: problems, and where `--set` had its part."""

    source: Source
    room: int = MAX_NODES  # how many values (or eighty letters) there may still be
    problems: list[Diagnostic] = field(default_factory=list)
    assigned: dict[Path, Assignment] = field(default_factory=dict)

    def tell(self, problem: Diagnostic, place: Place) -> None:
        """Adds a problem of what stands at a place."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(self.source.locate_at(problem, place))

    def check(self, key: str) -> None:
        """Proves that nothing is wrong so far; what takes the room stands in the section `key`.

        Raises:
            SpecError: what was told; SC005 where there is no room left.
        """
        if self.room < 0:
            what = "variables" if key == "vars" else "blocks"
            message = f"its {what} expand to more than {MAX_NODES:,} values"
            self.problems.append(self.source.locate(Diagnostic("SC005", message, (key,), at_key=True)))
        if self.problems:
            raise self.source.located(SpecError(self.problems))


@dataclass
class Filling:
    """Fills variables in. `places` gets a row for whatever then stands elsewhere than it is written."""

    values: Mapping[str, Variable]
    places: dict[Path, Place]
    told: Told
    has_flow: bool = True  # whether `${in.…}` has a meaning here; it stays as it is, only the model knows

    def filled(self, value: Any, at: Path, place: Place) -> Any:
        """What is written at a place, with its variables filled in, as it is to stand at a path.

        A text that is nothing but `${name}` becomes the value itself; where it is an entry of a list and the value a
        list, the elements of that stand in its place. Inside a longer text the value's text stands.
        """
        if self.told.room < 0:
            return None
        if isinstance(value, dict):
            return {
                key: self.filled(each, (*at, key_text(key)), place.below(key_text(key))) if _may_use(each) else each
                for key, each in value.items()
            }
        if isinstance(value, list):
            made: list[Any] = []
            for index, each in enumerate(value):
                if _may_use(each) or index != len(made):
                    self._add(each, made, at, place.below(index))
                else:
                    made.append(each)
            return made
        return self._text(value, at, place) if _may_use(value) else value

    def _add(self, entry: Any, made: list[Any], at: Path, place: Place) -> None:
        """Adds what an entry of a list comes to, to what those before it came to."""
        use = USE.fullmatch(entry) if isinstance(entry, str) else None
        variable = self.values.get(use[1].strip()) if use is not None else None
        if variable is not None and isinstance(variable.value, list):
            written = self._written(variable, place)
            for index in range(len(variable.value)):
                self.places[(*at, len(made) + index)] = written.below(index)
            for (first, *rest), inner in variable.inner.items():
                self.places[(*at, len(made) + int(first), *rest)] = inner
            made += variable.value
            return
        here = (*at, len(made))
        if here[-1] != place.path[-1]:
            self.places[here] = place
        made.append(self.filled(entry, here, place) if _may_use(entry) else entry)

    def _text(self, text: str, at: Path, place: Place) -> Any:
        is_whole, values = USE.fullmatch(text) is not None, []
        for use in USE.finditer(text):
            variable = self.values.get(use[1].strip())
            if variable is None:
                values.append(self._calculated(use, place))
                if values[-1] is None:
                    return text
                continue
            values.append(variable.value)
            written = self._written(variable, place, is_whole)
            if is_whole:
                if variable.block:
                    self.places[at] = written
                for part in _parts(variable.value):
                    self.places[(*at, part)] = written.below(part)
                self.places.update(((*at, *path), inner) for path, inner in variable.inner.items())
        if self.told.room < 0:
            return None
        rest = iter(values)
        return values[0] if is_whole else USE.sub(lambda _: _said(next(rest)), text)

    def _written(self, variable: Variable, place: Place, is_whole: bool = True) -> Place:
        """Where the value of a variable is written that is used at a place, and takes room there.

        A mistake in a parameter is one of what was given for it, any other value is wrong where it is used; but what is
        inside of a value is wrong where that is written.
        """
        self.told.room -= size(variable.value)
        assignment = self.told.assigned.get(variable.place.path) if variable.place.source is None else None
        if assignment is not None and variable.block is None and place.source is None:
            plain = assignment.plain and is_whole
            self.told.assigned.setdefault(place.path, assignment._replace(plain=plain))
        what = f"`{variable.block}` takes it here" if variable.block else "it is used here"
        before = variable.place if variable.block else place
        return variable.place._replace(related=((what, place._replace(related=())), *before.related))

    def _calculated(self, use: re.Match[str], place: Place) -> Any:
        """What a calculation comes to, as text where the model is to say a part of it; None where that is wrong."""
        text = use[1].strip()
        flow = flows_in(text)
        names = names_in(text) if flow is not None or _CALCULATES.search(text) else (text,)
        unknown = [name for name in names if name not in self.values]
        if unknown:
            return self._unknown(use, place, text if near(text, self.values) else unknown[0])
        if flow is not None and not self.has_flow:
            message = f"`{flow}` is of what flows into a new layer, here is none"
            return self._wrong(use, place, message, flow, "it has a meaning in the arguments of new layers")
        for name in names:
            variable = self.values[name]
            written = self._written(variable, place, is_whole=False)
            if type(variable.value) not in (int, float):
                message = f"`{name}` is {show(variable.value)}, which is no number to calculate with"
                if not variable.block:
                    return self._wrong(use, place, message, name)
                return self.told.tell(Diagnostic("SC110", message), written)
        numbers = {name: self.values[name].value for name in names}
        if flow is not None:
            return "${" + with_numbers(text, numbers) + "}"
        try:
            return evaluate(text, numbers)
        except ValueError as error:
            return self._wrong(use, place, f"`{text}`: {error}", text, _FORMS)

    def _unknown(self, use: re.Match[str], place: Place, name: str) -> None:
        known = [each for each in self.values if each not in COPY]
        otherwise = f"its variables are {quoted(known)}" if known else "add a `vars:` section"
        self._wrong(use, place, f"there is no variable `{name}`", name, did_you_mean(name, known, otherwise))

    def _wrong(self, use: re.Match[str], place: Place, message: str, part: str, help: str | None = None) -> None:
        start = use.start(1) + use[1].find(part)
        self.told.tell(Diagnostic("SC110", message, chars=(start, start + len(part)), help=help), place)


def variables_of(told: Told) -> dict[str, Variable]:
    """The variables of a source, each of which may use those above it.

    Raises:
        SpecError: SC103 a section that is no mapping.
    """
    source = told.source
    raw = source.data.get("vars")
    if raw is not None and not isinstance(raw, dict):
        raise source.located(SpecError.single("SC103", f"`vars` must be a mapping, got {show(raw)}", path=("vars",)))
    values: dict[str, Variable] = {}
    for key, value in (raw or {}).items():
        name, places = key_text(key), dict[Path, Place]()
        place = placed(("vars", name), source.moved)
        filled = Filling(values, places, told).filled(value, (), place)
        places.pop((), None)
        values[name] = Variable(filled, place, places)
    return values


def uses_in(text: str) -> Iterator[str]:
    """The names of variables that a text uses, and whatever else stands where they may.

    >>> list(uses_in("${units} of ${size // 2}"))
    ['units', 'size']
    """
    for use in USE.finditer(text):
        is_calculated = _CALCULATES.search(use[1]) or flows_in(use[1])
        yield from names_in(use[1]) if is_calculated else (use[1].strip(),)


def _may_use(value: Any) -> bool:
    """Whether there may be a variable in it."""
    return "${" in value if isinstance(value, str) else isinstance(value, dict | list)


def _parts(value: Any) -> Iterable[str | int]:
    """The keys or indices of a collection; none of anything else."""
    if isinstance(value, dict):
        return map(key_text, value)
    return range(len(value)) if isinstance(value, list) else ()


def size(value: Any) -> int:
    """How many values there are in one; text counts by its length. What was filled in before is within the limit."""
    if isinstance(value, dict | list):
        return 1 + sum(map(size, value.values() if isinstance(value, dict) else value))
    return 1 + len(value) // 80 if isinstance(value, str) else 1


def _said(value: Any) -> str:
    """A value inside of a longer text."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
