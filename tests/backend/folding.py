"""Models with `BatchNormalization`s that can be folded, and what a folded one is compared with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from tests.backend.conftest import outputs_of

FOLD = {"spec": 1, "fold": "batch_norm"}


def harsh(model: Any, seed: int = 5, *, deep: bool = False) -> Any:
    """The model with random values, none at its default: gamma and variance around 1, all others around 0.

    Kernels of a `deep` one are so small that rounding does not grow from layer to layer.
    """
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if variable.path.endswith(("/mean", "/variance", "/count")):  # a `Normalization` is loaded with more than these
            continue
        if variable.path.endswith(("gamma", "moving_variance")):
            value = random.uniform(0.5, 1.5, variable.shape)
        elif deep and len(variable.shape) > 1:
            depthwise = "depthwise" in variable.path.lower() or "dwconv" in variable.path
            value = random.normal(0, np.prod(variable.shape[: -2 if depthwise else -1]) ** -0.5, variable.shape)
        else:
            value = random.normal(0, 0.3, variable.shape)
        variable.assign(value.astype(variable.dtype))
    return model


def data_for(model: Any) -> Any:
    random = np.random.default_rng(3)
    data = [random.normal(size=(2, *each.shape[1:])).astype(each.dtype) for each in model.inputs]
    return data if len(data) > 1 else data[0]


def assert_same_function(compiled: Any, base: Any, within: float | None = None) -> None:
    """The result puts out what the base does, on data that neither answers with a constant."""
    data = data_for(base)
    within = within or (1e-12 if base.inputs[0].dtype == "float64" else 1e-5)
    for one, other in zip(outputs_of(compiled.model, data), outputs_of(base, data), strict=True):
        assert np.isfinite(other).all()
        assert other.std() > 1e-3 * np.abs(other).max() > 0, "these prove nothing"
        assert np.abs(one - other).max() <= within * np.abs(other).max()


def norms(model: Any) -> list[str]:
    return [each.name for each in model._flatten_layers() if isinstance(each, layers.BatchNormalization)]


def left(compiled: Any) -> dict[str, str]:
    return {each.layer: each.reason for each in compiled.plan.after.left}


def model_of(shape: tuple[int, ...], *stack: Any) -> Any:
    inputs = keras.Input(shape, name="image")
    x = inputs
    for layer in stack:
        x = layer(x)
    return harsh(keras.Model(inputs, x))


IMAGE, ROW, SOUND, BODY = (9, 8, 4), (5,), (9, 4), (6, 5, 6, 4)


def norm(**arguments: Any) -> Any:
    return layers.BatchNormalization(name="bn", **{"epsilon": 0.02, **arguments})


IN_FRONT: dict[str, tuple[tuple[int, ...], Any]] = {
    "dense": (ROW, lambda: layers.Dense(7)),
    "dense_without_bias": (ROW, lambda: layers.Dense(7, use_bias=False)),
    "dense_on_images": (IMAGE, lambda: layers.Dense(7)),
    "einsum": (SOUND, lambda: layers.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d")),
    "einsum_without_bias": (SOUND, lambda: layers.EinsumDense("abc,cde->abde", (None, 3, 7))),
    "einsum_of_any": (IMAGE, lambda: layers.EinsumDense("...x,xy->...y", 7, bias_axes="y")),
    "einsum_of_two": (SOUND, lambda: layers.EinsumDense("abc,cde->abde", (None, 3, 7), bias_axes="de")),
    "einsum_turned": (SOUND, lambda: layers.EinsumDense("abc,dc->abd", (None, 7))),
    "conv1d": (SOUND, lambda: layers.Conv1D(7, 3, padding="causal")),
    "conv2d": (IMAGE, lambda: layers.Conv2D(7, 3, strides=2, padding="same")),
    "conv2d_without_bias": (IMAGE, lambda: layers.Conv2D(7, 3, use_bias=False, dilation_rate=2)),
    "conv2d_in_groups": (IMAGE, lambda: layers.Conv2D(6, 3, groups=2, padding="same")),
    "conv3d": (BODY, lambda: layers.Conv3D(7, 3, use_bias=False)),
    "conv1d_transpose": (SOUND, lambda: layers.Conv1DTranspose(7, 3, strides=2)),
    "conv2d_transpose": (IMAGE, lambda: layers.Conv2DTranspose(7, 3, strides=2, padding="same", use_bias=False)),
    "conv3d_transpose": (BODY, lambda: layers.Conv3DTranspose(7, 3)),
    "depthwise1d": (SOUND, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    "depthwise2d": (IMAGE, lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, use_bias=False, padding="same")),
    "separable1d": (SOUND, lambda: layers.SeparableConv1D(7, 3, depth_multiplier=2)),
    "separable2d": (IMAGE, lambda: layers.SeparableConv2D(7, 3, depth_multiplier=2, use_bias=False)),
}


BEHIND: dict[str, tuple[tuple[int, ...], Any]] = {
    "dense": (ROW, lambda: [layers.Dense(7, activation="relu")]),
    "dense_without_bias": (ROW, lambda: [layers.Dense(7, use_bias=False)]),
    "dense_on_images": (IMAGE, lambda: [layers.Dense(7)]),
    "flat_dense": (IMAGE, lambda: [layers.Flatten(), layers.Dropout(0.2), layers.Dense(7)]),
    "pooled_dense": (IMAGE, lambda: [layers.GlobalAveragePooling2D(), layers.Dense(7)]),
    "mean_flat_dense": (IMAGE, lambda: [layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(7)]),
    "mean_same": (IMAGE, lambda: [layers.AveragePooling2D(3, 2, padding="same"), layers.Conv2D(7, 2)]),
    "cropped": (IMAGE, lambda: [layers.Cropping2D(1), layers.Activation("linear"), layers.Conv2D(7, 2)]),
    "squeeze": (IMAGE, lambda: [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(7, 1)]),
    "einsum": (SOUND, lambda: [layers.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d")]),
    "einsum_without_bias": (SOUND, lambda: [layers.EinsumDense("abc,cde->abde", (None, 3, 7))]),
    "einsum_of_any": (IMAGE, lambda: [layers.EinsumDense("...x,xy->...y", 7)]),
    "einsum_over_all": (SOUND, lambda: [layers.EinsumDense("abc,bcd->ad", (7,), bias_axes="d")]),
    "conv1d": (SOUND, lambda: [layers.Conv1D(7, 3)]),
    "conv2d": (IMAGE, lambda: [layers.Conv2D(7, 3, strides=2)]),
    "conv2d_of_one": (IMAGE, lambda: [layers.Conv2D(7, 1, strides=2, padding="same", use_bias=False)]),
    "conv2d_in_groups": (IMAGE, lambda: [layers.Conv2D(6, 3, groups=2)]),
    "conv3d": (BODY, lambda: [layers.Conv3D(7, 3, use_bias=False)]),
    "depthwise1d": (SOUND, lambda: [layers.DepthwiseConv1D(3, depth_multiplier=2, use_bias=False)]),
    "depthwise2d": (IMAGE, lambda: [layers.DepthwiseConv2D(3, depth_multiplier=3)]),
    "separable1d": (SOUND, lambda: [layers.SeparableConv1D(7, 3, depth_multiplier=2)]),
    "separable2d": (IMAGE, lambda: [layers.SeparableConv2D(7, 3, depth_multiplier=2, use_bias=False)]),
}


def conv(name: str = "conv", **arguments: Any) -> Any:
    return layers.Conv2D(4, 3, name=name, **arguments)


def on_two(*calls: Any) -> Any:
    """A model of two inputs; each of the calls takes both tensors and gives two."""
    inputs = [keras.Input(IMAGE, name=name) for name in ("left", "right")]
    tensors: Any = inputs
    for call in calls:
        tensors = call(*tensors)
    return harsh(keras.Model(inputs, tensors))


def on_both(layer: Any) -> Any:
    return lambda *tensors: [layer(each) for each in tensors]
