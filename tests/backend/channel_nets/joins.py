"""Several tensors as one, and one in other shapes."""

from __future__ import annotations

from keras import layers

from tests.backend.channel_nets.case import FIRST, FIRST_IMAGE, Tensor, case, conv, dense

# joins


@case((6, 5, 3), free=4 + 3)
def add(x: Tensor) -> Tensor:
    return conv(layers.Add()([conv(x), conv(conv(x, 3))]), 2)


@case((6, 5, 3), free=4)
def residual_chain(x: Tensor) -> Tensor:
    x = conv(x)
    for _ in range(3):
        x = layers.Add()([x, layers.BatchNormalization()(conv(x, activation="relu"))])
    return conv(x, 2)


@case((5,), free=4)
def add_the_same(x: Tensor) -> Tensor:
    x = dense(x, 4)
    return dense(layers.Add()([x, x]), 2)


@case((5,), free=4)
def multiply_average(x: Tensor) -> Tensor:
    one, other = dense(x, 4), dense(x, 4)
    x = layers.Multiply()([layers.Average()([one, other]), layers.Subtract()([one, other])])
    return dense(x, 2)


@case((5,), free=4)
def maximum_minimum(x: Tensor) -> Tensor:
    one, other = dense(x, 4), dense(x, 4)
    return dense(layers.Minimum()([layers.Maximum()([one, other]), other]), 2)


@case((6, 5, 3), free=4 + 2)
def squeeze_excite(x: Tensor) -> Tensor:
    x = conv(x)
    gate = layers.Reshape((1, 1, 4))(layers.GlobalAveragePooling2D()(x))
    gate = conv(conv(gate, 2, 1, activation="relu"), 4, 1, activation="sigmoid")
    return conv(layers.Multiply()([x, gate]), 2)


@case((6, 5, 3), free=4)
def gate_of_one(x: Tensor) -> Tensor:
    x = conv(x)
    return conv(layers.Multiply()([x, conv(x, 1, activation="sigmoid")]), 2)


@case((6, 5, 3), free=3)
def add_to_the_input(x: Tensor) -> Tensor:
    return conv(conv(layers.Add()([x, conv(x, 3)]), 3), 2)


@case((6, 5, 3), free=4 + 3)
def concatenate(x: Tensor) -> Tensor:
    return conv(layers.BatchNormalization()(layers.Concatenate()([conv(x), conv(x, 3)])), 2)


@case((6, 5, 3), free=4 + 3)
def concatenate_with_the_input(x: Tensor) -> Tensor:
    return conv(layers.Concatenate()([conv(x), x, conv(x, 3)]), 2)


@case((6, 5, 3), free=4)
def concatenate_the_same(x: Tensor) -> Tensor:
    x = conv(x)
    return conv(layers.Concatenate()([x, x]), 2)


@case((6, 5, 3), free=1 + 3, widenable=3)
def concatenate_the_same_one(x: Tensor) -> Tensor:
    x = conv(conv(x, 3), 1)
    return conv(layers.Concatenate()([x, x]), 2)


@case((6, 5, 3), free=4)
def concatenate_rows(x: Tensor) -> Tensor:
    return conv(layers.Concatenate(axis=1)([conv(x), conv(x)]), 2)


@case((6, 5, 3), free=4)
def concatenate_columns(x: Tensor) -> Tensor:
    return conv(layers.Concatenate(axis=-2)([conv(x), conv(x)]), 2)


@case(FIRST_IMAGE, free=4 + 3)
def concatenate_first(x: Tensor) -> Tensor:
    x = layers.Concatenate(axis=1)([conv(x, data_format=FIRST), conv(x, 3, data_format=FIRST)])
    return conv(x, 2, data_format=FIRST)


@case((5,), free=4)
def concatenate_flat_steps(x: Tensor) -> Tensor:
    one, other = layers.Reshape((1, 4))(dense(x, 4)), layers.Reshape((1, 4))(dense(x, 4))
    return dense(layers.Concatenate(axis=1)([one, other]), 2)


@case((6, 5, 3), free=4)
def concatenate_and_add(x: Tensor) -> Tensor:
    both = layers.Concatenate()([conv(x, 2), conv(x, 2)])
    return conv(layers.Add()([both, conv(x)]), 2)


@case((6, 5, 3), free=2, widenable=2)
def concatenate_and_add_of_ones(x: Tensor) -> Tensor:
    both = layers.Concatenate()([conv(x, 1), conv(x, 1)])
    return conv(layers.Add()([both, conv(x, 2)]), 2)


@case((6, 5, 3), free=1, widenable=0)
def concatenate_joined_ones(x: Tensor) -> Tensor:
    one, other = conv(x, 1), conv(x, 1)
    total = layers.Add()([one, other])
    return conv(layers.Concatenate()([one, other, total]), 2)


@case((5,), (4,), free=3)
def two_inputs(x: Tensor, y: Tensor) -> Tensor:
    return dense(layers.Add()([dense(x), dense(y)]), 2)


@case((5, 4), (6, 3), free=2, widenable=2)
def dot(x: Tensor, y: Tensor) -> Tensor:
    x = layers.Dot(axes=-1)([dense(x, 4), dense(y, 4)])
    return dense(dense(x, 2), 2)


# shapes


@case((5,), free=3)
def reshape_into_an_image(x: Tensor) -> Tensor:
    return conv(layers.Reshape((2, 2, 3))(dense(x, 12)), 2)


@case((6, 5, 3), free=4)
def reshape_into_steps(x: Tensor) -> Tensor:
    return dense(layers.Reshape((-1, 4))(conv(x)), 2)


@case((6, 4, 3), free=2)
def reshape_splits_channels(x: Tensor) -> Tensor:
    return dense(layers.Reshape((6, 4, 2, 2))(conv(x)), 2)


@case((6, 5, 3), free=4)
def permute(x: Tensor) -> Tensor:
    return conv(layers.Permute((3, 1, 2))(conv(x)), 2, data_format=FIRST)


@case((6, 5, 3), free=4)
def permute_and_flatten(x: Tensor) -> Tensor:
    return dense(layers.Flatten()(layers.Permute((3, 1, 2))(conv(x))), 2)


@case((6, 5, 3), free=2, widenable=2)
def shuffle(x: Tensor) -> Tensor:
    x = layers.Reshape((6, 5, 2, 2))(conv(x))
    return conv(layers.Reshape((6, 5, 4))(layers.Permute((1, 2, 4, 3))(x)), 2)


@case((5,), free=4)
def repeat_vector(x: Tensor) -> Tensor:
    return dense(layers.RepeatVector(3)(dense(x, 4)), 2)


@case((6, 5), free=4 + 3)
def mixer(x: Tensor) -> Tensor:
    """Dense over channels, then over steps, as in MLP-Mixer."""
    x = dense(x, 4)
    y = layers.Permute((2, 1))(x)
    y = dense(dense(y, 3, activation="gelu"), 6)
    return dense(layers.Add()([x, layers.Permute((2, 1))(y)]), 2)
