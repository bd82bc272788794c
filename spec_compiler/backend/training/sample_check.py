"""Every file of the samples proven readable, and what fits: masks to their images and classes, labels to the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from spec_compiler.backend.images import NUM_THREADS, Array, check_images
from spec_compiler.backend.masks import MaskReader, picture_size
from spec_compiler.backend.training.sample_batches import Shaping
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, quoted
from spec_compiler.graph import Graph
from spec_compiler.training.image_data import check_classes
from spec_compiler.training.loss import labels_of
from spec_compiler.training.samples import Parts, Samples, Series
from spec_compiler.training.tables import counted, said_of_rows

Seen = Callable[[int, int], None]  # how many files are checked, of how many


def check_labels(parts: Parts, shaping: Shaping, graph: Graph) -> None:
    """Proves that the model puts out a number for each class and label, and that its losses compare with them.

    Raises:
        SpecError: SC604, paths relative to the spec.
    """
    problems = [*_inputs(parts.train.inputs, shaping)]
    for index, series in enumerate(parts.train.targets):
        units = shaping.ends[series.name].units
        loss = shaping.loss.of(series.name) if shaping.loss is not None else None
        if series.kind == "class":
            with collected(problems):
                check_classes(graph, series.class_names, series.path, index)
        elif series.kind == "labels":
            count = len(series.class_names)
            if units not in (None, count):
                message = f"`{series.name}` has {count} labels, the model puts out {units} numbers"
                notes = (f"the labels are {quoted(series.class_names[:12])}",)
                help = f"write `units: {count}` in its last layer"
                problems.append(Diagnostic("SC604", message, series.path, notes=notes, help=help))
            elif loss is not None and not loss.is_own and "Categorical" in loss.class_name:
                message = f"`{loss.name}` is for one class a sample, `{series.name}` has several labels"
                help = "write `loss: binary_crossentropy`, and `activation: sigmoid` in the last layer"
                problems.append(Diagnostic("SC604", message, series.path, help=help))
        elif series.kind == "mask" and series.class_names:
            with collected(problems):
                check_classes(graph, series.class_names, series.path, index)
        if series.kind == "number" and loss is not None and labels_of(loss, units) == "integer":
            message = f"`{loss.name}` compares with classes, `{series.name}` has numbers"
            help = "write `kind: class`, or another loss, for example `mse`"
            problems.append(Diagnostic("SC604", message, series.path, help=help))
    if problems:
        raise SpecError(problems)


def _inputs(series: Sequence[Series], shaping: Shaping) -> Iterator[Diagnostic]:
    """SC604 for inputs that take neither the numbers of classes nor rows with a one for each, and none of texts."""
    for each in series:
        end, count = shaping.ends[each.name], len(each.class_names)
        if each.kind == "class" and end.shape is not None and len(end.shape) > 1 and end.units not in (None, 1, count):
            message = f"the column has {count} classes, the input `{each.name}` takes {end.units} numbers"
            notes = (f"the classes are {quoted(each.class_names[:12])}",)
            help = "name a column of numbers, or give the input one number or one for each class"
            yield Diagnostic("SC604", message, each.path, notes=notes, help=help)
        elif (each.kind == "text") != (end.dtype == "string"):
            what = "takes texts" if end.dtype == "string" else f"takes numbers, {end.dtype}"
            message = f"the input `{each.name}` {what}, its column is of the kind `{each.kind}`"
            yield Diagnostic("SC604", message, each.path, help="leave `kind` out, or name another column")


class _File(NamedTuple):
    path: str
    place: str


def check_files(parts: Mapping[str, Samples], shaping: Shaping, seen: Seen) -> dict[str, Array]:
    """Proves that every image and mask can be read; for masks how many pixels of `train` each class has.

    Raises:
        SpecError: SC603, SC604, paths relative to the spec.
    """
    images: dict[tuple[Path, str], list[_File]] = {}
    masks: list[tuple[Samples, str, Series]] = []
    for part, samples in parts.items():
        for series in (*samples.inputs, *samples.targets):
            if series.kind == "image":
                files = images.setdefault((series.path, series.name), [])
                known = {each.path for each in files}
                for index, path in enumerate(series.values.tolist()):
                    if path not in known:
                        known.add(path)
                        files.append(_File(path, samples.place(index)))
            elif series.kind == "mask":
                masks.append((samples, part, series))
    total = sum(map(len, images.values())) + sum(len(samples) for samples, _, _ in masks)
    done = 0
    problems: list[Diagnostic] = []
    for (path, name), files in images.items():
        paths = [each.path for each in files]
        places = [] if paths and files[0].place == files[0].path else [each.place for each in files]
        try:
            check_images(shaping.readers[name], paths, lambda count, done=done: seen(done + count, total), places)  # type: ignore[misc]
        except SpecError as error:
            problems += error.under(*path).diagnostics
        done += len(files)
    if problems:
        raise SpecError(problems)
    counts: dict[str, Array] = {}
    for samples, part, series in masks:
        found, its = _check_masks(samples, series, shaping, lambda count, done=done: seen(done + count, total))  # type: ignore[misc]
        done += len(samples)
        problems += found
        if part == "train":
            counts[series.name] = its
    if problems:
        raise SpecError(problems)
    return counts


class _Seen(NamedTuple):
    """What is known of one mask: why it cannot be used, or how many pixels each class has."""

    reason: str | None
    code: str = "SC603"
    counts: Mapping[int, int] = {}


def _check_masks(
    samples: Samples, series: Series, shaping: Shaping, seen: Callable[[int], None]
) -> tuple[list[Diagnostic], Array]:
    reader, units = shaping.masks[series.name], shaping.ends[series.name].units or 1
    loss = shaping.loss.of(series.name) if shaping.loss is not None else None
    ignored = loss.arguments.get("ignore_class") if loss is not None else None
    images = [each for each in samples.inputs if each.kind == "image"]
    image_files = images[0].values.tolist() if len(images) == 1 else None
    files = series.values.tolist()

    def probe(index: int) -> _Seen:
        try:
            mask = reader.whole(files[index])
            if image_files is not None and (misfit := _size_misfit(reader, mask, image_files[index])) is not None:
                return _Seen(misfit, "SC604")
        except Exception as error:  # as `ImageReader.attempt`
            return _Seen(str(error).split("\n")[0].replace(files[index], "it") or type(error).__name__)
        return _Seen(None, "SC604", _counts(mask))

    with ThreadPoolExecutor(NUM_THREADS) as pool:
        results = []
        for count, result in enumerate(pool.map(probe, range(len(files))), start=1):
            results.append(result)
            seen(count)
    values = Counter[int]()
    for result in results:
        values.update(result.counts)
    allowed = set(range(units)) if units > 1 else {0, 255} if set(values) <= {0, 255} else {0, 1}
    wrong: dict[str, list[tuple[str, str]]] = {"SC603": [], "SC604": []}
    for index, result in enumerate(results):
        odd = [value for value in result.counts if value not in allowed and value != ignored]
        if result.reason is not None:
            wrong[result.code].append((samples.place(index), f"`{files[index]}`: {result.reason}"))
        elif odd:
            what = f"class {odd[0]}" if len(odd) == 1 else f"classes {', '.join(map(str, sorted(odd)[:6]))}"
            wrong["SC604"].append((samples.place(index), f"`{files[index]}` has pixels of the {what}"))
    problems: list[Diagnostic] = []
    for code, rows in wrong.items():
        if rows:
            verb = "cannot be read" if code == "SC603" else "does not fit" if len(rows) == 1 else "do not fit"
            classes = f"classes count from 0, to {units - 1}" if units > 1 else "its pixels are 0 and 1, or 0 and 255"
            help = "save it as PNG, gray or with a palette" if code == "SC603" else f"`{series.name}`: {classes}"
            message = f"{counted(len(rows), 'mask')} {verb}"
            problems.append(said_of_rows(code, message, series.path, rows, help))
    total = np.zeros(max(units, 2), "int64")
    for value, count in values.items():
        if units == 1:
            total[int(value > 0)] += count
        elif 0 <= value < units:
            total[value] += count
    return problems, total


def _counts(mask: Array) -> dict[int, int]:
    values, counts = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _size_misfit(reader: MaskReader, mask: Any, image: str) -> str | None:
    with reader.folder.open(image) as stream:
        height, width = picture_size(stream)
    if mask.shape == (height, width):
        return None
    return f"it has {mask.shape[1]} x {mask.shape[0]} pixels, its image {width} x {height}"
