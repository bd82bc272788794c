"""A lock that a command holds its spec to: whatever differs is refused before any work, the plan once there is one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.language.base import Base
from spec_compiler.locking.differences import WHOLE, of_files, of_result, of_values, of_versions
from spec_compiler.locking.gathered import OF_KERAS, gathered, kept_by_keras
from spec_compiler.locking.lock_file import Lock, lock_name, plain_result, policy_of, read_lock, said_by
from spec_compiler.locking.versions import keras_settings, versions
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions


@dataclass(frozen=True)
class Held:
    """A spec that is as its lock has it, as far as is known before it is planned. `what` is what messages call it."""

    spec: Spec
    lock: Lock
    allowed: Permissions
    what: str = "the lock"
    help: str = ""
    pending: set[str] = field(default_factory=set)  # files that Keras has yet to download

    def inputs(self, *, data: bool = False) -> Held:
        """Itself, proven to be as the lock has it in all that it says and depends on; with `data`, in its data too.

        Raises:
            SpecError: SC517 each difference; SC501, SC510 what is not there; located.
        """
        found: list[Diagnostic] = []
        found += of_values(self.lock.says, said_by(self.spec), (), self.what, self.help)
        policy = policy_of(self.spec)
        for each in of_values({"policy": self.lock.policy}, {"policy": policy}, (), self.what, self.help):
            found.append(replace(each, path=WHOLE, at_key=True))
        found += of_versions(self.lock, versions(), keras_settings(), self.what, self.help)
        try:
            found += self._files(data=data)
        except SpecError as error:
            found += error.diagnostics
        self._raise(found)
        return self

    def downloads(self) -> None:
        """Proves that what Keras has downloaded meanwhile is what the lock knows.

        Raises:
            SpecError: SC517; located.
        """
        if not self.pending:
            return
        self._raise(self._files(data=False))
        self._raise(
            Diagnostic("SC517", f"`{kept_by_keras(name)}` is not there, so that it cannot be compared", each.path)
            for name, each in self.lock.files.items()
            if name in self.pending and each.sha256 is not None
        )

    def result(self, plan: Plan) -> None:
        """Proves that what is planned is what the lock knows.

        Raises:
            SpecError: SC517 each layer that differs; located.
        """
        base = ("bases",) if self.spec.bases is not None else ("base",)
        self._raise([*of_result(self.lock, plain_result(plan), plan, base, self.what, self.help)])

    def _files(self, *, data: bool) -> list[Diagnostic]:
        now = gathered(self.spec, self.allowed, self._download, data=data)
        self.pending.clear()
        self.pending.update(name for name, each in now.items() if name.startswith(OF_KERAS) and each.sha256 is None)
        was = {name: each for name, each in self.lock.files.items() if data or each.kind != "data"}
        return [*of_files(was, now, self.what, self.help)]

    def _download(self, base: Base, at: str) -> str | None:
        """What the lock knows of the `imagenet` weights at a place."""
        known = (name for name, each in self.lock.files.items() if each.at == at and name.startswith(OF_KERAS))
        return next(map(kept_by_keras, known), None)

    def _raise(self, found: Iterable[Diagnostic]) -> None:
        located = [self.spec.source.locate(each) for each in found]
        if located:
            raise SpecError(located)


Locked = bool | str | os.PathLike[str] | Lock | Held
"""Whether a spec is held to its lock: to the one beside it, to that in a file, to one that was read, or to a plan."""


def held(spec: Spec, locked: Locked, allowed: Permissions) -> Held | None:
    """The spec with the lock that it is held to, whose inputs are not compared yet; None where it is held to none.

    Raises:
        SpecError: SC518 there is no lock; SC502, SC514 it is damaged.
    """
    if locked is False:
        return None
    if isinstance(locked, Held):
        return replace(locked, spec=spec, allowed=allowed, pending=set())
    file = spec.source.file
    name = _words(spec, allowed)
    help = f"`spec-compiler lock {name}` takes it up as it is" if name else "lock it anew, with `lock_spec`"
    if isinstance(locked, Lock):
        return Held(spec, locked, allowed, help=help)
    if locked is True and file is None:
        message = "a spec that is read from no file has no lock beside it"
        raise SpecError.single("SC518", message, help="name the lock: `locked=FILE`")
    path = lock_name(str(file)) if locked is True else os.fspath(locked)
    lock = read_lock(path, name, spec.source.folder if locked is True else None)
    return Held(spec, lock, allowed, f"`{os.path.basename(path)}`", help)


def _words(spec: Spec, allowed: Permissions) -> str | None:
    """How a command is told of the spec, with what it was told besides; None of one that is in no file."""
    if spec.source.file is None:
        return None
    sets = (f"--set {shlex.quote(each)}" for each in dict.fromkeys(said.text for said in spec.source.assigned.values()))
    policy = spec.policy.source.file if spec.policy is not None else None
    policies = [f"--policy {shlex.quote(os.path.relpath(policy))}"] if policy and os.path.isfile(policy) else []
    code = ["--allow-code"] if allowed.code else []
    return " ".join([shlex.quote(os.path.relpath(spec.source.file)), *sets, *policies, *code])
