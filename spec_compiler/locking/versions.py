"""The versions and settings that a result depends on, without Keras."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any

from spec_compiler.keras_facts.settings import settings
from spec_compiler.memory.bases import keras_version

# The distributions that a backend may come in: TensorFlow's has several names.
_OF_BACKENDS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly"),
    "jax": ("jax",),
    "torch": ("torch",),
    "openvino": ("openvino",),
}


def versions() -> dict[str, str]:
    """Each by its name: what reads, computes or writes any of a result. Python writes the code of `Lambda` layers."""
    backend = str(settings()["backend"])
    return {
        "spec_compiler": _version("spec-compiler"),
        "keras": keras_version(),
        "backend": f"{backend} {_version(*_OF_BACKENDS.get(backend, ()))}",
        "numpy": _version("numpy"),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def keras_settings() -> dict[str, Any]:
    """Keras's own settings, less the backend, which stands among the versions."""
    return {key: value for key, value in sorted(settings().items()) if key != "backend"}


def _version(*names: str) -> str:
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
