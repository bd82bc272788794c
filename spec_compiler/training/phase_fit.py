"""What Keras's `fit` is given in a phase: what the phase says, else what the section `fit` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Path
from spec_compiler.keras_facts import catalogue
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.measure import Measure, said_monitor


class PhaseFit(NamedTuple):
    """The arguments of `fit`; callbacks each with its place in the spec, and with what they watch."""

    callbacks: tuple[tuple[Path, KerasObject], ...] = ()
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_freq: int = 1


def fit_of_phase(spec: Spec, index: int, measure: Measure) -> PhaseFit:
    """What `fit` is given in a phase; `measure` is what the best epoch goes by."""
    callbacks = [*callbacks_of(spec, index)]
    if said_monitor(spec) is not None:
        callbacks = [(path, _watching(callback, measure)) for path, callback in callbacks]
    steps = [said(spec, index, key)[1] for key in ("steps_per_epoch", "validation_steps", "validation_freq")]
    return PhaseFit(tuple(callbacks), steps[0], steps[1], steps[2] or 1)


def callbacks_of(spec: Spec, index: int) -> Iterator[tuple[Path, KerasObject]]:
    """The callbacks of a phase as they are written, each with its place in the spec."""
    path, callbacks = said(spec, index, "callbacks")
    yield from (((*path, at), callback) for at, callback in enumerate(callbacks or ()))


def said(spec: Spec, index: int, key: str) -> tuple[Path, Any]:
    """What counts in a phase for an argument of `fit`, and where it stands; None where nothing says it."""
    if (value := getattr(spec.train[index], key)) is not None:
        return ("train", index, key), value
    return ("fit", key), getattr(spec.fit, key, None)


def _watching(callback: KerasObject, measure: Measure) -> KerasObject:
    """The callback, which watches what the run goes by unless it says something else."""
    record = catalogue.class_record(callback.name, "callback")
    if record is None or "monitor" not in record["arguments"] or "monitor" in callback.arguments:
        return callback
    watched = {"monitor": measure.name, "mode": measure.direction}
    return replace(callback, arguments=watched | dict(callback.arguments))
