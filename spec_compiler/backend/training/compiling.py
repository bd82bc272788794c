"""What Keras's `compile` is given: of a phase, or of the result where a spec says `compile` and trains nothing."""

from __future__ import annotations

from typing import Any

from spec_compiler.backend.training.keras_objects import make
from spec_compiler.diagnostics import Path, under
from spec_compiler.files import Folder
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.keras_objects import KerasObject, Losses
from spec_compiler.training.reported import metric_name


def compile_arguments(
    compile: Compile, num_outputs: int, code: Folder, optimizer: tuple[KerasObject, Path] | None = None
) -> dict[str, Any]:
    """The arguments of `model.compile`, made anew; `optimizer` is a phase's own, with its place in the spec.

    Modules of the user's own may be in `code`.

    Raises:
        SpecError: as `make`; paths from the spec.
    """
    entry, path = optimizer or (compile.optimizer, ("compile", "optimizer"))
    return {
        "optimizer": located(entry, path, code),
        "loss": _loss(compile, code),
        "loss_weights": _loss_weights(compile),
        "metrics": _metrics(compile, num_outputs, code),
        "jit_compile": "auto" if compile.jit_compile is None else compile.jit_compile,
    }


def _loss(compile: Compile, code: Folder) -> Any:
    """The loss, or one for each output by its name."""
    if not isinstance(compile.loss, Losses):
        return located(compile.loss, ("compile", "loss"), code)
    return {name: located(each, ("compile", "loss", name), code) for name, each in compile.loss.named.items()}


def _loss_weights(compile: Compile) -> dict[str, float] | None:
    """A weight for each output: Keras takes those of all or none."""
    if compile.loss_weights is None or not isinstance(compile.loss, Losses):
        return None
    return {name: compile.loss_weights.get(name, 1.0) for name in compile.loss.named}


def _metrics(compile: Compile, num_outputs: int, code: Folder) -> list[Any]:
    """The metrics, for each output its own; Keras would deal out a list that is as long as there are outputs."""

    def of_one_output() -> list[Any]:
        metrics = [located(each, ("compile", "metrics", at), code) for at, each in enumerate(compile.metrics)]
        for metric, entry in zip(metrics, compile.metrics, strict=True):
            if not isinstance(metric, str):
                metric.name = metric_name(entry)
        return metrics

    metrics = [of_one_output() for _ in range(num_outputs)]
    return metrics[0] if len(metrics) == 1 or not compile.metrics else metrics


def located(entry: KerasObject, path: Path, code: Folder, folder: str = "") -> Any:
    """The object of an entry that stands at a path in the spec.

    Raises:
        SpecError: as `make`; paths from the spec.
    """
    with under(*path):
        return make(entry, folder, code)
