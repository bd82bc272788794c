"""What Keras's `compile` is given: of a phase, or of the result where a spec says `compile` and trains nothing."""

from __future__ import annotations

from typing import Any

from spec_compiler.backend.training.keras_objects import make
from spec_compiler.diagnostics import Path, under
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.reported import metric_name


def compile_arguments(
    compile: Compile, num_outputs: int, optimizer: tuple[KerasObject, Path] | None = None
) -> dict[str, Any]:
    """The arguments of `model.compile`, made anew; `optimizer` is a phase's own, with its place in the spec.

    Raises:
        SpecError: as `make`; paths from the spec.
    """
    entry, path = optimizer or (compile.optimizer, ("compile", "optimizer"))
    return {
        "optimizer": located(entry, path),
        "loss": located(compile.loss, ("compile", "loss")),
        "metrics": _metrics(compile, num_outputs),
        "jit_compile": "auto" if compile.jit_compile is None else compile.jit_compile,
    }


def _metrics(compile: Compile, num_outputs: int) -> list[Any]:
    """The metrics, for each output its own; Keras would deal out a list that is as long as there are outputs."""

    def of_one_output() -> list[Any]:
        metrics = [located(each, ("compile", "metrics", at)) for at, each in enumerate(compile.metrics)]
        for metric, entry in zip(metrics, compile.metrics, strict=True):
            if not isinstance(metric, str):
                metric.name = metric_name(entry)
        return metrics

    metrics = [of_one_output() for _ in range(num_outputs)]
    return metrics[0] if len(metrics) == 1 or not compile.metrics else metrics


def located(entry: KerasObject, path: Path, folder: str = "") -> Any:
    """The object of an entry that stands at a path in the spec.

    Raises:
        SpecError: as `make`; paths from the spec.
    """
    with under(*path):
        return make(entry, folder)
