"""What is said of an artefact that is at fault: the first layer, and the place in the spec of the edit that made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spec_compiler.backend.exporting.departing import Departure
from spec_compiler.backend.exporting.subject import Subject
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.exporting.comparison import HEAD, Compared
from spec_compiler.exporting.formats import Format


def refused_at(error: SpecError, found: Departure, subject: Subject) -> SpecError:
    """SC521 with the first layer that is not taken."""
    return SpecError(_at_layer(each, found, subject) for each in error.diagnostics)


def _at_layer(said: Diagnostic, found: Departure, subject: Subject) -> Diagnostic:
    note = f"the first layer that it does not take is `{found.name}` ({found.layer.class_name})"
    path = subject.causes.get(found.outermost, ())
    help = f"{said.help}, or put another layer in the place of `{found.name}`"
    return replace(said, path=path, notes=(note, *said.notes), help=help)


def departed(
    name: str,
    form: Format,
    compared: Sequence[Compared],
    found: Departure | None,
    subject: Subject,
    *,
    is_joined: bool = False,
) -> SpecError:
    """SC520 for an artefact, at the place in the spec that made the first layer which departs.

    `is_joined` says that it was looked for in the file itself, where several layers may be one operation.
    """
    worst = max(compared, key=lambda each: each.relative)
    what = f"{worst.relative:.2g} of the largest number away, {worst.tolerance:g} is allowed"
    if not worst.relative < float("inf"):
        what = "of another shape, or has numbers where the model has none"
    message = f"`{name}` does not compute what the model does: its output `{worst.output}` is {what}"
    rows = [f"{each.output}: {HEAD[1]} {each.row[1]}, holds: {each.row[3]}" for each in compared]
    notes = rows if len(rows) > 1 else []
    path: Path = ()
    if found is None:
        notes.append("every layer inside of it agrees" if is_joined else "with each layer as an output, all agree")
    else:
        path = subject.causes.get(found.outermost, ())
        layer = f"the first layer that departs is `{found.name}` ({found.layer.class_name})"
        if is_joined:
            notes.append(f"{layer}, or one that the file joins with it: all that it takes agrees")
        else:
            gap = f"{found.difference:.2g} of its largest number"
            notes.append(f"{layer}: {gap}, while all that it takes agrees")
    help = "export it again" if is_joined else "export to another format"
    if worst.relative < float("inf"):
        help = f"`--tolerance {_above(worst.relative)}` accepts it; or {help}"
    if form.key == "litert" and not is_joined and worst.tolerance != form.tolerances["float32"]:
        help += ", or without `--quantize`"
    return SpecError.single("SC520", message, path=path, notes=notes, help=help)


def _above(value: float) -> str:
    """A round number above a value.

    >>> _above(0.0123)
    '0.02'
    """
    digits = f"{value:.0e}"
    rounded = float(digits)
    return f"{rounded if rounded > value else rounded + 10 ** float(digits.partition('e')[2]):.1g}"
