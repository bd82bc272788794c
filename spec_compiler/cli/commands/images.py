"""`predict` and `features`: a saved model on image files, of which any number may be given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from spec_compiler.cli.class_names import ADDRESS, class_names, has_index, imagenet_names, index_file, is_of_imagenet
from spec_compiler.cli.completing import layers_of_the_model
from spec_compiler.cli.documented import Documented
from spec_compiler.cli.feature_files import check_rows, csv_rows, finished, npz_rows
from spec_compiler.cli.image_runs import ImageRun, image_options, images_of, skipped_of
from spec_compiler.cli.labelled import Right, truth_of
from spec_compiler.cli.options import force_option
from spec_compiler.cli.prediction_formats import FORMATS, SUFFIXES
from spec_compiler.cli.terminal import echo
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.outputs import together

if TYPE_CHECKING:
    from spec_compiler.backend.inference import ImageModel


@click.command(cls=Documented)
@image_options
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="How many classes to show.")
@click.option(
    "--labels",
    type=click.Path(),
    help="The names of the classes, one a line, or a JSON list; `imagenet` for those of ImageNet.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    help="`jsonl` is an object a line  [default: by the file's name, or text]",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="A file: `.csv`, `.jsonl`, `.json` or `.txt`.")
@force_option
def predict(run: ImageRun, top: int, labels: str | None, format_: str | None, output: str | None, force: bool) -> None:
    """Classify IMAGES (files or folders) with a saved MODEL.

    A model that `spec-compiler train` saved knows the names of its classes. Where the images lie in folders of these
    names, it also says how many are right; `evaluate` says more.

    Results are written as they come, of any number of images. With `-o`, those of an interrupted call lie beside the
    file, in `FILE.partial`, until `--resume` goes on. The parts of `--shard` are joined by `cat found-*-of-8.csv >
    found.csv`, or `.jsonl`: only the first CSV names the columns.
    """
    if output is None and run.resume:
        raise click.UsageError("`--resume` goes on with a file, name it with `-o`")
    if output is not None:
        output = run.to_write(output, force, tuple(SUFFIXES))
        if format_ not in (None, SUFFIXES[os.path.splitext(output)[1]]):
            raise click.UsageError(f"`--format {format_}` does not fit the name `{output}`")
        format_ = SUFFIXES[os.path.splitext(output)[1]]
    format_ = format_ or "text"
    names = class_names(labels) if labels else None
    opened = run.opened()
    names = names or opened.class_names
    if said := (_said_of_imagenet(opened.model) if names is None else None):
        names = imagenet_names() if has_index() else None
    _check_classifier(opened.model, names)  # before minutes are spent on images
    files = run.files()
    writing = _Predictions(run, opened, run.own(files), truth_of(run.images, files, names), names, top, format_)
    if output is None:
        for text, _ in writing.texts({}):
            echo(text, nl=False)
    else:
        with run.going_on(output, run.about(opened, files, names=names, top=top)) as part:
            for text, state in writing.texts(part.state):
                plain = click.unstyle(text) if format_ == "text" else text
                part.append("rows", plain.encode("utf-8", "surrogateescape"))
                if state:
                    part.step(state)
            with together((output,), force) as (temporary,):
                part.give("rows", temporary)
        echo(f"saved {output}: {images_of(part.state)}")
    if writing.right.total and (output is not None or not FORMATS[format_].tells_accuracy):
        echo(writing.right.text, err=output is None)
    if said or names is None:
        echo(said or _NO_NAMES, err=True)


@dataclass
class _Predictions:
    """The texts that tell the classes of images."""

    run: ImageRun
    opened: ImageModel
    files: Sequence[str]
    truth: Mapping[str, int]
    names: Sequence[str] | None
    top: int
    format_: str
    right: Right = field(default_factory=Right)

    def texts(self, before: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each with where the work stands then; the last one, which is none of an image, with nothing."""
        form = FORMATS[self.format_]
        self.right.right, self.right.total = before.get("right", (0, 0))
        read = before.get("read", 0)
        for batch in self.run.batches(self.opened, self.files, before):
            scores = next(iter(batch.outputs.values())) if batch.files else ()
            rows: list[dict[str, Any]] = []
            for file, row in zip(batch.files, scores, strict=True):
                ranked = _best(row, self.names, self.top)
                self.right.add(self.truth.get(file), ranked[0]["index"])
                rows.append({"image": file, "classes": ranked})
            # the columns have their names in the first part alone, so that the parts are the whole, one after the other
            begin = form.begin() if rows and not read and (self.format_ == "json" or self.run.shard.number == 1) else ""
            text = form.rows(rows, first=not read) if rows else ""
            read += len(rows)
            yield (
                begin + text if begin else text,  # the text for people is `Shown`, and has no beginning
                {"seen": batch.seen, "read": read, "right": [self.right.right, self.right.total]},
            )
        yield form.end(self.right), {}


@click.command(cls=Documented)
@image_options
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="`.npz`, or `.csv`.")
@click.option(
    "--layer",
    shell_complete=layers_of_the_model,
    help="The layer whose output is taken  [default: the model's output].",
)
@force_option
def features(run: ImageRun, output: str, layer: str | None, force: bool) -> None:
    """Write what a saved MODEL puts out for IMAGES (files or folders): one row an image.

    An `.npz` holds `files` and one array for each output (`features` where there is one); a `.csv` flattens them.

    Results are written as they come, of any number of images. Those of an interrupted call lie beside the file, in
    `FILE.partial`, until `--resume` goes on. The parts of `--shard` are joined by `cat found-*-of-8.csv > found.csv`,
    of which only the first names the columns; of an `.npz`, with `numpy.concatenate`, each array with its like.
    """
    output = run.to_write(output, force, suffixes=(".npz", ".csv"))
    opened = run.opened(layer)
    files = run.files()
    with run.going_on(output, run.about(opened, files, layer=layer)) as part:
        write = csv_rows if output.endswith(".csv") else npz_rows
        for batch in run.batches(opened, run.own(files), part.state):
            state = {**part.state, "seen": batch.seen, "read": part.state.get("read", 0) + len(batch.files)}
            if batch.files:
                outputs = batch.outputs if len(batch.outputs) > 1 else {"features": next(iter(batch.outputs.values()))}
                check_rows(outputs, len(batch.files), state)
                write(part, batch.files, outputs, state, is_first=run.shard.number == 1)
            part.step(state)
        with together((output,), force) as (temporary,):
            finished(part, temporary)
    shapes = [f"{name} {(part.state['read'], *shape)}" for name, (_, shape) in part.state["arrays"].items()]
    echo(f"saved {output}: {', '.join([*shapes, *skipped_of(part.state)])}")


def _check_classifier(model: Any, names: Sequence[str] | None) -> None:
    shape = tuple(model.outputs[0].shape)
    if len(model.outputs) != 1 or len(shape) != 2:
        message = f"the model puts out {', '.join(str(tuple(each.shape)) for each in model.outputs)}, no classes"
        raise SpecError.single("SC604", message, help="`spec-compiler features` writes what a model puts out")
    classes = 2 if shape[1] == 1 else shape[1]
    if names is not None and len(names) != classes:
        raise SpecError.single("SC604", f"there are {len(names)} labels, the model has {classes} classes")


def _said_of_imagenet(model: Any) -> str | None:
    """A line about the names of an application's own classes; None for a model with another head."""
    if not is_of_imagenet(model):
        return None
    if has_index():
        return "the classes are called as in ImageNet; `--labels FILE` calls them otherwise"
    return f"the classes are ImageNet's, whose names are not on this machine: put {ADDRESS} at `{index_file()}`"


_NO_NAMES = "the model does not say what its classes are called; `--labels FILE` does, or `--labels imagenet`"


def _best(scores: Any, names: Sequence[str] | None, top: int) -> list[dict[str, Any]]:
    """The classes with the highest scores; one number is the probability of the second of two classes."""
    values = [1 - float(scores[0]), float(scores[0])] if len(scores) == 1 else [float(each) for each in scores]
    order = sorted(range(len(values)), key=lambda index: -values[index])[:top]
    return [{"index": index, "name": names[index] if names else None, "score": values[index]} for index in order]
