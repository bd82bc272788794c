"""Artefacts, each written by Keras's own exporter of its format."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spec_compiler.backend.exporting.onnx_copies import few_copies
from spec_compiler.backend.exporting.onnx_operations import taught
from spec_compiler.backend.exporting.traceable import traceable
from spec_compiler.backend.exporting.unreported import openvino
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.startup import silent_stderr, uninterrupted
from spec_compiler.diagnostics import SpecError
from spec_compiler.exporting.formats import Format, Precision
from spec_compiler.plan.memory_needed import is_of_memory, out_of_memory

_LONGEST = 300  # characters of what a converter says; some list every operation
Samples = Callable[[], Iterator[list[Any]]]


def write(
    model: Any,
    form: Format,
    path: str,
    precision: Precision = "float32",
    samples: Samples | None = None,
    signature: Any = None,
) -> None:
    """Writes a model at a path; `samples` gives inputs one by one, by which int8 learns how large numbers become.

    `signature` is what the artefact takes, where that is less than the model does.
    What exporters put aside meanwhile lies in the path's folder, and is taken away with it.

    Raises:
        SpecError: SC521.
    """
    options = _litert(precision, samples) if form.key == "litert" else {}
    if signature is not None:
        options["input_signature"] = signature
    with uninterrupted():  # what Keras would import otherwise
        if form.key == "onnx":
            taught()
        if form.key == "openvino":
            openvino()
    try:
        fewer = few_copies() if form.key == "onnx" else contextlib.nullcontext()
        with _alone(os.path.dirname(path)), traceable(model, form), fewer:
            model.export(path, format=form.in_keras, verbose=False, **options)
    except OSError:
        raise  # of the disk
    except Exception as error:  # converters raise whatever comes
        if is_of_memory(error):
            raise out_of_memory(f"memory ran out while the model was exported to {form.name}") from None
        message = f"Keras's exporter to {form.name} does not take the model"
        raise refused(form, message, error, os.path.dirname(path)) from None


def refused(form: Format, message: str, error: Exception, folder: str) -> SpecError:
    """SC521, with what Keras or a runtime said; `folder` is where the artefact lies for now, which means nothing."""
    reason = keras_reason(error).replace(folder + os.sep, "")
    note = f"it says: {' '.join(reason.split())[:_LONGEST]}"
    return SpecError.single("SC521", message, notes=[note], help="export to another format")


def _litert(precision: Precision, samples: Samples | None) -> dict[str, Any]:
    """What TensorFlow's converter is told; Keras gives it on as it is."""
    if precision == "float32":
        return {}
    import tensorflow  # the words of its converter

    options: dict[str, Any] = {"optimizations": [tensorflow.lite.Optimize.DEFAULT]}
    if precision == "float16":
        return {**options, "target_spec": {"supported_types": [tensorflow.float16]}}
    operations = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8, tensorflow.lite.OpsSet.TFLITE_BUILTINS]
    return {**options, "representative_dataset": samples, "target_spec": {"supported_ops": operations}}


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Without a word on the streams, and with temporary files in a folder: those of a killed process go with it."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "absl")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        with silent_stderr(), warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            yield
    finally:
        tempfile.tempdir = before
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def sample_by_sample(arrays: Mapping[str, Any]) -> Samples:
    """One sample after the other of a batch for each input, by the names of the inputs."""
    count = len(next(iter(arrays.values())))

    def samples() -> Iterator[Any]:
        for index in range(count):
            yield {name: each[index : index + 1] for name, each in arrays.items()}

    return samples
