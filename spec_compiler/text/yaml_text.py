"""YAML text -> `Source`: the text is read, what is no YAML or too large is refused, and the rest is folded."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.diagnostics.text_lines import position
from spec_compiler.files import Folder as FileFolder
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.text.events import Event
from spec_compiler.text.source import Source
from spec_compiler.text.usual_yaml import usual_events
from spec_compiler.text.yaml_errors import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    error_at,
    first_line,
    too_large,
    too_many_brackets,
)
from spec_compiler.text.yaml_events import Folder

# What YAML does not allow, and what it and other readers disagree on: U+0085, U+2028 and U+2029 end a line for some of
# them, so that a comment may hide what the parser reads, and U+FEFF has no width.
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def read_source(file: str | os.PathLike[str], inside: FileFolder | None = None, what: str = "spec") -> Source:
    """The spec in a file; `inside` is the folder of the spec that names it, which it may not leave if that is confined.

    `what` is the file in messages.

    Raises:
        SpecError: SC501 no such file, SC004 not readable as text, and whatever `parse_source` raises.
    """
    name = os.fspath(file)
    try:
        if stat.S_ISFIFO(os.stat(name).st_mode) and not name.startswith("/dev/"):
            raise OSError(None, "it is a pipe")  # reading would wait for whoever writes into it
        with open(name, "rb") if inside is None or not inside.is_confined else inside.open(name) as stream:
            raw = stream.read(MAX_BYTES + 1)  # a file may be endless, `/dev/zero`
    except FileNotFoundError:
        missing = Diagnostic("SC501", f"no {what} file `{name}`", file=name, help=did_you_mean_file(name))
        raise SpecError([missing]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError([Diagnostic("SC004", f"cannot read `{name}`: {reason}", file=name)]) from None
    if len(raw) > MAX_BYTES:
        raise too_large(name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        line, column = (at + 1 for at in position(before, len(before)))
        message = f"`{name}` is not UTF-8 text: byte {raw[error.start]:#04x}"
        help = "save the file as UTF-8"
        raise SpecError([Diagnostic("SC004", message, file=name, line=line, column=column, help=help)]) from None
    return parse_source(text, file=name)


def parse_source(text: str, file: str | None = None) -> Source:
    """The spec in a YAML text.

    Raises:
        SpecError: SC001 invalid YAML, SC002 duplicate key, SC003 empty, SC005 too large, SC006 unused YAML features.

    >>> parse_source("cut_at: block2_pool").data
    {'cut_at': 'block2_pool'}
    """
    if len(text) > MAX_BYTES:
        raise too_large(file)
    text = text.removeprefix("\ufeff")
    source = Source(None, text, file)
    if (refused := _REFUSED.search(text)) is not None:
        raise error_at(source, f"the character U+{ord(refused[0]):04X} is not allowed in YAML", refused.start())
    if (deep := too_many_brackets(text)) is not None:
        raise error_at(source, f"nested deeper than {MAX_DEPTH} levels", deep, "SC005", help=None)
    folder = Folder(text, file)
    try:
        for event in usual_events(text) or _all_events(text, file):
            folder.take(event)
    except SpecError:  # which is a ValueError as well
        raise
    except (ValueError, RecursionError) as error:  # such as `"\UFFFFFFFF"`, which ruamel hands to `chr`
        raise SpecError([Diagnostic("SC001", f"not valid YAML: {first_line(str(error))}", file=file)]) from None
    return folder.finish()


def _all_events(text: str, file: str | None) -> Iterator[Event]:
    from spec_compiler.text.yaml_parser import parsed_events  # takes as long to load as it takes to check a spec

    return parsed_events(text, file)


__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "parse_source", "read_source"]
