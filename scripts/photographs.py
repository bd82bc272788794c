"""Pieces of three real photographs as folders of pictures: a flower, a pagoda (scikit-learn), a portrait (Matplotlib).

`python scripts/photographs.py FOLDER` cuts each photograph into squares that do not overlap and writes
`FOLDER/train/<name>/<row>-<column>.jpg`, those of the last columns to `FOLDER/test` instead, so that what tests shows
parts that nothing has learned from.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

SIDE = 48  # pixels
SHARE = 0.25  # of the columns, for the test


def photographs() -> dict[str, Image.Image]:
    """The three, by their names."""
    portrait = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    return {
        "flower": Image.fromarray(np.array(load_sample_image("flower.jpg"))),
        "pagoda": Image.fromarray(np.array(load_sample_image("china.jpg"))),
        "portrait": Image.open(portrait).convert("RGB"),
    }


def write_pieces(folder: Path) -> dict[str, int]:
    """Writes the pieces and returns how many there are of each part."""
    counts = {"train": 0, "test": 0}
    for name, image in photographs().items():
        columns, rows = (length // SIDE for length in image.size)
        for row in range(rows):
            for column in range(columns):
                part = "test" if column >= columns - round(columns * SHARE) else "train"
                place = folder / part / name
                place.mkdir(parents=True, exist_ok=True)
                left, top = column * SIDE, row * SIDE
                image.crop((left, top, left + SIDE, top + SIDE)).save(place / f"{row:02d}-{column:02d}.jpg", quality=92)
                counts[part] += 1
    return counts


if __name__ == "__main__":
    found = write_pieces(Path(sys.argv[1]))
    print(", ".join(f"{count} pictures of {SIDE}x{SIDE} to {part}" for part, count in found.items()))
