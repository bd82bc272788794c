"""The data of a run once it is loaded, and what is said of it before the first epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.backend.training.parts import Part
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.plan.memory_needed import shown_bytes
from spec_compiler.training.samples import Samples

_MOST = 8  # names of classes that are listed


@dataclass(frozen=True)
class LoadedData:
    """What `fit` takes. `class_names` is empty and the counts are None where the data does not say them.

    `images` says how files were read, for whoever reads others for the same model. `test` is what no phase sees.
    `class_weight` is for `fit`; where Keras takes none, the batches have weights of samples that are equal to it.
    `says` are lines for whoever watches, `noun` is what the counts count.
    """

    train: Any
    validation: Any
    class_names: tuple[str, ...] = ()
    num_train: int | None = None
    num_validation: int | None = None
    fingerprint: str = ""
    images: Mapping[str, Any] = field(default_factory=dict)
    test: Part | None = None
    class_weight: Mapping[int, float] | None = None
    warnings: tuple[Diagnostic, ...] = ()
    says: tuple[str, ...] = ()
    noun: str = "samples"
    parts: Mapping[str, Part] = field(default_factory=dict)

    @property
    def num_batches(self) -> int | None:
        """How many batches make a pass over what trains, where that is known."""
        try:
            return len(self.train)
        except TypeError:  # also of a `tf.data.Dataset` without an end, or whose end only reading it would show
            return None

    @property
    def num_test(self) -> int | None:
        """How many samples there are to test with, where that is known."""
        return self.test.size if self.test is not None else None


def described(samples: Samples, weights: Mapping[str, Mapping[int, float]], held: int = 0) -> tuple[str, ...]:
    """A line for each target that has classes, what they count, and what is held in memory."""
    lines: list[str] = []
    for each in samples.targets:
        names = each.class_names
        if names:
            listed = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
            what = "labels" if each.kind == "labels" else "classes"
            lines.append(f"{each.name}: {len(names)} {what}, {listed}")
        if each.name in weights:
            lines.append(f"{each.name}: class weights {said_of_weights(weights[each.name], names)}")
    if held:
        lines.append(f"cache: {shown_bytes(held)} of images are held in memory")
    return tuple(lines)


def said_of_weights(weights: Mapping[int, float], names: tuple[str, ...]) -> str:
    """The weights of classes in one line.

    >>> said_of_weights({0: 2.0, 1: 2 / 3}, ("cat", "dog"))
    'cat: 2, dog: 0.6667'
    """
    shown = [f"{names[label] if names else label}: {value:.4g}" for label, value in sorted(weights.items())]
    return ", ".join(shown[:_MOST]) + (f" and {len(shown) - _MOST} more" if len(shown) > _MOST else "")
