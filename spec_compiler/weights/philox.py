"""Uniform numbers as `tf.random.stateless_uniform` draws them on a CPU, from NumPy.

Philox 4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). How TensorFlow
makes key and counter of a seed, and a float of its bits, is in `stateless_random_ops.cc` and `random_distributions.h`.
"""

from __future__ import annotations

import math

import numpy as np

from spec_compiler.weights.checksum import Array

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_WORD = 0xFFFFFFFF
_FIRST_KEY = (0x3EC8F720, 0x02461E29)  # with which TensorFlow mixes a seed
_PIECE = 1 << 18  # counters at a time: the memory that is needed beside the result stays at a few MB


def uniform(shape: tuple[int, ...], seed: int, low: float, high: float) -> Array:
    """Numbers from `low` up to `high`, float32, for the seed `[seed, 0]` that Keras makes of a whole number.

    >>> uniform((3,), 1, 0.0, 1.0).dtype
    dtype('float32')
    """
    seed = seed % (2**31 - 2) if seed >= 0 else seed  # `_cast_seed` of keras/src/backend/tensorflow/random.py
    mixed = _rounds(np.array([[seed & _WORD, seed >> 32 & _WORD, 0, 0]], np.uint64), _FIRST_KEY)[0]
    key, rest = (int(mixed[0]), int(mixed[1])), (int(mixed[2]), int(mixed[3]))
    count = math.prod(shape)
    numbers = np.empty(count, np.float32)
    least, span = np.float32(low), np.float32(high) - np.float32(low)
    for start in range(0, -(-count // 4), _PIECE):
        index = np.arange(start, min(start + _PIECE, -(-count // 4)), dtype=np.uint64)
        counters = np.empty((len(index), 4), np.uint64)
        counters[:, 0], counters[:, 1] = index & _LOW, index >> _HALF
        counters[:, 2], counters[:, 3] = rest
        bits = _rounds(counters, key).reshape(-1)[: count - 4 * start]
        # the 23 bits of a fraction, as a number from 1 to 2
        ones = ((bits & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)).view(np.float32) - np.float32(1)
        numbers[4 * start : 4 * start + len(ones)] = ones * span + least
    return numbers.reshape(shape)


def _rounds(counters: Array, key: tuple[int, int]) -> Array:
    a, b, c, d = (np.ascontiguousarray(counters[:, at]) for at in range(4))
    one, two = key
    for _ in range(10):
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b = (second >> _HALF) ^ b ^ np.uint64(one), second & _LOW
        c, d = (first >> _HALF) ^ d ^ np.uint64(two), first & _LOW
        one, two = (one + _WEYL[0]) & _WORD, (two + _WEYL[1]) & _WORD
    return np.stack([a, b, c, d], 1).astype(np.uint32)
