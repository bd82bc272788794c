"""The process that keeps its rights: starts the one without, and gives the files that it made their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from spec_compiler.files.whole import MANIFEST, workspace
from spec_compiler.sandbox import landlock, seccomp
from spec_compiler.sandbox.results import take_over

MEANS = ("landlock", "seccomp")
SECONDS = 600  # of computing
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "TERM",
    "COLUMNS",
    "NO_COLOR",
    "PYTHONPATH",
    "PYTHONIOENCODING",
    "OMP_NUM_THREADS",
)
_KEPT_PREFIXES = ("LC_", "TF_", "KERAS_")


@dataclass(frozen=True)
class Grant:
    """What a command may do: files and folders that it reads, and files that come of it."""

    read: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    force: bool = False
    memory: int = 0  # bytes; 0: three quarters of what the machine has
    seconds: int = SECONDS


class NoSandbox(RuntimeError):
    """This system has not what a sandbox needs."""


def missing_means() -> tuple[str, ...]:
    """What a sandbox needs and this machine has not."""
    available = {"landlock": landlock.version() > 0, "seccomp": seccomp.is_there()} if sys.platform == "linux" else {}
    return tuple(name for name in MEANS if not available.get(name))


def run(words: Sequence[str], grant: Grant, best_effort: bool = False) -> int:
    """The exit status of a command that runs without rights; what it made is where it belongs.

    Raises:
        NoSandbox: the machine has not the means, and that is not allowed.
        FileExistsError: an output came in the meantime.
        OSError: an output cannot be written, or the process asks for a name that is not its own.
    """
    missing = missing_means()
    if missing and not best_effort:
        what = " and ".join({"landlock": "Landlock", "seccomp": "seccomp"}[name] for name in missing)
        raise NoSandbox(
            f"there is no sandbox: this system has no {what}; `--sandbox-best-effort` goes without what is missing, "
            "or work in a container or a virtual machine"
        )
    # beside the outputs, where there must be room for them anyway: the system's temporary folder may be small
    folders = {os.path.dirname(os.path.abspath(each)) for each in grant.outputs}
    place = folders.pop() if len(folders) == 1 else tempfile.gettempdir()
    with workspace(place) as outer:
        private = os.path.join(outer, "files")
        os.mkdir(private)
        told = {
            "means": [name for name in MEANS if name not in missing],
            "read": [os.path.realpath(each) for each in grant.read],
            "private": private,
            "memory": grant.memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4,
            "seconds": grant.seconds,
        }
        kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
        environment = {**kept, "TMPDIR": private, "SPEC_COMPILER_CACHE": "off", "PYTHONDONTWRITEBYTECODE": "1"}
        # `-P`: no module in the folder that the caller is in takes the place of one of Python's or ours
        child = [sys.executable, "-P", "-m", "spec_compiler.cli.sandbox_child", json.dumps(told), *words]
        # a session of its own: it cannot type into this terminal
        status = subprocess.run(child, env=environment, check=False, start_new_session=True).returncode  # noqa: S603 - ourselves
        if os.path.exists(os.path.join(private, MANIFEST)):
            take_over(private, grant.outputs, replace=grant.force)
    return status if status >= 0 else 128 - status  # of a process that a signal ended, as shells say it
