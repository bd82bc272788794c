"""Small nets, one for each way in which channels go through layers, and how many of their channels can leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import layers, ops

FIRST = "channels_first"
FIRST_IMAGE = (
    3,
    6,
    17,
)  # wider than any layer: Keras on TensorFlow adds a bias along an axis of its size, the last first
Tensor = Any


class Case(NamedTuple):
    """A net from its inputs' shapes, how many channels are free, and how many have copies that keep the function."""

    net: Callable[..., Any]
    inputs: tuple[tuple[int, ...], ...]
    free: int
    widenable: int
    dtype: str | None = None  # of the inputs
    floatx: str = "float64"  # so that rounding hides nothing

    def build(self) -> Any:
        """The model."""
        keras.utils.clear_session(free_memory=False)
        keras.config.set_floatx(self.floatx)
        tensors = [keras.Input(shape, name=f"in{at}", dtype=self.dtype) for at, shape in enumerate(self.inputs)]
        return keras.Model(tensors if len(tensors) > 1 else tensors[0], self.net(*tensors))


CASES: dict[str, Case] = {}


def case(*shapes: tuple[int, ...], free: int, widenable: int | None = None, **rest: str) -> Any:
    """Files a function as a case; as many channels can be doubled as can leave, unless said."""

    def file(net: Callable[..., Any]) -> Callable[..., Any]:
        CASES[net.__name__] = Case(net, shapes, free, free if widenable is None else widenable, **rest)
        return net

    return file


def dense(x: Tensor, units: int = 3, **arguments: Any) -> Tensor:
    return layers.Dense(units, **arguments)(x)


def conv(x: Tensor, filters: int = 4, size: int = 2, **arguments: Any) -> Tensor:
    rank = len(x.shape) - 2
    return getattr(layers, f"Conv{rank}D")(filters, size, padding="same", **arguments)(x)


# chains


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


# what lies between


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


# recurrent


@case((6, 5), free=4)
def lstm(x: Tensor) -> Tensor:
    return dense(layers.LSTM(4)(x), 2)


@case((6, 5), free=4 + 3)
def lstm_on_lstm(x: Tensor) -> Tensor:
    return dense(layers.LSTM(3)(layers.LSTM(4, return_sequences=True, use_bias=False)(x)), 2)


@case((6, 5), free=4)
def gru(x: Tensor) -> Tensor:
    return dense(layers.GRU(4, return_sequences=True)(x), 2)


@case((6, 5), free=4)
def gru_reset_before(x: Tensor) -> Tensor:
    return dense(layers.GRU(4, reset_after=False)(x), 2)


@case((6, 5), free=4)
def simple_rnn(x: Tensor) -> Tensor:
    return dense(layers.SimpleRNN(4, go_backwards=True)(x), 2)


@case((6, 5), free=4)
def states(x: Tensor) -> Tensor:
    y, hidden, cell = layers.LSTM(4, return_sequences=True, return_state=True)(x)
    z = layers.LSTM(4, return_sequences=True)(y, initial_state=[hidden, cell])
    return dense(layers.Concatenate()([y, z]), 2)


@case((6, 5), free=1 + 3, widenable=3)
def lstm_of_one(x: Tensor) -> Tensor:
    return dense(layers.LSTM(1)(dense(x)), 2)


@case((6, 5), free=8)
def bidirectional(x: Tensor) -> Tensor:
    return dense(layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x), 2)


@case((6, 5), free=3 + 4)
def bidirectional_sum(x: Tensor) -> Tensor:
    return dense(layers.Bidirectional(layers.GRU(4), merge_mode="sum")(dense(x)), 2)


@case((6, 5), free=8)
def bidirectional_apart(x: Tensor) -> Tensor:
    one, other = layers.Bidirectional(layers.GRU(4), merge_mode=None)(x)
    return layers.Add()([dense(one, 2), dense(other, 2)])


@case((6, 5), free=3 + 8)
def bidirectional_states(x: Tensor) -> Tensor:
    way = layers.LSTM(4, return_sequences=True, return_state=True)
    y, *states = layers.Bidirectional(way)(dense(x))
    return layers.Concatenate()([dense(y, 2)[:, 0], dense(layers.Concatenate()(states), 2)])


@case((6, 5), free=8)
def bidirectional_begins_with_states(x: Tensor) -> Tensor:
    start = [dense(x[:, 0], 4) for _ in range(2)]
    return dense(layers.Bidirectional(layers.GRU(4))(x, initial_state=start), 2)


@case((6, 5), free=3 + 4)
def time_distributed_dense(x: Tensor) -> Tensor:
    return dense(layers.TimeDistributed(layers.Dense(4, activation="relu"))(dense(x)), 2)


@case((4, 6, 5, 3), free=4 + 3)
def time_distributed_conv(x: Tensor) -> Tensor:
    x = layers.TimeDistributed(layers.Conv2D(4, 2))(x)
    x = layers.TimeDistributed(layers.BatchNormalization())(x)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    return dense(layers.LSTM(3)(x), 2)


@case((4, 6, 5, 3), free=3)
def conv_lstm(x: Tensor) -> Tensor:
    return conv(layers.ConvLSTM2D(3, 2, padding="same")(x), 2)


@case((4, *FIRST_IMAGE), free=3)
def conv_lstm_first(x: Tensor) -> Tensor:
    x = layers.ConvLSTM2D(3, 2, padding="same", data_format=FIRST, return_sequences=True)(x)
    return layers.TimeDistributed(layers.Conv2D(2, 2, data_format=FIRST))(x)


# attention and products


@case((6, 5), free=6 + 3 + 4)
def attention_of_one(x: Tensor) -> Tensor:
    x = dense(x, 6)
    x = layers.MultiHeadAttention(3, 2, output_shape=4)(x, x)
    return dense(x, 2)


@case((6, 5), free=6 + 3)
def attention_residual(x: Tensor) -> Tensor:
    x = dense(x, 6)
    return dense(layers.Add()([x, layers.MultiHeadAttention(3, 2)(x, x)]), 2)


@case((6, 5), (7, 4), free=6 + 3 + 4 + 3, widenable=16)
def attention_of_two(x: Tensor, y: Tensor) -> Tensor:
    x, y, z = dense(x, 6), dense(y, 4), dense(y, 3)
    return layers.MultiHeadAttention(3, 2, value_dim=3, use_bias=False, output_shape=(2,))(x, key=y, value=z)


@case((6, 5), free=4)
def attention_with_shared_keys(x: Tensor) -> Tensor:
    x = dense(x, 4)
    return dense(layers.GroupQueryAttention(2, 4, 2)(x, x), 2)


@case((6, 5), free=4, widenable=4)
def attention_without_weights(x: Tensor) -> Tensor:
    return dense(layers.Attention()([dense(x, 3), dense(x, 4), dense(x, 3)]), 2)


@case((6, 5), free=3 + 4)
def additive_attention(x: Tensor) -> Tensor:
    return dense(layers.AdditiveAttention()([dense(x, 3), dense(x, 4), dense(x, 3)]), 2)


@case((6, 5), free=4)
def einsum_dense(x: Tensor) -> Tensor:
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")(x)
    return layers.EinsumDense("...x,xy->...y", output_shape=2, bias_axes="y")(x)


@case((6, 5), free=4 + 3)
def einsum_dense_two_axes(x: Tensor) -> Tensor:
    x = layers.EinsumDense("abc,cde->abde", output_shape=(6, 4, 3), bias_axes="de")(x)
    return layers.EinsumDense("abde,def->abf", output_shape=(6, 2))(x)


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


@case((6, 5, 3), free=3)
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
