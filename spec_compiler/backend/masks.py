"""Mask files -> the class of each pixel: palettes by their indices, gray by its values, resized without mixing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO

import numpy as np

from spec_compiler.backend.images import MAX_BYTES, Array, formats, num_pixels
from spec_compiler.files import HERE, Folder

_WHOLE = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B")  # modes of Pillow that hold one whole number for each pixel


@dataclass(frozen=True, slots=True)
class MaskReader:
    """How a file becomes an array `(height, width)` of class numbers; `size` and `crop` are as for its image."""

    size: tuple[int, int]
    crop: bool = False
    folder: Folder = HERE

    def read(self, path: str) -> Array:
        """One mask, of `size`.

        Raises:
            OSError, SyntaxError, ValueError: as Pillow does; for what has several numbers for each pixel.
        """
        return resized(self.whole(path), self.size, self.crop)

    def whole(self, path: str) -> Array:
        """One mask as it stands in its file, `(height, width)`.

        Raises:
            OSError, SyntaxError, ValueError: as `read`.
        """
        from PIL import Image  # an optional package; `require_pillow` has been asked

        with self.folder.open(path) as stream:
            num_pixels(stream)
            stream.seek(0)
            with Image.open(io.BytesIO(stream.read(MAX_BYTES)), formats=formats()) as image:
                if image.mode not in _WHOLE:
                    channels = len(image.getbands())
                    raise ValueError(f"it has {channels} numbers for each pixel, a mask has one, the class")
                return np.asarray(image).astype("int32")


def resized(mask: Array, size: tuple[int, int], crop: bool) -> Array:
    """A mask of another size by its nearest pixels, as `keras.utils.load_img` resizes with `nearest`."""
    from PIL import Image

    if mask.shape == size:
        return mask
    height, width = mask.shape
    box = None
    if crop:  # as in `keras/src/utils/image_utils.py`
        high, wide = min(height, (width * size[0]) // size[1]), min(width, (height * size[1]) // size[0])
        top, left = (height - high) // 2, (width - wide) // 2
        box = (left, top, left + wide, top + high)
    image = Image.fromarray(mask.astype("int32"))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.NEAREST, box=box)).astype("int32")


def picture_size(stream: IO[bytes]) -> tuple[int, int]:
    """Height and width of the picture in a file, by its first bytes.

    Raises:
        OSError: it is no image.
    """
    from PIL import Image

    with Image.open(stream, formats=formats()) as image:
        return image.size[1], image.size[0]
