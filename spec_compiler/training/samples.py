"""What a model learns from, sample by sample: files, classes and numbers, with no framework and no pixel inside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from spec_compiler.diagnostics import Path
from spec_compiler.spec.data_columns import Kind

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Series:
    """What one input takes, or one output is compared with, for each sample.

    `values` are paths of files for images and masks, class numbers `(n,)`, zeros and ones `(n, classes)` for several
    labels, numbers `(n, count)`, or texts. `path` is where the spec says it.
    """

    name: str
    kind: Kind
    values: Array
    class_names: tuple[str, ...] = ()
    path: Path = ("data", "train")

    def of(self, rows: Array) -> Series:
        """Those of some samples."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True)
class Samples:
    """Some of the samples; `places` says of each where it stands, `key` which key of `data` names them."""

    inputs: tuple[Series, ...]
    targets: tuple[Series, ...]
    places: Callable[[int], str] = field(repr=False)
    weights: Array | None = None
    rows: Array = field(default_factory=lambda: np.arange(0))
    key: str = "train"

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, rows: Array) -> Samples:
        """The samples at these positions."""
        weights = None if self.weights is None else self.weights[rows]
        inputs, targets = (tuple(each.of(rows) for each in series) for series in (self.inputs, self.targets))
        return replace(self, inputs=inputs, targets=targets, weights=weights, rows=self.rows[rows])

    def place(self, index: int) -> str:
        """Where a sample stands: the line of a table, or its file."""
        return self.places(int(self.rows[index]))

    @property
    def files(self) -> tuple[str, ...]:
        """The image of each sample, where each has one."""
        images = [each for each in self.inputs if each.kind == "image"]
        return tuple(images[0].values) if len(images) == 1 else ()

    @property
    def strata(self) -> tuple[Series, ...]:
        """The targets that tell classes apart, of which each sample has one."""
        return tuple(each for each in self.targets if each.kind == "class")


class Parts(NamedTuple):
    """The samples to train on, those to validate on and those to test with, if there are any."""

    train: Samples
    validation: Samples | None = None
    test: Samples | None = None

    def present(self) -> Mapping[str, Samples]:
        """Those that there are, by name."""
        return {name: part for name, part in self._asdict().items() if part is not None}


def fingerprint(parts: Parts, roots: Sequence[str] = ()) -> str:
    """A digest of what trains and validates: every value, and the names of files from where they are looked for."""
    digest = hashlib.sha256()
    for part in (parts.train, parts.validation):
        digest.update(b"-")
        for each in (*part.inputs, *part.targets) if part is not None else ():
            digest.update(f"{each.name} {each.kind} {each.class_names}\n".encode())
            if each.values.dtype == object:
                for value in each.values:
                    digest.update(f"{_short(str(value), roots)}\n".encode())
            else:
                digest.update(np.ascontiguousarray(each.values).tobytes())
        if part is not None and part.weights is not None:
            digest.update(part.weights.tobytes())
    return digest.hexdigest()


def _short(path: str, roots: Sequence[str]) -> str:
    return next((path.removeprefix(root) for root in roots if root and path.startswith(root)), path)
