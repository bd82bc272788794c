"""What runs artefacts: one class for each runtime, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from spec_compiler.backend.exporting.runtimes.runtime import Runtime
from spec_compiler.backend.startup import uninterrupted
from spec_compiler.exporting.formats import Format

_CLASSES = {
    "onnx": ("onnx", "OnnxRuntime"),
    "saved_model": ("saved_model", "SavedModelRuntime"),
    "litert": ("litert", "LiteRTRuntime"),
    "openvino": ("openvino", "OpenVINORuntime"),
}


def opened(form: Format, path: str, inputs: Sequence[str], keys: Sequence[str] = ()) -> Runtime:
    """An artefact in its runtime; `inputs` are what Keras calls its inputs, `keys` those of its outputs where they
    are a mapping, both in Keras's order.

    Raises:
        Exception: whatever the runtime says where it does not take the artefact.
    """
    module, name = _CLASSES[form.key]
    with uninterrupted():
        # a runtime is a package of its own, of which most are not needed, and may not be there
        found: Any = getattr(import_module(f"spec_compiler.backend.exporting.runtimes.{module}"), name)
    runtime: Runtime = found(path, inputs, keys)
    return runtime
