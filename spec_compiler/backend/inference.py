"""A saved model on image files: class probabilities, or the numbers that it puts out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.images import COLOR_MODES, NUM_THREADS, Array, ImageReader
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.models.saved_code import SavedCode, saved_config
from spec_compiler.backend.quiet import quietly
from spec_compiler.backend.saved_models import load_by_keras
from spec_compiler.backend.training import checkpoints
from spec_compiler.diagnostics import SpecError, did_you_mean
from spec_compiler.graph.channels import channel_axis
from spec_compiler.keras_facts.preprocessing import mode_of
from spec_compiler.spec.file_paths import model_file
from spec_compiler.training.sources import require_pillow


@dataclass(frozen=True)
class ImageModel:
    """A saved model that takes one image: how it reads files, and what its classes are called."""

    model: Any
    reader: ImageReader
    class_names: tuple[str, ...] | None = None
    preprocess: Any = None


@dataclass(frozen=True)
class Batch:
    """What came of some files, in order; `outputs` has a row for each of `files`, by the name of the output."""

    files: tuple[str, ...]
    outputs: dict[str, Array]
    unreadable: tuple[tuple[str, str], ...] = ()
    seen: int = 0


def open_model(
    path: str,
    *,
    layer: str | None = None,
    size: tuple[int, int] | None = None,
    preprocess: str | None = None,
    interpolation: str | None = None,
    allow_code: bool = False,
    code: Sequence[str] = (),
) -> ImageModel:
    """A saved model, up to one of its layers where `layer` says so.

    `preprocess` names the application whose `preprocess_input` the images go through, for a model that does not begin
    with it. Images are resized as the run did that trained the model, and otherwise as `keras.utils.load_img` does, to
    the nearest pixel; `interpolation` says another way. Where the model takes any size, theirs is `size`, the run's or
    224. `allow_code` lets the model run code of its own: lambdas in the file, and what modules beside it or in the
    folders `code` define.

    Raises:
        SpecError: SC501, SC502 for the file, SC112 for its code, SC201 for the layer, SC203 for the application, SC604
            for a model that takes no image.
    """
    require_pillow()
    model = load_saved(path, allow_code, code)
    marks = checkpoints.marks(path)
    names = tuple(marks.get("class_names", ())) or None
    said = marks.get("images") or {}
    if layer is not None:
        model, names = _up_to(model, layer, path), None
    reader = reader_for(model, said, size=size, interpolation=interpolation)
    return ImageModel(model, reader, names, preprocessing(preprocess))


def reader_for(
    model: Any, said: Mapping[str, Any], *, size: tuple[int, int] | None = None, interpolation: str | None = None
) -> ImageReader:
    """How image files are read for a model; `said` is how its run read them.

    Raises:
        SpecError: SC604 for a model that takes no image.
    """
    if len(model.inputs) != 1:
        raise SpecError.single("SC604", f"the model has {len(model.inputs)} inputs, images are one")
    shape = tuple(model.inputs[0].shape)
    if len(shape) == 4 and _has_channels_first(model):
        message = f"the model's input {shape} has its channels first, images are read with theirs last"
        raise SpecError.single("SC604", message, help=_PERMUTE)
    if len(shape) != 4 or shape[-1] not in COLOR_MODES:
        raise SpecError.single("SC604", f"the model's input {shape} is no image of 1, 3 or 4 channels")
    preferred = size or tuple(said.get("size", ())) or (224, 224)
    height, width = (fixed or chosen for fixed, chosen in zip(shape[1:3], preferred, strict=True))
    interpolation = interpolation or said.get("interpolation", "nearest")
    return ImageReader((height, width), shape[-1], interpolation, said.get("crop_to_aspect_ratio", False))


_PERMUTE = "change it with `input: {shape: [HEIGHT, WIDTH, 3]}`, and `insert` a `Permute: [3, 1, 2]` after its input"


def _has_channels_first(model: Any) -> bool:
    try:
        graph = read_graph(model)
    except SpecError:  # its graph is Python code
        return False
    return channel_axis(graph, graph.input_refs[0].node) == 1


def run_images(opened: ImageModel, files: Sequence[str], batch_size: int = 32, begin: int = 0) -> Iterator[Batch]:
    """What the model puts out for each file from `begin` on, batch by batch; each names those that cannot be read."""
    names = tuple(opened.model.output_names)
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        for start in range(begin, len(files), batch_size):
            chosen = files[start : start + batch_size]
            results = list(pool.map(opened.reader.attempt, chosen))
            good = [(file, image) for file, image in zip(chosen, results, strict=True) if not isinstance(image, str)]
            bad = tuple((file, why) for file, why in zip(chosen, results, strict=True) if isinstance(why, str))
            outputs: dict[str, Array] = {}
            if good:
                images = np.stack([image for _, image in good])
                if opened.preprocess is not None:
                    images = opened.preprocess(images)
                try:
                    with quietly():  # each length of a batch is traced
                        predicted = opened.model.predict_on_batch(images)
                    result = keras.tree.flatten(predicted)
                except ValueError as error:  # TensorFlow takes fewer names of models than Keras saves
                    message = f"the model cannot be run: {keras_reason(error)}"
                    raise SpecError.single("SC502", message) from None
                outputs = {name: np.asarray(each) for name, each in zip(names, result, strict=True)}
            yield Batch(tuple(file for file, _ in good), outputs, bad, start + len(chosen))


def load_saved(path: str, allow_code: bool, code: Sequence[str] = ()) -> Any:
    """A saved model, uncompiled; what it needs of its own may be beside it, or in the folders `code`.

    Raises:
        SpecError: SC501, SC502 for the file, SC112 for its code.
    """
    model_file(path)
    try:
        objects = SavedCode.of(saved_config(path)).objects(path, [os.path.dirname(path), *code], allow_code)
        return load_by_keras(path, objects, allow_code)
    except SpecError:
        raise
    except Exception as error:  # a damaged config makes Keras, and the classes that it names, raise anything
        message = f"`{path}` cannot be read as a model"
        raise SpecError.single("SC502", message, notes=[f"Keras says: {keras_reason(error)}"]) from None


def _up_to(model: Any, layer: str, path: str) -> Any:
    names = [each.name for each in model.layers]
    if layer not in names:
        help = did_you_mean(layer, names, f"`spec-compiler layers {path}` prints the names")
        raise SpecError.single("SC201", f"no layer named `{layer}`", help=help)
    return keras.Model(model.inputs, model.get_layer(layer).output)


def preprocessing(application: str | None) -> Any:
    """An application's `preprocess_input`; None where there is nothing to do.

    Raises:
        SpecError: SC203.
    """
    if application is None:
        return None
    constructor = getattr(keras.applications, application, None)
    if constructor is None or not application[0].isupper():
        names = [name for name in dir(keras.applications) if name[0].isupper()]
        help = did_you_mean(application, names)
        raise SpecError.single("SC203", f"no Keras application is called `{application}`", help=help)
    if mode_of(application) == "none":
        return None
    return vars(sys.modules[constructor.__module__])["preprocess_input"]
