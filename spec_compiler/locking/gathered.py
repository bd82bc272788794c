"""Every file that a spec's result depends on, with its checksum: those that it names, and those that these name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, dotted
from spec_compiler.files import Folder, gone
from spec_compiler.files.regular import Left
from spec_compiler.keras_facts.settings import keras_home
from spec_compiler.language.base import Base
from spec_compiler.locking.modules import code_of
from spec_compiler.memory.files import keep_sha256, known_sha256
from spec_compiler.reading import Damaged
from spec_compiler.reading.model import config_text, parsed_config
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.code_beside import modules_beside, named_code
from spec_compiler.spec.file_paths import locate, shards_beside
from spec_compiler.spec.file_places import LORA, Asked, asked_in, is_names, plain_place
from spec_compiler.spec.permissions import Permissions
from spec_compiler.text.imports import shown

MOST_SPECS = 100  # that are followed from one, as where they are planned
OF_KERAS = "keras:"  # begins the name of a file that Keras has downloaded

Downloads = Callable[[Base, str], str | None]
"""Where Keras keeps the file of a base's `imagenet` weights, the base being named as `Dependency.at`; None: unknown."""


@dataclass(frozen=True)
class Dependency:
    """A file, a folder or a package, and where in the spec it is asked for.

    `path` leads to that place in the spec that is locked, `at` says it in words: `base.weights`, or
    `other.yaml: base.weights` in a spec that this one starts from. `num_bytes` and `sha256` are None of a package,
    which has a `version`, and of a file that Keras has yet to download. `num_files` is there of a folder.

    Attributes:
        kind: what the file is to the spec.
        path: the place in the spec that asks for it.
        at: that place in words.
        num_bytes: its size.
        sha256: its digest.
        version: of a package.
        num_files: of a folder.
    """

    kind: str
    path: Path
    at: str
    num_bytes: int | None = None
    sha256: str | None = None
    version: str | None = None
    num_files: int | None = None

    def to_json(self) -> dict[str, Any]:
        """It as plain data, less what it has not."""
        said: dict[str, Any] = {"kind": self.kind, "path": list(self.path), "at": self.at, "version": self.version}
        said |= {"files": self.num_files, "bytes": self.num_bytes, "sha256": self.sha256}
        return {key: value for key, value in said.items() if value is not None}

    def is_as(self, other: Dependency) -> bool:
        """Whether both have the same content, wherever it is asked for."""
        return (self.sha256, self.version) == (other.sha256, other.version)


def gathered(
    spec: Spec, allowed: Permissions, downloads: Downloads, *, data: bool, remembered: bool = False
) -> dict[str, Dependency]:
    """What the spec depends on, by its names from the spec's folder; with `data`, what it trains on as well.

    With `remembered`, the checksum of a model's or of weights that were not written since is the one that they had.

    Raises:
        SpecError: SC501, SC510 for each that is not there, or may not be read, and whatever a spec that this one starts
            from is at fault; located.
    """
    gathering = _Gathering(spec, allowed, downloads, data, remembered)
    gathering.follow(spec, (), "")
    if spec.policy is not None and spec.policy.source.file:
        path = spec.policy.source.file
        gathering.take(os.path.basename(path), "policy", (), "--policy", lambda: _of_file(Folder(), path))
    if gathering.problems:
        raise spec.source.located(SpecError(gathering.problems))
    return dict(sorted(gathering.found.items()))


@dataclass
class _Gathering:
    """What was found so far, and what could not be read."""

    spec: Spec
    allowed: Permissions
    downloads: Downloads
    data: bool
    remembered: bool = False
    found: dict[str, Dependency] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    followed: set[str] = field(default_factory=set)

    def follow(self, spec: Spec, place: Path, within: str) -> None:
        """All of a spec, `place` being where the locked one asks for it, if another one does."""

        def at(path: Path) -> tuple[Path, str]:
            return place or path, f"{within}{dotted(path)}"

        folder = spec.source.folder
        for asked in asked_in(spec.source.data):
            if asked.path[0] == "data" and not self.data:
                continue
            with collected(self.problems, *(place or asked.path)):
                self._asked(asked, folder, *at(asked.path))
        for number, file in enumerate(spec.source.imported):
            path: Path = ("imports", number)
            with collected(self.problems, *(place or path)):
                self.take(self._below(file), "imported", *at(path), partial(_of_file, folder, file))
        bases: dict[Path, Base] = {("bases", name): base for name, base in (spec.bases or {}).items()}
        if spec.base is not None:
            bases["base",] = spec.base
        for where, base in bases.items():
            self._base(base, folder, place, where, within)

    def take(self, name: str, kind: str, path: Path, at: str, content: Callable[[], dict[str, Any]]) -> None:
        """One dependency, once by its name."""
        if name not in self.found:
            self.found[name] = Dependency(kind, path, at, **content())

    def _name(self, name: str, folder: Folder) -> str:
        """A file as it is named from the folder of the locked spec; one that starts elsewhere as it is written."""
        return name if name.startswith("~") or os.path.isabs(name) else self._below(folder.place(name))

    def _below(self, path: str) -> str:
        return os.path.relpath(path, self.spec.source.folder.path).replace(os.sep, "/")

    def _asked(self, asked: Asked, folder: Folder, path: Path, at: str) -> None:
        if asked.purpose == "module":
            self._module(asked.name, folder, path, at)
            return
        kind, name = _kind_of(asked), self._name(asked.name, folder)
        place = folder.permit(asked.name)
        if os.path.isdir(place):
            whole = kind != "data"  # of pictures by the thousand their names and sizes
            self.take(name, kind, path, at, lambda: _of_folder(folder, place, whole=whole))
        else:
            file = folder.find(asked.name, _NOUNS.get(kind, "file"))
            remembered = self.remembered and kind in ("model", "weights")
            self.take(name, kind, path, at, lambda: _of_file(folder, file, asked.name, remembered=remembered))
            for each in shards_beside(file):
                beside = os.path.join(os.path.dirname(asked.name), each)
                content = partial(_of_file, folder, folder.find(beside, "weights file"), beside, remembered=remembered)
                self.take(self._name(beside, folder), kind, path, at, content)

    def _module(self, name: str, folder: Folder, path: Path, at: str) -> None:
        code = code_of(name, folder)
        for file in code.files:
            if code.package is None:
                self.take(self._name(file, folder), "module", path, at, partial(_of_file, folder, folder.place(file)))
        if code.package is not None and code.files:
            self.take(f"module:{code.package}", "package", path, at, lambda: _of_files(code.files))
        elif code.package is not None:
            self.take(f"module:{code.package}", "package", path, at, lambda: {"version": code.version or "of Python"})

    def _saved_code(self, name: str, folder: Folder, path: Path, at: str) -> None:
        """The modules that define what a saved model names; the model does not say which they are."""
        try:
            _, text, _ = config_text(folder.file(name, "model file"))
            names = {*named_code(parsed_config(text))} if text is not None else set()
        except Damaged:  # whoever reads the model says so
            return
        for defined in sorted(names):
            for beside, file in modules_beside(defined, (folder, folder.beside(name))):
                self._module(file.removesuffix(".py"), beside, path, at)

    def _base(self, base: Base, folder: Folder, place: Path, path: Path, within: str) -> None:
        weights = (*path, "weights")
        if base.weights.kind == "package":
            with collected(self.problems, *(place or weights)):
                file = locate(base.weights, folder)
                at = f"{within}{dotted(weights)}"
                self.take(
                    base.weights.text,
                    "weights",
                    place or weights,
                    at,
                    lambda: _of_file(Folder(), file, remembered=self.remembered),
                )
        elif base.weights.kind == "imagenet" and base.application is not None:
            with collected(self.problems, *(place or path)):
                at = f"{within}{dotted(weights)}"
                kept = self.downloads(base, at)
                if kept is not None:
                    name = os.path.basename(kept)
                    self.take(
                        f"{OF_KERAS}{name}", "weights", place or weights, at, lambda: _downloaded(kept, self.remembered)
                    )
        if base.file is not None and self.allowed.code:
            with collected(self.problems, *(place or (*path, "file"))):
                self._saved_code(base.file, folder, place or (*path, "file"), f"{within}{dotted((*path, 'file'))}")
        if base.spec is None:
            return
        with collected(self.problems, *(place or (*path, "spec"))):
            file = folder.find(base.spec, "spec file")
            real = os.path.realpath(file)
            if real in self.followed or len(self.followed) >= MOST_SPECS:  # planning says what is wrong with that
                return
            self.followed.add(real)
            other = load_spec(shown(file), allowed=self.allowed, inside=folder)
            self.follow(other, place or (*path, "spec"), f"{self._name(base.spec, folder)}: ")


_NOUNS = {"model": "model file", "spec": "spec file", "weights": "weights file", "adapters": "file of adapters"}


def _kind_of(asked: Asked) -> str:
    """What a file is for, by its place in the spec."""
    place = plain_place(asked.path)
    if place[0] in ("base", "bases"):
        return {"file": "model", "spec": "spec"}.get(place[-1], "weights") if "weights" not in place else "weights"
    if place == LORA:
        return "adapters"
    if place[0] == "data":
        return "data"
    return "names" if is_names(asked.path) else place[-1] if place[-1] == "vocabulary" else "file"


def _of_file(folder: Folder, path: str, name: str | None = None, *, remembered: bool = False) -> dict[str, Any]:
    try:
        with folder.open(path) as stream:
            known = known_sha256(path) if remembered else None
            total = known or hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
            if remembered and known is None:
                keep_sha256(path, total)
            return {"num_bytes": os.fstat(stream.fileno()).st_size, "sha256": total}
    except Left:
        raise gone(name or os.path.basename(path)) from None
    except OSError as error:
        message = f"no file `{name or os.path.basename(path)}`: {error.strerror or error}"
        raise SpecError.single("SC501", message) from None


def _of_files(files: tuple[str, ...]) -> dict[str, Any]:
    """Those of a package, wherever it is installed."""
    total = hashlib.sha256()
    start = os.path.commonpath([os.path.dirname(each) for each in files])
    for file in files:
        said = _of_file(Folder(), file)
        total.update(f"{os.path.relpath(file, start).replace(os.sep, '/')} {said['sha256']}\n".encode())
    return {"num_files": len(files), "sha256": total.hexdigest()}


def _of_folder(folder: Folder, path: str, *, whole: bool) -> dict[str, Any]:
    """The names and sizes of all files in a folder, and where all of it is looked at, their checksums."""
    total, count, size = hashlib.sha256(), 0, 0
    for file in _below(folder, path):
        said = _of_file(folder, file) if whole else {"num_bytes": os.path.getsize(file)}
        name = os.path.relpath(file, path).replace(os.sep, "/")
        total.update(f"{name} {said['num_bytes']} {said.get('sha256', '')}\n".encode("utf-8", "surrogateescape"))
        count, size = count + 1, size + said["num_bytes"]
    return {"num_files": count, "num_bytes": size, "sha256": total.hexdigest()}


def _below(folder: Folder, path: str) -> Iterator[str]:
    for entry in folder.entries(path):
        place = os.path.join(path, entry.name)
        if entry.is_folder and not os.path.islink(place):
            yield from _below(folder, place)
        elif entry.is_file:
            yield place


def kept_by_keras(name: str) -> str:
    """Where Keras keeps a file of weights that it downloads."""
    return os.path.join(keras_home(), "models", os.path.basename(name.removeprefix(OF_KERAS)))


def _downloaded(path: str, remembered: bool) -> dict[str, Any]:
    return _of_file(Folder(), path, remembered=remembered) if os.path.isfile(path) else {}
