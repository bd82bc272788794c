"""The `data` section -> what Keras's `fit` takes, every misfit with the model found before an epoch runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spec_compiler.backend.images import ImageReader, check_images
from spec_compiler.backend.models.arguments import deserialized, made
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.training.batches import Batches, ImageBatches
from spec_compiler.backend.training.code_data import Fit, load_function
from spec_compiler.diagnostics import Diagnostic, SpecError, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.data import Data
from spec_compiler.training.folder import Folders
from spec_compiler.training.image_data import check_classes, image_shape
from spec_compiler.training.loss import labels_for

Seen = Callable[[int, int], None]  # how many images are checked, of how many


@dataclass(frozen=True)
class LoadedData:
    """What `fit` takes. `class_names` is empty and the counts are None where the data comes from Python functions.

    `images` says how files were read, for whoever reads others for the same model.
    """

    train: Any
    validation: Any
    class_names: tuple[str, ...] = ()
    num_train: int | None = None
    num_validation: int | None = None
    fingerprint: str = ""
    images: Mapping[str, Any] = field(default_factory=dict)


def load_images(spec: Spec, graph: Graph, folders: Folders, seen: Seen = lambda count, total: None) -> LoadedData:
    """The images as batches that fit the model, every file proven readable.

    Raises:
        SpecError: SC603, SC604, SC102; paths relative to the spec.
    """
    data = spec.data
    assert data is not None
    check_classes(graph, folders.train)
    height, width, channels = image_shape(data, graph)
    place = spec.source.folder
    reader = ImageReader((height, width), channels, data.interpolation, data.crop_to_aspect_ratio, place)
    augment = augmentation(data, reader, place)
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
        {"size": list(reader.size), "interpolation": reader.interpolation, "crop_to_aspect_ratio": reader.crop},
    )


def load_code(spec: Spec, model: Any, allowed: bool) -> LoadedData:
    """What the Python functions give that the section names, as the model takes it.

    Raises:
        SpecError: SC112 without permission, SC606.
    """
    data = spec.data
    assert data is not None
    assert spec.compile is not None
    if not allowed:
        message = f"`{data.train}` is Python code, which runs only with permission"
        help = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"
        raise SpecError.single("SC112", message, path=("data", "train"), help=help)
    fit, folder = Fit.of(model, spec.compile.loss), spec.source.folder
    augment = augmentation(data, None, folder)
    if augment and fit.inputs.form != "one":
        message = "`augment` changes one array of images, the model takes several inputs"
        raise SpecError.single("SC108", message, path=("data", "augment"), help="augment in the function")
    options = {"seed": spec.seed, "shuffle": True, "augment": augment}
    train = load_function(data.train, folder, "train", fit, data.batch_size, **options)
    if augment and not isinstance(train, Batches):
        message = "`augment` needs the data as arrays or folders, the function gives batches"
        raise SpecError.single("SC108", message, path=("data", "augment"), help="augment in the function")
    validation = None
    if isinstance(data.validation, str):
        validation = load_function(data.validation, folder, "validation", fit, data.batch_size)
    return LoadedData(train, validation, fingerprint=data.train)


def _check_images(reader: ImageReader, folders: Folders, held: str, seen: Seen) -> None:
    """Proves that every image can be read; `held` is the key that names those to validate on."""
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


def augmentation(data: Data, reader: ImageReader | None, folder: Folder) -> tuple[Any, ...]:
    """The layers, each tried on two images: it must change neither their size nor their number."""
    layers: list[Any] = []
    for index, entry in enumerate(data.augment):
        path = ("data", "augment", index)
        try:
            with under(*path, entry.class_name):
                arguments = deserialized(entry.class_name, entry.arguments, folder)
                layer = made(entry.class_name, arguments, "layer", folder)
            if reader is not None:
                images = np.zeros((2, *reader.size, reader.channels), "float32")
                shape = tuple(layer(images, training=True).shape)
        except SpecError:
            raise
        except Exception as error:
            notes = [f"Keras says: {keras_reason(error)}"]
            message = f"`{entry.class_name}` cannot augment these images"
            raise SpecError.single("SC604", message, path=path, notes=notes) from None
        if reader is not None and shape != (2, *reader.size, reader.channels):
            message = f"`{entry.class_name}` makes images of {shape[1:]}, the model takes {images.shape[1:]}"
            raise SpecError.single("SC604", message, path=path, help="put it into the model with `insert`")
        layers.append(layer)
    return tuple(layers)


def _fingerprint(folders: Folders) -> str:
    """A digest of which files there are, each with its class."""
    lines: list[str] = []
    for folder in (folders.train, folders.validation):
        if folder is not None:
            lines += map("{} {}".format, folder.labels, (file.removeprefix(folder.path) for file in folder.files))
            lines.append("-")
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
