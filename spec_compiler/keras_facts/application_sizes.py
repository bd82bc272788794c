"""At which sizes of their input the applications have the same layers with the same arguments, as Keras was asked.

`python -m spec_compiler.backend.catalogue.sizes` asks, and writes `schemas/keras-sizes.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from spec_compiler.keras_facts.catalogue import schemas_folder


@cache
def sizes() -> Mapping[str, Any]:
    """The sizes that were `tried`, and the `step` of each application: of what a side must be a multiple."""
    found: Mapping[str, Any] = json.loads((schemas_folder() / "keras-sizes.json").read_text(encoding="utf-8"))
    return found


def is_same_at(application: str, size: Sequence[Any], keras: str) -> bool:
    """Whether an application is known to be the same at a size, from the smallest to the largest that was tried.

    >>> [is_same_at("VGG16", size, str(sizes()["keras"])) for size in ((150, 150, 3), (40, 150, 3), (150, 150, 4))]
    [True, False, False]
    """
    step, tried = sizes()["step"].get(application), [side for size in sizes()["tried"] for side in size]
    if step is None or sizes()["keras"] != keras or len(size) != 3 or size[2] != 3:
        return False
    return all(type(side) is int and min(tried) <= side <= max(tried) and side % step == 0 for side in size[:2])
