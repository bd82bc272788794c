"""Every strategy's promise is really tried by `--prove`, also where several edits adapt the same layer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import compile_spec
from tests.backend.test_prune import harsh, residual

L = keras.layers


def classic() -> Any:
    """Convolutions with BatchNormalization, behind a `Flatten` two Dense layers."""
    image = keras.Input((8, 8, 3), name="image")
    x = L.Conv2D(12, 3, padding="same", use_bias=False, name="conv1")(image)
    x = L.ReLU(name="relu1")(L.BatchNormalization(name="norm1")(x))
    x = L.Conv2D(8, 3, padding="same", name="conv2")(L.MaxPooling2D(name="pool")(x))
    x = L.ReLU(name="relu2")(L.BatchNormalization(name="norm2")(x))
    x = L.Dense(16, activation="relu", name="fc1")(L.Flatten(name="flat")(x))
    return harsh(keras.Model(image, L.Dense(5, activation="softmax", name="scores")(x), name="classic"))


def words() -> Any:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = L.GlobalAveragePooling1D(name="mean")(L.Embedding(9, 8, name="words")(tokens))
    return harsh(keras.Model(tokens, L.Dense(3, name="scores")(x), name="texts"))


SAME = {"filters": "${in.channels}", "kernel_size": 3, "padding": "same"}
RELU = {"units": 16, "activation": "relu"}
MORE = ["f", "g", "h", "i"]
OLD, NEW = ["a", "b", "c", "d", "e"], ["e", "x", "a"]
FULLY = {
    "replace": {
        "layers": "flat..scores",
        "with": [
            {"Conv2D": {"filters": 16, "kernel_size": 4, "activation": "relu", "name": "as_conv"},
             "weights": {"of": "fc1", "reshape": "dense_to_conv"}},
            {"Conv2D": {"filters": 5, "kernel_size": 1, "activation": "softmax", "name": "map"},
             "weights": {"of": "scores", "reshape": "dense_to_conv"}},
        ],
    }
}  # fmt: skip
GRAY = {"input": {"channels": 1, "weights": "sum"}}
COLOUR = {"input": {"channels": 3, "weights": "repeat"}}
LARGER = {"set": {"layers": "conv1", "to": {"kernel_size": 5}, "weights": "centre"}}
SPECS: dict[str, tuple[Any, dict[str, Any]]] = {
    "gray": (classic, GRAY),
    "gray and back": (classic, {"steps": [GRAY, COLOUR]}),
    "gray, larger, and back": (classic, {"steps": [GRAY, LARGER, COLOUR]}),
    "five bands": (classic, {"input": {"channels": 5, "weights": "repeat"}}),
    "a channel more": (residual, {"input": {"channels": 4, "weights": "zeros"}}),
    "another order": (residual, {"input": {"channels": 3, "weights": {"take": [2, 1, 0]}}}),
    "a larger kernel": (classic, {"set": {"layers": "type:Conv2D", "to": {"kernel_size": 5}, "weights": "centre"}}),
    "identities": (
        classic,
        {
            "insert": [
                {"after": "relu1", "with": {"Conv2D": SAME, "weights": "identity"}},
                {"after": "fc1", "with": {"Dense": "${in.channels}", "weights": "identity", "name": "same"}},
                {"after": "same", "with": {"BatchNormalization": {}, "weights": "identity"}},
            ]
        },
    ),
    "a branch that adds nothing": (
        residual,
        {
            "insert": {
                "after": "add",
                "with": [
                    {"Conv2D": {"filters": 4, "kernel_size": 1, "activation": "relu"}},
                    {"Conv2D": {"filters": "${in.channels}", "kernel_size": 1}, "weights": "identity"},
                    {"Add": {}, "from": ["in", "above"]},
                ],
            }
        },
    ),
    "fully convolutional": (classic, FULLY),
    "classes": (
        classic,
        {"set": {"layers": "scores", "to": {"units": 3}, "weights": {"classes": {"old": OLD, "new": NEW}}}},
    ),
    "rows": (
        words,
        {"set": {"layers": "words", "to": {"input_dim": 3}, "weights": {"rows": {"old": [*OLD, *MORE], "new": NEW}}}},
    ),
    "first rows": (words, {"set": {"layers": "words", "to": {"input_dim": 12}, "weights": "first_rows"}}),
    "as another": (
        classic,
        {"replace": {"layers": "fc1", "with": [{"Dense": RELU, "weights": {"of": "fc1"}}]}},
    ),
    "folded": (classic, {"fold": "batch_norm"}),
    "narrow": (classic, {"prune": {"layers": "type:Conv2D", "keep": 0.5}}),
    "wide": (residual, {"widen": {"layers": "stem", "to": 17}}),
    "narrow, wide and folded": (
        residual,
        {"prune": {"layers": "stem", "keep": 0.5}, "widen": {"layers": "last", "to": 9}, "fold": "batch_norm"},
    ),
    "narrow, folded, and wide": (
        classic,
        {
            "steps": [
                {"prune": {"channels": {"conv1": [0, 5, 7]}}},
                {"fold": {"batch_norm": "norm2"}},
                {"widen": {"layers": "conv1", "to": 11}},
            ]
        },
    ),
    "narrow twice, and cut there": (
        classic,
        {
            "steps": [
                {"prune": {"channels": {"fc1": [3, 7, 8]}}},
                {"prune": {"channels": {"fc1": [0, 4], "conv2": 5}}},
                {"cut_at": "fc1"},
            ]
        },
    ),
    "an identity that hears copies": (
        classic,
        {
            "steps": [
                {"insert": {"after": "norm1", "with": {"Dense": "${in.channels}", "weights": "identity"}}},
                {"fold": {"batch_norm": "norm1"}},
                {"widen": {"layers": "conv1", "to": 17}},
            ]
        },
    ),
    "all of it": (
        classic,
        {**GRAY, "set": {"layers": "conv2", "to": {"kernel_size": 5}, "weights": "centre"},
         "prune": {"layers": "type:Conv2D", "keep": 0.5}, "fold": "batch_norm"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_what_is_promised_is_tried(name: str) -> None:
    make, spec = SPECS[name]
    compiled = compile_spec({"spec": 1, **spec}, base=make(), prove=True)
    assert compiled.weights.proof is not None
    found = compiled.weights.proof.contracts
    assert found
    for each in found:
        assert each.deviation is not None, each
        assert each.deviation <= 1e-5, each


def test_channels_that_leave_behind_a_folded_normalization() -> None:
    """What the normalization adds to such a channel stays in the bias, as where the channel in front of it is zero."""
    image = keras.Input((6, 6, 3), name="image")
    x = L.Conv2D(5, 3, activation="relu", name="conv")(image)
    x = L.Flatten(name="flat")(L.BatchNormalization(name="norm")(x))
    base = harsh(keras.Model(image, L.Dense(4, name="scores")(x)))
    steps = [{"fold": "batch_norm"}, {"prune": {"channels": {"conv": [1, 4]}}}]
    model = compile_spec({"spec": 1, "steps": steps}, base=base, prove=True).model
    kernel, bias = base.get_layer("conv").get_weights()
    base.get_layer("conv").set_weights([kernel * [1, 0, 1, 1, 0], bias * [1, 0, 1, 1, 0]])
    pixels = np.random.default_rng(4).normal(size=(3, 6, 6, 3)).astype("float32")
    np.testing.assert_allclose(model(pixels), base(pixels), atol=1e-5)
