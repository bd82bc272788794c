"""Asks Keras at which sizes of the input its applications have the same layers with the same arguments.

`python -m spec_compiler.backend.catalogue.sizes` writes `schemas/keras-sizes.json`; it takes some ten minutes.
"""

from __future__ import annotations

import json

import keras

from spec_compiler.backend.models.applications import application
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.graph.plain import to_plain
from spec_compiler.keras_facts.catalogue import application_names, schemas_folder
from spec_compiler.language.base import Base
from spec_compiler.memory.shapes.at_size import at_size

TRIED: dict[int, tuple[tuple[int, int], ...]] = {
    32: ((96, 96), (160, 224), (512, 512)),
    1: ((97, 101), (150, 150), (225, 200)),
}


def step(name: str) -> int | None:
    """Of which numbers a side must be a multiple for an application to be the same; None where it is not anyway."""
    own = {weights: made(name, weights) for weights in ("imagenet", None)}

    def is_same(size: Shape) -> bool:
        for weights, graph in own.items():
            found = at_size(graph, size)
            if found is None or to_plain(found) != to_plain(made(name, weights, input_shape=list(size))):
                return False
        return True

    if not all(is_same((*size, 3)) for size in TRIED[32]):
        return None
    return 1 if all(is_same((*size, 3)) for size in TRIED[1]) else 32


def made(name: str, weights: str | None, **arguments: object) -> Graph:
    """What Keras makes of an application without its top."""
    base = {"application": name, "weights": weights, "include_top": False, **arguments}
    return application(Base.model_validate(base)).graph


def main() -> None:
    """Writes the file."""
    steps = {}
    for name in application_names():
        steps[name] = step(name)
        print(name, steps[name], flush=True)
    tried = [list(size) for each in TRIED.values() for size in each]
    data = {"keras": keras.__version__, "tried": tried, "step": {key: each for key, each in steps.items() if each}}
    (schemas_folder() / "keras-sizes.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
