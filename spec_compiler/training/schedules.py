"""SC614: a schedule of the learning rate that is over long before its phase of training, or hardly begun at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, write
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.phase_fit import said

_FAR = 2  # how many times as long as the other makes a warning


def schedule_warnings(spec: Spec, num_batches: int | None) -> Iterator[Diagnostic]:
    """A warning for each schedule that is far shorter or longer than a phase; `num_batches` are those of all the data.

    None says that they are not known: then only phases count that say their `steps_per_epoch`.
    """
    seen: set[Path] = set()
    for index, phase in enumerate(spec.train):
        steps = said(spec, index, "steps_per_epoch")[1] or num_batches
        if steps is None or spec.compile is None:
            continue
        optimizer, path = spec.compile.optimizer, ("compile", "optimizer")
        if phase.optimizer is not None:
            optimizer, path = phase.optimizer, ("train", index, "optimizer")  # type: ignore[assignment]
        found = _length(optimizer)
        if found is None or path in seen:
            continue
        name, key, warmup, length = found
        total = steps * phase.epochs
        if length * _FAR > total and total * _FAR > length:
            continue
        seen.add(path)
        count = f"{phase.epochs} epoch{'s' if phase.epochs != 1 else ''} of {steps:,} batches"
        message = f"`{name}` ends after {length:,} steps, the phase `{phase.phase}` has {total:,}: {count}"
        place = (*path, optimizer.name, "learning_rate", name, key)
        help = write(total - warmup, f"write `{key}: {total - warmup}`") if total > warmup else "let it warm up shorter"
        yield Diagnostic("SC614", message, place, help=help)


def _length(optimizer: KerasObject) -> tuple[str, str, int, int] | None:
    """A schedule's name, the key that says its end, the steps before it and in all; None where it has no end."""
    rate = optimizer.arguments.get("learning_rate")
    if not isinstance(rate, Mapping) or len(rate) != 1:
        return None
    ((name, arguments),) = rate.items()
    if name not in ("CosineDecay", "PolynomialDecay") or not isinstance(arguments, Mapping):
        return None  # the others fall for ever, or begin again
    steps, warmup = (_number(arguments.get(key, 0)) for key in ("decay_steps", "warmup_steps"))
    if not steps or arguments.get("cycle") is True:
        return None
    return str(name), "decay_steps", warmup, steps + warmup


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
