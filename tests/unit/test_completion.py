"""What a shell completes, asked of the real bash, and of zsh and fish where they are installed."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from spec_compiler.cli.commands.completion import SHELLS

pytestmark = pytest.mark.thorough
ROOT = Path(__file__).parents[2]
# What is typed, and what is offered for the last word of it; None where the shell itself looks for files.
TYPED = {
    "spec-compiler ver": {"verify"},
    "spec-compiler plan --restr": {"--restrict-paths"},
    "spec-compiler layers MobileNetV3": {"MobileNetV3Large", "MobileNetV3Small"},
    "spec-compiler explain sc51": {f"SC51{each}" for each in range(10)},
    "spec-compiler explain prune.ke": {"prune.keep"},
    "spec-compiler check --format s": {"sarif"},
    "spec-compiler predict --preprocess Xcep": {"Xception"},
    "spec-compiler features model.keras . --layer bl": {"block1", "block2"},
    "spec-compiler features my_spec.yaml . --layer bl": set(),
    "spec-compiler plan my_": None,
}
# How a shell reads what `completion` prints, and with which options it has nothing of the user's.
STARTED = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'source "$SCRIPT"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; source "$SCRIPT"'),
    "fish": (["fish", "--no-config", "-i"], 'source "$SCRIPT"'),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to type in, where `spec-compiler` is the one of this repository."""
    program = tmp_path / "bin" / "spec-compiler"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m spec_compiler "$@"\n')
    program.chmod(0o755)
    (tmp_path / "my_spec.yaml").touch()
    layers = [{"config": {"name": name}} for name in ("block1", "block2", "top", "bl\x1b[31m")]
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
    return tmp_path


def environment(folder: Path, shell: str) -> dict[str, str]:
    """The environment of a shell, which finds the script of its completion under `SCRIPT`."""
    found = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "TERM": "dumb"}
    done = subprocess.run(
        ["spec-compiler", "completion", shell], env=found, cwd=folder, capture_output=True, text=True, check=True
    )
    script = folder / f"script.{shell}"
    script.write_text(done.stdout)
    return {**found, "SCRIPT": str(script), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def test_bash_offers_what_fits(folder: Path) -> None:
    """The function that bash calls, called as bash calls it."""
    lines = ['compopt() { echo "compopt $2"; }', 'source "$SCRIPT"']
    for typed in TYPED:
        words = typed.split()
        lines += [f"COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1} COMPREPLY=()"]
        lines += ["_spec_compiler_completion spec-compiler", 'printf "%s\\n" "${COMPREPLY[@]}" end']
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)],
        env=environment(folder, "bash"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    found = [set(each.split()) for each in done.stdout.split("end\n")[:-1]]
    assert found == [{"compopt", "default"} if each is None else each for each in TYPED.values()]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_offers_what_fits(folder: Path) -> None:
    lines = ['source "$SCRIPT"', *(f"complete -C '{typed}'; echo end" for typed in TYPED)]
    done = subprocess.run(
        ["fish", "--no-config", "-c", "\n".join(lines)],
        env=environment(folder, "fish"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    found = [{line.split("\t")[0] for line in each.splitlines()} for each in done.stdout.split("end\n")[:-1]]
    assert found == [{"my_spec.yaml"} if each is None else each for each in TYPED.values()]


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_completes(shell: str, folder: Path) -> None:
    """As typed at a terminal: a command, then a file."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    words, ready = STARTED[shell]
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        os.execvpe(words[0], words, environment_of(folder, shell))
    try:
        os.write(terminal, f"{ready}; echo rea''dy\n".encode())
        assert "ready" in read_until(terminal, "ready")
        os.write(terminal, b"spec-compiler pla\t")
        assert "plan" in read_until(terminal, "spec-compiler plan ")
        os.write(terminal, b"my_\t")
        assert "my_spec.yaml" in read_until(terminal, "my_spec.yaml")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def environment_of(folder: Path, shell: str) -> dict[str, str]:
    """As `environment`; it is asked for in the child, which must not end as a test."""
    try:
        return environment(folder, shell)
    except BaseException:
        os._exit(1)


def read_until(terminal: int, text: str, seconds: float = 20) -> str:
    """What a terminal shows until a text is there, without what moves the cursor."""
    shown, end = "", time.monotonic() + seconds
    while text not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 4096).decode("utf-8", "replace")
            except OSError:
                break
            shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\x1b[=>]|\r", "", shown)
    return shown
