"""What the program says of each spec: its mistakes, its plan, and what differs from the base's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.pull_request.changes import Changed

SECONDS = 300  # for one call
NO_KERAS, NO_FILE = "SC522", "SC501"
RESTRICTED = (
    "--restrict-paths"  # a stranger's spec reads files of its own folder alone; that it runs no code needs no word
)


@dataclass(frozen=True)
class Planned:
    """A spec, what is wrong with it, and its plan and its difference as Markdown, as far as they could be made."""

    changed: Changed
    mistakes: str = ""
    is_wrong: bool = False
    plan: str = ""
    difference: str = ""
    why_not: str = ""


def planned(
    changed: Changed, head: Path, base: Path, *, restricted: bool = True, program: Sequence[str] = ("spec-compiler",)
) -> Planned:
    """What is said of a spec of the pull request."""
    if changed.what == "removed":
        return Planned(changed)
    hostile = [RESTRICTED] if restricted else []
    sandboxed = [*hostile, "--sandbox-best-effort"] if restricted else []  # which shows the spec's own folder alone
    call = Program(tuple(program), head)
    name = changed.path
    status, said, _ = call("check", "--static", *hostile, "--format", "json", "--", name)
    # Weights are often in no repository, and a plan needs none.
    if status and _codes(said) != {NO_FILE}:
        return Planned(changed, call("check", "--static", *hostile, "--", name)[1], is_wrong=True)
    status, plan, said = call("plan", *sandboxed, "--format", "markdown", "--", name)
    if status == 2 and NO_KERAS in said:
        return Planned(changed, why_not="Without Keras only plans of what it was asked before are known.")
    if status:
        return Planned(changed, said, is_wrong=True)
    warnings = said.strip()
    if changed.what == "new" or not (base / changed.path).is_file():
        return Planned(changed, warnings, plan=plan)
    status, difference, said = call("diff", *sandboxed, "--format", "markdown", "--", f"{base}/{changed.path}", name)
    why = "" if not status else "The spec of the base cannot be planned, so that there is nothing to compare with."
    return Planned(changed, warnings, plan=plan, difference=difference if not status else "", why_not=why)


@dataclass(frozen=True)
class Program:
    """The program, in a folder."""

    words: tuple[str, ...]
    folder: Path

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """How a call ends, and what it prints on both streams."""
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
        for name in [name for name in environment if "TOKEN" in name or "SECRET" in name or name == "PYTHONPATH"]:
            del environment[name]
        try:
            done = subprocess.run(
                [*self.words, *words],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return 2, "", f"it took longer than {SECONDS} seconds"
        return done.returncode, done.stdout, done.stderr


def _codes(text: str) -> set[object]:
    """The codes of the errors in what `check --format json` prints."""
    try:
        return {each["code"] for each in json.loads(text)["diagnostics"] if each["severity"] == "error"}
    except (ValueError, KeyError, TypeError):
        return set()
