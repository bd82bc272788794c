"""Files that are written whole or not at all, one alone or several that belong together.

They are written in a private folder beside their places. A process that dies leaves it behind, and the next one that
writes there takes it away: a lock, which ends with the process that holds it, says that a folder is in use.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has no such locks: what a killed process leaves there is not taken away
    fcntl = None  # type: ignore[assignment]

PREFIX = ".partial-spec_compiler-"
_LOCK = "lock"
_PATIENCE = 30.0  # seconds; whoever holds the lock only gives a few files their names
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_held: set[int] = set()
_handed_over: list[str] = []
MANIFEST = "manifest.json"  # says which file of a process without rights is to have which name


@contextlib.contextmanager
def whole_file(path: str, *, durable: bool = False, replace: bool = True) -> Iterator[str]:
    """A temporary file that takes a file's place at the end; on an exception the old one stays.

    Its folder is made where there is none. With `durable` the file is on the disk before that, so that a loss of power
    leaves one of the two as well. Without `replace` a file that is there stays, also one that came in the meantime.

    Raises:
        FileExistsError: there is such a file, and it is not to be replaced.
        OSError: the place cannot be written.
    """
    with whole_files((path,), durable=durable, replace=replace) as (temporary,):
        yield temporary


Parts = Callable[[str], Sequence[str]]


def no_parts(path: str) -> Sequence[str]:
    """None: a file is all there is of it."""
    return ()


@contextlib.contextmanager
def whole_files(
    paths: Sequence[str], *, durable: bool = False, replace: bool = True, parts: Parts = no_parts
) -> Iterator[tuple[str, ...]]:
    """As `whole_file`, for files that belong together: never is one of them beside one that another process wrote.

    `parts` gives the names of the files beside one that belong to it, of a temporary file and of the old one: those of
    the first come with it, before it; those of the second go with it.

    Raises:
        FileExistsError: one of them is there, and it is not to be replaced; then none is written.
        OSError: a place cannot be written.
    """
    places = [os.path.abspath(path) for path in paths]
    if _handed_over:
        yield from _for_another(places, _handed_over[0], parts)
        return
    folders = dict.fromkeys(os.path.dirname(place) for place in places)
    with contextlib.ExitStack() as stack:
        private = {folder: stack.enter_context(workspace(folder)) for folder in folders}
        temporaries = tuple(os.path.join(private[os.path.dirname(place)], os.path.basename(place)) for place in places)
        yield temporaries
        pairs = list(_with_parts(zip(temporaries, places, strict=True), parts))
        if durable:
            for temporary, _ in pairs:
                with open(temporary, "rb+") as stream:
                    os.fsync(stream.fileno())
        if len(pairs) > 1:
            stack.enter_context(alone(folders))
        with undisturbed():
            old = [_beside(place, part) for place in places if replace for part in parts(place)]
            _publish(pairs, replace, set(old) - {place for _, place in pairs})


def hand_over(folder: str) -> None:
    """From now on this process writes only in a folder; another one, with more rights, gives the files their names."""
    _handed_over.append(folder)


def _with_parts(pairs: Iterable[tuple[str, str]], parts: Parts) -> Iterator[tuple[str, str]]:
    for temporary, place in pairs:
        yield from ((_beside(temporary, part), _beside(place, part)) for part in parts(temporary))
        yield temporary, place


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), name)


def _for_another(places: Sequence[str], folder: str, parts: Parts) -> Iterator[tuple[str, ...]]:
    inside = tempfile.mkdtemp(dir=folder)
    temporaries = tuple(os.path.join(inside, os.path.basename(place)) for place in places)
    yield temporaries
    with open(os.path.join(folder, MANIFEST), "w", encoding="utf-8") as stream:
        json.dump(list(_with_parts(zip(temporaries, places, strict=True), parts)), stream)


def _publish(pairs: Sequence[tuple[str, str]], replace: bool, old: Iterable[str] = ()) -> None:
    if replace:
        # a kill between two steps leaves one without the other, never two that do not fit
        for place in (*(place for _, place in pairs[1:]), *old):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(place)
        for temporary, place in pairs:
            os.replace(temporary, place)
        return
    with contextlib.ExitStack() as back:  # takes back what is placed, unless all is
        for temporary, place in pairs:
            _place(temporary, place)
            back.callback(os.unlink, place)
        back.pop_all()


def _place(temporary: str, place: str) -> None:
    """Gives a file its name, which nothing may have; `os.rename` would take it from whoever has it."""
    try:
        os.link(temporary, place, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # a file system without hard links
        try:
            os.replace(temporary, place)
        except OSError:
            os.unlink(place)
            raise


@contextlib.contextmanager
def workspace(folder: str, prefix: str = PREFIX) -> Iterator[str]:
    """A private folder in a folder, with a lock as long as it is used; what dead processes left there is taken away.

    Raises:
        OSError: the folder cannot be made or written.
    """
    os.makedirs(folder, exist_ok=True)
    sweep(folder)
    path = ""
    try:
        with undisturbed():
            path, lock = _claimed(folder, prefix)
            _mine[path] = lock
        yield path
    finally:
        if path:
            with undisturbed():
                _released(path)


_mine: dict[str, int] = {}  # the private folders of this process that are in use, each with its lock


def _released(path: str) -> None:
    if path not in _mine:  # of the process that this one was forked from
        return
    lock = _mine.pop(path)
    shutil.rmtree(path, ignore_errors=True)
    if lock in _held:
        _held.discard(lock)
        os.close(lock)


@atexit.register
def release() -> None:
    """Takes away what is left of this process's private folders: a signal may come where it just leaves one."""
    with undisturbed():
        for path in list(_mine):
            _released(path)


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """An empty folder among the system's temporary ones, gone afterwards, by the next process where this one dies."""
    with workspace(tempfile.gettempdir()) as private:
        path = os.path.join(private, "files")
        os.mkdir(path)
        yield path


def _claimed(folder: str, prefix: str) -> tuple[str, int]:
    while True:
        path = tempfile.mkdtemp(prefix=prefix, dir=folder)
        try:
            lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # swept between the two lines
            continue
        _held.add(lock)
        # a sweeper that came in between holds the lock still, or has taken the folder away with this file in it
        if _locked(lock) is not False and os.fstat(lock).st_nlink:
            return path, lock
        _held.discard(lock)
        os.close(lock)


def _locked(handle: int) -> bool | None:
    """Whether the lock is ours now; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def sweep(folder: str) -> tuple[str, ...]:
    """Takes away the private folders that dead processes of this user left in a folder.

    Returns the names of those that are in use.
    """
    try:
        with os.scandir(folder) as entries:
            own = [entry for entry in entries if entry.name.startswith(PREFIX) and _is_own(entry)]
    except OSError:
        return ()
    return tuple(entry.name for entry in own if _is_in_use(entry.path))


def _is_own(entry: os.DirEntry[str]) -> bool:
    try:
        return fcntl is not None and entry.is_dir(follow_symlinks=False) and (
            entry.stat(follow_symlinks=False).st_uid == os.geteuid()
        )  # fmt: skip
    except OSError:
        return False


def _is_in_use(path: str) -> bool:
    """Whether a living process holds a private folder's lock; otherwise the folder is gone afterwards."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        inside = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, inside)
        lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=inside)
        stack.callback(os.close, lock)
        if not _locked(lock):
            return True
        shutil.rmtree(path, ignore_errors=True)
    return False


@contextlib.contextmanager
def alone(folders: Sequence[str] | dict[str, None]) -> Iterator[None]:
    """Nobody else is inside with one of these folders. For moments only: it locks the folders themselves.

    Raises:
        TimeoutError: somebody else does not leave.
    """
    with contextlib.ExitStack() as stack:
        for folder in sorted(set(map(os.path.realpath, folders))):  # in one order, so that nobody waits in turn
            if fcntl is None:
                break
            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            until = time.monotonic() + _PATIENCE
            while _locked(handle) is False:
                if time.monotonic() > until:
                    raise TimeoutError(errno.ETIMEDOUT, "another process has locked the folder", folder)
                time.sleep(0.005)
        yield


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that Python handles, and so may raise, wait until the body is done."""
    if threading.current_thread() is not threading.main_thread():  # Python runs handlers in the main thread alone
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and callable(signal.getsignal(number)):
            handlers[number] = signal.signal(number, lambda *arrived: waiting.append(arrived))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in waiting:
            handlers[number](number, frame)


def _forget() -> None:
    """A forked process does not hold the locks of the one that it came from, which may die before it."""
    for handle in _held:
        os.close(handle)
    _held.clear()
    _mine.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
