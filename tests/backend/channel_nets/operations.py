"""Operations, layers that are called twice, models in models."""

from __future__ import annotations

import keras
from keras import layers, ops

from tests.backend.channel_nets.case import Tensor, case, conv, dense

# operations


@case((6, 5, 3), free=4)
def operations(x: Tensor) -> Tensor:
    x = conv(x)
    x = ops.relu(x * 2.0 + 1) / (1 + ops.sigmoid(-x)) - ops.maximum(x, 0.5)
    return conv(ops.where(x > 0, ops.silu(x), ops.abs(x)), 2)


@case((6, 5, 3), free=4)
def slices_of_rows(x: Tensor) -> Tensor:
    return conv(conv(x)[:, 1:, ::2], 2)


@case((6, 5, 3), free=3)
def slices_of_channels(x: Tensor) -> Tensor:
    return dense(conv(conv(x)[..., :3], 3), 2)


@case((6, 5), free=4)
def one_step(x: Tensor) -> Tensor:
    return dense(dense(x, 4)[:, -1], 2)


@case((6, 5, 3), free=4)
def padding(x: Tensor) -> Tensor:
    return conv(ops.pad(conv(x), [[0, 0], [1, 1], [0, 2], [0, 0]]), 2)


@case((6, 5, 3), free=4)
def padding_of_channels(x: Tensor) -> Tensor:
    return conv(ops.pad(conv(x), [[0, 0], [0, 0], [0, 0], [1, 2]]), 2)


@case((5,), free=4)
def stack(x: Tensor) -> Tensor:
    return dense(ops.stack([dense(x, 4), dense(x, 4)], axis=1), 2)


@case((6, 4), free=3, widenable=3)
def matmul(x: Tensor) -> Tensor:
    one, other = dense(x, 4), dense(x, 4)
    return dense(dense(ops.matmul(one, ops.transpose(other, (0, 2, 1))), 3), 2)


@case((6, 6), free=4, widenable=4)
def matmul_over_steps(x: Tensor) -> Tensor:
    return dense(ops.matmul(x, dense(x, 4)), 2)


@case((6, 5, 3), free=4)
def means(x: Tensor) -> Tensor:
    return dense(ops.mean(ops.max(conv(x), axis=1, keepdims=True), axis=(1, 2)), 2)


@case((6, 5, 3), free=2, widenable=2 + 4)
def mean_over_channels(x: Tensor) -> Tensor:
    x = ops.mean(conv(x), axis=-1, keepdims=True)
    return conv(conv(x, 2), 2)


@case((6, 4, 3), free=4 + 2)
def axes_moved(x: Tensor) -> Tensor:
    x = ops.swapaxes(ops.expand_dims(conv(x), 1), 2, 3)
    x = ops.moveaxis(ops.squeeze(x, 1), -1, 1)
    return conv(conv(ops.transpose(x, (0, 2, 3, 1)), 2), 2)


@case((6, 5, 3), free=4)
def split(x: Tensor) -> Tensor:
    one, other = ops.split(conv(x), 2, axis=-1)
    return conv(layers.Concatenate()([ops.relu(other), one]), 2)


@case((6, 5, 3), free=2)
def split_and_add(x: Tensor) -> Tensor:
    one, other = ops.split(conv(x), [2], axis=-1)
    return conv(one + other, 2)


@case((6, 5, 3), free=4)
def rows_turned(x: Tensor) -> Tensor:
    return conv(ops.roll(ops.flip(ops.repeat(conv(x), 2, axis=1), axis=1), 1, axis=2), 2)


@case((6, 5, 3), free=7)
def channels_turned(x: Tensor) -> Tensor:
    return dense(conv(ops.flip(conv(x), axis=-1), 3), 2)


@case((6, 5, 3), free=3)
def a_constant_for_each(x: Tensor) -> Tensor:
    return dense(conv(conv(x) * ops.convert_to_tensor([1.0, 2.0, 3.0, 4.0]), 3), 2)


@case((6, 5, 3), free=4)
def reshape_operation(x: Tensor) -> Tensor:
    return dense(ops.reshape(conv(x), (-1, 30, 4)), 2)


@case((6, 5, 3), free=4)
def reshape_operation_with_the_batch(x: Tensor) -> Tensor:
    return dense(ops.reshape(conv(x), (-1, 4)), 2)


# calls of one layer, models in models


@case((6, 5, 3), free=4 + 4)
def shared_layer(x: Tensor) -> Tensor:
    tower = layers.Conv2D(4, 2, padding="same")
    one, other = tower(conv(x)), tower(ops.relu(conv(x)))
    return conv(layers.Concatenate()([one, other]), 2)


@case((6, 5, 3), free=4 + 3)
def nested(x: Tensor) -> Tensor:
    inside = keras.Input((6, 5, 4))
    inner = keras.Model(inside, layers.ReLU()(conv(inside, 3)), name="inner")
    return conv(inner(conv(x)), 2)


@case((6, 5, 3), free=4 + 3)
def nested_sequential(x: Tensor) -> Tensor:
    inner = keras.Sequential([keras.Input((6, 5, 4)), layers.Conv2D(3, 2), layers.BatchNormalization()])
    return conv(inner(conv(x)), 2)


@case((6, 5, 3), free=4 + 3)
def nested_twice(x: Tensor) -> Tensor:
    inside = keras.Input((6, 5, 4))
    inner = keras.Model(inside, conv(inside, 3), name="inner")
    return conv(layers.Concatenate()([inner(conv(x)), inner(conv(x))]), 2)


@case((6, 5, 3), free=4 + 3 + 2)
def nested_deep(x: Tensor) -> Tensor:
    inside = keras.Input((6, 5, 3))
    deep = keras.Model(inside, conv(inside, 2), name="deep")
    start = keras.Input((6, 5, 4))
    outer = keras.Model(start, deep(conv(start, 3)), name="outer")
    return conv(outer(conv(x)), 2)


@case((6, 5, 3), free=4)
def several_outputs(x: Tensor) -> Tensor:
    x = conv(x)
    return [conv(x, 2), dense(layers.Flatten()(x), 2), conv(x, 3)]
