"""The layers that change training images at random, each tried before an epoch runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spec_compiler.backend.images import ImageReader
from spec_compiler.backend.models.arguments import deserialized, made
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.training.sample_batches import Shaping, augmented_together
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.files import Folder
from spec_compiler.spec.data import Data


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


def check_masks_follow(data: Data, layers: Sequence[Any], shaping: Shaping) -> None:
    """Proves that the layers change the masks of images as they change the images.

    Raises:
        SpecError: SC604, paths relative to the spec.
    """
    if not layers or not shaping.masks:
        return
    if len(shaping.readers) != 1:
        message = "`augment` changes masks with their image, the model takes several images"
        raise SpecError.single("SC604", message, path=("data", "augment"), at_key=True, help="leave it out")
    (reader,) = shaping.readers.values()
    for name, mask in shaping.masks.items():
        if mask.size != reader.size:
            sizes = f"{mask.size[0]}x{mask.size[1]}, the image {reader.size[0]}x{reader.size[1]}"
            message = f"`augment` changes masks with their image, the masks of `{name}` are {sizes}"
            raise SpecError.single("SC604", message, path=("data", "augment"), at_key=True, help="leave it out")
    images = np.zeros((2, *reader.size, reader.channels), "float32")
    for index, (entry, layer) in enumerate(zip(data.augment, layers, strict=True)):
        path = ("data", "augment", index)
        help = "leave it out; layers of Keras that begin with `Random` do, and so may your own that inherit from those"
        try:
            augmented_together(layer, images, [np.zeros((2, *reader.size), "int32")])
        except Exception as error:
            notes = [f"Keras says: {keras_reason(error)}"]
            message = f"`{entry.class_name}` cannot change the masks with the images"
            raise SpecError.single("SC604", message, path=path, notes=notes, help=help) from None
