"""The `data` section -> what Keras's `fit` takes, every misfit with the model found before an epoch runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from spec_compiler.backend.images import ImageReader, check_images
from spec_compiler.backend.models.arguments import deserialized, made
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.training.batches import Batches, ImageBatches
from spec_compiler.backend.training.code_data import Fit, load_function
from spec_compiler.backend.training.parts import Part
from spec_compiler.diagnostics import Diagnostic, SpecError, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.data import HELD, Data
from spec_compiler.training.folder import Folders, ImageFolder, read_folders
from spec_compiler.training.image_data import check_classes, image_shape
from spec_compiler.training.loss import Labels, labels_for
from spec_compiler.training.reported import output_names

PartName = Literal["train", "validation", "test"]
Seen = Callable[[int, int], None]  # how many images are checked, of how many


@dataclass(frozen=True)
class LoadedData:
    """What `fit` takes. `class_names` is empty and the counts are None where the data comes from Python functions.

    `images` says how files were read, for whoever reads others for the same model. `test` is what no phase sees.
    """

    train: Any
    validation: Any
    class_names: tuple[str, ...] = ()
    num_train: int | None = None
    num_validation: int | None = None
    fingerprint: str = ""
    images: Mapping[str, Any] = field(default_factory=dict)
    test: Part | None = None

    @property
    def num_test(self) -> int | None:
        """How many samples there are to test with, where that is known."""
        return self.test.size if self.test is not None else None


def load_part(
    spec: Spec, key: PartName, graph: Graph, model: Any, *, allow_code: bool, seen: Seen = lambda count, total: None
) -> Part | None:
    """One part of the data of a spec by itself, every sample of it proven readable; None where the spec has none.

    `graph` and `model` are the edited model, or a trained one of the same inputs and outputs. The samples stand in the
    order of the files, and nothing augments them.

    Raises:
        SpecError: as `load_data`, paths relative to the spec.
    """
    data = spec.data
    if data is None or getattr(data, key) is None:
        return None
    if data.is_code:
        assert spec.compile is not None
        _check_permission(data, allow_code)
        fit = Fit.of(model, spec.compile.loss)
        return _part_of_code(getattr(data, key), spec.source.folder, key, fit, data.batch_size)
    folders = read_folders(data, spec.source.folder, spec.seed)
    images = _Images.of(spec, graph, folders)
    folder = getattr(folders, key)
    with under("data", key if isinstance(getattr(data, key), str) else "train"):
        check_images(images.reader, folder.files, lambda count: seen(count, len(folder)))
    return images.part(folder)


def load_images(spec: Spec, graph: Graph, folders: Folders, seen: Seen = lambda count, total: None) -> LoadedData:
    """The images as batches that fit the model, every file proven readable.

    Raises:
        SpecError: SC603, SC604, SC102; paths relative to the spec.
    """
    data = spec.data
    assert data is not None
    images = _Images.of(spec, graph, folders)
    reader = images.reader
    augment = augmentation(data, reader, spec.source.folder)
    _check_images(reader, data, folders, seen)
    options = {"seed": spec.seed, "shuffle": True, "augment": augment}
    return LoadedData(
        ImageBatches(folders.train, reader, images.labels, data.batch_size, **options),
        images.part(folders.validation).batches if folders.validation else None,
        folders.train.class_names,
        len(folders.train),
        len(folders.validation) if folders.validation else None,
        _fingerprint(folders),
        {"size": list(reader.size), "interpolation": reader.interpolation, "crop_to_aspect_ratio": reader.crop},
        images.part(folders.test) if folders.test else None,
    )


@dataclass(frozen=True)
class _Images:
    """How the images of class folders become batches for a model with one output."""

    reader: ImageReader
    labels: Labels
    output: str
    batch_size: int

    @classmethod
    def of(cls, spec: Spec, graph: Graph, folders: Folders) -> _Images:
        data = spec.data
        assert data is not None
        check_classes(graph, folders.train)
        height, width, channels = image_shape(data, graph)
        reader = ImageReader(
            (height, width), channels, data.interpolation, data.crop_to_aspect_ratio, spec.source.folder
        )
        return cls(reader, labels_for(spec, graph), output_names(graph)[0], data.batch_size)

    def part(self, folder: ImageFolder) -> Part:
        batches = ImageBatches(folder, self.reader, self.labels, self.batch_size)
        labels = {self.output: np.asarray(folder.labels, "int64")}
        return Part(batches, len(folder), folder.files, labels, {self.output: folder.class_names})


def load_code(spec: Spec, model: Any, allowed: bool) -> LoadedData:
    """What the Python functions give that the section names, as the model takes it.

    Raises:
        SpecError: SC112 without permission, SC606.
    """
    data = spec.data
    assert data is not None
    assert spec.compile is not None
    _check_permission(data, allowed)
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
    held = {
        key: _part_of_code(text, folder, key, fit, data.batch_size)
        for key in HELD
        if isinstance(text := getattr(data, key), str)
    }
    validation = held["validation"].batches if "validation" in held else None
    return LoadedData(train, validation, fingerprint=data.train, test=held.get("test"))


def _part_of_code(text: str, folder: Folder, key: str, fit: Fit, batch_size: int) -> Part:
    batches = load_function(text, folder, key, fit, batch_size)
    return Part(batches, batches.size if isinstance(batches, Batches) else None)


def _check_permission(data: Data, allowed: bool) -> None:
    """SC112 where the data comes from code that may not run."""
    if not allowed:
        message = f"`{data.train}` is Python code, which runs only with permission"
        help = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"
        raise SpecError.single("SC112", message, path=("data", "train"), help=help)


def _check_images(reader: ImageReader, data: Data, folders: Folders, seen: Seen) -> None:
    """Proves that every image can be read, each told at the key that names its folder."""
    parts: dict[str, tuple[str, ...]] = {}
    for name, folder in folders._asdict().items():
        if folder is not None:
            key = name if isinstance(getattr(data, name), str) else "train"
            parts[key] = (*parts.get(key, ()), *folder.files)
    total = sum(map(len, parts.values()))
    done = 0
    problems: list[Diagnostic] = []
    for key, files in parts.items():
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
    """A digest of which files train and validate, each with its class."""
    lines: list[str] = []
    for folder in (folders.train, folders.validation):
        if folder is not None:
            lines += map("{} {}".format, folder.labels, (file.removeprefix(folder.path) for file in folder.files))
            lines.append("-")
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
