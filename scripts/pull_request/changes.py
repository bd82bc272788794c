"""Which specs a pull request changes, and its base beside it in a folder. What is in a tree is a stranger's."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SPEC = re.compile(rb"^spec[ \t]*:", re.M)
MOST_BYTES = 1_000_000  # a longer file is no spec: the compiler refuses it as well
# Neither hooks nor filters of a configuration run while trees are written.
GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")


class NotFound(Exception):
    """A commit that is not in this clone."""


@dataclass(frozen=True)
class Changed:
    """A spec that the pull request touches: by itself, or through a file that it names."""

    path: str
    what: Literal["new", "changed", "removed", "its files changed"]


@dataclass(frozen=True)
class Clone:
    """The checkout of a pull request."""

    root: Path

    def git(self, *words: str) -> bytes:
        """What git prints.

        Raises:
            NotFound: it fails.
        """
        environment = {**os.environ, "GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            [*GIT, "-c", f"safe.directory={self.root}", *words],
            cwd=self.root,
            env=environment,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise NotFound(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def base(self, event: dict[str, Any]) -> str:
        """The commit that the pull request is compared with.

        GitHub checks out a merge of the pull request into its base, whose first parent is the base as it is now. Where
        its head is checked out, it is where both parted.

        Raises:
            NotFound: the clone is too shallow.
        """
        parents = self.git("rev-list", "--parents", "-n", "1", "HEAD").split()[1:]
        if len(parents) == 2:
            return parents[0].decode()
        sha = str(event["pull_request"]["base"]["sha"])
        if not re.fullmatch(r"[0-9a-f]{40,64}", sha):
            raise NotFound("the event names no commit of the base")
        try:
            return self.git("merge-base", sha, "HEAD").decode().strip()
        except NotFound as error:
            help = "check out with `fetch-depth: 0`, or with 2 where the merge commit is checked out"
            raise NotFound(f"the base is not in this clone; {help} ({error})") from None

    def laid(self, commit: str, folder: Path) -> Path:
        """A tree in a folder of its own."""
        self.git("worktree", "add", "--force", "--detach", str(folder), commit)
        return folder

    def cleared(self, folder: Path) -> None:
        """Takes such a folder away."""
        self.git("worktree", "remove", "--force", str(folder))

    def files(self, commit: str, patterns: Sequence[str]) -> list[str]:
        """The files of a tree that patterns such as `specs/**/*.yaml` fit."""
        named = self.git("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).split(b"\0")
        fits = [re.compile(_pattern(each)) for each in patterns]
        return [name for raw in named if (name := os.fsdecode(raw)) and any(each.fullmatch(name) for each in fits)]

    def differing(self, base: str) -> set[str]:
        """All files that are not as in the base."""
        named = self.git("diff", "--name-only", "--no-renames", "-z", base, "HEAD").split(b"\0")
        return {os.fsdecode(each) for each in named if each}

    def changed(self, base: str, before: Path, patterns: Sequence[str]) -> Iterator[Changed]:
        """The specs that the pull request touches; `before` is where the base lies."""
        differing = self.differing(base)
        now = self.files("HEAD", patterns)
        for path in sorted({*now, *self.files(base, patterns)}):
            is_spec, was_spec = _is_spec(self.root, path), _is_spec(before, path)
            if path in differing and (is_spec or was_spec):
                yield Changed(path, "changed" if is_spec and was_spec else "new" if is_spec else "removed")
            elif is_spec and _names(self.root, path, differing):
                yield Changed(path, "its files changed")


def _is_spec(root: Path, path: str) -> bool:
    text = _text(root, path)
    return text is not None and SPEC.search(text) is not None


def _text(root: Path, path: str) -> bytes | None:
    """What a file holds; None of what is none, too long, or reached by a link."""
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as stream:
        state = os.fstat(descriptor)
        inside = Path(os.path.realpath(root / path)).is_relative_to(os.path.realpath(root))
        if not stat.S_ISREG(state.st_mode) or state.st_size > MOST_BYTES or not inside:
            return None
        return stream.read()


def _names(root: Path, path: str, differing: set[str]) -> bool:
    """Whether a spec names a file that differs, or one that names it: by the name in the text, which is enough.

    A spec that is planned though nothing of it changed costs a few seconds, one that is forgotten a wrong comment.
    """
    waiting, seen = [path], {path}
    while waiting:
        text = _text(root, waiting.pop())
        if text is None:
            continue
        for other in differing:
            if os.path.basename(other).encode() in text:
                return True
        for name in re.findall(rb"[\w.-]+\.ya?ml", text):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), os.fsdecode(name)))
            if beside not in seen and len(seen) < 100:
                seen.add(beside)
                waiting.append(beside)
    return False


def _pattern(glob: str) -> str:
    """A pattern of paths as a regular expression: `*` within a folder, `**/` any folders.

    >>> bool(re.fullmatch(_pattern("**/*.yaml"), "a/b/c.yaml")), bool(re.fullmatch(_pattern("*.yaml"), "a/c.yaml"))
    (True, False)
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    made = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(made.get(part, re.escape(part)) for part in parts)
