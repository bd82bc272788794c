"""The one gate for files: whatever a spec names becomes a path, or an opened file, through the `Folder` of that spec.

A `Folder` is where the names in a spec start from, and knows whether they may leave it (`--restrict-paths`). Where they
may not, links are followed first and judged where they end, and what was judged is what is opened: a link that is
swapped in between leads nowhere. Where they may, the gate still takes regular files only, and never waits for a pipe.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from typing import IO, Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.regular import READ, Entry, Left, is_inside, kind_at, opened, regular, stepped

_HELP = "the caller restricts paths (`--restrict-paths`): put the file beside the spec"


class Folder:
    """The folder that names start from; with `root` they may not leave that, through `..`, a link or their own root.

    >>> Folder("/specs", root="/specs").escape("../secret.keras")
    "leaves the spec's folder"
    """

    __slots__ = ("__weakref__", "_held", "_room", "path", "root")

    def __init__(self, path: str = "", *, root: str | None = None) -> None:
        self.path = path
        self.root = None if root is None else os.path.realpath(root)
        self._held: dict[str, str] = {}
        self._room: str | None = None

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"Folder({self.path!r}, root={self.root!r})"

    def __reduce__(self) -> Any:  # a copy holds nothing
        return _again, (self.path, self.root)

    @property
    def is_confined(self) -> bool:
        """Whether names may not leave it."""
        return self.root is not None

    def place(self, name: str) -> str:
        """Where a name leads, whether or not something is there."""
        return os.path.join(self.path, os.path.expanduser(name))

    def escape(self, name: str) -> str | None:
        """How a name leaves the folder that it may not leave; None where it does not, or may."""
        if self.root is None or is_inside(self.place(name), self.root):
            return None
        expanded = os.path.expanduser(name)
        if os.path.isabs(expanded):
            return "is an absolute path outside of the spec's folder"
        if ".." in expanded.replace(os.sep, "/").split("/"):
            return "leaves the spec's folder"
        return "leaves the spec's folder through a link"

    def permit(self, name: str, shown: str | None = None) -> str:
        """The place of a name that does not leave the folder; `shown` is what messages call it.

        Raises:
            SpecError: SC510.
        """
        how = self.escape(name)
        if how is not None:
            raise left(shown or name, how)
        return self.place(name)

    def admit(self, path: str) -> None:
        """Proves that a path below, found by looking into a folder, does not leave this one.

        Raises:
            SpecError: SC510.
        """
        if self.root is not None and not is_inside(path, self.root):
            raise gone(os.path.relpath(path, self.path or "."))

    def entries(self, path: str) -> list[Entry]:
        """What is in a folder, by name. It is not left while it is looked into either.

        Raises:
            OSError: `Left`, or why it cannot be looked into.
        """
        with contextlib.ExitStack() as stack:
            place: str | int = path
            if self.root is not None and os.scandir in os.supports_fd:  # not so on Windows
                place = self._stepped(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
                stack.callback(os.close, place)
            return sorted(map(Entry.of, stack.enter_context(os.scandir(place))))

    def find(self, name: str, what: str) -> str:
        """The place of a regular file. For reading ask `file`: this one may be another by then.

        Raises:
            SpecError: SC501, SC510.
        """
        path = self.permit(name)
        kind = kind_at(path)
        if kind == "a file":
            return path
        if kind is not None:
            raise SpecError.single("SC501", f"`{name}` is {kind}, not a {what}")
        help = did_you_mean_file(name, path, "paths start from the spec's own folder")
        raise SpecError.single("SC501", f"no {what} `{name}`", help=help)

    def file(self, name: str, what: str) -> str:
        """A path to read a regular file by. Where names are confined it leads to the file that was judged, for ever.

        Raises:
            SpecError: SC501, SC510.
        """
        path = self.find(name, what)
        if not self.is_confined:
            return path
        if name not in self._held:  # who asks twice gets the same file, whatever stands there by then
            try:
                with self.open(path) as stream:
                    self._held[name] = self._hold(stream, os.path.basename(path))
            except Left:
                raise gone(name) from None
            except OSError as error:
                raise SpecError.single("SC501", f"no {what} `{name}`: {error.strerror or error}") from None
        return self._held[name]

    def directory(self, name: str, what: str) -> str:
        """The place of a folder.

        Raises:
            SpecError: SC501, SC510.
        """
        path = self.permit(name)
        if not os.path.isdir(path):
            kind = kind_at(path)
            message = f"no {what} `{name}`" if kind is None else f"`{name}` is {kind}, not a {what}"
            raise SpecError.single("SC501", message, help="paths start from the spec's own folder")
        return path

    def beside(self, name: str) -> Folder:
        """The folder that a file is in, which is confined as this one is."""
        return Folder(os.path.dirname(self.place(name)), root=self.root)

    def open(self, path: str) -> IO[bytes]:
        """A regular file, opened for reading. It is not left while it is opened either.

        Raises:
            OSError: `NotRegular`, `Left`, or why it cannot be opened.
        """
        return opened(path) if self.root is None else regular(self._stepped(path, READ), path)

    def _stepped(self, path: str, flags: int) -> int:
        assert self.root is not None
        real = os.path.realpath(path)
        if not is_inside(real, self.root):
            raise Left
        return stepped(self.root, real, flags)

    def _hold(self, stream: IO[bytes], name: str) -> str:
        """A path of this name that leads to an opened file, as long as this folder is in use."""
        import shutil  # with `tempfile` 10 ms, where names are confined only
        import tempfile

        if self._room is None:
            self._room = tempfile.mkdtemp(prefix="spec-compiler-held-")
            weakref.finalize(self, shutil.rmtree, self._room, ignore_errors=True)
        room = tempfile.mkdtemp(dir=self._room)
        held = os.path.join(room, name)
        descriptors = f"/proc/{os.getpid()}/fd"
        if os.path.isdir(descriptors):
            handle = os.dup(stream.fileno())
            weakref.finalize(self, os.close, handle)
            os.symlink(f"{descriptors}/{handle}", held)
        else:  # where a descriptor has no path, a copy is what nobody else can swap
            with open(held, "wb") as copy:
                shutil.copyfileobj(stream, copy)
        return held


def _again(path: str, root: str | None) -> Folder:
    return Folder(path, root=root)


HERE = Folder()  # the folder that the caller is in; what a user names may be anywhere


def gone(name: str) -> SpecError:
    """SC510 for a name that leaves the folder through a link, also one that does so only while it is opened."""
    return left(name, "leaves the spec's folder through a link")


def left(name: str, how: str) -> SpecError:
    """SC510 for a name that leaves the folder."""
    return SpecError.single("SC510", f"`{name}` {how}", help=_HELP)
