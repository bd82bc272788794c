"""SavedModels in TensorFlow, by the signature that TensorFlow Serving calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow

from spec_compiler.backend.exporting.runtimes.runtime import Array, Runtime, by_layer, outputs_in_order


class SavedModelRuntime(Runtime):
    """Loaded by TensorFlow alone: Keras does not know of it."""

    title, package = "TensorFlow", "tensorflow"

    def __init__(self, path: str, inputs: Sequence[str], keys: Sequence[str] = ()) -> None:
        self._loaded: Any = tensorflow.saved_model.load(path)  # it must be held as long as it is called
        self._serve: Any = self._loaded.signatures["serving_default"]
        self.inputs = by_layer(inputs, list(self._serve.structured_input_signature[1]))
        self.outputs = outputs_in_order(keys, list(self._serve.structured_outputs))

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What it puts out."""
        found = self._serve(**{name: tensorflow.constant(feeds[layer]) for layer, name in self.inputs.items()})
        return [np.asarray(found[name].numpy()) for name in self.outputs]

    def inside(self, feeds: Mapping[str, Array]) -> Iterator[Array]:
        """What every operation puts out, once all functions are opened and variables are constants."""
        # only where an artefact is at fault
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        frozen: Any = convert_variables_to_constants_v2(self._serve, lower_control_flow=False)
        tensors = [each for operation in frozen.graph.get_operations() for each in operation.outputs]
        tensors = [each for each in tensors if each.dtype.is_floating or each.dtype.is_integer]
        places = {each.name.partition(":")[0].removeprefix("serving_default_"): each for each in frozen.inputs}
        taken = by_layer(list(self.inputs), list(places))
        layers = {layer: places[name] for layer, name in taken.items()}
        found = frozen.prune(list(layers.values()), tensors)(*(tensorflow.constant(feeds[each]) for each in layers))
        yield from (np.asarray(each.numpy()) for each in found)
