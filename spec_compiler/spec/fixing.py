"""What `check --fix` writes: each help that says one thing to write, made in the text, and kept if it mends.

Nothing is written on trust. A change must say in the text just what it means (`text/yaml_edits.py`), and the spec must
then check no worse: no error may come that was not there, unless the check goes further than it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from spec_compiler.diagnostics import Advice, Diagnostic
from spec_compiler.diagnostics.advice import Rewrite
from spec_compiler.edits import EDITS
from spec_compiler.language.places import STEPS, in_section
from spec_compiler.spec.fixed_text import Done, made, made_together, written_at
from spec_compiler.spec.others import Tier
from spec_compiler.text.changed_data import NotWritten

MOST_STEPS = 1_000_000  # a turn that is after that of any edit
MOST_CHECKS = 200  # of one spec; each fix costs one, and each that does not mend
Check = Callable[[str], tuple[Tier, tuple[Diagnostic, ...]]]
_TIERS: tuple[Tier, ...] = get_args(Tier)


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
    seen: set[str] = set()
    while better is not None and better.text not in seen:  # what led nowhere may do so once the rest is mended
        seen.add(better.text)
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
            try:
                text, done = made_together(here.text, wrong, here.errors)
            except NotWritten:
                return None
            here = here._replace(text=text, done=(*here.done, *done))
            made_now = {_identity(each.diagnostic) for each in here.done} & {_identity(each) for each in wrong}
            if not made_now:
                return None
            here = self._checked(here)
            if made_now & {_identity(each) for each in here.errors}:
                return None
            if here.text == good.text:  # what one fix wrote, the next one took back
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
                here = here if here is None or here.text != good.text else None
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


def is_no_worse(new: Fixed, old: Fixed) -> bool:
    """Whether a text checks no worse than another: it has no error that the other has not, or is checked further.

    What comes to light then was there before; still, there are never more errors, but for files that are not there.
    """
    further = _reached(new) - _reached(old)
    if further > 0 and new.tier == "fields" and new.errors and _only_files_miss(new):
        return True
    if further:
        return further > 0 and len(new.errors) <= len(old.errors)
    known = set(map(_identity, old.errors))
    fresh = [each for each in new.errors if _identity(each) not in known]
    if not fresh:
        return True
    # What stands below a key that was misspelt was not looked at.
    below = tuple(place for done in new.done[len(old.done) :] for place in written_at(done.diagnostic))
    if len(new.errors) <= len(old.errors) and all(
        any(each.path[: len(place)] == place and len(each.path) > len(place) for place in below) for each in fresh
    ):
        return True
    # A check of names ends at the first edit that does not fit.
    return old.tier == "names" and min(map(_order, new.errors)) > max(map(_order, old.errors))


def _reached(fixed: Fixed) -> int:
    """How far a check came: through the YAML, the variables, the fields, the files that are named, then the tiers."""
    codes = {each.code for each in fixed.errors}
    if any(code <= "SC006" for code in codes) or any(_is_python(each) for each in fixed.errors):
        return -3
    if "SC110" in codes:
        return -2
    if fixed.tier == "fields" and codes:
        return -1 if not _only_files_miss(fixed) else 0
    return _TIERS.index(fixed.tier) if codes else len(_TIERS)


def _only_files_miss(fixed: Fixed) -> bool:
    """Whether all that is wrong is that files are not there, which is looked at once the fields are right."""
    return all(each.code == "SC501" and each.path[:1] != ("imports",) for each in fixed.errors)


def _is_python(diagnostic: Diagnostic) -> bool:
    help = diagnostic.help
    return isinstance(help, Advice) and any(isinstance(each, Rewrite) for each in help.changes)


def _order(diagnostic: Diagnostic) -> tuple[int, int]:
    """When an edit is applied."""
    place = diagnostic.path
    section, entry = (*in_section(place), "", 0)[:2]
    turn = EDITS.index(str(section)) if section in EDITS else -1
    if section in ("data", "compile", "fit", "train", "sweep"):
        turn = MOST_STEPS
    if place[:1] == (STEPS,) and len(place) > 1:
        turn = int(place[1])
    return turn, entry if isinstance(entry, int) else 0


def _identity(diagnostic: Diagnostic) -> tuple[object, ...]:
    return diagnostic.file, diagnostic.code, diagnostic.message, diagnostic.path
