"""What `check --fix` writes: each help that says one thing to write, made in the text, and kept if it mends.

Nothing is written on trust. A change must say in the text just what it means (`yaml_edits.edited`), and the spec must
then check no worse: no error may come that was not there, unless the check goes further than it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from spec_compiler.diagnostics import Advice, Diagnostic, Path
from spec_compiler.diagnostics.advice import Rename, Rewrite, Write
from spec_compiler.diagnostics.text_lines import offset, position
from spec_compiler.edits import EDITS
from spec_compiler.spec.others import Tier
from spec_compiler.text.meant import UP, NotWritten, Step, place_of
from spec_compiler.text.yaml_edits import Edited, Splice, edited
from spec_compiler.text.yaml_text import parse_source

MOST_CHECKS = 200  # of one spec; each fix costs one, and each that does not mend
Check = Callable[[str], tuple[Tier, tuple[Diagnostic, ...]]]
_TIERS: tuple[Tier, ...] = get_args(Tier)


class Done(NamedTuple):
    """A fix that was made: for which diagnostic, at which line and column, from 1, and what stood and stands there."""

    diagnostic: Diagnostic
    line: int
    column: int
    before: str
    after: str

    @property
    def said(self) -> str:
        """The change in a few words.

        >>> Done(Diagnostic("SC201", "no layer named `conv_1`"), 5, 12, "conv_1", "conv1").said
        '`conv_1` → `conv1`'
        """
        if not self.before.strip():
            return f"`{_one_line(self.after)}` added"
        return (
            f"`{_one_line(self.before)}` → `{_one_line(self.after)}`"
            if self.after.strip()
            else (f"`{_one_line(self.before)}` removed")
        )


class Fixed(NamedTuple):
    """A text of a spec, the fixes that led to it, and how it checks now."""

    text: str
    done: tuple[Done, ...]
    tier: Tier
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What is wrong still, warnings aside."""
        return tuple(each for each in self.diagnostics if each.severity == "error")


def fixed(text: str, file: str | None, check: Check) -> Fixed:
    """The text with every fix made that mends; comments and style stay. Once more, it changes nothing.

    `check` says how a text checks, and how far it was checked; `file` names the text in its diagnostics.
    """
    good = Fixed(text, (), *check(text))
    better: Fixed | None = good
    while better is not None:  # what led nowhere may do so once the rest is mended
        better = _Search(file, check).best(good)
        good = better or good
    return good


@dataclass
class _Search:
    file: str | None
    check: Check
    refused: set[tuple[object, ...]] = field(default_factory=set)  # what led to nothing better
    num_checks: int = 0

    def best(self, start: Fixed) -> Fixed | None:
        """The text with every fix that mends; None where there is none."""
        good = start
        while (better := self._all(good) or self._one(good)) is not None:
            good = better
        return None if good is start else good

    def _all(self, good: Fixed) -> Fixed | None:
        """The text with all fixes at once, which costs one check, and those of what they brought to light."""
        here = good
        while self.num_checks < MOST_CHECKS:
            wrong = self._candidates(here)
            for each in wrong:
                here = self._with(here, each) or here
            made_now = {_identity(each.diagnostic) for each in here.done} & {_identity(each) for each in wrong}
            if not made_now:
                return None
            here = self._checked(here)
            if made_now & {_identity(each) for each in here.errors}:
                return None
            if is_no_worse(here, good):
                return here
        return None

    def _one(self, good: Fixed) -> Fixed | None:
        """The text with the next fix, and those of what it brought to light, that together check no worse."""
        while self.num_checks < MOST_CHECKS:
            here: Fixed | None = good
            first: Diagnostic | None = None
            while here is not None:
                diagnostic, here = self._next(here)
                first = first or diagnostic
                if here is not None and is_no_worse(here, good):
                    return here
            if first is None:
                return None
            self.refused.add(_identity(first))
        return None

    def _next(self, here: Fixed) -> tuple[Diagnostic | None, Fixed | None]:
        """The first error with a fix that can be written, and the text with it."""
        for each in self._candidates(here):
            fixed = self._with(here, each)
            fixed = self._checked(fixed) if fixed is not None and self.num_checks < MOST_CHECKS else None
            if fixed is not None and _identity(each) not in map(_identity, fixed.errors):
                return each, fixed
            self.refused.add(_identity(each))
        return None, None

    def _candidates(self, here: Fixed) -> list[Diagnostic]:
        """The errors that may be mended in this file: not what `--set` says, nor what another file does."""
        ours = (each for each in here.errors if each.override is None and each.file in (None, self.file))
        return [each for each in ours if _identity(each) not in self.refused]

    def _with(self, here: Fixed, diagnostic: Diagnostic) -> Fixed | None:
        """The text with what a diagnostic says written, not checked yet; None where it cannot be."""
        try:
            text, done = made(here.text, diagnostic, here.errors)
        except NotWritten:
            return None
        return here._replace(text=text, done=(*here.done, done))

    def _checked(self, here: Fixed) -> Fixed:
        self.num_checks += 1
        return Fixed(here.text, here.done, *self.check(here.text))


def made(text: str, diagnostic: Diagnostic, others: tuple[Diagnostic, ...] = ()) -> tuple[str, Done]:
    """The text with what a diagnostic says to write, and what that changed.

    Raises:
        NotWritten: it says nothing that can be written; or an anchor would change where nothing is wrong, as `others`,
            the spec's errors, do not say the same of each of its aliases.
    """
    places: list[tuple[int, int]] = []
    splices: list[tuple[str, str]] = []
    for step in steps_of(diagnostic):
        new = _rewritten(text, diagnostic, step) if isinstance(step, Rewrite) else edited(text, step)
        if len(new.places) > 1 and not isinstance(step, Rewrite):
            data = parse_source(text).data
            same = [each for each in others if (each.message, each.help) == (diagnostic.message, diagnostic.help)]
            wrong = {place_of(data, other) for each in same for other in steps_of(each) if isinstance(other, Step)}
            if not wrong.issuperset(new.places):
                raise NotWritten("an anchor that is right elsewhere")
        places.append(position(text, new.splice.start))
        splices.append((text[new.splice.start : new.splice.end], new.splice.text))
        text = new.text
    if all(before == after for before, after in splices):
        raise NotWritten("it says nothing to write, or what stands there by now")
    before, after = (_listed(part) for part in zip(*splices, strict=True))
    line, column = places[0]
    return text, Done(diagnostic, line + 1, column + 1, before, after)


def steps_of(diagnostic: Diagnostic) -> Iterator[Step | Rewrite]:
    """The changes that a diagnostic says to make, at their full paths."""
    if isinstance(diagnostic.help, Advice):
        for change in diagnostic.help.changes:
            if isinstance(change, Rewrite):
                yield change
            elif isinstance(change, Write) and not change.path:
                if diagnostic.path:  # else it is said of no value of this spec
                    yield Step(diagnostic.path, change, diagnostic.at_key, diagnostic.chars)
            else:
                yield Step(_below(diagnostic.path, change.path), change)
    elif [each.text for each in diagnostic.fixes] == [diagnostic.help]:  # tried, and the only one that works
        [fix] = diagnostic.fixes
        [(path, value), *more] = fix.changes
        if not more and len(path) > 1 and path[0] != "set" and not isinstance(value, dict):
            yield Step(path, Write(value))


def _below(path: Path, further: Path) -> Path:
    for part in further:
        path = path[:-1] if part == UP else (*path, part)
    return path


def _rewritten(text: str, diagnostic: Diagnostic, change: Rewrite) -> Edited:
    """What a diagnostic underlines, on its one line, written anew."""
    line, column, end = diagnostic.line, diagnostic.column, diagnostic.end_column
    if line is None or column is None or end is None:
        raise NotWritten("it has no place")
    splice = Splice(offset(text, line - 1, column - 1), offset(text, line - 1, end - 1), change.text)
    return Edited(text[: splice.start] + splice.text + text[splice.end :], splice, ((),))


def is_no_worse(new: Fixed, old: Fixed) -> bool:
    """Whether a text checks no worse than another: it has no error that the other has not, or is checked further.

    What comes to light then was there before; still, there are never more errors.
    """
    further = _reached(new) - _reached(old)
    if further:
        return further > 0 and len(new.errors) <= len(old.errors)
    known = set(map(_identity, old.errors))
    fresh = [each for each in new.errors if _identity(each) not in known]
    if not fresh:
        return True
    # What stands below a key that was misspelt was not looked at.
    below = tuple(place for done in new.done[len(old.done) :] for place in _written_at(done.diagnostic))
    if len(new.errors) <= len(old.errors) and all(
        any(each.path[: len(place)] == place and len(each.path) > len(place) for place in below) for each in fresh
    ):
        return True
    # A check of names ends at the first edit that does not fit.
    return old.tier == "names" and min(map(_order, new.errors)) > max(map(_order, old.errors))


def _written_at(diagnostic: Diagnostic) -> Iterator[Path]:
    """Where what a diagnostic says to write stands, once it is written."""
    for step in steps_of(diagnostic):
        if isinstance(step, Step):
            match step.change:
                case Write(str(key)) if step.at_key:
                    yield (*step.path[:-1], key)
                case Rename(key):
                    yield (*step.path[:-1], key)
                case _:
                    yield step.path


def _reached(fixed: Fixed) -> int:
    """How far a check came: through the YAML, the variables, the fields, and then the tiers."""
    codes = {each.code for each in fixed.errors}
    if any(code <= "SC006" for code in codes) or any(_is_python(each) for each in fixed.errors):
        return -2
    return -1 if "SC110" in codes else _TIERS.index(fixed.tier) if codes else len(_TIERS)


def _is_python(diagnostic: Diagnostic) -> bool:
    help = diagnostic.help
    return isinstance(help, Advice) and any(isinstance(each, Rewrite) for each in help.changes)


def _order(diagnostic: Diagnostic) -> tuple[int, int]:
    """When an edit is applied."""
    section = diagnostic.path[0] if diagnostic.path else ""
    entry = diagnostic.path[1] if len(diagnostic.path) > 1 else 0
    after = len(EDITS) if section in ("data", "compile", "train") else -1
    return EDITS.index(str(section)) if section in EDITS else after, entry if isinstance(entry, int) else 0


def _identity(diagnostic: Diagnostic) -> tuple[object, ...]:
    return diagnostic.file, diagnostic.code, diagnostic.message, diagnostic.path


def _listed(parts: tuple[str, ...]) -> str:
    """What stood at one place, or at several."""
    return parts[0] if len(parts) == 1 else ", ".join(text for each in parts if (text := each.strip(", \r\n")))


def _one_line(text: str) -> str:
    line = " ".join(text.split()).strip(", ")
    return line if len(line) <= 80 else line[:79] + "…"
