"""Layers that treat each channel by itself, or all of them at once."""

from __future__ import annotations

from keras import layers

from tests.backend.channel_nets.case import FIRST, FIRST_IMAGE, Tensor, case, conv, dense


@case((6, 5, 3), free=4)
def one_by_one(x: Tensor) -> Tensor:
    x = layers.BatchNormalization()(conv(x))
    x = layers.LeakyReLU()(layers.Dropout(0.5)(layers.SpatialDropout2D(0.5)(x)))
    x = layers.GaussianNoise(1.0)(layers.GaussianDropout(0.5)(layers.AlphaDropout(0.5)(x)))
    x = layers.ELU()(layers.ActivityRegularization(0.1)(layers.Identity()(x)))
    return conv(layers.ReLU(6.0)(layers.Activation("silu")(x)), 2)


@case((8, 8, 3), free=4)
def pooling(x: Tensor) -> Tensor:
    x = layers.AveragePooling2D(2)(layers.ZeroPadding2D(1)(conv(x)))
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D(2)(layers.Cropping2D(1)(x)))
    return conv(x, 2)


@case(FIRST_IMAGE, free=4)
def pooling_first(x: Tensor) -> Tensor:
    x = layers.ZeroPadding2D(1, data_format=FIRST)(conv(x, data_format=FIRST))
    x = layers.UpSampling2D(2, data_format=FIRST)(layers.Cropping2D(1, data_format=FIRST)(x))
    return dense(layers.GlobalMaxPooling2D(data_format=FIRST)(x), 2)


@case((8, 3), free=4)
def pooling_1d(x: Tensor) -> Tensor:
    x = layers.Cropping1D(1)(layers.ZeroPadding1D(2)(layers.MaxPooling1D(2)(conv(x))))
    return conv(layers.UpSampling1D(2)(layers.SpatialDropout1D(0.5)(layers.AveragePooling1D(1)(x))), 2)


@case((3, 17), free=4)
def pooling_1d_first(x: Tensor) -> Tensor:
    x = layers.AveragePooling1D(2, data_format=FIRST)(
        layers.MaxPooling1D(2, data_format=FIRST)(conv(x, data_format=FIRST))
    )
    return dense(layers.GlobalAveragePooling1D(data_format=FIRST)(x), 2)


@case((6, 5, 3), free=4)
def augmented(x: Tensor) -> Tensor:
    x = layers.RandomRotation(0.1)(layers.RandomFlip()(conv(x)))
    return conv(layers.Resizing(7, 8)(layers.CenterCrop(4, 4)(x)), 2)


@case((6, 5, 3), free=4)
def dropped_as_a_whole(x: Tensor) -> Tensor:
    return conv(layers.Dropout(0.5, noise_shape=(None, 1, 1, 1))(conv(x)), 2)


@case((4, 4, 4, 2), free=4, floatx="float32")  # TensorFlow's pooling in three dimensions knows no other
def pooling_3d(x: Tensor) -> Tensor:
    x = layers.Cropping3D(1)(layers.ZeroPadding3D(2)(layers.MaxPooling3D(2)(conv(x))))
    return dense(layers.GlobalMaxPooling3D()(layers.UpSampling3D(2)(layers.AveragePooling3D(2)(x))), 2)


@case((6, 5, 3), free=4)
def global_pooling_keeps_axes(x: Tensor) -> Tensor:
    return conv(layers.GlobalMaxPooling2D(keepdims=True)(conv(x)), 2)


@case(FIRST_IMAGE, free=4)
def global_pooling_keeps_axes_first(x: Tensor) -> Tensor:
    x = layers.GlobalAveragePooling2D(keepdims=True, data_format=FIRST)(conv(x, data_format=FIRST))
    return conv(x, 2, data_format=FIRST)


@case((6, 5, 3), free=4)
def flatten(x: Tensor) -> Tensor:
    return dense(layers.Flatten()(conv(x)), 2)


@case(FIRST_IMAGE, free=4)
def flatten_first(x: Tensor) -> Tensor:
    return dense(layers.Flatten(data_format=FIRST)(conv(x, data_format=FIRST)), 2)


@case(FIRST_IMAGE, free=4)
def flatten_first_as_last(x: Tensor) -> Tensor:
    return dense(layers.Flatten()(conv(x, data_format=FIRST)), 2)


@case((6, 5, 3), free=1 + 3, widenable=3)
def flatten_one_channel(x: Tensor) -> Tensor:
    return dense(layers.Flatten()(conv(conv(x, 3), 1)), 2)


@case((6, 3), free=4)
def flatten_1d(x: Tensor) -> Tensor:
    return dense(layers.Flatten()(conv(x)), 2)


@case((6, 5, 3), free=4)
def norm(x: Tensor) -> Tensor:
    return conv(layers.BatchNormalization(scale=False)(conv(x)), 2)


@case((6, 5, 3), free=4)
def norm_along_rows(x: Tensor) -> Tensor:
    return conv(layers.BatchNormalization(axis=1)(conv(x)), 2)


@case((6, 5, 3), free=4)
def norm_along_columns(x: Tensor) -> Tensor:
    return conv(layers.BatchNormalization(axis=-2)(conv(x)), 2)


@case(FIRST_IMAGE, free=4)
def norm_first(x: Tensor) -> Tensor:
    x = layers.BatchNormalization(axis=1)(conv(x, data_format=FIRST))
    return conv(x, 2, data_format=FIRST)


@case(FIRST_IMAGE, free=4)
def norm_first_along_columns(x: Tensor) -> Tensor:
    return conv(layers.BatchNormalization()(conv(x, data_format=FIRST)), 2, data_format=FIRST)


@case((6, 5, 3), free=3)
def group_norm(x: Tensor) -> Tensor:
    return conv(layers.GroupNormalization(3)(conv(x, 6)), 2)


@case((6, 5, 3), free=6)
def group_norm_of_each(x: Tensor) -> Tensor:
    return conv(layers.GroupNormalization(-1)(conv(x, 6)), 2)


@case((6, 5, 3), free=3, widenable=3 + 6)
def layer_norm(x: Tensor) -> Tensor:
    return dense(conv(layers.LayerNormalization()(conv(x, 6)), 3), 2)


@case((6, 5, 3), free=3, widenable=3)
def layer_norm_of_two_groups(x: Tensor) -> Tensor:
    x = layers.LayerNormalization()(layers.Concatenate()([conv(x, 4), conv(x, 2)]))
    return dense(conv(x, 3), 2)


@case((6, 5, 3), free=6)
def layer_norm_along_rows(x: Tensor) -> Tensor:
    return dense(layers.LayerNormalization(axis=[1, 2])(conv(x, 6)), 2)


@case((6, 5), free=3, widenable=3 + 6)
def rms_norm(x: Tensor) -> Tensor:
    return dense(dense(layers.RMSNormalization()(dense(x, 6)), 3), 2)


@case((6, 5), free=3, widenable=3)
def unit_norm(x: Tensor) -> Tensor:
    return dense(dense(layers.UnitNormalization()(dense(x, 6)), 3), 2)


@case((6, 5), free=3, widenable=3)
def softmax_between(x: Tensor) -> Tensor:
    return dense(dense(layers.Softmax()(dense(x, 6)), 3), 2)


@case((6, 5), free=6)
def softmax_over_steps(x: Tensor) -> Tensor:
    return dense(layers.Softmax(axis=1)(dense(x, 6)), 2)


@case((6, 5), free=3, widenable=3)
def softmax_in_dense(x: Tensor) -> Tensor:
    return dense(dense(dense(x, 6, activation="softmax"), 3), 2)


@case((6, 5, 3), free=4)
def prelu(x: Tensor) -> Tensor:
    return conv(layers.PReLU()(conv(x)), 2)


@case((6, 5, 3), free=4)
def prelu_shared(x: Tensor) -> Tensor:
    return conv(layers.PReLU(shared_axes=[1, 2])(conv(x)), 2)


@case((6, 5, 3), free=4)
def prelu_shared_by_all(x: Tensor) -> Tensor:
    return conv(layers.PReLU(shared_axes=[1, 2, 3])(conv(x)), 2)


@case((6, 5, 3), free=4)
def rescaled(x: Tensor) -> Tensor:
    return conv(layers.Rescaling(0.5, offset=1.0)(conv(x)), 2)


@case((6, 5, 3), free=3)
def rescaled_each(x: Tensor) -> Tensor:
    return dense(conv(layers.Rescaling([0.5, 1.0, 2.0, 3.0])(conv(x)), 3), 2)


@case((6,), free=4, dtype="int32")
def embedding(x: Tensor) -> Tensor:
    return dense(layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(x)), 2)


@case((6,), free=4, dtype="int32")
def embedding_flat(x: Tensor) -> Tensor:
    return dense(layers.Flatten()(layers.Embedding(9, 4)(x)), 2)
