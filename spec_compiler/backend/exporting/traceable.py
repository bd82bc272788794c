"""A model as converters can trace it: two things that Keras does in its layers, and that no other runtime knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.store import parts
from spec_compiler.exporting.formats import Format


@contextlib.contextmanager
def traceable(model: Any, form: Format) -> Iterator[None]:
    """While the body runs, statistics of `Normalization` are constants, and nothing is compiled by XLA alone."""
    is_for_tensorflow = form.key == "saved_model"  # which does need XLA for those
    with _constant_statistics(model), contextlib.nullcontext() if is_for_tensorflow else _without_xla():
        yield


@contextlib.contextmanager
def _constant_statistics(model: Any) -> Iterator[None]:
    """`Normalization` computes with tensors that are no variables: traced, they would be inputs of the artefact."""
    layers = [each for each in parts(model) if isinstance(each, keras.layers.Normalization)]
    kept = [(layer, name, getattr(layer, name, None)) for layer in layers for name in ("mean", "variance")]
    for layer, name, tensor in kept:
        if tensor is not None:
            setattr(layer, name, np.asarray(keras.ops.convert_to_numpy(tensor)))
    try:
        yield
    finally:
        for layer, name, tensor in kept:
            if tensor is not None:
                setattr(layer, name, tensor)


@contextlib.contextmanager
def _without_xla() -> Iterator[None]:
    """Keras has convolutions in groups compiled by XLA, `tf.function(jit_compile=True)`, which converters do not open.

    See `conv` in keras/src/backend/tensorflow/nn.py.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow

    real = tensorflow.function

    def function(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **{name: each for name, each in options.items() if name != "jit_compile"})

    tensorflow.function = function
    try:
        yield
    finally:
        tensorflow.function = real
