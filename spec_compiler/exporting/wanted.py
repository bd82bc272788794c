"""What an export is told beside the model and the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spec_compiler.exporting.formats import Precision


@dataclass(frozen=True)
class Wanted:
    """What an export is told.

    `calibration` and `probe` are folders with images, `.npz` files, or arrays as the model takes them. `labels` are
    what its classes are called; `size`, `interpolation` and `preprocess` say how image files become its input.
    """

    precision: Precision = "float32"
    calibration: Any = None
    probe: Any = None
    tolerance: float | None = None
    labels: Sequence[str] | None = None
    size: tuple[int, int] | None = None
    interpolation: str | None = None
    preprocess: str | None = None

    @property
    def is_of_images(self) -> bool:
        """Whether something is said that makes sense for images alone."""
        return self.size is not None or self.interpolation is not None or self.preprocess is not None
