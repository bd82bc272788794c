"""How far a model of one channel is from the one of three on gray images.

`python scripts/compare_gray.py GRAY.keras RGB.keras FOLDER`, FOLDER as `scripts/digits.py` writes it; the exit status
is 1 where they differ by more than 1e-5 of the largest output.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image


def gray_images(folder: Path) -> Any:
    """The images in the folders of a folder, `(n, height, width, 1)` from 0 to 255."""
    images = [np.asarray(Image.open(file).convert("L"), "float32") for file in sorted(folder.glob("*/*.png"))]
    return np.stack(images)[..., None]


def deviation(gray: Any, rgb: Any, images: Any) -> tuple[float, float]:
    """The largest difference between what they put out for the images and for the images three times over; the largest
    output.
    """
    ours = gray.predict(images, verbose=0)
    theirs = rgb.predict(np.repeat(images, 3, axis=-1), verbose=0)
    return float(abs(ours - theirs).max()), float(abs(theirs).max())


if __name__ == "__main__":
    gray, rgb = (keras.saving.load_model(path) for path in sys.argv[1:3])
    images = gray_images(Path(sys.argv[3]))
    apart, largest = deviation(gray, rgb, images)
    print(f"{len(images):,} gray images through {gray.input_shape}, and three times over through {rgb.input_shape}:")
    print(f"outputs up to {largest:.1f} differ by {apart:.1e} at most, {apart / largest:.1e} of the largest")
    sys.exit(apart > 1e-5 * largest)
