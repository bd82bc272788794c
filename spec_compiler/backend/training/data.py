"""The `data` section -> what Keras's `fit` takes, every misfit with the model found before an epoch runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from spec_compiler.backend.image_cache import CachedReader, check_room
from spec_compiler.backend.images import ImageReader
from spec_compiler.backend.masks import MaskReader
from spec_compiler.backend.training.array_data import load_arrays, load_code
from spec_compiler.backend.training.augmenting import augmentation, check_masks_follow
from spec_compiler.backend.training.code_data import Fit
from spec_compiler.backend.training.loaded import LoadedData, described
from spec_compiler.backend.training.parts import Part
from spec_compiler.backend.training.sample_batches import SampleBatches, Shaping
from spec_compiler.backend.training.sample_check import Seen, check_files, check_labels
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.data import Data
from spec_compiler.training.class_weights import class_weights, counts_of
from spec_compiler.training.folder import Folders
from spec_compiler.training.folder_data import folder_parts
from spec_compiler.training.image_data import image_shape
from spec_compiler.training.kinds import ends
from spec_compiler.training.reported import input_names, output_names
from spec_compiler.training.samples import Parts, Samples, fingerprint
from spec_compiler.training.sources import Source, read_source, require_pillow
from spec_compiler.training.table_data import Tables, table_parts
from spec_compiler.training.twice import twice

PartName = Literal["train", "validation", "test"]


def load_data(
    spec: Spec,
    graph: Graph,
    model: Any,
    source: Source,
    *,
    allow_code: bool,
    seen: Seen = lambda count, total: None,
) -> LoadedData:
    """All of the data, as `graph` and `model`, the edited model, take it; every file proven readable.

    Raises:
        SpecError: SC102, SC112, SC114, SC603, SC604, SC606, SC620; paths relative to the spec.
    """
    assert spec.data is not None
    if isinstance(source, Folders | Tables):
        return _load_samples(spec, graph, model, _parts(spec, graph, source), seen)
    if spec.data.is_code:
        return load_code(spec, model, allow_code)
    return load_arrays(spec, model, source)


def load_part(
    spec: Spec, key: PartName, graph: Graph, model: Any, *, allow_code: bool, seen: Seen = lambda count, total: None
) -> Part | None:
    """One part of the data of a spec by itself, every sample of it proven readable; None where the spec has none.

    `graph` and `model` are the edited model, or a trained one of the same inputs and outputs. The samples stand in the
    order of the files or rows, nothing augments them and no class counts more than another.

    Raises:
        SpecError: as `load_data`, paths relative to the spec.
    """
    data = spec.data
    if data is None:
        return None
    source = read_source(spec)
    if isinstance(source, Folders | Tables):
        parts = _parts(spec, graph, source)
        if key not in parts.present():
            return None
        shaping = _shaping(spec, graph, model, parts)
        check_labels(parts, shaping, graph)
        samples = parts.present()[key]
        check_files({key: samples}, shaping, seen)
        return _part(samples, shaping, data.batch_size)
    if getattr(data, key) is None:
        return None
    loaded = load_code(spec, model, allow_code, (key,)) if data.is_code else load_arrays(spec, model, source, (key,))
    return loaded.parts[key]


def _parts(spec: Spec, graph: Graph, source: Folders | Tables) -> Parts:
    if isinstance(source, Folders):
        return folder_parts(spec, graph, source)
    return table_parts(spec, graph, source)


def _load_samples(spec: Spec, graph: Graph, model: Any, parts: Parts, seen: Seen) -> LoadedData:
    data = spec.data
    assert data is not None
    shaping = _shaping(spec, graph, model, parts)
    if shaping.readers or shaping.masks:
        with under("data", "train"):
            require_pillow()
    check_labels(parts, shaping, graph)
    images = [*shaping.readers.values()]
    layers = augmentation(data, images[0] if images else None, spec.source.folder)
    if layers and not images:
        message = "`augment` changes images, the model takes none"
        raise SpecError.single("SC604", message, path=("data", "augment"), at_key=True, help="leave it out")
    check_masks_follow(data, layers, shaping)
    present = parts.present()
    held = 0
    if data.cache:
        with under("data"):
            held = check_room(sum(map(len, present.values())), images)
    counts = counts_of(parts.train.targets) | check_files(present, shaping, seen)
    weights = class_weights(data.class_weight, parts.train.targets, counts) if data.class_weight is not None else {}
    batches, by_keras = _batches(data, parts.train, shaping, weights, spec.seed, layers)
    others = {key: _part(samples, shaping, data.batch_size) for key, samples in present.items() if key != "train"}
    strata = parts.train.strata
    return LoadedData(
        batches,
        others["validation"].batches if "validation" in others else None,
        class_names=strata[0].class_names if len(strata) == 1 and len(parts.train.targets) == 1 else (),
        num_train=len(parts.train),
        num_validation=len(parts.validation) if parts.validation is not None else None,
        fingerprint=fingerprint(parts, _roots(spec)),
        images=_as_marks(images[0]) if len(images) == 1 else {},
        test=others.get("test"),
        parts=others,
        class_weight=by_keras,
        warnings=twice(parts),
        says=described(parts.train, weights, held),
        noun="images" if data.is_folder else "rows",
    )


def _batches(
    data: Data,
    samples: Samples,
    shaping: Shaping,
    weights: Mapping[str, Mapping[int, float]],
    seed: int,
    layers: tuple[Any, ...],
) -> tuple[SampleBatches, Mapping[int, float] | None]:
    """The batches to train on, and what Keras is to weigh the classes with, where it can.

    Keras takes `class_weight` for one output with one class a sample, and not beside weights of samples.
    """
    options: dict[str, Any] = {"seed": seed, "shuffle": True, "augment": layers}
    can = len(samples.targets) == 1 and samples.weights is None and samples.targets[0].kind == "class"
    if weights and can:
        return SampleBatches(samples, shaping, data.batch_size, **options), next(iter(weights.values()))
    return SampleBatches(samples, shaping, data.batch_size, weights, **options), None


def _shaping(spec: Spec, graph: Graph, model: Any, parts: Parts) -> Shaping:
    """How the samples become what the model takes.

    Raises:
        SpecError: SC102, SC604, paths relative to the spec.
    """
    data, folder = spec.data, spec.source.folder
    assert data is not None
    fit = Fit.of(model, spec.compile.loss if spec.compile is not None else None)
    inputs = ends(graph, input_names(graph), graph.input_refs)
    outputs = ends(graph, output_names(graph), graph.output_refs)
    kind = CachedReader if data.cache else ImageReader
    readers: dict[str, ImageReader] = {}
    for index, series in enumerate(parts.train.inputs):
        if series.kind == "image":
            height, width, channels = image_shape(data, graph, index if len(inputs) > 1 else None)
            readers[series.name] = kind(
                (height, width), channels, data.interpolation, data.crop_to_aspect_ratio, folder
            )
    masks: dict[str, MaskReader] = {}
    for series, end in zip(parts.train.targets, outputs, strict=True):
        if series.kind == "mask":
            masks[series.name] = MaskReader(
                _mask_size(series.name, end.shape, readers), data.crop_to_aspect_ratio, folder
            )
    return Shaping(fit.inputs, fit.outputs, {each.name: each for each in (*inputs, *outputs)}, fit.loss, readers, masks)


def _mask_size(name: str, shape: Any, readers: Mapping[str, ImageReader]) -> tuple[int, int]:
    if shape is None or len(shape) != 4:
        message = f"`{name}` puts out {shape}, a mask is compared with a number or a class for each pixel"
        raise SpecError.single(
            "SC604", message, path=("data", "targets"), help="name another column, or another output"
        )
    if None not in shape[1:3]:
        return shape[1], shape[2]
    if len(readers) == 1:  # a model of any size puts out what it takes, or `fit` says what differs
        return next(iter(readers.values())).size
    message = f"`{name}` puts out masks of any size"
    raise SpecError.single("SC604", message, path=("data",), at_key=True, help="give the model's input a size: `input`")


def _part(samples: Samples, shaping: Shaping, batch_size: int) -> Part:
    return Part(
        SampleBatches(samples, shaping, batch_size),
        len(samples),
        samples.files,
        {each.name: each.values for each in samples.targets if each.kind != "mask"},
        {each.name: each.class_names for each in samples.targets if each.class_names},
    )


def _roots(spec: Spec) -> list[str]:
    """The folders that paths start from: a run goes on where all of it was moved to another place."""
    return [os.path.join(os.path.normpath(spec.source.folder.path or "."), "")]


def _as_marks(reader: ImageReader) -> dict[str, Any]:
    return {
        "size": list(reader.size),
        "interpolation": reader.interpolation,
        "crop_to_aspect_ratio": reader.crop,
    }
