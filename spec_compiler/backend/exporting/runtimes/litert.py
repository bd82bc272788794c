"""LiteRT artefacts in LiteRT's interpreter."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from spec_compiler.backend.exporting.runtimes.runtime import Array, Runtime, by_layer, outputs_in_order


class LiteRTRuntime(Runtime):
    """On the CPU, as LiteRT chooses by itself to compute there."""

    title, package = "LiteRT", "ai-edge-litert"

    def __init__(self, path: str, inputs: Sequence[str], keys: Sequence[str] = ()) -> None:
        self._path = path
        self._runner: Any = Interpreter(model_path=path).get_signature_runner()
        details = self._runner.get_input_details()
        self.inputs = by_layer(inputs, list(details))
        self.outputs = outputs_in_order(keys, list(self._runner.get_output_details()))
        self.takes_one = any(tuple(each["shape_signature"][:1]) == (1,) for each in details.values())

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out; LiteRT resizes inputs, but nothing that was made for one sample."""
        return self.run_one_by_one(feeds) if self.takes_one else self._run(feeds)

    def _run(self, feeds: Mapping[str, Array]) -> list[Array]:
        found = self._runner(**{name: feeds[layer] for layer, name in self.inputs.items()})
        return [np.asarray(found[name]) for name in self.outputs]

    def inside(self, feeds: Mapping[str, Array]) -> Iterator[Array]:
        """Every tensor of the interpreter, quantized ones as the numbers that they stand for."""
        interpreter: Any = Interpreter(
            model_path=self._path,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        places = {each["name"]: each["index"] for each in interpreter.get_input_details()}
        tensors = {name: each["name"] for name, each in self._runner.get_input_details().items()}
        at = {layer: places[tensors[name]] for layer, name in self.inputs.items()}
        for layer, place in at.items():
            interpreter.resize_tensor_input(place, feeds[layer].shape)
        interpreter.allocate_tensors()
        for layer, place in at.items():
            interpreter.set_tensor(place, feeds[layer])
        interpreter.invoke()
        for each in interpreter.get_tensor_details():
            with contextlib.suppress(ValueError):  # of a part of an operation that holds no numbers
                yield _numbers(np.asarray(interpreter.get_tensor(each["index"])), each["quantization_parameters"])


def _numbers(values: Array, said: Mapping[str, Any]) -> Array:
    scales, zeros = np.asarray(said["scales"]), np.asarray(said["zero_points"])
    if len(scales) != 1:  # of weights there may be one for each channel, and they flow nowhere
        return values
    return np.asarray((values.astype("float32") - zeros[0]) * scales[0])
