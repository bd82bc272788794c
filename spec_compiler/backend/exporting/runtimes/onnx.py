"""ONNX artefacts in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spec_compiler.backend.exporting.runtimes.runtime import Array, Runtime, by_layer
from spec_compiler.backend.exporting.unreported import onnxruntime

_NOTHING_BUT_ERRORS = 3


class OnnxRuntime(Runtime):
    """On the CPU, as every installation of it can."""

    title, package = "ONNX Runtime", "onnxruntime"

    def __init__(self, path: str, inputs: Sequence[str], keys: Sequence[str] = ()) -> None:
        onnx: Any = onnxruntime()
        options = onnx.SessionOptions()
        options.log_severity_level = _NOTHING_BUT_ERRORS
        self._session: Any = onnx.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = by_layer(inputs, [each.name for each in self._session.get_inputs()])
        self.outputs = tuple(each.name for each in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out."""
        named = {name: feeds[layer] for layer, name in self.inputs.items()}
        return [np.asarray(each) for each in self._session.run(list(self.outputs), named)]
