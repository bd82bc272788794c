"""What a process of a sweep is told: the spec as it was written when the sweep began, and what it may do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from spec_compiler.compiler import SpecLike
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike


@dataclass(frozen=True)
class Task:
    """A spec as text (or as data, where it was made in Python), which another process can be given as JSON.

    `file` gives the folder that its paths start from; the file itself is not read again.
    """

    text: str | None
    data: Any
    file: str | None
    overrides: tuple[str, ...] = ()
    allow_code: bool = False
    restrict_paths: bool = False
    policy: Any = None
    tensorboard: bool = True

    @property
    def allowed(self) -> Permissions:
        """What the spec may do."""
        return Permissions(self.allow_code, not self.restrict_paths)

    def load(self) -> Spec:
        """The spec.

        Raises:
            SpecError: as `load_spec`.
        """
        spec: Any = self.data if self.text is None else self.text
        return load_spec(spec, overrides=self.overrides, file=self.file, allowed=self.allowed, policy=self.policy)

    def to_json(self) -> str:
        """It on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Task:
        """What `to_json` wrote."""
        said = json.loads(line)
        return cls(**{**said, "overrides": tuple(said["overrides"])})


def task_of(
    spec: SpecLike,
    overrides: Iterable[str],
    allow_code: bool,
    restrict_paths: bool,
    policy: PolicyLike | None,
    tensorboard: bool,
) -> Task:
    """The task that a spec is, however it is given.

    Raises:
        SpecError: as `load_spec`.
        TypeError: a `Spec` that is no longer what its text says.
    """
    options = (allow_code, restrict_paths, _policy(policy), tensorboard)
    overrides = (overrides,) if isinstance(overrides, str) else tuple(overrides)
    if isinstance(spec, Spec):
        source = spec.source.unfilled
        if source is None or source.assigned or not source.text:
            raise TypeError("a sweep needs the spec as a file, a text or a dict, with overrides of its own")
        return Task(_lines(source.text), None, source.file, overrides, *options)
    if isinstance(spec, Mapping):
        return Task(None, json.loads(json.dumps(spec)), None, overrides, *options)
    if isinstance(spec, str) and "\n" in spec:
        return Task(spec, None, None, overrides, *options)
    allowed = Permissions(allow_code, not restrict_paths)
    source = load_spec(spec, overrides=overrides, allowed=allowed).source
    return Task(_lines(source.text), None, source.file, overrides, *options)


def _lines(text: str) -> str:
    return text if "\n" in text else f"{text}\n"  # by which `load_spec` tells a text from a path


def _policy(policy: PolicyLike | None) -> Any:
    if policy is None or isinstance(policy, str | Mapping):
        return policy
    return os.fspath(policy) if isinstance(policy, os.PathLike) else _lines(policy.source.text)
