"""`input: {preprocess: auto}`: an application's own preprocessing as layers behind the model's input.

Every layer is one that Keras ships, so a saved model reloads without custom code, and the result is
`keras.applications.<module>.preprocess_input` bit for bit. That rules `Rescaling` out: it multiplies by 1/127.5 where
`preprocess_input` divides by 127.5. `Normalization` divides by the square root of its variance, and the square root of
a rounded square is the number itself.
"""

from __future__ import annotations

import statistics
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.new_names import unused_name
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.keras_facts.preprocessing import Mode, mode_of

# Keras keeps them in `keras.applications.imagenet_utils`.
_CAFFE_MEAN = [103.939, 116.779, 123.68]
_TORCH_MEAN = [0.485, 0.456, 0.406]
_TORCH_STD = [0.229, 0.224, 0.225]
# Each Normalization by its name: the axis of its numbers (None: one for all), what it takes away, and what it then
# divides by. Two where `preprocess_input` rounds twice.
_STEPS: Mapping[Mode, tuple[tuple[str, int | None, Any, Any], ...]] = {
    "caffe": (("preprocess_center", -1, _CAFFE_MEAN, [1.0, 1.0, 1.0]),),
    "tf": (("preprocess_scale", None, 0.0, 127.5), ("preprocess_center", None, 1.0, 1.0)),
    "torch": (("preprocess_scale", None, 0.0, 255.0), ("preprocess_normalize", -1, _TORCH_MEAN, _TORCH_STD)),
}


def steps_of(mode: Mode) -> tuple[tuple[Any, Any], ...]:
    """What `preprocess_input` takes away and what it then divides by, one step after the other."""
    return tuple((mean, std) for _, _, mean, std in _STEPS.get(mode, ()))


def apply(graph: Graph, path: Path, application: str, as_in_the_base: bool = False) -> Graph:
    """The graph with the application's preprocessing between its input and everything that takes it.

    `path` is where `preprocess` stands in the spec. With `as_in_the_base` it is for the shape that the input has there,
    and what is made for that is changed with all that reads the input.

    Raises:
        SpecError: SC203 unknown, SC303 several inputs, SC604 an input that is no image with three channels; relative
            to `path`.
    """
    mode = mode_of(application)
    if mode == "none":
        return graph
    if len(graph.input_refs) != 1:
        message = f"the model has {len(graph.input_refs)} inputs, `preprocess` takes a model with one"
        raise SpecError.single("SC303", message, help="insert the preprocessing layers yourself")
    ref = graph.input_refs[0]
    spec = graph.spec_of(ref)
    there = spec.shape if spec else ()
    shape = there if as_in_the_base else tuple(graph.layer_of(ref.node).arguments.get("batch_shape") or there)
    if len(shape) != 4 or (mode != "tf" and shape[-1] != 3):
        message = f"the preprocessing of `{application}` takes images with three channels last, the input is {shape}"
        help = "leave `preprocess` out, or give `shape` three channels"
        if len(shape) == 4 and shape[1] == 3:
            message = f"the preprocessing of `{application}` takes channels last, the input {shape} has its three first"
            help = "leave `preprocess` out and prepare the images yourself, or set Keras's `image_data_format` to\n"
            help += "`channels_last` (in `~/.keras/keras.json`) and build the base with it"
        raise SpecError.single("SC604", message, help=help)
    origin = Origin("input", path)
    layers = tuple(_layers(mode, origin, graph))
    nodes: list[Node] = []
    tensor = ref
    for layer in layers:
        nodes.append(Node(layer.name, layer.name, (tensor,)))
        tensor = ValueRef(layer.name)
    rewire = dict.fromkeys(graph.edges_from(ref), tensor)
    return graph.spliced(origin, layers=layers, after={ref.node: nodes}, rewire=rewire)


def same_for_all(layer: str) -> dict[str, float]:
    """The `rescale` that does to every channel what the preprocessing with this layer does to them on average.

    >>> same_for_all("preprocess_center"), same_for_all("preprocess_normalize")
    ({'scale': 1.0, 'offset': -114.8}, {'scale': 0.01735, 'offset': -1.987})
    """
    scale, offset = 1.0, 0.0
    for _, _, mean, std in _STEPS["torch" if layer.startswith("preprocess_normalize") else "caffe"]:
        mean, std = (statistics.fmean(each) if isinstance(each, list) else each for each in (mean, std))
        scale, offset = scale / std, (offset - mean) / std
    return {"scale": float(f"{scale:.4g}"), "offset": float(f"{offset:.4g}")}


@dataclass(frozen=True)
class Preprocess(Edit):
    """The edit behind `input: {preprocess: auto}`, or with an application's name in the place of `auto`.

    `application` is the one that the spec's base names, None where it names none; `as_in_the_base` as of `apply`.
    """

    choice: str
    application: str | None = None
    as_in_the_base: bool = False

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph with the preprocessing behind its input."""
        name = self.application if self.choice == "auto" else self.choice
        if name is None:
            message = "`preprocess: auto` follows the application that the base names, this base names none"
            raise SpecError.single("SC102", message, help="name it: `preprocess: VGG16`")
        return apply(graph, path, name, self.as_in_the_base)


def _layers(mode: Mode, origin: Origin, graph: Graph) -> Iterator[LayerSpec]:
    if mode == "caffe":
        yield _flip("preprocess_bgr", origin, graph)
    for name, axis, mean, std in _STEPS[mode]:
        variance = _square(std) if axis is None else list(map(_square, std))
        arguments = {"axis": axis, "mean": mean, "variance": variance}
        config = {"class_name": "Normalization", "config": arguments}
        yield LayerSpec(unused_name(graph, name), "Normalization", config, origin=origin)


def _flip(name: str, origin: Origin, graph: Graph) -> LayerSpec:
    """`keras.ops.flip` on the channels, as Keras itself serialises the call of an operation; no layer does this."""
    name = unused_name(graph, name)
    config = {
        "module": "keras.src.ops.numpy",  # as Keras 3 writes it, and looks it up when it loads
        "class_name": "Flip",
        "config": {"name": name, "axis": -1},
        "registered_name": "Flip",
    }
    return LayerSpec(name, "Flip", config, "operation", variables=(), origin=origin)


def _square(value: float) -> float:
    """A number whose float32 square root is the float32 number: IEEE 754 rounds the root of a rounded square so."""
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded * rounded
