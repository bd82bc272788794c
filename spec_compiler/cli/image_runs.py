"""A saved model on image files: what `predict` and `features` are told, and the way they share."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from spec_compiler.cli.completing import applications
from spec_compiler.cli.options import Command, gathered, model_code_option
from spec_compiler.cli.progress import progress
from spec_compiler.cli.shards import Shard, said_shard
from spec_compiler.cli.signals import Stopped
from spec_compiler.cli.terminal import counted, echo, shown
from spec_compiler.cli.unfinished import Unfinished, check_unfinished, folder_of, unfinished
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.outputs import ready
from spec_compiler.spec.data import INTERPOLATIONS
from spec_compiler.spec.file_paths import model_file

if TYPE_CHECKING:
    from spec_compiler.backend.inference import Batch, ImageModel


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
    shard: Shard
    resume: bool

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

    def own(self, files: Sequence[str]) -> Sequence[str]:
        """Those of the images that are this shard's."""
        if len(files) >= self.shard.of:
            return self.shard.part(files)
        raise click.UsageError(f"there are {counted(len(files), 'image')} for {self.shard.of} shards")

    def to_write(self, output: str, force: bool, suffixes: tuple[str, ...]) -> str:
        """The file that this shard writes, which may be written.

        Raises:
            SpecError: SC508, SC608.
        """
        output = self.shard.named(output)
        ready(output, force, suffixes)
        check_unfinished(output, resume=self.resume, force=force)
        return output

    def about(self, model: ImageModel, files: Sequence[str], **others: Any) -> dict[str, Any]:
        """What the results depend on, by how a message calls it."""
        with open(self.model, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {
            "model": digest,
            "list of images": _digest(files),
            "names of the classes": _digest(others.pop("names", None) or ()),
            "--size": list(model.reader.size),
            "--interpolation": model.reader.interpolation,
            "way of cropping": model.reader.crop,
            "--preprocess": self.preprocess,
            "--batch-size": self.batch_size,
            "--shard": str(self.shard),
            **{f"--{name}": value for name, value in others.items()},
        }

    def batches(self, model: ImageModel, files: Sequence[str], before: Mapping[str, Any]) -> Iterator[Batch]:
        """What comes of images, under a progress bar; unreadable ones are named. `before` is where the work stood.

        Raises:
            SpecError: SC603 where no image can be read, or with `strict` one of them cannot.
        """
        from spec_compiler.backend.inference import run_images  # imports Keras, which `opened` has started

        seen, count = before.get("seen", 0), before.get("read", 0)
        if seen:
            echo(f"going on behind {seen:,} of {len(files):,} images", err=True)
        with _bar(len(files)) as advance:
            advance(seen)
            for batch in run_images(model, files, self.batch_size, seen):
                for file, why in batch.unreadable:
                    if self.strict:
                        raise SpecError.single("SC603", f"`{file}` cannot be read: {why}")
                    echo(shown(f"skipped {file}: {why}"), err=True)
                advance(len(batch.files) + len(batch.unreadable))
                count += len(batch.files)
                yield batch
        if not count:
            raise SpecError.single("SC603", f"none of the {len(files)} images can be read")

    @contextlib.contextmanager
    def going_on(self, output: str, about: Mapping[str, Any]) -> Iterator[Unfinished]:
        """What is done of a file; where it is interrupted, that is said."""
        part: Unfinished | None = None
        try:
            with unfinished(output, about, resume=self.resume) as part:
                yield part
        except (SpecError, KeyboardInterrupt, Stopped):
            if part and part.state.get("read"):
                done = counted(part.state["seen"], "image")
                echo(f"what came of {done} is in {folder_of(output)}; `--resume` goes on", err=True)
            raise


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
            shell_complete=applications,
            help="Send the images through this application's preprocess_input first; a model compiled with "
            "`input: {preprocess: auto}` does that itself.",
        ),
        click.option(
            "--interpolation",
            type=click.Choice(INTERPOLATIONS),
            help="How images of another size are resized  [default: as in the run that trained the model, or nearest, "
            "as keras.utils.load_img does]",
        ),
        click.option(
            "--size",
            nargs=2,
            type=click.IntRange(1),
            metavar="H W",
            help="Height and width of the images, for a model that takes any size.",
        ),
        click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True, help="How many at a time."),
        click.option(
            "--shard",
            callback=said_shard,
            metavar="K/N",
            help="Only part K of N of the images, as `3/8`: the list is cut into N pieces in its order. `-o found.csv` "
            "writes `found-3-of-8.csv`.",
        ),
        click.option(
            "--resume", is_flag=True, help="Go on where the same call was interrupted; begin where there was none."
        ),
        click.argument("images", nargs=-1, required=True, type=click.Path()),
        click.argument("model", type=click.Path()),
    ):
        command = option(command)
    return command


def images_of(state: Mapping[str, Any]) -> str:
    """How many images a result is of, and how many could not be read."""
    return ", ".join([counted(state["read"], "image"), *skipped_of(state)])


def skipped_of(state: Mapping[str, Any]) -> list[str]:
    """How many images could not be read, unless all could."""
    skipped = state["seen"] - state["read"]
    return [f"{skipped:,} skipped"] if skipped else []


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for each in texts:
        digest.update(each.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


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
