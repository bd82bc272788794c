"""Why training broke down, as a diagnostic at the phase in which it did."""

from __future__ import annotations

from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.functions import reason_in
from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder


def diverged(loss: float, epoch: int, phase: int, rate: float | None) -> SpecError:
    """SC609 for a loss that is no number: no later epoch would bring the weights back, so that this one is not kept."""
    notes = [] if rate is None else [f"the learning rate was {rate:g}"]
    help = "lower the `learning_rate`, or give the optimizer a `clipnorm`"
    return SpecError.single(
        "SC609", f"the loss of epoch {epoch + 1} is `{loss}`", path=("train", phase), notes=notes, help=help
    )


def broken(error: Exception, phase: int, code_folder: str | Folder) -> SpecError:
    """SC608 for a full disk, SC609 otherwise, with the line of the user's own code where the error comes from there."""
    text = f"{type(error).__name__}: {error}"
    path = ("train", phase)
    if "ResourceExhausted" in text or "OOM" in text or "out of memory" in text.lower():
        help = "write a smaller `data.batch_size`, or freeze more layers"
        return SpecError.single("SC609", "the device ran out of memory", path=path, help=help)
    if "No space left" in text:
        help = "make room and continue with `--resume`; the last complete checkpoint is kept"
        return SpecError.single("SC608", "no space left on the disk", path=path, help=help)
    reason, where = reason_in(error, code_folder)
    notes = [
        reason.replace("Graph execution error:", "").strip() if where else f"Keras says: {keras_reason(error)}",
        *where,
    ]
    return SpecError.single("SC609", "training broke down", path=path, notes=notes)
