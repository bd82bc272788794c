"""Every application of Keras under six usual edits: the folded picture of what changes fits a page."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import keras
import pytest

from spec_compiler import plan_spec
from spec_compiler.diagram import render, to_dot
from spec_compiler.graph import Graph

ALL = sorted(name for name, each in vars(keras.applications).items() if inspect.isfunction(each) and name[0].isupper())
FAST = ("MobileNetV3Small", "VGG16")
QUIET = ("Activation", "ReLU", "Dropout")
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
# Points. Names, 12 high, are 4 high where 2,400 are printed on A4, which has 842. The largest measured are 1,506
# wide (NASNetMobile, cut inside a cell) and 1,886 high (VGG19, which has too few layers to be folded).
WIDTH, HEIGHT = 1700, 2400


def edits(base: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    """The edits, at the middle of the base."""
    names = list(base.layers)
    yield "cut", {"cut_at": names[len(names) // 2]}
    quiet = [name for name in names if base.layers[name].class_name in QUIET]
    if quiet:
        yield "remove", {"remove": quiet[len(quiet) // 2]}
    found = [name for name in names if base.layers[name].class_name in CONVOLUTIONS]
    convolution = base.layers[found[len(found) // 2]]
    config = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in convolution.arguments.items()
        if isinstance(value, str | int | bool | list | tuple)
        and key not in ("name", "dtype", "trainable", "data_format")
    }
    entry = {convolution.class_name: {**config, "name": "fresh"}}
    yield "replace", {"replace": [{"layers": convolution.name, "with": [entry]}]}
    yield "insert", {"insert": [{"after": names[len(names) // 2], "with": [{"Dropout": {"rate": 0.5}}]}]}
    yield "taps", {"outputs": [names[len(names) * part // 4] for part in (1, 2, 3)]}
    yield "head", {"cut_at": names[-2], "head": [{"Dense": {"units": 3, "name": "scores"}}]}


def size_of(svg: bytes) -> tuple[float, float]:
    """Width and height in points."""
    root = ElementTree.fromstring(svg)
    width, height = (float(root.get(side, "").removesuffix("pt")) for side in ("width", "height"))
    return width, height


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in ALL])
def test_the_picture_of_an_edit_fits_a_page(name: str) -> None:
    spec = {"spec": 1, "base": {"application": name, "weights": None}}
    sizes = {}
    for edit, fields in edits(plan_spec(spec).before):
        sizes[edit] = size_of(render(to_dot(plan_spec({**spec, **fields}), "diff"), "svg"))
    assert len(sizes) >= 5
    assert {edit: size for edit, size in sizes.items() if size[0] > WIDTH or size[1] > HEIGHT} == {}
