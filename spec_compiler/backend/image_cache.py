"""Images that are held in memory, decoded and resized, from the first time that they are read on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spec_compiler.backend.images import Array, ImageReader
from spec_compiler.diagnostics import SpecError
from spec_compiler.plan.memory_needed import available_bytes, shown_bytes

_MOST = 0.8  # of the memory that is left: the batches need some as well


@dataclass(frozen=True, slots=True)
class CachedReader(ImageReader):
    """Reads as `ImageReader` does, each file once. Pixels that are whole numbers up to 255 take a byte each."""

    held: dict[str, Array] = field(default_factory=dict, compare=False)

    def read(self, path: str) -> Array:
        """One image.

        Raises:
            OSError, SyntaxError, ValueError: as `ImageReader` does.
        """
        found = self.held.get(path)
        if found is None:
            image = ImageReader.read(self, path)
            found = image.astype("uint8")
            if not np.array_equal(found, image):
                found = image
            self.held[path] = found
        return found.astype("float32")


def check_room(num_images: int, readers: Sequence[ImageReader]) -> int:
    """The bytes that the images take, a byte a pixel and channel; they are proven to fit into the memory that is left.

    Raises:
        SpecError: SC114, paths relative to `data`.
    """
    needed = num_images * sum(int(np.prod((*each.size, each.channels))) for each in readers)
    left = available_bytes()
    if left is not None and needed > _MOST * left:
        message = f"{num_images:,} images take {shown_bytes(needed)} in memory, and {shown_bytes(left)} are left"
        help = "leave `cache` out: images are read when they are needed"
        raise SpecError.single("SC114", message, path=("cache",), help=help)
    return needed
