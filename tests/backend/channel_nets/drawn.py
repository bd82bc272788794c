"""Nets on images drawn at random, from everything that moves channels about."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import keras
from keras import layers, ops

WIDTHS = (1, 2, 4, 6)


def random_image_net(chance: Random) -> Any:
    """A model on images of 4 x 4, of twelve layers and operations that take what any before them puts out."""
    start = keras.Input((4, 4, 3))
    tensors = [layers.Conv2D(width, 1)(start) for width in WIDTHS]
    while len(tensors) < 14:
        x, y = chance.choice(tensors), chance.choice(tensors)
        try:
            tensors += _next(chance, x, y)
        except ValueError:  # shapes that do not fit
            continue
    ends = [layers.Dense(2)(layers.Flatten()(each)) for each in tensors[-3:]]
    return keras.Model(start, layers.Add()(ends))


def _next(chance: Random, x: Any, y: Any) -> list[Any]:
    rows, columns, width = x.shape[1:]
    even = width % 2 == 0
    choices: list[Callable[[], Any]] = [
        lambda: layers.Conv2D(chance.choice(WIDTHS), 2, padding="same", activation="relu")(x),
        lambda: layers.Conv2D(width, 1, groups=2 if even else 1)(x),
        lambda: layers.DepthwiseConv2D(1, depth_multiplier=chance.choice((1, 2)))(x),
        lambda: layers.SeparableConv2D(chance.choice(WIDTHS), 1)(x),
        lambda: layers.Dense(chance.choice(WIDTHS), activation="tanh")(x),
        lambda: layers.BatchNormalization(axis=chance.choice((1, 2, 3)))(x),
        lambda: layers.GroupNormalization(2 if even else 1)(x),
        lambda: layers.LayerNormalization()(x) if chance.random() < 0.3 else x,
        lambda: layers.PReLU()(x),
        lambda: layers.Concatenate(axis=chance.choice((1, 2, 3)))([x, y]),
        lambda: layers.Concatenate(axis=3)([x, y, x]),
        lambda: layers.Add()([x, y]),
        lambda: layers.Multiply()([x, y]),
        lambda: layers.Multiply()([x, layers.Conv2D(1, 1, activation="sigmoid")(x)]),
        lambda: layers.Multiply()([x, layers.Dense(width)(layers.GlobalAveragePooling2D(keepdims=True)(x))]),
        lambda: ops.split(x, 2, axis=-1) if even else x,
        lambda: layers.Permute(chance.choice(((2, 1, 3), (1, 3, 2), (3, 2, 1))))(x),
        lambda: layers.Reshape((rows * columns, 1, width))(x),
        lambda: layers.Reshape((rows, columns * width, 1))(x),
        lambda: layers.Reshape((rows, columns * 2, width // 2))(x) if even else x,
        lambda: layers.Reshape((rows, 1, columns * width))(x),
        lambda: layers.Reshape((4, 4, -1))(layers.Flatten()(x)) if rows * columns * width % 16 == 0 else x,
        lambda: layers.Reshape((4, 4, 2))(layers.Dense(32)(layers.Flatten()(x))),
        lambda: layers.MaxPooling2D(2, padding="same")(x),
        lambda: ops.pad(x, [[0, 0], [0, 0], [0, 1], [0, chance.choice((0, 1))]]),
        lambda: ops.transpose(ops.stack([x, x], axis=3), (0, 1, 2, 4, 3))[..., 0],
        lambda: ops.softmax(x, axis=1) if rows > 1 else x,
        lambda: ops.mean(x, axis=1, keepdims=True) + x,
    ]
    out = chance.choice(choices)()
    found = out if isinstance(out, list) else [out]
    return [each for each in found if each is not x and each.shape[-1] <= 48]
