"""What Keras runs on, and whether that is installed, without Keras."""

from __future__ import annotations

import functools
import importlib.util
import sys

# As Keras calls them, each with the package that it imports: TensorFlow's distributions have several names.
PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch", "openvino": "openvino"}
TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch", "openvino": "OpenVINO"}
EXTRAS = ("tensorflow", "jax", "torch")  # of this package; OpenVINO's backend only predicts


@functools.cache
def is_installed(name: str) -> bool:
    """Whether a backend, or `keras` itself, can be imported, as far as that is known without doing it.

    >>> is_installed("keras_of_nobody")
    False
    """
    package = PACKAGES.get(name, name)
    return package in sys.modules or importlib.util.find_spec(package) is not None


def backend_for(written: str) -> str:
    """The backend to run on where `written` is only Keras's default, or in its settings: one that is installed.

    Who installed `spec-compiler[jax]` and nothing else means JAX.
    """
    if is_installed(written):
        return written
    return next((name for name in EXTRAS if is_installed(name)), written)
