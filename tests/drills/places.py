"""Places that cannot be written: full disks, files that may not grow, folders that are read-only."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.drills.checks import Failed, check_clean, check_whole, mounted, unmounted
from tests.drills.commands import command

COMMANDS = (
    "build spec.yaml -o {}/built.keras",
    "build spec.yaml -o {}/built.h5",
    "build plain.yaml -o {}/plain.safetensors",
    "build plain.yaml -o {}/plain.keras",
    "build plain.yaml -o {}/plain.weights.json --max-shard-size 0.001",
    *(f"diagram spec.yaml -o {{}}/drawn.{suffix}" for suffix in ("svg", "png", "dot", "mmd", "html", "txt")),
    *(f"plan spec.yaml -o {{}}/plan.{suffix}" for suffix in ("txt", "md", "json")),
    "lock spec.yaml -o {}/new.lock",
    *(f"features model.keras pictures -o {{}}/table.{suffix}" for suffix in ("npz", "csv")),
    "init MobileNetV2 -o {}/new.yaml",
    "train spec.yaml -q -o {}/run",
)


def full_disks(folder: Path) -> str:
    """Every command onto disks that are full at different moments; what was checked, in words."""
    place = folder / "small"
    if not mounted(place, "size=64k"):
        return "no small disk could be made here"
    try:
        for room in (0, 4096):
            filler = _filled(place, room)
            for line in COMMANDS:
                done = _refused(folder, line.format("small"), lambda: None, may_succeed=room > 0)
                for rest in place.glob("*.partial"):  # of `features`, which goes on once there is room
                    shutil.rmtree(rest)
                for each in set(place.iterdir()) - {filler}:
                    if not done or not each.is_file():
                        raise Failed(f"`{line}` left on the full disk: {each}")
                    each.unlink()
            filler.unlink()
    finally:
        unmounted(place)
    return f"{2 * len(COMMANDS)} commands onto full disks"


def _filled(place: Path, room: int) -> Path:
    """A file that fills a disk, but for a little room in which another can be begun."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - room)
    return filler


def limits(folder: Path) -> str:
    """Every command where no file may grow beyond a few bytes."""
    (folder / "limited").mkdir(exist_ok=True)
    for size in (0, 300):
        for line in COMMANDS:
            _refused(folder, line.format("limited"), lambda size=size: _limit(size), may_succeed=size > 0)  # type: ignore[misc]
            for each in (folder / "limited").iterdir():
                if each.is_file():
                    each.unlink()
            for rest in (folder / "limited").glob("*.partial"):
                shutil.rmtree(rest)
    return f"{2 * len(COMMANDS)} commands where files may not grow"


def _limit(size: int) -> None:
    for descriptor in (1, 2):  # its output is none of these files
        reader, writer = os.pipe()
        if not os.fork():
            os.close(writer)
            with os.fdopen(reader, "rb") as stream, os.fdopen(descriptor, "wb", buffering=0, closefd=False) as file:
                for line in stream:
                    file.write(line)
            os._exit(0)
        os.close(reader)
        os.dup2(writer, descriptor)
        os.close(writer)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def read_only(folder: Path) -> str:
    """Every command into a folder that is read-only."""
    place = folder / "locked"
    is_mounted = mounted(place, "size=64k,ro")
    if not is_mounted:
        if os.geteuid() == 0:
            return "an administrator who may not mount has no read-only folder"
        place.chmod(0o555)
    try:
        for line in COMMANDS:
            _refused(folder, line.format("locked"), lambda: None)
    finally:
        unmounted(place) if is_mounted else place.chmod(0o755)
    return f"{len(COMMANDS)} commands into a read-only folder"


def _refused(folder: Path, line: str, before: Callable[[], object], may_succeed: bool = False) -> bool:
    """Runs a command that must be refused, or where it `may_succeed` may; whether it did."""
    running = command(folder, line.split(), before)
    status = running.wait()
    said = running.errors
    if status == 0 and may_succeed:
        check_whole(folder)
        return True
    first = said.strip().split("\n")[0]
    if status != 2 or "Traceback" in said or not first.startswith(("error[SC508]", "error[SC608]", "error: ")):
        raise Failed(f"`{line}` ended with {status} and said:\n{said}")
    check_whole(folder)
    check_clean(folder)
    return False
