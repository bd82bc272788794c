"""The examples that classify can be trained: each takes one step on generated images, without its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher

SPECS = Path(__file__).parents[2] / "specs"

# How many classes, and the size of the images where the model takes any.
RECIPES: dict[str, tuple[int, int | None]] = {
    "vgg16_cats_dogs": (2, None),
    "vgg16_cats_dogs_finetune": (2, None),
    "vgg16_block2_classifier": (10, None),
    "inception_v3_200": (200, 80),
    "inception_v3_200_finetune": (200, 80),
    "resnet50_two_classes": (2, None),
    "resnet50_two_classes_scratch": (2, None),
    "digits_two_phase": (10, None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_one_step(name: str, tmp_path: Path) -> None:
    classes, size = RECIPES[name]
    random = np.random.default_rng(0)
    for label in range(classes):
        folder = tmp_path / "images" / f"{label:03d}"
        folder.mkdir(parents=True)
        Image.fromarray(random.integers(0, 255, (40, 40, 3), "uint8")).save(folder / "0.png")
    given = f", image_size: [{size}, {size}]" if size else ""
    result = train_spec(
        str(SPECS / f"{name}.yaml"),
        str(tmp_path / "run"),
        overrides=[
            "base.weights=null",
            f"data={{train: {tmp_path / 'images'}, batch_size: {classes}{given}}}",
            "compile={optimizer: sgd, loss: categorical_crossentropy, metrics: [accuracy], jit_compile: false}",
            "train=[{phase: one_step, epochs: 1}]",
        ],
        watcher=Watcher(verbose=0),
        tensorboard=False,
    )
    assert len(result.history) == 1
    assert np.isfinite(result.history.rows[0].metrics["loss"])
