"""The way of an artefact, readable as a table of contents.

samples    what Keras and the artefact are both run on
exporters  Keras's own exporter writes it
runtimes   its own runtime runs it
comparing  how far each output lies from Keras's
departing  where it lies too far: the first layer at which it does; `inside` finds it in a file that is there
faults     what is then said
carding    what travels with it
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from spec_compiler.backend.exporting.carding import card_of
from spec_compiler.backend.exporting.comparing import difference, same_class
from spec_compiler.backend.exporting.departing import Run, first_departure, first_refused
from spec_compiler.backend.exporting.exporters import refused, sample_by_sample, write
from spec_compiler.backend.exporting.faults import departed, refused_at
from spec_compiler.backend.exporting.inside import first_not_found
from spec_compiler.backend.exporting.runtimes import opened
from spec_compiler.backend.exporting.runtimes.runtime import Runtime
from spec_compiler.backend.exporting.samples import MOST_PROBES, MOST_SAMPLES, Images, Samples, given_samples, seeded
from spec_compiler.backend.exporting.subject import Array, Subject
from spec_compiler.backend.inference import preprocessing, reader_for
from spec_compiler.backend.startup import silent_stderr
from spec_compiler.diagnostics import SpecError
from spec_compiler.exporting.card import INSIDE, Card, sha256
from spec_compiler.exporting.comparison import Compared
from spec_compiler.exporting.formats import HALF, Format, check_bytes
from spec_compiler.exporting.wanted import Wanted
from spec_compiler.plan.memory_needed import check_work, graph_bytes


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

    def make(self, path: str, name: str, force: bool = False) -> Made:
        """Writes the artefact at a path, and proves that it computes what the model does; it will be called `name`.

        With `force` it is tried where the memory does not seem to do.

        Raises:
            SpecError: SC114, SC520 it departs from the model, SC521 it cannot be made or run.
        """
        subject, form = self.making.subject, self.making.form
        num_bytes = graph_bytes(subject.graph)
        check_bytes(form, self.making.wanted.precision, num_bytes)
        if not force:
            check_work(form.copies * num_bytes, f"an export of this model to {form.name}")
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
        making = self.making
        card = card_of(
            making.subject,
            form,
            making.wanted,
            runtime,
            compared,
            files={_inside(file, path, form): sha256(file) for file in files},
            images=self.images,
            classes=self.classes,
            probes=self.probe.text,
        )
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


_ONE = "it takes one sample at a time"


def _inside(file: str, path: str, form: Format) -> str:
    """A file's name in the card, from the artefact's folder."""
    return os.path.relpath(file, path if form.is_folder else os.path.dirname(path)).replace(os.sep, "/")
