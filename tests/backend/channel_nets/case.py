"""A small net, how many of its channels can leave, and what nets are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import layers

FIRST = "channels_first"
# Wider than any layer: `keras/src/backend/tensorflow/numpy.py` adds a bias along the last axis that is of its size.
FIRST_IMAGE = (3, 6, 17)
Tensor = Any
Net = Callable[..., Any]


class Case(NamedTuple):
    """A net from its inputs' shapes, how many channels are free, and how many have copies that keep the function."""

    net: Net
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


def case(*shapes: tuple[int, ...], free: int, widenable: int | None = None, **rest: str) -> Callable[[Net], Net]:
    """Files a function as a case; as many channels can be doubled as can leave, unless said."""

    def file(net: Net) -> Net:
        CASES[net.__name__] = Case(net, shapes, free, free if widenable is None else widenable, **rest)
        return net

    return file


def dense(x: Tensor, units: int = 3, **arguments: Any) -> Tensor:
    return layers.Dense(units, **arguments)(x)


def conv(x: Tensor, filters: int = 4, size: int = 2, **arguments: Any) -> Tensor:
    rank = len(x.shape) - 2
    return getattr(layers, f"Conv{rank}D")(filters, size, padding="same", **arguments)(x)
