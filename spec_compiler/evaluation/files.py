"""The files of an evaluation, all of them or none: JSON, tables as CSV, pictures and the page."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.evaluation.drawing import draw
from spec_compiler.evaluation.evaluation import Evaluation, Measure
from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.evaluation.measures.labels import COUNTS, Labels
from spec_compiler.evaluation.measures.numbers import Numbers
from spec_compiler.evaluation.page import to_html
from spec_compiler.files.whole import whole_files

FIGURES, PAGE, PREDICTIONS = "evaluation.json", "report.html", "predictions.csv"


def written(evaluation: Evaluation, folder: str) -> tuple[str, ...]:
    """Writes the files into a folder, over those of an earlier evaluation, and returns their names.

    Pictures need matplotlib; without it they are left out.

    Raises:
        SpecError: SC508.
    """
    files: dict[str, bytes] = {
        FIGURES: (json.dumps(evaluation.to_json(), indent=1) + "\n").encode(),
        PAGE: to_html(evaluation).encode(),
    }
    if evaluation.predictions:
        files[PREDICTIONS] = _csv(_predictions(evaluation))
    for measure, ending in zip(evaluation.outputs, endings([each.output for each in evaluation.outputs]), strict=True):
        files[f"scores{ending}.csv"] = _csv(_scores(measure))
        name = "deviations" if isinstance(measure, Numbers) else "confusion"
        if not isinstance(measure, Numbers):
            files[f"confusion{ending}.csv"] = _csv(_counts(measure))
        pictures = draw(measure, f"{measure.output}: {evaluation.data}")
        files |= {f"{name}{ending}.{kind}": picture for kind, picture in pictures.items()}
    try:
        os.makedirs(folder, exist_ok=True)
        with whole_files([os.path.join(folder, name) for name in files]) as temporaries:
            for temporary, content in zip(temporaries, files.values(), strict=True):
                with open(temporary, "wb") as stream:
                    stream.write(content)
    except OSError as error:
        raise SpecError.single("SC508", f"`{folder}` cannot be written: {error.strerror or error}") from None
    return tuple(files)


def endings(outputs: Sequence[str]) -> list[str]:
    """What the names of files end in for each of several outputs; nothing where there is one.

    >>> endings(["a/b", "a_b"]), endings(["answer"])
    (['-a_b', '-a_b_2'], [''])
    """
    if len(outputs) == 1:
        return [""]
    found: list[str] = []
    for output in outputs:
        name = f"-{re.sub(r'[^A-Za-z0-9_.-]', '_', output)}"
        number = sum(each.casefold() == name.casefold() for each in found)
        found.append(name if not number else f"{name}_{len(found) + 1}")
    return found


def _scores(measure: Measure) -> Iterable[Sequence[Any]]:
    if isinstance(measure, Numbers):
        yield ("column", "mae", "rmse", "r2", "bias")
        yield from ((name, *map(repr, row)) for name, row in zip(measure.names, measure.rows, strict=True))
        return
    yield (
        "class" if isinstance(measure, Classes) else "label",
        "precision",
        "recall",
        "f1",
        "iou",
        "support",
        "predicted",
    )
    named = [*zip(measure.names, measure.rows, strict=True), *measure.averages.items()]
    yield from ((name, *map(repr, row[:4]), *row[4:]) for name, row in named)


def _counts(measure: Classes | Labels) -> Iterable[Sequence[Any]]:
    if isinstance(measure, Labels):
        yield ("label", *COUNTS)
        yield from ((name, *row) for name, row in zip(measure.names, measure.counts, strict=True))
        return
    yield ("true \\ predicted", *measure.names)
    yield from ((name, *row) for name, row in zip(measure.names, measure.matrix, strict=True))


def _predictions(evaluation: Evaluation) -> Iterable[Sequence[Any]]:
    yield ("sample", "file", "output", "true", "predicted", "right", "probability", "probability_of_true")
    for each in evaluation.predictions:
        chances = ("" if value is None else repr(value) for value in (each.probability, each.probability_true))
        yield (each.sample, each.file or "", each.output, each.true, each.told, str(each.is_right).lower(), *chances)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode("utf-8", "surrogateescape")  # names of files may be no UTF-8
