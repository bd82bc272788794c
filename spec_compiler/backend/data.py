"""The `data` section -> what Keras's `fit` takes, every misfit with the model found before an epoch runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.batches import ArrayBatches, Batches, ImageBatches
from spec_compiler.backend.functions import call_function
from spec_compiler.backend.images import COLOR_MODES, ImageReader, check_images, require_pillow
from spec_compiler.backend.shapes import keras_reason
from spec_compiler.backend.writer import deserialized
from spec_compiler.channels import channel_axis
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.training.check import labels_for, num_units, output_layer
from spec_compiler.training.data import Data
from spec_compiler.training.folder import Folders, ImageFolder

Seen = Callable[[int, int], None]  # how many images are checked, of how many


@dataclass(frozen=True)
class LoadedData:
    """What `fit` takes. `class_names` is empty and the counts are None where the data comes from Python functions."""

    train: Any
    validation: Any
    class_names: tuple[str, ...] = ()
    num_train: int | None = None
    num_validation: int | None = None
    fingerprint: str = ""


def load_images(spec: Spec, graph: Graph, folders: Folders, seen: Seen = lambda count, total: None) -> LoadedData:
    """The images as batches that fit the model, every file proven readable.

    Raises:
        SpecError: SC603, SC604, SC102; paths relative to the spec.
    """
    data = spec.data
    assert data is not None
    require_pillow()
    _check_classes(spec, graph, folders.train)
    reader = _reader(data, graph)
    augment = _augmentation(data, reader, spec.source.folder)
    _check_images(reader, folders, "validation" if isinstance(data.validation, str) else "train", seen)
    labels = labels_for(spec, graph)
    train = ImageBatches(folders.train, reader, labels, data.batch_size, seed=spec.seed, shuffle=True, augment=augment)
    validation = ImageBatches(folders.validation, reader, labels, data.batch_size) if folders.validation else None
    return LoadedData(
        train,
        validation,
        folders.train.class_names,
        len(folders.train),
        len(folders.validation) if folders.validation else None,
        _fingerprint(folders),
    )


def load_code(spec: Spec, allowed: bool) -> LoadedData:
    """What the Python functions give that the section names.

    Raises:
        SpecError: SC112 without permission, SC606.
    """
    data = spec.data
    assert data is not None
    if not allowed:
        message = f"`{data.train}` is Python code, which runs only with permission"
        help = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"
        raise SpecError.single("SC112", message, path=("data", "train"), help=help)
    augment = _augmentation(data, None, spec.source.folder)
    train = _called(data.train, spec.source.folder, "train")
    validation = None
    if isinstance(data.validation, str):
        validation = _called(data.validation, spec.source.folder, "validation")
    options = {"seed": spec.seed, "shuffle": True, "augment": augment}
    return LoadedData(
        _batches(train, data, "train", **options),
        _batches(validation, data, "validation") if validation is not None else None,
        fingerprint=data.train,
    )


def _reader(data: Data, graph: Graph) -> ImageReader:
    where = ("data", "image_size")
    if len(graph.input_refs) != 1:
        message = f"the model has {len(graph.input_refs)} inputs, images in class folders are one"
        raise SpecError.single("SC604", message, path=("data",), at_key=True, help="give `module:function` as `train`")
    spec = graph.spec_of(graph.input_refs[0])
    shape = spec.shape if spec is not None else ()
    if len(shape) == 4 and channel_axis(graph, graph.input_refs[0].node) == 1:
        message = f"the model's input {tuple(shape)} has its channels first, images are read with theirs last"
        help = "give the data with `module:function`; or write `input: {shape: [HEIGHT, WIDTH, 3]}`,\n"
        help += "and `insert` a `Permute: [3, 1, 2]` after the input"
        raise SpecError.single("SC604", message, path=("data",), at_key=True, help=help)
    if len(shape) != 4 or shape[-1] not in COLOR_MODES:
        message = f"the model's input {tuple(shape)} is no image of 1, 3 or 4 channels"
        help = "change it with `input`, or give the data with `module:function`"
        raise SpecError.single("SC604", message, path=("data",), at_key=True, help=help)
    _, height, width, channels = shape
    if data.image_size is not None:
        for wanted, size in zip(data.image_size, (height, width), strict=True):
            if size is not None and size != wanted:
                message = f"`image_size` is {list(data.image_size)}, the model takes images of {height}x{width}"
                help = "leave `image_size` out, or change the model's input with `input`"
                raise SpecError.single("SC604", message, path=where, help=help)
        height, width = data.image_size
    if height is None or width is None:
        message = "the model takes images of any size, so `data` needs `image_size`"
        raise SpecError.single("SC102", message, path=("data",), at_key=True, help="add `image_size: [224, 224]`")
    assert channels is not None
    return ImageReader((height, width), channels, data.interpolation, data.crop_to_aspect_ratio)


def _check_images(reader: ImageReader, folders: Folders, held: str, seen: Seen) -> None:
    """Proves that every image can be read; `held` is the key of the section that those to validate on come from."""
    train, validation = folders.train.files, folders.validation.files if folders.validation is not None else ()
    total = len(train) + len(validation)
    parts = [("train", (*train, *validation))] if held == "train" else [("train", train), (held, validation)]
    done = 0
    problems: list[Diagnostic] = []
    for key, files in parts:
        try:
            check_images(reader, files, lambda count, done=done: seen(done + count, total))  # type: ignore[misc]
        except SpecError as error:
            problems += error.under("data", key).diagnostics
        done += len(files)
    if problems:
        raise SpecError(problems)


def _check_classes(spec: Spec, graph: Graph, folder: ImageFolder) -> None:
    units, count = num_units(graph), len(folder.class_names)
    layer = output_layer(graph)
    fits = count == 2 if units == 1 else count == units
    if fits or units is None:
        return
    names = ", ".join(f"`{name}`" for name in folder.class_names[:6]) + (" …" if count > 6 else "")
    one = "tells two classes apart" if units == 1 else f"has {units} outputs"
    if layer.is_new:
        help = f"write `units: {count}` in `{layer.name}`"
    elif count == units:
        help = None
    else:
        help = f"add a `head` that ends in `Dense: {{units: {count}, activation: softmax}}`"
    related = [(f"`{layer.name}` is made here", layer.origin.path)] if layer.is_new else []
    message = f"the data has {count} {'class' if count == 1 else 'classes'}, `{layer.name}` {one}"
    raise SpecError(
        [
            Diagnostic(
                "SC604",
                message,
                ("data", "train"),
                notes=(f"the classes are {names}",),
                help=help,
                related=tuple(related),
            )
        ]
    )


def _augmentation(data: Data, reader: ImageReader | None, folder: str) -> tuple[Any, ...]:
    """The layers, each tried on two images: it must change neither their size nor their number."""
    layers: list[Any] = []
    for index, entry in enumerate(data.augment):
        path = ("data", "augment", index)
        try:
            arguments = deserialized(entry.class_name, entry.arguments, folder)
        except SpecError as error:
            raise error.under(*path, entry.class_name) from None
        try:
            layer = getattr(keras.layers, entry.class_name)(**arguments)
            if reader is not None:
                images = np.zeros((2, *reader.size, reader.channels), "float32")
                shape = tuple(layer(images, training=True).shape)
        except Exception as error:
            notes = [f"Keras says: {keras_reason(error)}"]
            message = f"`{entry.class_name}` cannot augment these images"
            raise SpecError.single("SC604", message, path=path, notes=notes) from None
        if reader is not None and shape != (2, *reader.size, reader.channels):
            message = f"`{entry.class_name}` makes images of {shape[1:]}, the model takes {images.shape[1:]}"
            raise SpecError.single("SC604", message, path=path, help="put it into the model with `insert`")
        layers.append(layer)
    return tuple(layers)


def _called(text: str, folder: str, key: str) -> Any:
    help = "the function takes no arguments and returns `(inputs, targets)` or what Keras's `fit` takes as data"
    try:
        return call_function(text, folder, "SC606", help=help)
    except SpecError as error:
        raise error.under("data", key) from None


def _batches(given: Any, data: Data, key: str, **options: Any) -> Any:
    if isinstance(given, tuple | list) and len(given) == 2:
        inputs, targets = (np.asarray(each) for each in given)
        if len(inputs) != len(targets) or not len(inputs):
            message = f"`{key}` gives {len(inputs)} inputs and {len(targets)} targets"
            help = "the function returns one target for each input"
            raise SpecError.single("SC606", message, path=("data", key), help=help)
        return ArrayBatches(inputs, targets, data.batch_size, **options)
    if data.augment and key == "train" and not isinstance(given, Batches):
        message = "`augment` needs the data as arrays or folders, the function gives batches"
        raise SpecError.single("SC108", message, path=("data", "augment"), help="augment in the function")
    return given


def _fingerprint(folders: Folders) -> str:
    digest = hashlib.sha256()
    for text in _names(folders):
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def _names(folders: Folders) -> Iterator[str]:
    for folder in (folders.train, folders.validation):
        if folder is not None:
            yield from (f"{label} {file.removeprefix(folder.path)}" for file, label in
                        zip(folder.files, folder.labels, strict=True))  # fmt: skip
            yield "-"
