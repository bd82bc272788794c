"""What a process of a sweep is told: the spec as it was written when the sweep began, and what it may do."""

from __future__ import annotations

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

    def to_data(self) -> dict[str, Any]:
        """It as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, said: Mapping[str, Any]) -> Task:
        """What `to_data` made."""
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
        return Task(None, _plain(spec), None, overrides, *options)
    if isinstance(spec, str) and "\n" in spec:
        return Task(spec, None, None, overrides, *options)
    allowed = Permissions(allow_code, not restrict_paths)
    source = load_spec(spec, overrides=overrides, allowed=allowed).source
    return Task(_lines(source.text), None, source.file, overrides, *options)


def _plain(value: Any) -> Any:
    """Data as JSON has it, NumPy's numbers as Python's own.

    Raises:
        TypeError: it is none that another process could be given, such as a function.
    """
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"the processes of a sweep take plain data, the spec holds `{type(value).__name__}`")
    return value


def _lines(text: str) -> str:
    return text if "\n" in text else f"{text}\n"  # by which `load_spec` tells a text from a path


def _policy(policy: PolicyLike | None) -> Any:
    if policy is None or isinstance(policy, str | Mapping):
        return policy
    return os.fspath(policy) if isinstance(policy, os.PathLike) else _lines(policy.source.text)
