"""Runs a Graphviz engine: the only place where a picture leaves the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args

from spec_compiler.diagnostics import quoted
from spec_compiler.diagram.svg_text import fitted
from spec_compiler.files.whole import whole_file

Format = Literal["svg", "png", "dot"]
FORMATS: tuple[Format, ...] = get_args(Format)

FALLBACK = "graphviz-pure"
DPI = 144
SECONDS = 300  # a drawing of a thousand unfolded nodes takes some of them

FONTS = 'font-family="Helvetica,Arial,sans-serif"'
WAYS_OUT = (
    "install Graphviz (https://graphviz.org/download/), or `pip install graphviz-pure`, "
    "or write a `.dot` file, which needs no engine"
)


class DrawError(RuntimeError):
    """A picture that could not be drawn, with the ways out. A fault of the machine or of the call, not of a spec."""


def draw(dot: str, path: str | os.PathLike[str], format: str | None = None) -> Path:
    """Writes DOT text as a picture and returns its path; there is never half a file.

    The format, `svg`, `png` or `dot`, is the suffix of the path unless given.

    Raises:
        DrawError: an unknown format, no engine, an engine that fails, or a place that cannot be written.
    """
    target = Path(path)
    suffix = format if format is not None else target.suffix.removeprefix(".")
    content = render(dot, suffix.lower())
    try:
        with whole_file(os.fspath(target)) as temporary:
            Path(temporary).write_bytes(content)
    except OSError as error:
        raise DrawError(f"cannot write `{target}`: {error.strerror or error}") from error
    return target


def render(dot: str, format: str) -> bytes:
    """DOT text as the bytes of a picture: `svg`, `png` (144 dots per inch), or `dot`, the text itself.

    Raises:
        DrawError: an unknown format, no engine, or an engine that fails.

    >>> render("digraph { a -> b }", "svg")[:5]
    b'<?xml'
    """
    if format not in FORMATS:
        formats = quoted(FORMATS)
        raise DrawError(f"unknown picture format `{format}`, expected one of {formats}")
    source = dot.encode()
    if format == "dot":
        return source
    engine = find_engine()
    if engine is None:
        raise DrawError(f"no Graphviz engine to draw `{format}` with; {WAYS_OUT}")
    picture = _run([engine, f"-T{format}", *([f"-Gdpi={DPI}"] if format == "png" else [])], source)
    if format == "svg":  # the engines name one font and a generic one
        text = picture.decode("utf-8").replace('font-family="Helvetica,sans-Serif"', FONTS)
        picture = fitted(text).encode("utf-8")
    return picture


def find_engine() -> str | None:
    """The path of the system's `dot`, or of the `graphviz-pure` of this environment, or None."""
    # An environment that is not activated has its programs beside its Python, and not on the path.
    beside = str(Path(sys.executable).parent)
    return shutil.which("dot") or shutil.which(FALLBACK, path=beside) or shutil.which(FALLBACK)


def _run(command: list[str], source: bytes) -> bytes:
    engine = Path(command[0]).name
    try:
        done = subprocess.run(command, input=source, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - dot, no shell
    except subprocess.TimeoutExpired as error:
        raise DrawError(
            f"`{engine}` took more than {SECONDS} seconds; draw it folded, or write a `.dot` file"
        ) from error
    except OSError as error:
        raise DrawError(f"`{engine}` cannot be started: {error.strerror or error}; {WAYS_OUT}") from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise DrawError(f"`{engine}` failed: {reason}; {WAYS_OUT}")
    return done.stdout
