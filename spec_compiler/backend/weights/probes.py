"""Probe inputs: what a model is run on to show that it computes what another one computes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.images import COLOR_MODES, ImageReader, find_images
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.graph.node import TensorSpec
from spec_compiler.training.sources import require_pillow

Array = np.ndarray[Any, Any]

NUM_PROBES = 2
OPEN_SIZES = (32, 96, 256)  # tried for axes that an input leaves open; some networks need more than the least
_OPEN_LENGTHS = (12, 512, 12_000)  # of sequences and other axes, tried with them
_PHOTOGRAPH = 224  # pixels at each side, where an input leaves that open
_UNKNOWN_WORDS = ("", "a word that no vocabulary has")


@dataclass(frozen=True)
class Probes:
    """Inputs by the name of their node, and what they are in words."""

    inputs: Mapping[str, Any]
    text: str


def probes(graph: Graph, layers: Sequence[Any], folder: str | None = None) -> Iterator[Probes]:
    """Inputs for a model, several times where its input's size is open, until one serves.

    Seeded noise, half of it around 0 and half as pixels from 0 to 255; integers that every embedding knows; words of
    the vocabularies in `layers`, and unknown ones. With `folder` the images in it, as pixels.

    Raises:
        SpecError: SC501, SC603 for the folder, SC604 where the model takes no image.
    """
    sizes = OPEN_SIZES if any(None in _axes(graph, ref.node) for ref in graph.input_refs) else OPEN_SIZES[:1]
    if folder is not None:
        yield _photographs(graph, folder)
        return
    limit, words = min(_input_dims(graph), default=10), _words(layers)
    for size in sizes:
        random = np.random.default_rng(0)
        inputs = {
            ref.node: _seeded(spec, size, random, limit, words)
            for ref in graph.input_refs
            if (spec := graph.spec_of(ref)) is not None
        }
        yield Probes(inputs, f"{NUM_PROBES} seeded inputs")


def _axes(graph: Graph, node: str) -> Shape:
    """The axes of an input less that of the batch."""
    return graph.nodes[node].outputs[0].shape[1:]


def _seeded(spec: TensorSpec, size: int, random: np.random.Generator, limit: int, words: Sequence[str]) -> Any:
    """Values for one input, integers below `limit`; axes that it leaves open have `size`, or a length tried with it."""
    batch, *axes = spec.shape
    open_size = size if len(axes) >= 3 else _OPEN_LENGTHS[OPEN_SIZES.index(size)]
    shape = (batch or NUM_PROBES, *(axis or open_size for axis in axes))
    if spec.dtype == "string":
        import tensorflow  # Keras has strings on TensorFlow alone, and no word of its own for making them

        return tensorflow.constant(random.choice(np.array([*words, *_UNKNOWN_WORDS]), size=shape))
    if spec.dtype == "bool":
        return keras.ops.convert_to_tensor(random.random(shape) < 0.5)
    if "int" in spec.dtype:
        limit = 256 if spec.dtype == "uint8" and len(axes) >= 3 else limit
        return keras.ops.convert_to_tensor(random.integers(0, limit, shape).astype(spec.dtype))
    noise = random.normal(size=shape)
    if len(axes) >= 3:  # for a model that rescales pixels by itself, noise around 0 is one gray
        num_images = (len(noise) + 1) // 2
        noise[:num_images] = random.uniform(0, 255, (num_images, *shape[1:]))
    return keras.ops.convert_to_tensor(noise.astype("float32"), dtype=spec.dtype)


def _input_dims(graph: Graph) -> Iterator[int]:
    """How many integers each embedding knows, those in nested models as well."""
    for layer in graph.layers.values():
        size = layer.arguments.get("input_dim")
        if isinstance(size, int):
            yield size
        if layer.inner is not None:
            yield from _input_dims(layer.inner)


def _words(layers: Sequence[Any]) -> list[str]:
    lookups = [layer for layer in layers if hasattr(layer, "get_vocabulary")]
    return [str(word) for layer in lookups for word in layer.get_vocabulary()[:100]]


def _photographs(graph: Graph, folder: str) -> Probes:
    require_pillow()
    ref = graph.input_refs[0]
    shape = _axes(graph, ref.node)
    if len(graph.input_refs) != 1 or len(shape) != 3 or shape[-1] not in COLOR_MODES:
        help = "leave `--probe` out, then seeded inputs of the model's own shapes are used"
        raise SpecError.single("SC604", f"the model takes {shape}, which is no image", help=help)
    files = find_images([folder])[:8]
    if not files:
        raise SpecError.single("SC501", f"no image in `{folder}`", help="name a folder with PNG or JPEG files")
    height, width = (axis or _PHOTOGRAPH for axis in shape[:2])
    images = ImageReader((height, width), int(shape[-1])).read_all(files)
    dtype = graph.nodes[ref.node].outputs[0].dtype
    inputs = {ref.node: keras.ops.convert_to_tensor(images.astype(dtype))}
    return Probes(inputs, f"{len(files)} image{'s' if len(files) > 1 else ''} of {os.path.basename(folder) or folder}")
