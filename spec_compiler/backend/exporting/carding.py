"""The card of an artefact, from the model that it was made of and the runtime that it was run in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras

from spec_compiler.backend.exporting.runtimes.runtime import Runtime
from spec_compiler.backend.exporting.samples import Images
from spec_compiler.backend.exporting.subject import Subject
from spec_compiler.backend.images import COLOR_MODES
from spec_compiler.exporting.card import Card, Image, Input, Output, preprocessing_of
from spec_compiler.exporting.comparison import Compared
from spec_compiler.exporting.formats import Format
from spec_compiler.exporting.wanted import Wanted
from spec_compiler.graph.layer_spec import Shape


def card_of(
    subject: Subject,
    form: Format,
    wanted: Wanted,
    runtime: Runtime,
    compared: Sequence[Compared],
    *,
    files: Mapping[str, str],
    images: Images | None,
    classes: Sequence[str] | None,
    probes: str,
) -> Card:
    """What the artefact takes and puts out, as its runtime names it; `files` are its files with their digests."""
    specs = dict(zip(subject.inputs, subject.model.inputs, strict=True))
    outputs = zip(runtime.outputs, subject.outputs, subject.model.outputs, compared, strict=True)
    image = None if images is None else _image(images, wanted.preprocess)
    return Card(
        format=form.key,
        precision=wanted.precision,
        model=str(subject.model.name),
        files=dict(files),
        inputs=tuple(
            Input(
                name=name,
                layer=layer,
                shape=_shape(specs[layer], runtime),
                dtype=str(specs[layer].dtype),
                image=image,
            )
            for layer, name in runtime.inputs.items()
        ),
        outputs=tuple(
            Output(
                name=name,
                layer=layer,
                shape=_shape(tensor, runtime),
                dtype=str(tensor.dtype),
                classes=None if classes is None else tuple(classes),
                largest_difference=each.relative,
                tolerance=each.tolerance,
            )
            for name, layer, tensor, each in outputs
        ),
        runtime=runtime.text,
        probes=probes,
        made_with=_versions(form),
    )


def _shape(tensor: Any, runtime: Runtime) -> Shape:
    return (1, *tensor.shape[1:]) if runtime.takes_one else tuple(tensor.shape)


def _image(images: Images, application: str | None) -> Image:
    reader = images.reader
    return Image(
        height=reader.size[0],
        width=reader.size[1],
        color=COLOR_MODES[reader.channels],
        interpolation=reader.interpolation,
        crop_to_aspect_ratio=reader.crop,
        preprocessing=preprocessing_of(application),
    )


def _versions(form: Format) -> dict[str, str]:
    names = ["spec-compiler", "keras", "tensorflow", *(each.partition(">")[0] for each in form.packages.values())]
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a tree that is not installed, another backend
            continue
    return {**found, "keras": str(keras.__version__)}
