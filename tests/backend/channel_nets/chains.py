"""Layers that take channels and make others, one behind the other."""

from __future__ import annotations

from keras import layers

from tests.backend.channel_nets.case import FIRST, FIRST_IMAGE, Tensor, case, conv, dense


@case((5,), free=4 + 3)
def dense_chain(x: Tensor) -> Tensor:
    return dense(dense(dense(x, 4, activation="relu"), 3, use_bias=False), 2)


@case((6, 5), free=4)
def dense_over_steps(x: Tensor) -> Tensor:
    return dense(dense(x, 4, activation="gelu"), 2)


@case((6, 5), free=4)
def conv_1d(x: Tensor) -> Tensor:
    return conv(conv(x, activation="tanh"), 2)


@case((6, 5, 3), free=4)
def conv_2d(x: Tensor) -> Tensor:
    return conv(conv(x, strides=2, use_bias=False), 2)


@case((4, 5, 3, 2), free=4)
def conv_3d(x: Tensor) -> Tensor:
    return conv(conv(x), 2)


@case(FIRST_IMAGE, free=4)
def conv_2d_first(x: Tensor) -> Tensor:
    return conv(conv(x, data_format=FIRST), 2, data_format=FIRST)


@case((5, 17), free=4)
def conv_1d_first(x: Tensor) -> Tensor:
    return conv(conv(x, data_format=FIRST), 2, data_format=FIRST)


@case((6, 5, 3), free=4 + 3)
def conv_and_dense_top(x: Tensor) -> Tensor:
    x = layers.GlobalAveragePooling2D()(conv(x))
    return dense(dense(x, 3, activation="relu"), 2)


@case((6, 4), free=3)
def conv_1d_transposed(x: Tensor) -> Tensor:
    return conv(layers.Conv1DTranspose(3, 2, strides=2)(x), 2)


@case((4, 4, 3), free=3)
def conv_2d_transposed(x: Tensor) -> Tensor:
    return layers.Conv2DTranspose(2, 2)(layers.Conv2DTranspose(3, 2, strides=2)(x))


@case(FIRST_IMAGE, free=3)
def conv_2d_transposed_first(x: Tensor) -> Tensor:
    x = layers.Conv2DTranspose(3, 2, strides=2, data_format=FIRST)(x)
    return layers.Conv2DTranspose(2, 2, data_format=FIRST)(x)


@case((3, 3, 3, 2), free=3)
def conv_3d_transposed(x: Tensor) -> Tensor:
    return conv(layers.Conv3DTranspose(3, 2)(x), 2)


@case((6, 5, 3), free=4)
def depthwise(x: Tensor) -> Tensor:
    return conv(layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(conv(x)), 2)


@case(FIRST_IMAGE, free=4)
def depthwise_first(x: Tensor) -> Tensor:
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, data_format=FIRST)(conv(x, data_format=FIRST))
    return conv(x, 2, data_format=FIRST)


@case((6, 3), free=4)
def depthwise_1d(x: Tensor) -> Tensor:
    return conv(layers.DepthwiseConv1D(2, depth_multiplier=3, use_bias=False)(conv(x)), 2)


@case((6, 5, 3), free=4 + 5)
def separable(x: Tensor) -> Tensor:
    return conv(layers.SeparableConv2D(5, 2, depth_multiplier=2)(conv(x)), 2)


@case((6, 3), free=4 + 5)
def separable_1d(x: Tensor) -> Tensor:
    return conv(layers.SeparableConv1D(5, 2, activation="selu")(conv(x)), 2)


@case(FIRST_IMAGE, free=4 + 5)
def separable_first(x: Tensor) -> Tensor:
    x = layers.SeparableConv2D(5, 2, data_format=FIRST)(conv(x, data_format=FIRST))
    return conv(x, 2, data_format=FIRST)


@case((2, 3, 4, 17), free=4)
def conv_3d_first(x: Tensor) -> Tensor:
    return conv(conv(x, data_format=FIRST), 2, data_format=FIRST)


@case(FIRST_IMAGE, free=2)
def grouped_first(x: Tensor) -> Tensor:
    x = conv(conv(x, 6, data_format=FIRST), 4, groups=2, data_format=FIRST)
    return conv(x, 2, data_format=FIRST)


@case((6, 5, 3), free=2)
def grouped(x: Tensor) -> Tensor:
    return conv(conv(conv(x, 6), 4, groups=2), 2)


@case((6, 5, 3), free=3)
def grouped_between_norms(x: Tensor) -> Tensor:
    x = layers.BatchNormalization()(conv(x, 6))
    x = layers.BatchNormalization()(conv(x, 9, groups=3, use_bias=False))
    return dense(layers.Flatten()(x), 2)


@case((6, 5, 4), free=4)
def grouped_on_the_input(x: Tensor) -> Tensor:
    return conv(conv(conv(x, 4, groups=2), 4), 2)
