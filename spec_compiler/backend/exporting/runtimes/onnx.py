"""ONNX artefacts in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spec_compiler.backend.exporting.runtimes.runtime import Array, Runtime, by_layer
from spec_compiler.backend.exporting.unreported import onnxruntime

_NOTHING_BUT_ERRORS = 3


class OnnxRuntime(Runtime):
    """On the CPU, as every installation of it can."""

    title, package = "ONNX Runtime", "onnxruntime"

    def __init__(self, path: str, inputs: Sequence[str], keys: Sequence[str] = ()) -> None:
        self._path = path
        runtime: Any = onnxruntime()
        options: Any = runtime.SessionOptions()
        options.log_severity_level = _NOTHING_BUT_ERRORS
        self._session: Any = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = by_layer(inputs, [each.name for each in self._session.get_inputs()])
        self.outputs = tuple(each.name for each in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out."""
        named = {name: feeds[layer] for layer, name in self.inputs.items()}
        return [np.asarray(each) for each in self._session.run(list(self.outputs), named)]

    def inside(self, feeds: Mapping[str, Array]) -> Iterator[Array]:
        """What every operation puts out, each made an output of a copy that nothing is joined in."""
        import onnx  # only where a file is at fault

        model = onnx.load(self._path)
        kept = {each.name for each in model.graph.output}
        names = [name for node in model.graph.node for name in node.output if name and name not in kept]
        model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
        runtime: Any = onnxruntime()
        options = runtime.SessionOptions()
        options.log_severity_level = _NOTHING_BUT_ERRORS
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        named = {name: feeds[layer] for layer, name in self.inputs.items()}
        yield from (np.asarray(each) for each in session.run(None, named))
