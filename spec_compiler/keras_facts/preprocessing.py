"""How Keras's applications want their pixels: what `keras.applications.<module>.preprocess_input` does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

from spec_compiler.diagnostics import SpecError, did_you_mean
from spec_compiler.keras_facts import catalogue

Mode = Literal["caffe", "tf", "torch", "none"]

# The first pattern that fits; `none` is for applications that begin with their preprocessing, or take raw pixels.
_MODES: tuple[tuple[str, Mode], ...] = (
    ("VGG*", "caffe"),
    ("ResNet*V2", "tf"),
    ("ResNet*", "caffe"),
    ("Inception*", "tf"),
    ("Xception", "tf"),
    ("MobileNetV3*", "none"),
    ("MobileNet*", "tf"),
    ("NASNet*", "tf"),
    ("DenseNet*", "torch"),
    ("EfficientNet*", "none"),
    ("ConvNeXt*", "none"),
)


def mode_of(application: str) -> Mode:
    """How an application wants its pixels, which are red, green, blue, from 0 to 255.

    `caffe`: blue first, less the mean of ImageNet; `tf`: from -1 to 1; `torch`: from 0 to 1, less the mean, over the
    deviation; `none`: as they are.

    Raises:
        SpecError: SC203 for an application whose preprocessing is not known.

    >>> mode_of("ResNet50"), mode_of("ResNet50V2"), mode_of("EfficientNetB0")
    ('caffe', 'tf', 'none')
    """
    if application in catalogue.application_names():
        for pattern, mode in _MODES:
            if fnmatchcase(application, pattern):
                return mode
    message = f"the preprocessing of `{application}` is not known"
    otherwise = "leave `preprocess` out, and insert its layers yourself"
    help = did_you_mean(application, ["auto", *catalogue.application_names()], otherwise)
    raise SpecError.single("SC203", message, help=help)
