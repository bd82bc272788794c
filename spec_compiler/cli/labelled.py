"""Images in folders that are called as their classes: what is true of them, and how often it was predicted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def truth_of(given: Sequence[str], files: Sequence[str], names: Sequence[str] | None) -> Mapping[str, int]:
    """The number of the class of each image, where every image of the folders lies in one that a class is called as.

    Of files that are named one by one, and where one folder has another name, nothing is known.

    >>> truth_of(["test"], ["test/cat/1.png", "test/dog/2.png"], ["cat", "dog"])
    {'test/cat/1.png': 0, 'test/dog/2.png': 1}
    >>> truth_of(["test"], ["test/cat/1.png", "test/other/2.png"], ["cat", "dog"])
    {}
    """
    numbers = {name: at for at, name in enumerate(names or ())}
    found: dict[str, int] = {}
    for file in files:
        folder = next((each for each in given if file != each and file.startswith(each.rstrip("/") + "/")), None)
        if folder is None:
            return {}
        first, _, rest = os.path.relpath(file, folder).partition(os.sep)
        name = first if rest else os.path.basename(os.path.normpath(os.path.abspath(folder)))
        if name not in numbers:
            return {}
        found[file] = numbers[name]
    return found


@dataclass
class Right:
    """How many of the images whose class is known were predicted rightly."""

    total: int = 0
    right: int = 0

    def add(self, true: int | None, told: int) -> None:
        """One more image; None where its class is not known."""
        if true is not None:
            self.total += 1
            self.right += true == told

    @property
    def text(self) -> str:
        """It in a line."""
        return (
            f"accuracy {self.right / self.total:.4f}: {self.right:,} of {self.total:,} are in the folder of their class"
        )

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        return {"right": self.right, "of": self.total, "share": self.right / self.total}
