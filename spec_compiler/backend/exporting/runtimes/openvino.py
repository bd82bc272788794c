"""OpenVINO's artefacts in OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spec_compiler.backend.exporting.runtimes.runtime import Array, Runtime, by_layer, outputs_in_order
from spec_compiler.backend.exporting.unreported import openvino


class OpenVINORuntime(Runtime):
    """On the CPU, computing in float32: some processors would take bfloat16 otherwise."""

    title, package = "OpenVINO", "openvino"

    def __init__(self, path: str, inputs: Sequence[str], keys: Sequence[str] = ()) -> None:
        self._path = path
        core: Any = openvino().Core()
        self._compiled: Any = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = [_name(each, f"input_{index}") for index, each in enumerate(self._compiled.inputs)]
        self.inputs = by_layer(inputs, found)
        self._places = {layer: found.index(name) for layer, name in self.inputs.items()}
        found = [_name(each, f"output_{index}") for index, each in enumerate(self._compiled.outputs)]
        self.outputs = outputs_in_order(keys, found)
        self._outputs = [found.index(each) for each in self.outputs]
        if strange := [each for each in found if each not in self.outputs]:
            self.notes = (f"it has outputs that are none of the model's: {', '.join(strange)}",)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out."""
        found = self._compiled({at: feeds[layer] for layer, at in self._places.items()})
        return [np.array(found[index]) for index in self._outputs]

    def inside(self, feeds: Mapping[str, Array]) -> Iterator[Array]:
        """What every operation puts out, each made an output of a copy."""
        core: Any = openvino().Core()
        model = core.read_model(self._path)
        for operation in model.get_ordered_ops():
            if operation.get_type_name() not in ("Result", "Constant", "Parameter"):
                model.add_outputs(operation.outputs())
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = compiled({at: feeds[layer] for layer, at in self._places.items()})
        yield from (np.array(found[each]) for each in compiled.outputs)


def _name(port: Any, otherwise: str) -> str:
    """One of the names of an input or output; of an output it is that of the result, not of what is computed there."""
    names = sorted(port.get_names())
    friendly = port.get_node().get_friendly_name()
    return friendly if friendly in names else names[0] if names else otherwise
