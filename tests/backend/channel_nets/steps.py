"""Recurrent layers, attention, products."""

from __future__ import annotations

from keras import layers

from tests.backend.channel_nets.case import FIRST, FIRST_IMAGE, Tensor, case, conv, dense

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


@case((4, 6, 3), free=3 + 2)
def conv_lstm_states(x: Tensor) -> Tensor:
    x, hidden, cell = layers.ConvLSTM1D(3, 2, padding="same", return_state=True)(x)
    return conv(conv(layers.Concatenate()([hidden, x, cell]), 2), 2)


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
