"""Scikit-learn's handwritten digits (1,797 images of 8x8 from UCI's optical recognition set) as a folder a class.

`python scripts/digits.py FOLDER [SIZE]` writes `FOLDER/<digit>/<number>.png`, scaled up to SIZE x SIZE.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write_digits(folder: Path, size: int) -> int:
    """Writes the images, white on black in gray, and returns how many there are."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        gray = np.round(pixels * (255 / 16)).astype("uint8")
        image = Image.fromarray(gray).resize((size, size), Image.Resampling.BICUBIC)
        image.save(place / f"{number:04d}.png")
    return len(digits.target)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    side = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    print(f"{write_digits(target, side)} images of {side}x{side} in {target}")
