"""What of the training sections only Keras can judge: whether it makes their optimizers, metrics, callbacks, layers."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.backend.images import ImageReader
from spec_compiler.backend.training.augmenting import augmentation
from spec_compiler.backend.training.keras_objects import check_own, make
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.graph import Graph
from spec_compiler.keras_facts.function_names import is_function
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject, Losses
from spec_compiler.training.image_data import image_shape
from spec_compiler.training.phase_fit import callbacks_of

_WRITES = ("OrbaxCheckpoint",)  # makes its folder as soon as it is made itself


def check_objects(spec: Spec, graph: Graph) -> None:
    """Proves that Keras makes what the sections `data`, `compile` and `train` name; `graph` is the edited model.

    Raises:
        SpecError: SC601, SC604, SC609, every one; paths relative to the spec.
    """
    problems: list[Diagnostic] = []
    for path, entry in _entries(spec):
        try:
            if entry.kind == "callback" and is_function(entry.name):
                check_own(entry, spec.source.folder)
            else:
                make(entry, code=spec.source.folder)
        except SpecError as error:
            problems += error.under(*path).diagnostics
    try:
        if spec.data is not None and spec.data.augment:
            reader = None
            if spec.data.is_folder:
                height, width, channels = image_shape(spec.data, graph)
                reader = ImageReader((height, width), channels)
            augmentation(spec.data, reader, spec.source.folder)
    except SpecError as error:
        problems += error.diagnostics
    if problems:
        raise SpecError(problems)


def _entries(spec: Spec) -> Iterator[tuple[Path, KerasObject]]:
    if spec.compile is not None:
        yield ("compile", "optimizer"), spec.compile.optimizer
        loss = spec.compile.loss
        if isinstance(loss, Losses):
            yield from ((("compile", "loss", output), each) for output, each in loss.named.items())
        else:
            yield ("compile", "loss"), loss
        yield from spec.compile.all_metrics()
    seen: set[Path] = set()
    for index, phase in enumerate(spec.train):
        if phase.optimizer is not None:
            yield ("train", index, "optimizer"), phase.optimizer
        for path, callback in callbacks_of(spec, index):
            if callback.name not in _WRITES and ">" not in callback.name and path not in seen:
                yield path, callback
            seen.add(path)  # those of `fit` are every phase's
