"""What Keras's `compile` is given: of a phase, or of the result where a spec says `compile` and trains nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras

from spec_compiler.backend.training.keras_objects import make
from spec_compiler.backend.training.rates import apply_grouping
from spec_compiler.diagnostics import Path, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.language.layer_names import snake_case
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.keras_objects import KerasObject, Losses, NamedMetrics
from spec_compiler.training.groups import Grouping
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
        "optimizer": _uncounted(located(entry, path, code), entry),
        "loss": _loss(compile, code),
        "loss_weights": _loss_weights(compile),
        "metrics": _metrics(compile, num_outputs, code),
        "jit_compile": "auto" if compile.jit_compile is None else compile.jit_compile,
    }


def _uncounted(optimizer: Any, entry: KerasObject) -> Any:
    """An optimizer under the name of its class, where the spec gives it none: `adam`, also if it is the third."""
    if "name" not in entry.arguments and isinstance(optimizer, keras.optimizers.Optimizer):
        name = snake_case(type(optimizer).__name__)
        if re.fullmatch(rf"{name}_\d+", optimizer.name):  # as Keras counts in a process
            optimizer.name = name
    return optimizer


def fitted_optimizer(optimizer: Any, model: Any, graph: Graph, grouping: Grouping | None) -> Any:
    """A fresh optimizer as a model needs it: with what moves each variable, and with its loss scaled.

    Keras puts a `LossScaleOptimizer` around it in `compile`, but writes the one inside into the model's file, which is
    then loaded without its state (`keras/src/trainers/trainer.py`, `compile` and `get_compile_config`).
    """
    if grouping is not None:
        apply_grouping(optimizer, grouping, model, graph)
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if model.dtype_policy.name == "mixed_float16" and not scales:
        return keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
    return optimizer


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


def _metrics(compile: Compile, num_outputs: int, code: Folder) -> Any:
    """The metrics, for each output its own; Keras would deal out a list that is as long as there are outputs."""

    def made(entries: Sequence[KerasObject], path: Path) -> list[Any]:
        metrics = [located(each, (*path, at), code) for at, each in enumerate(entries)]
        for metric, entry in zip(metrics, entries, strict=True):
            if not isinstance(metric, str):
                metric.name = metric_name(entry)
        return metrics

    place: Path = ("compile", "metrics")
    if isinstance(compile.metrics, NamedMetrics):
        named = {output: made(entries, (*place, output)) for output, entries in compile.metrics.named.items()}
        return named if num_outputs > 1 else next(iter(named.values()))
    metrics = [made(compile.metrics, place) for _ in range(num_outputs)]
    return metrics[0] if len(metrics) == 1 or not compile.metrics else metrics


def located(entry: KerasObject, path: Path, code: Folder, folder: str = "") -> Any:
    """The object of an entry that stands at a path in the spec.

    Raises:
        SpecError: as `make`; paths from the spec.
    """
    with under(*path):
        return make(entry, folder, code)
