"""Puts into the memory what Keras says of its applications and of its usual layers, for where no Keras will be.

`python -m spec_compiler.backend.catalogue.known VGG16 specs/vgg16_unet.yaml` does so, into the folder that
`SPEC_COMPILER_CACHE` names: for applications, for all of them where none is named, and for what specs ask.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from spec_compiler.backend.answers import Keras
from spec_compiler.backend.models.applications import application
from spec_compiler.backend.models.reader import read_layer
from spec_compiler.diagnostics import SpecError
from spec_compiler.files import HERE
from spec_compiler.graph.plain import encoded, layer_to_plain
from spec_compiler.keras_facts.catalogue import application_names, catalogue, class_record
from spec_compiler.language.base import Base
from spec_compiler.memory import cache
from spec_compiler.memory.bases import base_key, keep_graph, templates_key
from spec_compiler.memory.shapes.rules import RULES
from spec_compiler.spec import load_spec
from spec_compiler.spec.permissions import EVERYTHING

# What a class demands and has no default for.
_DEMANDED = {
    "units": 1,
    "filters": 4,
    "kernel_size": 1,
    "rate": 0.5,
    "pool_size": 2,
    "stddev": 0.5,
    "scale": 1.0,
    "groups": 2,
    "height": 4,
    "width": 4,
    "n": 2,
    "target_shape": (-1,),
    "dims": (3, 2, 1),
    "factor": 0.1,
    "height_factor": 0.1,
    "width_factor": 0.1,
    "activation": "relu",
}
_OBJECTS = {
    "activation": keras.activations,
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


def keep_templates() -> None:
    """One layer of each class that `memory/shapes` has a rule for, and how Keras writes activations and the like."""
    objects = {kind: dict(_written(kind)) for kind in _OBJECTS}
    key = templates_key()
    if key is not None:
        cache.keep(key, {"layers": {name: _template(name) for name in RULES}, **objects})


def keep_applications(names: Iterable[str]) -> None:
    """The graphs of applications at the sizes that they have by default, with their top and without, however pooled."""
    for name in names:
        for arguments in variants():
            for weights in ("imagenet", None):
                base = Base.model_validate({"application": name, "weights": weights, **arguments})
                try:
                    keep_graph(base_key(base, HERE), application(base).graph)
                except SpecError:
                    continue  # there are no such weights, or no such top


def variants() -> Iterator[dict[str, Any]]:
    """The arguments of the bases that are kept."""
    yield {}
    for pooling in ({}, {"pooling": "avg"}, {"pooling": "max"}):
        yield {"include_top": False, **pooling}


def _template(name: str) -> dict[str, Any]:
    cls, record = getattr(keras.layers, name), class_record(name, "layer")
    assert record is not None
    demanded = {key: _DEMANDED[key] for key, each in record["arguments"].items() if each.get("required")}
    layer = cls(**demanded)
    rank = int(name[-2]) if name.endswith(("1D", "2D", "3D")) else 1 if name == "RepeatVector" else 2
    shape = (4,) if name == "RepeatVector" else (*(8,) * rank, 32)  # as many channels as groups in `GroupNormalization`
    if name in JOINS:
        layer([keras.Input(shape), keras.Input(shape)])
    else:
        layer(keras.Input(shape))
    return layer_to_plain(read_layer(layer))


JOINS = ("Concatenate", "Subtract", "Add", "Multiply", "Average", "Maximum", "Minimum")


def _written(kind: str) -> Iterator[tuple[str, Any]]:
    module: Any = _OBJECTS[kind]
    for name in catalogue()[f"{kind}s"]:
        try:
            yield name, encoded(module.serialize(module.get(name)))
        except (TypeError, ValueError, KeyError):  # it has to be given arguments
            continue


def main(arguments: list[str]) -> None:
    """Asks for what is named."""
    specs = [each for each in arguments if each.endswith(".yaml")]
    keep_templates()
    keep_applications([each for each in arguments if each not in specs] or application_names())
    for spec in specs:
        try:
            Keras(None, EVERYTHING).unfilled(load_spec(spec))
        except SpecError as error:
            print(error, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
