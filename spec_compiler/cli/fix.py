"""`check --fix`: what is mended in the files of specs, written whole or not at all, or shown as a diff."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from spec_compiler.cli.report_parts import relative
from spec_compiler.cli.terminal import Shown, joined, style
from spec_compiler.compiler import Checked, checked
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.diagnostics.text_lines import lines_of
from spec_compiler.files.outputs import together
from spec_compiler.files.regular import opened
from spec_compiler.spec.fixed_text import Done
from spec_compiler.spec.fixing import Fixed, fixed
from spec_compiler.spec.others import Tier
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.text.yaml_text import MAX_BYTES

_BOM = "\ufeff"


class Mended(NamedTuple):
    """A spec's file with its fixes, and how it checks with them."""

    file: str
    before: str
    after: str
    done: tuple[Done, ...]
    checked: Checked


def mended(
    file: str,
    allowed: Permissions,
    *,
    static: bool,
    overrides: Iterable[str] = (),
    policy: PolicyLike | None = None,
    in_place: bool = True,
) -> Mended:
    """The spec in a file with every fix that mends, checked; with `in_place` it is one that can be written.

    What needs no Keras is mended first, so that a slip costs no start of it.

    Raises:
        SpecError: SC508 for a link, or for what is no ordinary file.
    """
    if in_place and os.path.lexists(file) and (os.path.islink(file) or not os.path.isfile(file)):
        what = "a link" if os.path.islink(file) else "no ordinary file"
        raise SpecError.single(
            "SC508", f"`{file}` is {what}, `--fix` writes ordinary files only", help="name the file itself"
        )
    text = _text(file)
    if text is None:
        return Mended(file, "", "", (), checked(file, allowed, static=static, overrides=overrides, policy=policy))
    mark = _BOM if text.startswith(_BOM) else ""

    def further(so_far: str, static: bool) -> Fixed:
        def check(text: str) -> tuple[Tier, tuple[Diagnostic, ...]]:
            whole = text if "\n" in text else f"{text}\n"  # a text is told from a path by its line break
            return checked(whole, allowed, static=static, overrides=overrides, policy=policy, file=file)

        return fixed(so_far, file, check)

    result = further(text.removeprefix(_BOM), static=True)
    if not static:
        last = further(result.text, static=False)
        result = last._replace(done=(*result.done, *last.done))
    return Mended(file, text, mark + result.text, result.done, Checked(result.tier, result.diagnostics))


def _text(file: str) -> str | None:
    """The text of a file as it is; None where there is none that a check would read."""
    try:
        with opened(file) as stream:
            raw = stream.read(MAX_BYTES + 1)
        return raw.decode("utf-8") if len(raw) <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def told(fixes: Sequence[Mended], as_diff: bool) -> str:
    """What was done, in lines, after it is done: the files are written, unless all that is wanted is a diff.

    Raises:
        SpecError: as `write`.
    """
    if as_diff:
        return "\n".join(text for each in fixes if (text := diff(each)))
    for each in fixes:
        write(each)
    return joined(text for each in fixes if (text := fixed_text(each)))


def write(each: Mended) -> None:
    """Writes a file with its fixes, its permissions as they were.

    Raises:
        SpecError: SC508 where it cannot be written, or was changed in the meantime.
    """
    if each.before == each.after:
        return
    with together((each.file,), force=True) as (temporary,):
        with open(temporary, "w", encoding="utf-8", newline="") as stream:
            stream.write(each.after)
        shutil.copymode(each.file, temporary)
        if _text(each.file) != each.before:
            raise SpecError.single("SC508", f"`{each.file}` was changed in the meantime", help="call it again")


def fixed_text(each: Mended) -> Shown:
    """A line for each fix: `fixed SC201 demo.yaml:5:12: `conv_1` → `conv1``."""
    lines = []
    for done in _in_order(each):
        place = f"{relative(each.file)}:{done.line}:{done.column}"
        lines.append(style(f"fixed {done.diagnostic.code}", fg="green", bold=True) + f" {place}: {done.said}")
    return joined(lines)


def _in_order(each: Mended) -> list[Done]:
    return sorted(each.done, key=lambda done: (done.line, done.column))


def fixed_json(each: Mended) -> list[dict[str, Any]]:
    """The fixes as plain data; a place is where the mistake was, when it was mended."""
    return [
        {
            "code": done.diagnostic.code,
            "message": done.diagnostic.message,
            "file": relative(each.file),
            "line": done.line,
            "column": done.column,
            "before": done.before,
            "after": done.after,
        }
        for done in _in_order(each)
    ]


def diff(each: Mended) -> str:
    """What would be written, as a unified diff; line breaks are not told apart in it.

    >>> print(diff(Mended("a.yaml", "a: 1\\n", "b: 1\\n", (), Checked("fields", ()))))
    --- a.yaml
    +++ a.yaml
    @@ -1 +1 @@
    -a: 1
    +b: 1
    """
    before, after = (lines_of(text) for text in (each.before, each.after))
    name = relative(each.file) or each.file
    return "\n".join(difflib.unified_diff(before, after, name, name, lineterm=""))
