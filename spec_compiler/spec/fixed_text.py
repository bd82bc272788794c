"""What a diagnostic says to write, made in the text of a spec: one fix, or all that are not in each other's way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spec_compiler.diagnostics import Advice, Diagnostic, Path
from spec_compiler.diagnostics.advice import Remove, Rename, Rewrite, Write
from spec_compiler.diagnostics.text_lines import offset, position
from spec_compiler.text.changed_data import UP, NotWritten, Step, place_of
from spec_compiler.text.yaml_edits import Edits, Splice

Errors = Iterable[Diagnostic]


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


def made(text: str, diagnostic: Diagnostic, errors: Errors = ()) -> tuple[str, Done]:
    """The text with what a diagnostic says to write, step by step, and what that changed; `errors` are all of the spec.

    Raises:
        NotWritten: it says nothing that can be written.
    """
    splices: list[tuple[str, Splice]] = []
    for step in steps_of(diagnostic):
        if isinstance(step, Rewrite):
            splice = _rewritten(text, diagnostic, step)
            new = text[: splice.start] + splice.text + text[splice.end :]
        else:
            edits = Edits(text)
            splice = _added(edits, step, diagnostic, errors)
            new = edits.text()
        splices.append((text, splice))
        text = new
    return text, _done(diagnostic, splices)


def made_together(text: str, diagnostics: Errors, errors: Errors) -> tuple[str, list[Done]]:
    """The text with what diagnostics say to write, those of one step, as far as none is in the way of another.

    Raises:
        NotWritten: the text would say something else than what was meant.
    """
    edits, done = Edits(text), []
    for each in diagnostics:
        match [*steps_of(each)]:
            case [Step() as step] if not isinstance(step.change, Remove):  # which would move other entries
                try:
                    done.append(_done(each, [(text, _added(edits, step, each, errors))]))
                except NotWritten:
                    continue
    return edits.text() if done else text, done


def _added(edits: Edits, step: Step, diagnostic: Diagnostic, errors: Errors) -> Splice:
    """A step among the edits. An anchor changes only where all of its aliases are wrong, and wrong in the same way."""
    splice, places = edits.add(step)
    if len(places) > 1:
        same = [each for each in errors if (each.message, each.help) == (diagnostic.message, diagnostic.help)]
        steps = [step for each in same for step in steps_of(each) if isinstance(step, Step)]
        if not {place_of(edits.data, each) for each in steps}.issuperset(places):
            raise NotWritten("an anchor that is right elsewhere")
    return splice


def _done(diagnostic: Diagnostic, splices: list[tuple[str, Splice]]) -> Done:
    stretches = [(text[splice.start : splice.end], splice.text) for text, splice in splices]
    if all(before == after for before, after in stretches):
        raise NotWritten("it says nothing to write, or what stands there by now")
    before, after = (_listed(part) for part in zip(*stretches, strict=True))
    text, splice = splices[0]
    line, column = position(text, splice.start)
    return Done(diagnostic, line + 1, column + 1, before, after)


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
        is_taken_back = path[0] == "set" and path[-1] != "weights"
        if not more and len(path) > 1 and not is_taken_back and not isinstance(value, dict):
            yield Step(path, Write(value))


def _below(path: Path, further: Path) -> Path:
    for part in further:
        path = path[:-1] if part == UP else (*path, part)
    return path


def _rewritten(text: str, diagnostic: Diagnostic, change: Rewrite) -> Splice:
    """What a diagnostic underlines, on its one line, written anew."""
    line, column, end = diagnostic.line, diagnostic.column, diagnostic.end_column
    if line is None or column is None or end is None:
        raise NotWritten("it has no place")
    return Splice(offset(text, line - 1, column - 1), offset(text, line - 1, end - 1), change.text)


def written_at(diagnostic: Diagnostic) -> Iterator[Path]:
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


def _listed(parts: tuple[str, ...]) -> str:
    """What stood at one place, or at several."""
    return parts[0] if len(parts) == 1 else ", ".join(text for each in parts if (text := each.strip(", \r\n")))


def _one_line(text: str) -> str:
    line = " ".join(text.split()).strip(", ")
    return line if len(line) <= 80 else line[:79] + "…"
