"""What a model is tried on and calibrated with: images of a folder, arrays, seeded inputs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.exporting.subject import Array, Subject
from spec_compiler.backend.images import ImageReader, find_images
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.weights.walking import array_of
from spec_compiler.diagnostics import SpecError
from spec_compiler.reading import Damaged
from spec_compiler.reading.arrays import npz_heads, read_arrays
from spec_compiler.training.sources import require_pillow

MOST_PROBES = 8
MOST_SAMPLES = 200  # by which int8 learns how large numbers become; more change little and each is run


@dataclass(frozen=True)
class Samples:
    """Arrays by the names of a model's inputs, and what they are in words."""

    arrays: Mapping[str, Array]
    text: str

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.arrays.values())))

    def first(self, most: int) -> Samples:
        """As many of them at most, from the whole of them."""
        at = np.unique(np.linspace(0, self.count - 1, min(most, self.count)).round().astype(int))
        return Samples({name: each[at] for name, each in self.arrays.items()}, self.text)


@dataclass(frozen=True)
class Images:
    """How image files become the input of a model."""

    reader: ImageReader
    preprocess: Any = None

    def read(self, files: Sequence[str]) -> Array:
        """A batch of them."""
        images = self.reader.read_all(files)
        return images if self.preprocess is None else np.asarray(self.preprocess(images))


def given_samples(given: Any, subject: Subject, images: Images | None, most: int) -> Samples:
    """What the caller names: a folder with images, an `.npz` file, or arrays as the model takes them.

    Raises:
        SpecError: SC501, SC502, SC603 for the files, SC604 for a model that takes no image, SC620 for arrays that do
            not fit.
    """
    if not isinstance(given, str | os.PathLike):
        return _fitting(_flat(given, subject), subject, "the arrays given").first(most)
    path = os.fspath(given)
    if os.path.isdir(path):
        return _of_folder(path, subject, images, most)
    if not os.path.isfile(path):
        raise SpecError.single(
            "SC501", f"no folder or file `{path}`", help="name a folder with images, or an `.npz` file"
        )
    try:
        arrays = read_arrays(path, npz_heads(path))
    except (Damaged, OSError) as error:
        help = "name a folder with images, or an `.npz` file with an array for each input"
        raise SpecError.single("SC502", f"`{path}` cannot be read as arrays: {error}", help=help) from None
    return _fitting(_by_name(arrays, subject, path), subject, os.path.basename(path)).first(most)


def seeded(subject: Subject) -> tuple[Samples, list[Array]]:
    """Seeded inputs that the model can be run on, and what Keras puts out for them.

    Raises:
        SpecError: SC609 where there are none.
    """
    refused: Exception | None = None
    for probe in subject.probes():
        arrays = {name: array_of(probe.inputs[name]) for name in subject.inputs}
        try:
            return Samples(arrays, probe.text), subject.run(arrays)
        except Exception as error:  # too small for this network, perhaps
            refused = error
    notes = [f"Keras says: {keras_reason(refused)}" if refused is not None else "it has no inputs"]
    message = "the model cannot be run on seeded inputs of its own shapes"
    raise SpecError.single(
        "SC609", message, notes=notes, help="name inputs for it: `--probe`, a folder or an `.npz` file"
    )


def _of_folder(path: str, subject: Subject, images: Images | None, most: int) -> Samples:
    require_pillow()
    if images is None:
        shapes = ", ".join(str(tuple(each.shape)) for each in subject.model.inputs)
        help = "name an `.npz` file with an array for each input"
        raise SpecError.single("SC604", f"the model takes {shapes}, which is no image", help=help)
    files = find_images([path])
    if not files:
        raise SpecError.single("SC501", f"no image in `{path}`", help="name a folder with PNG or JPEG files")
    at = np.unique(np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int))
    found = [files[index] for index in at]
    count = f"{len(found)} image{'s' if len(found) > 1 else ''}"
    array = images.read(found).astype(str(subject.model.inputs[0].dtype))
    return Samples({subject.inputs[0]: array}, f"{count} of {os.path.basename(os.path.normpath(path))}")


def _flat(given: Any, subject: Subject) -> list[Array]:
    if isinstance(given, Mapping):
        return _by_name({str(name): np.asarray(each) for name, each in given.items()}, subject, "the arrays given")
    return [np.asarray(each) for each in keras.tree.flatten(given)]


def _by_name(arrays: Mapping[str, Array], subject: Subject, what: str) -> list[Array]:
    if len(arrays) == len(subject.inputs) == 1:
        return list(arrays.values())
    missing = [name for name in subject.inputs if name not in arrays]
    if missing:
        help = f"its arrays are to be called as the inputs: {', '.join(f'`{name}`' for name in subject.inputs)}"
        raise SpecError.single("SC620", f"`{what}` has no array `{missing[0]}`", help=help)
    return [arrays[name] for name in subject.inputs]


def _fitting(arrays: Sequence[Array], subject: Subject, what: str) -> Samples:
    inputs = subject.model.inputs
    if len(arrays) != len(inputs):
        raise SpecError.single("SC620", f"{what}: {len(arrays)} arrays, the model has {len(inputs)} inputs")
    fitted = {}
    for array, tensor, name in zip(arrays, inputs, subject.inputs, strict=True):
        fits = len(array.shape) == len(tensor.shape) and all(
            wanted in (None, size) for wanted, size in zip(tensor.shape[1:], array.shape[1:], strict=True)
        )
        if not fits or not len(array) or len(array) != len(arrays[0]):
            message = f"{what}: an array {array.shape} for the input `{name}`, which takes {tuple(tensor.shape)}"
            raise SpecError.single(
                "SC620", message, help="its first axis counts the samples, the others are the input's"
            )
        fitted[name] = array if str(tensor.dtype) == "string" else array.astype(str(tensor.dtype))
    return Samples(fitted, f"{len(arrays[0])} samples of {what}")
