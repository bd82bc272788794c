"""Small image folders for the training tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(
    folder: Path, classes: int = 3, each: int = 8, size: int = 16, seed: int = 0, names: Sequence[str] = ()
) -> Path:
    """A folder with one folder a class: noise around one colour for each class."""
    random = np.random.default_rng(seed)
    for label, name in enumerate(names or [f"class_{label}" for label in range(classes)]):
        place = folder / name
        place.mkdir(parents=True)
        for number in range(each):
            color = np.full(3, 40.0) + 160 * (np.arange(3) == label % 3)
            pixels = np.clip(random.normal(color, 30, (size, size, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(place / f"{number}.png")
    return folder
