"""A table of small pictures and masks, what stands in it, and models that it is for."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from tests.backend.conftest import randomized

SPECIES = ("cat", "owl", "dog")
TAGS = ("small;furry", "furry", "", "loud;small")
ROWS = 12
INITIAL = "kernel_initializer: {RandomNormal: {stddev: 0.5, seed: 3}}"
HEADS = {
    "species": f"{{Dense: {{units: 3, activation: softmax, name: species, {INITIAL}}}, from: pool}}",
    "tags": f"{{Dense: {{units: 3, activation: sigmoid, name: tags, {INITIAL}}}, from: pool}}",
    "grams": f"{{Dense: {{units: 1, name: grams, {INITIAL}}}, from: pool}}",
    "mask": f"{{Conv2D: {{filters: 3, kernel_size: 1, activation: softmax, name: mask, {INITIAL}}}, from: conv}}",
}


def write_table(folder: Path) -> list[dict[str, str]]:
    """The table `animals/labels.csv`, its pictures of 8 x 8 pixels and their masks beside it; its rows."""
    random = np.random.default_rng(5)
    (folder / "animals" / "masks").mkdir(parents=True)
    rows: list[dict[str, str]] = []
    for number in range(ROWS):
        place = folder / "animals"
        Image.fromarray(random.integers(0, 255, (8, 8, 3)).astype("uint8")).save(place / f"{number}.png")
        mask = Image.fromarray(random.integers(0, 3, (8, 8)).astype("uint8"), "P")
        mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])  # what its numbers look like is not what they are
        mask.save(place / "masks" / f"{number}.png")
        rows.append(
            {
                "file": f"{number}.png",
                "species": SPECIES[number % 7 % 3],
                "tags": TAGS[number % 4],
                "grams": f"{random.uniform(-1, 1):.3f}",
                "age": f"{random.uniform(0, 2):.3f}",
                "mask": f"masks/{number}.png",
                "weight": f"{random.uniform(0.5, 3):.2f}",
                "part": ("train", "train", "val", "test")[number % 4],
            }
        )
    write_rows(folder / "animals" / "labels.csv", rows)
    return rows


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """A table with these rows."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)


def pictures(folder: Path, rows: list[dict[str, str]]) -> Any:
    """The pictures of rows, as Keras reads them."""
    files = [folder / "animals" / row["file"] for row in rows]
    return np.stack([keras.utils.img_to_array(keras.utils.load_img(file)) for file in files])


def masks(folder: Path, rows: list[dict[str, str]]) -> Any:
    """The numbers of the masks of rows, as Pillow has them."""
    return np.stack([np.asarray(Image.open(folder / "animals" / row["mask"])) for row in rows]).astype("int32")


def one_hot(names: list[str], classes: list[str]) -> Any:
    """Rows with a one for each class."""
    return np.asarray([[float(name == each) for each in classes] for name in names], "float32")


def base() -> Any:
    """A model that takes pictures of 8 x 8 pixels: what a convolution sees, and its mean."""
    inputs = keras.Input((8, 8, 3), name="picture")
    seen = keras.layers.Conv2D(4, 3, padding="same", name="conv")(keras.layers.Rescaling(1 / 255)(inputs))
    return randomized(keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(seen), name="base"))


def base_with_age() -> Any:
    """The same with a number beside the picture, by name."""
    inputs = {"picture": keras.Input((8, 8, 3), name="picture"), "age": keras.Input((1,), name="age")}
    seen = keras.layers.Conv2D(4, 3, padding="same", name="conv")(keras.layers.Rescaling(1 / 255)(inputs["picture"]))
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(seen)
    both = keras.layers.Concatenate(name="pool")([mean, inputs["age"]])
    return randomized(keras.Model(inputs, both, name="base"))
