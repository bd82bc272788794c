"""A file that is made in many steps: what is done lies beside it, and another process can go on from there.

Beside `found.csv` that is the folder `found.csv.partial`. Its parts only grow; a line of its log says after each step
how long they are and where the work stands. A process that is killed leaves at most bytes behind the last such length,
which the next one cuts off.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import IO, Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.outputs import reason
from spec_compiler.reading import Damaged
from spec_compiler.reading.text import parsed_json, read_json

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

_ABOUT, _LOG, _LOCK = "about.json", "log", "lock"
_TAIL = 1 << 16  # bytes at the end of the log, in which its last whole line is
_ANEW = "call it as before, or without `--resume` and with `--force` to begin anew"


def folder_of(output: str) -> str:
    """Where the unfinished rest of a file lies."""
    return f"{output}.partial"


def check_unfinished(output: str, *, resume: bool, force: bool) -> None:
    """Proves, before any work, that nothing unfinished lies there which is neither to be continued nor thrown away.

    Raises:
        SpecError: SC508, SC608.
    """
    folder = folder_of(output)
    if os.path.lexists(folder) and (os.path.islink(folder) or not os.path.isdir(folder)):
        raise SpecError.single("SC508", f"`{folder}`, where unfinished results go, is no folder", help="remove it")
    if not resume and not force and _last(folder):
        help = f"add `--resume` to go on, or `--force` to begin `{output}` anew"
        raise SpecError.single("SC608", f"`{folder}` holds unfinished results", help=help)


class Unfinished:
    """What is done of a file: its parts, and `state`, where the work stood at the last step; empty at the beginning."""

    def __init__(self, output: str, folder: str, state: Mapping[str, Any]) -> None:
        self.output, self.folder, self.state = output, folder, state
        self._streams: dict[str, IO[bytes]] = {}

    def path(self, part: str) -> str:
        """The file of a part."""
        return os.path.join(self.folder, part)

    def append(self, part: str, data: bytes) -> None:
        """Adds to a part. It counts once `step` is called."""
        if part not in self._streams:
            self._streams[part] = open(self.path(part), "ab")  # noqa: SIM115  # `close` does
        self._streams[part].write(data)

    def step(self, state: Mapping[str, Any]) -> None:
        """What has been added belongs to the result now, and the work stands here."""
        sizes = {**self.state.get("sizes", {})}
        for part, stream in self._streams.items():
            if part != _LOG:
                stream.flush()
                sizes[part] = stream.tell()
        self.state = {**state, "sizes": sizes}
        self.append(_LOG, f"{json.dumps(self.state)}\n".encode())
        self._streams[_LOG].flush()

    def close(self) -> None:
        """The parts are whole files now."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def give(self, part: str, path: str) -> None:
        """Gives a part's content to a file, which costs no room where the file system can give it a second name."""
        self.close()
        try:
            os.link(self.path(part), path)
        except OSError:
            shutil.copyfile(self.path(part), path)

    def remove(self) -> None:
        """Takes all of it away."""
        with contextlib.suppress(OSError):
            self.close()
        _emptied(self.folder)
        with contextlib.suppress(OSError):
            os.unlink(self.path(_LOCK))
            os.rmdir(self.folder)


@contextlib.contextmanager
def unfinished(output: str, about: Mapping[str, Any], *, resume: bool) -> Iterator[Unfinished]:
    """The unfinished rest of a file: with `resume` what is there already, if the same call began it; gone at the end.

    `about` is what the result depends on, by how a user calls it. Where the body fails, what is done stays, if
    its state says that anything was `read`.

    Raises:
        SpecError: SC508 where it cannot be written, SC608 where another process writes there or another call began it.
    """
    folder = folder_of(output)
    with contextlib.ExitStack() as stack:
        try:
            lock = _locked(folder)
            stack.callback(os.close, lock)
            part = Unfinished(output, folder, _taken_up(folder, about) if resume else {})
            if not part.state:
                _begun(folder, about)
        except OSError as error:
            raise SpecError.single("SC508", f"`{output}` cannot be written: {reason(error)}") from None
        try:
            yield part
        except OSError as error:
            _kept_or_removed(part)
            raise SpecError.single("SC508", f"`{output}` cannot be written: {reason(error)}") from None
        except BaseException:
            _kept_or_removed(part)
            raise
        part.remove()


def _kept_or_removed(part: Unfinished) -> None:
    with contextlib.suppress(OSError):  # what is behind the last step counts for nothing
        part.close()
    if not part.state.get("read"):
        part.remove()


def _locked(folder: str) -> int:
    """Claims the folder, which is there afterwards; the lock ends with this process.

    Raises:
        OSError: it cannot be made.
        SpecError: SC608 where another process has it.
    """
    while True:
        os.makedirs(folder, exist_ok=True)
        try:
            lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # whoever had it has just finished
            continue
        if fcntl is None:
            return lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            message = f"another process is writing to `{folder}`"
            help = "wait for its end, or name another file"
            raise SpecError.single("SC608", message, help=help) from None
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK):  # a file system without locks
                raise
        if os.fstat(lock).st_nlink:
            return lock
        os.close(lock)


def _emptied(folder: str) -> None:
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        if entry.name != _LOCK:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def _begun(folder: str, about: Mapping[str, Any]) -> None:
    _emptied(folder)
    new = os.path.join(folder, "about.new")
    with open(new, "w", encoding="utf-8") as stream:
        json.dump(about, stream, indent=1)
    os.replace(new, os.path.join(folder, _ABOUT))


def _taken_up(folder: str, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where the work stands, with parts as long as they were then; empty where nothing is done.

    Raises:
        SpecError: SC608 where another call began it.
    """
    state = _last(folder)
    if not state:
        return {}
    try:
        begun = read_json(os.path.join(folder, _ABOUT))
    except (Damaged, OSError):
        begun = None
    if not isinstance(begun, dict):
        raise SpecError.single("SC608", f"`{folder}` does not say what began it", help=_ANEW)
    others = [_difference(key, begun.get(key), value) for key, value in about.items() if begun.get(key) != value]
    if others:
        raise SpecError.single("SC608", f"`{folder}` was begun with {', '.join(others)}", help=_ANEW)
    for part, size in state["sizes"].items():
        os.truncate(os.path.join(folder, part), size)
    return state


def _difference(key: str, before: Any, now: Any) -> str:
    if not key.startswith("--"):
        return f"another {key}"
    return f"{_said(key, before)}, this is {_said(key, now)}"


def _said(key: str, value: Any) -> str:
    if value is None:
        return f"no `{key}`"
    return f"`{key} {' '.join(map(str, value)) if isinstance(value, list) else value}`"


def _last(folder: str) -> Mapping[str, Any]:
    """The last state in the log that the parts are long enough for; empty where there is none."""
    try:
        with open(os.path.join(folder, _LOG), "rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
            lines = stream.read().split(b"\n")[:-1]  # what is behind the last line break is half a line
        for line in reversed(lines):
            with contextlib.suppress(Damaged):
                state = parsed_json(line)
                if isinstance(state, dict) and _is_there(folder, state.get("sizes")):
                    return state
    except OSError:
        pass
    return {}


def _is_there(folder: str, sizes: Any) -> bool:
    """Whether the parts are there; after a loss of power they may be shorter than the log says."""
    if not isinstance(sizes, dict) or any(os.path.basename(part) != part for part in sizes):
        return False
    try:
        return all(os.path.getsize(os.path.join(folder, part)) >= size for part, size in sizes.items())
    except OSError:
        return False
