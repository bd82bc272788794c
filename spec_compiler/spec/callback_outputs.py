"""What callbacks write: always in the run's folder, never over the run's own files, whatever a spec calls it."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.files.run_folder import BEST, CURVES, EVALUATION, HISTORY, LAST, LOGS, SUMMARY
from spec_compiler.files.whole import PREFIX
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import is_own
from spec_compiler.keras_facts.side_effects import WRITES, WRITES_INSIDE, WRITES_OF_OWN

OWN = (LAST, BEST, HISTORY, LOGS, SUMMARY, EVALUATION, *CURVES)
_HELP = "name a file or folder below the run's folder, for example `{}`"
_EXAMPLES = {
    "CSVLogger": "log.csv",
    "ModelCheckpoint": "epoch-{epoch:02d}.keras",
    "OrbaxCheckpoint": "checkpoints",
    "TensorBoard": "logs",
}
# Plain numbers only: with conversions, attributes or widths of text a placeholder could spell `..`.
_PLACEHOLDER = re.compile(r"0?\d{0,3}(\.\d{1,2})?[dfeEgG]?")


def misplaced(name: str, arguments: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """SC612 for every argument of a callback that names a place outside of the run's folder, or the run's own file.

    >>> [each.message for each in misplaced("CSVLogger", {"filename": "../log.csv"})]
    ["`../log.csv` leaves the run's folder"]
    """
    for argument, text in _named(name, arguments):
        reason = _reason(text) if argument != WRITES_INSIDE.get(name) else _leaves(text)
        if reason is not None:
            help = _HELP.format(_EXAMPLES.get(name, "log.csv"))
            yield Diagnostic("SC612", f"`{text}` {reason}", (argument,), help=help)


def placed(name: str, arguments: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The arguments with every place that a callback writes to below the run's folder, its defaults too.

    Raises:
        SpecError: SC612 for a place that leaves the folder, also through a link that is there.
    """
    all_arguments = dict(arguments)
    record = catalogue.class_record(name, "callback")
    key = WRITES.get(name)
    if key is not None and key not in all_arguments and record is not None:
        default = record["arguments"][key].get("default")
        if isinstance(default, str):
            all_arguments[key] = default
    problems = [*misplaced(name, all_arguments)]
    for argument, text in _named(name, all_arguments):
        if argument != WRITES_INSIDE.get(name) and not problems:
            if folder and _is_linked(text, folder):
                message = f"`{text}` leaves the run's folder through a link"
                problems.append(Diagnostic("SC612", message, (argument,), help="remove the link, or name another file"))
            all_arguments[argument] = os.path.join(folder, os.path.normpath(text))
    if problems:
        raise SpecError(problems)
    return all_arguments


def _named(name: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The arguments that name places, each with every place that it names."""
    for argument, value in arguments.items():
        written = WRITES_OF_OWN if is_own(name) else (WRITES.get(name), WRITES_INSIDE.get(name))
        if argument in written:
            for place in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(place, str):
                    yield argument, place


def _reason(text: str) -> str | None:
    if (reason := _leaves(text)) is not None:
        return reason
    # As Windows and macOS see it: letters of both cases are the same, and dots and blanks at the end go.
    first = os.path.normpath(text).replace("\\", "/").split("/")[0].rstrip(". ").casefold()
    if first in OWN or first.startswith(PREFIX):
        return "is what the run itself writes"
    return None


def _leaves(text: str) -> str | None:
    """Why a text is no place below a folder, on any system; placeholders for epochs and metrics are plain numbers."""
    if not text.strip() or "\0" in text:
        return "is no name of a file"
    parts = text.replace("\\", "/").split("/")
    if text.startswith("~"):
        return "is in a home folder, outside of the run's folder"
    if os.path.isabs(text) or not parts[0] or re.match(r"[A-Za-z]:", text):
        return "is an absolute path outside of the run's folder"
    if "://" in text:
        return "is an address, not a place in the run's folder"
    if any(part.rstrip() == ".." for part in parts):
        return "leaves the run's folder"
    try:
        fields = [field for field in string.Formatter().parse(text) if field[1] is not None]
    except ValueError:
        return "has a placeholder that is not closed"
    for _, field, form, conversion in fields:
        plain = re.fullmatch(r"[^\W\d][\w-]*", field or "") and _PLACEHOLDER.fullmatch(form or "")
        if not plain or conversion:
            return "has a placeholder that is more than a number, as in `{epoch:02d}`"
    return None


def _is_linked(text: str, folder: str) -> bool:
    """Whether a link in the run's folder stands on the way, or where a name with placeholders would be written."""
    root = os.path.realpath(folder)
    whole = os.path.join(root, os.path.normpath(text))
    fixed = whole.partition("{")[0] if "{" in text else whole  # what a placeholder becomes nobody knows yet
    if fixed == whole:
        return os.path.realpath(whole) != whole
    above = os.path.dirname(fixed)
    if os.path.realpath(above) != above:
        return True
    try:
        with os.scandir(above) as entries:
            return any(entry.is_symlink() for entry in entries)
    except OSError:  # it is not there yet
        return False
