"""A part of the data by itself: what `evaluate` and `predict` take, and what is known of each of its samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.backend.images import Array


@dataclass(frozen=True)
class Part:
    """The samples to train on, to validate on or to test with, in an order that does not change.

    `batches` is what `fit`, `evaluate` and `predict` of Keras take. Where the samples are counted, `size` says how many
    they are; where each is an image file, `files` has their paths. `labels` and `class_names` are by the names of the
    outputs: class numbers `(n,)`, and for an output that tells classes apart what these are called, in order.
    """

    batches: Any
    size: int | None = None
    files: tuple[str, ...] = ()
    labels: Mapping[str, Array] = field(default_factory=dict)
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
