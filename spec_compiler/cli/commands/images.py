"""`predict` and `features`: a saved model on image files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from spec_compiler.cli.class_names import ADDRESS, class_names, has_index, imagenet_names, index_file, is_of_imagenet
from spec_compiler.cli.labelled import Right, truth_of
from spec_compiler.cli.options import Command, force_option, gathered, model_code_option
from spec_compiler.cli.progress import progress
from spec_compiler.cli.save import ready, together
from spec_compiler.cli.terminal import echo, joined, shown, style
from spec_compiler.diagnostics import SpecError
from spec_compiler.spec.data import INTERPOLATIONS
from spec_compiler.spec.file_paths import model_file

if TYPE_CHECKING:
    from spec_compiler.backend.inference import ImageModel


@dataclass(frozen=True)
class ImageRun:
    """A saved model on image files: what both commands are told."""

    model: str
    images: tuple[str, ...]
    batch_size: int
    size: tuple[int, int] | None
    interpolation: str | None
    preprocess: str | None
    strict: bool
    allow_code: bool

    def files(self) -> list[str]:
        """The images.

        Raises:
            SpecError: SC501 for one that is not there.
        """
        from spec_compiler.backend.images import find_images  # imports Keras, which `opened` has started

        files = find_images(self.images)
        if not files:
            raise click.UsageError("there is no image in these folders")
        return files

    def opened(self, layer: str | None = None) -> ImageModel:
        """The model, ready to run; up to a layer, where one is named."""
        model_file(self.model)
        with progress("loading the model"):
            from spec_compiler.backend.startup import start  # before anything that imports Keras

            start()
            from spec_compiler.backend.inference import open_model  # imports Keras

            return open_model(
                self.model,
                layer=layer,
                size=self.size,
                interpolation=self.interpolation,
                preprocess=self.preprocess,
                allow_code=self.allow_code,
            )

    def batches(self, model: ImageModel) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """The results of the readable images, under a progress bar; unreadable ones are named.

        Raises:
            SpecError: SC603 where no image can be read, or with `strict` one of them cannot.
        """
        from spec_compiler.backend.inference import run_images  # as above

        files = self.files()
        count = 0
        with _bar(len(files)) as advance:
            for batch in run_images(model, files, self.batch_size):
                for file, why in batch.unreadable:
                    if self.strict:
                        raise SpecError.single("SC603", f"`{file}` cannot be read: {why}")
                    echo(shown(f"skipped {file}: {why}"), err=True)
                advance(len(batch.files) + len(batch.unreadable))
                count += len(batch.files)
                if batch.files:
                    yield batch.files, batch.outputs
        if not count:
            raise SpecError.single("SC603", f"none of the {len(files)} images can be read")


def image_options(command: Command) -> Command:
    """Gives a command the options of an `ImageRun`, and the run itself in their place."""
    command = gathered(ImageRun, "run")(command)
    for option in (
        model_code_option,
        click.option(
            "--strict", is_flag=True, help="An unreadable image is an error; otherwise it is named and skipped."
        ),
        click.option(
            "--preprocess",
            metavar="APPLICATION",
            help="Send the images through this application's preprocess_input first; a model compiled with "
            "`input: {preprocess: auto}` does that itself.",
        ),
        click.option(
            "--interpolation",
            type=click.Choice(INTERPOLATIONS),
            help="How images of another size are resized  [default: as in the run that trained the model, or nearest, "
            "as keras.utils.load_img does]",
        ),
        click.option("--size", nargs=2, type=click.IntRange(1), metavar="H W", help="For a model that takes any size."),
        click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True),
        click.argument("images", nargs=-1, required=True, type=click.Path()),
        click.argument("model", type=click.Path()),
    ):
        command = option(command)
    return command


@click.command()
@image_options
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="How many classes to show.")
@click.option(
    "--labels",
    type=click.Path(),
    help="The names of the classes, one a line, or a JSON list; `imagenet` for those of ImageNet.",
)
@click.option("--format", "format_", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
def predict(run: ImageRun, top: int, labels: str | None, format_: str) -> None:
    """Classify IMAGES (files or folders) with a saved MODEL.

    A model that `spec-compiler train` saved knows the names of its classes. Where the images lie in folders of these
    names, it is said how many are right; `evaluate` says more.
    """
    names = class_names(labels) if labels else None
    rows: list[dict[str, Any]] = []
    opened = run.opened()
    names = names or opened.class_names
    if said := (_said_of_imagenet(opened.model) if names is None else None):
        names = imagenet_names() if has_index() else None
    _check_classifier(opened.model, names)  # before minutes are spent on images
    truth = truth_of(run.images, run.files(), names)
    right = Right()
    for files, outputs in run.batches(opened):
        scores = next(iter(outputs.values()))
        for file, row in zip(files, scores, strict=True):
            ranked = _best(row, names, max(top, 1))
            right.add(truth.get(file), ranked[0]["index"])
            rows.append({"image": file, "classes": ranked})
    echo(_FORMATS[format_](rows, right))
    if said or names is None:
        echo(said or _NO_NAMES, err=True)


@click.command()
@image_options
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="`.npz`, or `.csv`.")
@click.option("--layer", help="The layer whose output is taken  [default: the model's output].")
@force_option
def features(run: ImageRun, output: str, layer: str | None, force: bool) -> None:
    """Write what a saved MODEL puts out for IMAGES (files or folders): one row an image.

    An `.npz` holds `files` and one array for each output (`features` where there is one); a `.csv` flattens them.
    """
    ready(output, force, suffixes=(".npz", ".csv"))
    opened = run.opened(layer)
    import numpy as np

    files: list[str] = []
    batches: dict[str, list[Any]] = {}
    for done, outputs in run.batches(opened):
        files += done
        for name, value in outputs.items():
            batches.setdefault(name if len(outputs) > 1 else "features", []).append(value)
    arrays = {name: np.concatenate(parts) for name, parts in batches.items()}
    with together((output,), force) as (temporary,):
        if output.endswith(".npz"):
            np.savez_compressed(temporary, allow_pickle=False, files=np.array(files), **arrays)
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as stream:
                _write_csv(stream, files, arrays)
    shapes = ", ".join(f"{name} {value.shape}" for name, value in arrays.items())
    echo(f"saved {output}: {shapes}")


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("images", total=total)
        yield lambda count: bar.advance(task, count)


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


def _text(rows: Sequence[dict[str, Any]], right: Right) -> str:
    lines: list[str] = []
    for row in rows:
        lines.append(style(row["image"], bold=True))
        for each in row["classes"]:
            name = each["name"] if each["name"] is not None else f"class {each['index']}"
            lines.append(f"  {each['score']:7.2%}  {name}")
    return joined([*lines, *(["", right.text] if right.total else [])])


def _csv(rows: Sequence[dict[str, Any]], right: Right) -> str:
    del right  # a table has no line beside its rows
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["image", "rank", "index", "name", "score"])
    for row in rows:
        for rank, each in enumerate(row["classes"], start=1):
            writer.writerow([row["image"], rank, each["index"], each["name"] or "", repr(each["score"])])
    return stream.getvalue().rstrip("\n")


def _json(rows: Sequence[dict[str, Any]], right: Right) -> str:
    said = {"accuracy": right.to_json()} if right.total else {}
    return json.dumps({"format_version": 1, "images": list(rows), **said}, indent=2)


_FORMATS: dict[str, Callable[[Sequence[dict[str, Any]], Right], str]] = {"text": _text, "csv": _csv, "json": _json}


def _write_csv(stream: Any, files: Sequence[str], arrays: dict[str, Any]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    flat = {name: value.reshape(len(value), -1) for name, value in arrays.items()}
    writer.writerow(["file", *(f"{name}_{index}" for name, value in flat.items() for index in range(value.shape[1]))])
    for number, file in enumerate(files):
        # `repr` gives the shortest digits that read back as the same number.
        writer.writerow([file, *(repr(float(each)) for value in flat.values() for each in value[number])])
