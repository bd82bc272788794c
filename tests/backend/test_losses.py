"""A loss and a weight for each output: in `compile` alone, and in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec
from spec_compiler.trainer import train_spec
from tests.backend.conftest import branching

HEADS = """
spec: 1
cut_at: pool
head:
  - {Dense: {units: 3, activation: softmax, name: kind}, from: pool}
  - {Dense: {units: 1, name: size}, from: pool}
outputs: {kind: kind, size: size}
"""
EACH = "compile: {optimizer: sgd, loss: {kind: categorical_crossentropy, size: mse}, loss_weights: {size: 0.25}}\n"


def targets() -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {"kind": np.eye(3, dtype="float32")[[0, 2, 1, 1]], "size": random.normal(size=(4, 1)).astype("float32")}


def test_compile_alone_has_a_loss_for_each_output() -> None:
    base = branching()
    model = compile_spec(HEADS + EACH, base=base).model
    images = np.random.default_rng(0).normal(size=(4, *base.input_shape[1:])).astype("float32")
    measured = model.evaluate(images, targets(), return_dict=True, verbose=0)
    put_out = model(images, training=False)
    kind = float(np.mean(keras.losses.categorical_crossentropy(targets()["kind"], put_out["kind"])))
    size = float(np.mean(keras.losses.mean_squared_error(targets()["size"], put_out["size"])))
    assert measured["loss"] == pytest.approx(kind + 0.25 * size, rel=1e-5)
    assert measured["kind_loss"] == pytest.approx(kind, rel=1e-5)


def test_training_has_a_loss_for_each_output(tmp_path: Path) -> None:
    base = branching()
    base.save(tmp_path / "base.keras")
    shape = base.input_shape[1:]
    (tmp_path / "two_tasks.py").write_text(
        "import numpy as np\n"
        "def train():\n"
        f"    images = np.ones((4, {', '.join(map(str, shape))}), 'float32')\n"
        "    return images, {'kind': np.eye(3, dtype='float32')[[0, 2, 1, 1]], 'size': np.ones((4, 1), 'float32')}\n"
    )
    text = HEADS.replace("spec: 1\n", "spec: 1\nbase: {file: base.keras}\n") + EACH
    text += "data: {train: two_tasks:train, batch_size: 4}\ntrain: [{phase: all, epochs: 1}]\n"
    (tmp_path / "spec.yaml").write_text(text)
    run = train_spec(tmp_path / "spec.yaml", folder=str(tmp_path / "run"), allow_code=True)
    assert {"loss", "kind_loss", "size_loss"} <= set(run.history.rows[0].metrics)


@pytest.mark.parametrize(
    ("compile", "path", "message"),
    [
        ("loss: {kind: mse, sise: mse}", ("compile", "loss", "sise"), "the model has no output `sise`"),
        ("loss: {kind: mse}", ("compile", "loss"), "`size` has no loss"),
        (
            "loss: {kind: mse, size: mse}, loss_weights: {sise: 2}",
            ("compile", "loss_weights", "sise"),
            "the model has no output `sise`",
        ),
        (
            "loss: mse, loss_weights: {size: 2}",
            ("compile", "loss_weights"),
            "`loss_weights` are of losses by the names of outputs, `loss` is one for all",
        ),
        (
            "loss: {kind: categorical_crossentropy, size: binary_crossentropy}",
            ("compile", "loss", "size"),
            "`binary_crossentropy` expects probabilities, `size` ends in linear activation",
        ),
    ],
)
def test_what_is_wrong_with_losses_of_outputs(compile: str, path: tuple[str, ...], message: str) -> None:
    found = check_spec(f"{HEADS}compile: {{optimizer: sgd, {compile}}}\n", base=branching())
    assert [(each.code, each.path, each.message) for each in found] == [("SC605", path, message)]
