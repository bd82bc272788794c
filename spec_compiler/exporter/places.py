"""Where an artefact goes: known to be free before any work, and filled whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from spec_compiler.diagnostics import SpecError
from spec_compiler.exporting.card import INSIDE, card_place
from spec_compiler.exporting.formats import Format, format_of
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.whole import sweep, whole_files
from spec_compiler.files.whole_folder import whole_folder

_MARK = "saved_model.pb"


@dataclass(frozen=True)
class Place:
    """The place of an artefact and its card."""

    output: str
    form: Format
    force: bool

    @classmethod
    def of(cls, output: str, force: bool) -> Place:
        """A place that may be written.

        Raises:
            SpecError: SC508.
        """
        form = format_of(output)
        output = output.rstrip("/" + os.sep) if form.is_folder else output
        place = cls(output, form, force)
        place._check()
        return place

    @classmethod
    def there(cls, output: str) -> Place:
        """The place of an artefact that is there.

        Raises:
            SpecError: SC501, SC508.
        """
        form = format_of(output)
        place = cls(output.rstrip("/" + os.sep) if form.is_folder else output, form, False)
        found = os.path.join(place.output, _MARK) if form.is_folder else place.output
        if not os.path.isfile(found):
            help = did_you_mean_file(place.output, otherwise="leave `--compare` out to export it")
            raise SpecError.single("SC501", f"there is no {form.name} `{output}`", help=help)
        return place

    @property
    def files(self) -> tuple[str, ...]:
        """What is written, the artefact first."""
        return (
            *self.form.files(self.output),
            card_place(self.output if not self.form.is_folder else f"{self.output}/"),
        )

    def _check(self) -> None:
        folder = os.path.dirname(os.path.abspath(self.output))
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        if not os.path.isdir(folder):
            raise SpecError.single("SC508", f"`{folder}` is a file, not a folder", help="name a folder")
        for path in self.files[:1] if self.form.is_folder else self.files:
            self._check_one(path)
        if not os.access(folder, os.W_OK):
            raise SpecError.single("SC508", f"the folder `{os.path.relpath(folder)}` cannot be written")
        sweep(folder)  # what a killed command left half written

    def _check_one(self, path: str) -> None:
        if not os.path.lexists(path):
            return
        if self.form.is_folder:
            if not os.path.isdir(path) or os.path.islink(path):
                raise SpecError.single("SC508", f"`{path}` is a file, a SavedModel is a folder", help="name a folder")
            if os.listdir(path) and not os.path.isfile(os.path.join(path, _MARK)):
                message = f"`{path}` is a folder with something else in it than a SavedModel"
                raise SpecError.single("SC508", message, help=f"name a new folder: `{os.path.join(path, 'model')}/`")
        elif os.path.isdir(path):
            raise SpecError.single("SC508", f"`{path}` is a folder", help="name another file")
        elif not os.path.isfile(path):
            raise SpecError.single("SC508", f"`{path}` is no ordinary file", help="name another file")
        if not self.force:
            raise exists(path)

    @contextlib.contextmanager
    def filled(self) -> Iterator[tuple[str, str]]:
        """Where the artefact and its card are to be written; they take their places at the end, both or none.

        Raises:
            SpecError: SC508.
        """
        try:
            if self.form.is_folder:
                with whole_folder(self.output, replace=self.force) as temporary:
                    yield temporary, os.path.join(temporary, INSIDE)
            else:
                with whole_files(self.files, replace=self.force) as temporaries:
                    yield temporaries[0], temporaries[-1]
        except FileExistsError:  # it came in the meantime
            raise exists(self.output) from None
        except OSError as error:
            message = f"`{self.output}` cannot be written: {error.strerror or error}"
            raise SpecError.single("SC508", message) from None


def exists(path: str) -> SpecError:
    """SC508 for what is there."""
    help = "add `--force` to overwrite it, or name another one"
    return SpecError.single("SC508", f"`{path}` already exists", help=help)
