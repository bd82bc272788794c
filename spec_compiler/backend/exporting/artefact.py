"""The way of an artefact, readable as a table of contents.

samples    what Keras and the artefact are both run on
exporters  Keras's own exporter writes it
runtimes   its own runtime runs it
comparing  how far each output lies from Keras's
departing  where it lies too far: the first layer at which it does
card       what travels with it
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import Any

import keras

from spec_compiler.backend.exporting.comparing import difference, same_class
from spec_compiler.backend.exporting.departing import Departure, Run, first_departure, first_refused
from spec_compiler.backend.exporting.exporters import refused, sample_by_sample, write
from spec_compiler.backend.exporting.inside import first_not_found
from spec_compiler.backend.exporting.runtimes import opened
from spec_compiler.backend.exporting.runtimes.runtime import Runtime
from spec_compiler.backend.exporting.samples import MOST_PROBES, MOST_SAMPLES, Images, Samples, given_samples, seeded
from spec_compiler.backend.exporting.subject import Array, Subject
from spec_compiler.backend.images import COLOR_MODES
from spec_compiler.backend.inference import preprocessing, reader_for
from spec_compiler.backend.startup import silent_stderr
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.exporting.card import INSIDE, Card, Image, Input, Output, preprocessing_of, sha256
from spec_compiler.exporting.comparison import HEAD, Compared
from spec_compiler.exporting.formats import HALF, Format
from spec_compiler.exporting.wanted import Wanted


@dataclass(frozen=True)
class Made:
    """What came of an export."""

    compared: tuple[Compared, ...]
    card: Card
    runtime: str
    probes: str
    num_bytes: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Making:
    """An artefact that is to be made of a subject in a form; `marks` are what the model's file says of its run."""

    subject: Subject
    form: Format
    wanted: Wanted
    marks: Mapping[str, Any]

    def prepared(self) -> Prepared:
        """All that can be wrong with what the caller says, found before anything is exported.

        Raises:
            SpecError: SC203, SC501, SC502, SC603, SC604, SC609, SC620.
        """
        images, classes = self._images(), self._classes()
        calibration = None
        if self.wanted.calibration is not None:
            calibration = given_samples(self.wanted.calibration, self.subject, images, MOST_SAMPLES)
        if self.wanted.probe is not None:
            probe = given_samples(self.wanted.probe, self.subject, images, MOST_PROBES)
        elif calibration is not None:  # what it was calibrated with is what it is made for
            probe = calibration.first(MOST_PROBES)
            probe = Samples(probe.arrays, f"{probe.count} of the samples that calibrate it")
        else:
            return Prepared(self, images, classes, None, *seeded(self.subject))
        return Prepared(self, images, classes, calibration, probe, self.subject.run(probe.arrays))

    def _images(self) -> Images | None:
        wanted, model = self.wanted, self.subject.model
        try:
            said = self.marks.get("images") or {}
            reader = reader_for(model, said, size=wanted.size, interpolation=wanted.interpolation)
        except SpecError:
            if wanted.is_of_images:
                raise
            return None
        return Images(reader, preprocessing(wanted.preprocess))

    def _classes(self) -> tuple[str, ...] | None:
        """What the classes of the only output are called.

        Raises:
            SpecError: SC604.
        """
        labels = self.wanted.labels
        names = tuple(labels) if labels is not None else tuple(self.marks.get("class_names", ())) or None
        outputs = self.subject.model.outputs
        shape = tuple(outputs[0].shape)
        count = 2 if shape[-1] == 1 else shape[-1]
        if names is not None and (len(outputs) != 1 or len(names) != count):
            if labels is None:
                return None
            message = f"there are {len(names)} labels, the model has {count} classes"
            if len(outputs) != 1:
                message = f"the model has {len(outputs)} outputs, labels are for one"
            raise SpecError.single("SC604", message)
        return names


@dataclass(frozen=True)
class Prepared:
    """An artefact that can be made: `probe` is what it is tried on, `ours` what Keras puts out for that."""

    making: Making
    images: Images | None
    classes: tuple[str, ...] | None
    calibration: Samples | None
    probe: Samples
    ours: Sequence[Array]

    def make(self, path: str, name: str) -> Made:
        """Writes the artefact at a path, and proves that it computes what the model does; it will be called `name`.

        Raises:
            SpecError: SC520 it departs from the model, SC521 it cannot be made or run.
        """
        subject, form = self.making.subject, self.making.form
        runtime, theirs, single = self._written(path)
        compared = self._compared(theirs)
        if not all(each.holds for each in compared):
            found = first_departure(subject, self.probe.arrays, self._inside_of(path, single), self._tolerance)
            raise departed(name, form, compared, found, subject)
        if form.is_folder:
            os.makedirs(os.path.join(path, os.path.dirname(INSIDE)), exist_ok=True)
        return self._made(path, runtime, compared)

    def _written(self, path: str) -> tuple[Runtime, list[Array], bool]:
        """The artefact in its runtime, what it puts out, and whether it had to be made for one sample at a time.

        LiteRT has loops, as recurrent layers are, only where it knows how many samples there are.
        """
        subject = self.making.subject
        try:
            self._write(subject, path)
            return *self._run(subject, path, self.probe.arrays), False
        except SpecError as error:
            if self.making.form.key == "litert" and subject.one_sample is not None:
                with contextlib.suppress(SpecError):
                    self._write(subject, path, single=True)
                    return *self._run(subject, path, self.probe.arrays), True
            found = first_refused(subject, self.probe.arrays, self._inside_of(path))
            raise error if found is None else refused_at(error, found, subject) from None

    def compare(self, path: str) -> Made:
        """Proves that an artefact that is there computes what the model does; it stays as it is.

        Raises:
            SpecError: SC520 it departs from the model, SC521 it cannot be run.
        """
        subject, form = self.making.subject, self.making.form
        try:
            with silent_stderr():
                runtime = opened(form, path, subject.inputs, subject.keys)
                compared = self._compared(runtime.run_some(self.probe.arrays))
        except Exception as error:  # each runtime has its own kinds
            message = f"{form.runtime} does not run `{path}` on what the model takes"
            raise refused(form, message, error, os.path.dirname(path)) from None
        if not all(each.holds for each in compared):
            with silent_stderr():
                tensors = list(runtime.inside(self.probe.arrays))
            found = first_not_found(subject, self.probe.arrays, tensors, self._tolerance)
            raise departed(path, form, compared, found, subject, is_joined=True)
        return self._made(path, runtime, compared)

    def _made(self, path: str, runtime: Runtime, compared: tuple[Compared, ...]) -> Made:
        form = self.making.form
        files = form.files(path)
        if form.is_folder:
            files = tuple(sorted(os.path.join(at, file) for at, _, found in os.walk(path) for file in found))
        files = tuple(file for file in files if os.path.isfile(file) and not file.endswith(INSIDE))
        card = self._card(runtime, compared, {_inside(file, path, form): sha256(file) for file in files})
        num_bytes = sum(os.path.getsize(file) for file in files)
        notes = (*runtime.notes, *((_ONE,) if runtime.takes_one else ()))
        return Made(compared, card, runtime.text, self.probe.text, num_bytes, notes)

    def _write(self, subject: Subject, path: str, samples: Samples | None = None, single: bool = False) -> None:
        samples = samples or self.calibration
        one_by_one = (
            sample_by_sample({name: samples.arrays[name] for name in subject.inputs}) if samples is not None else None
        )
        signature = subject.one_sample if single else None
        write(subject.model, self.making.form, path, self.making.wanted.precision, one_by_one, signature)

    def _run(self, subject: Subject, path: str, arrays: Mapping[str, Array]) -> tuple[Runtime, list[Array]]:
        form = self.making.form
        try:
            with silent_stderr():
                runtime = opened(form, path, subject.inputs, subject.keys)
                return runtime, runtime.run(arrays)
        except Exception as error:  # each runtime has its own kinds
            message = f"{form.runtime} does not run what Keras's exporter makes of the model"
            raise refused(form, message, error, os.path.dirname(path)) from None

    @property
    def _tolerance(self) -> float:
        wanted = self.making.wanted
        if wanted.tolerance is not None:
            return wanted.tolerance
        of_form, half = self.making.form.tolerances[wanted.precision], self.making.subject.half
        return of_form if half is None else max(of_form, HALF[half])

    def _compared(self, theirs: Sequence[Array]) -> tuple[Compared, ...]:
        names = self.making.subject.outputs
        if len(theirs) != len(names):
            return tuple(Compared(name, float("inf"), 1.0, self._tolerance) for name in names)
        return tuple(
            Compared(name, *difference(one, other), self._tolerance, same_class(one, other))
            for name, one, other in zip(names, self.ours, theirs, strict=True)
        )

    def _inside_of(self, path: str, single: bool = False) -> Run:
        """What makes and runs further artefacts, beside the one at a path."""
        subject, form, folder = self.making.subject, self.making.form, os.path.dirname(path)
        numbers = count(1)

        def run(model: Subject, arrays: Mapping[str, Array]) -> list[Array]:
            inside = os.path.join(folder, f"inside-{next(numbers)}{form.suffix}")
            # a model in the model is calibrated with what it takes there
            samples = (
                Samples(arrays, "")
                if self.calibration is not None and set(model.inputs) - set(subject.inputs)
                else None
            )
            self._write(model, inside, samples, single)
            return self._run(model, inside, arrays)[1]

        return run

    def _card(self, runtime: Runtime, compared: Sequence[Compared], files: Mapping[str, str]) -> Card:
        making, model = self.making, self.making.subject.model
        specs = dict(zip(making.subject.inputs, model.inputs, strict=True))
        outputs = zip(runtime.outputs, making.subject.outputs, model.outputs, compared, strict=True)
        return Card(
            format=making.form.key,
            precision=making.wanted.precision,
            model=str(model.name),
            files=dict(files),
            inputs=tuple(
                Input(
                    name=name,
                    layer=layer,
                    shape=(1, *specs[layer].shape[1:]) if runtime.takes_one else tuple(specs[layer].shape),
                    dtype=str(specs[layer].dtype),
                    image=self._image(),
                )
                for layer, name in runtime.inputs.items()
            ),
            outputs=tuple(
                Output(
                    name=name,
                    layer=layer,
                    shape=(1, *at.shape[1:]) if runtime.takes_one else tuple(at.shape),
                    dtype=str(at.dtype),
                    classes=self.classes,
                    largest_difference=each.relative,
                    tolerance=each.tolerance,
                )
                for name, layer, at, each in outputs
            ),
            runtime=runtime.text,
            probes=self.probe.text,
            made_with=_versions(making.form),
        )

    def _image(self) -> Image | None:
        if self.images is None:
            return None
        reader = self.images.reader
        return Image(
            height=reader.size[0],
            width=reader.size[1],
            color=COLOR_MODES[reader.channels],
            interpolation=reader.interpolation,
            crop_to_aspect_ratio=reader.crop,
            preprocessing=preprocessing_of(self.making.wanted.preprocess),
        )


_ONE = "it takes one sample at a time"


def _inside(file: str, path: str, form: Format) -> str:
    """A file's name in the card, from the artefact's folder."""
    return os.path.relpath(file, path if form.is_folder else os.path.dirname(path)).replace(os.sep, "/")


def _versions(form: Format) -> dict[str, str]:
    names = ["spec-compiler", "keras", "tensorflow", *(each.partition(">")[0] for each in form.packages.values())]
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a tree that is not installed, another backend
            continue
    return {**found, "keras": str(keras.__version__)}


def refused_at(error: SpecError, found: Departure, subject: Subject) -> SpecError:
    """SC521 with the first layer that is not taken."""
    return SpecError(_at_layer(each, found, subject) for each in error.diagnostics)


def _at_layer(said: Diagnostic, found: Departure, subject: Subject) -> Diagnostic:
    note = f"the first layer that it does not take is `{found.name}` ({found.layer.class_name})"
    path = subject.causes.get(found.outermost, ())
    help = f"{said.help}, or put another layer in the place of `{found.name}`"
    return replace(said, path=path, notes=(note, *said.notes), help=help)


def departed(
    name: str,
    form: Format,
    compared: Sequence[Compared],
    found: Departure | None,
    subject: Subject,
    *,
    is_joined: bool = False,
) -> SpecError:
    """SC520 for an artefact, at the place in the spec that made the first layer which departs.

    `is_joined` says that it was looked for in the file itself, where several layers may be one operation.
    """
    worst = max(compared, key=lambda each: each.relative)
    what = f"{worst.relative:.2g} of the largest number away, {worst.tolerance:g} is allowed"
    if not worst.relative < float("inf"):
        what = "of another shape, or has numbers where the model has none"
    message = f"`{name}` does not compute what the model does: its output `{worst.output}` is {what}"
    rows = [f"{each.output}: {HEAD[1]} {each.row[1]}, holds: {each.row[3]}" for each in compared]
    notes = rows if len(rows) > 1 else []
    path: Path = ()
    if found is None:
        notes.append("every layer inside of it agrees" if is_joined else "with each layer as an output, all agree")
    else:
        path = subject.causes.get(found.outermost, ())
        layer = f"the first layer that departs is `{found.name}` ({found.layer.class_name})"
        if is_joined:
            notes.append(f"{layer}, or one that the file joins with it: all that it takes agrees")
        else:
            gap = f"{found.difference:.2g} of its largest number"
            notes.append(f"{layer}: {gap}, while all that it takes agrees")
    help = "export to another format"
    if worst.relative < float("inf"):
        help = f"`--tolerance {_above(worst.relative)}` accepts it; or {help}"
    if form.key == "litert" and worst.tolerance != form.tolerances["float32"]:
        help += ", or without `--quantize`"
    return SpecError.single("SC520", message, path=path, notes=notes, help=help)


def _above(value: float) -> str:
    """A round number above a value.

    >>> _above(0.0123)
    '0.02'
    """
    digits = f"{value:.0e}"
    rounded = float(digits)
    return f"{rounded if rounded > value else rounded + 10 ** float(digits.partition('e')[2]):.1g}"
