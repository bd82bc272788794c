"""Which model is evaluated, and on what: a run's folder or a saved model, a folder whose classes are the model's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted
from spec_compiler.files import HERE
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.run_folder import BEST, LAST
from spec_compiler.training.folder import ImageFolder, read_folder


class Target(NamedTuple):
    """The file of the model, and the folder of the run that it is of, if it is one's."""

    model: str
    run: str | None = None


def target_of(path: str) -> Target:
    """The model in a run's folder, its best one where there is one; or a saved model.

    Raises:
        SpecError: SC501.
    """
    if os.path.isdir(path):
        for name in (BEST, LAST):
            if os.path.isfile(model := os.path.join(path, name)):
                return Target(model, path)
        message = f"`{path}` holds no run: there is neither `{BEST}` nor `{LAST}` in it"
        raise SpecError.single("SC501", message, help="name the folder that `train --output` wrote, or a `.keras` file")
    if not os.path.exists(path):
        help = did_you_mean_file(path) or "name the folder that `train --output` wrote, or a `.keras` file"
        raise SpecError.single("SC501", f"no run or model `{path}`", help=help)
    folder = os.path.dirname(path)
    of_a_run = os.path.basename(path) in (BEST, LAST) and os.path.isfile(os.path.join(folder, LAST))
    return Target(path, (folder or os.curdir) if of_a_run else None)


def labelled_folder(given: str) -> ImageFolder:
    """The images below a folder of the caller's with one folder a class.

    Raises:
        SpecError: SC602, SC603.
    """
    try:
        return read_folder(given, HERE)
    except SpecError as error:
        of_a_spec = "relative paths start from the spec's own folder"  # here there is none
        found = [replace(each, help=None) if each.help == of_a_spec else each for each in error.diagnostics]
        raise SpecError(found) from None


def with_classes(folder: ImageFolder, names: Sequence[str] | None, units: int) -> ImageFolder:
    """The folder's images with the model's numbers of their classes; some of its classes may have no images.

    `names` are what the model's classes are called, several alternatives of one apart by a bar. Where that is unknown
    the folder has to have all of them, in the order of the alphabet.

    Raises:
        SpecError: SC604.
    """
    count = 2 if units == 1 else units
    found = folder.class_names
    if names is not None and len(names) != count:
        raise SpecError.single("SC604", f"there are {len(names)} labels, the model has {count} classes")
    if names is None:
        if len(found) == count:
            return folder
        message = f"the folder has {len(found)} classes, the model tells {count} apart and does not say which"
        raise SpecError.single("SC604", message, help="name its classes in their order with `--labels FILE`")
    numbers: dict[str, int] = {}
    for form in (str, _plain):  # as it is called first
        for at, name in enumerate(names):
            for each in name.split("|"):
                numbers.setdefault(form(each), at)
    given = {name: numbers.get(name, numbers.get(_plain(name))) for name in found}
    unknown = [name for name, number in given.items() if number is None]
    if unknown:
        help = did_you_mean(unknown[0], [each.split("|")[-1] for each in names], "rename the folder, or take it out")
        what = f"class {quoted(unknown)}" if len(unknown) == 1 else f"classes {quoted(unknown[:4])}"
        more = f" and {len(unknown) - 4} more" if len(unknown) > 4 else ""
        notes = [
            f"the classes are {quoted([each.split('|')[-1] for each in names[:6]])}{' …' if len(names) > 6 else ''}"
        ]
        raise SpecError([Diagnostic("SC604", f"the model knows no {what}{more}", notes=tuple(notes), help=help)])
    labels = tuple(given[found[label]] or 0 for label in folder.labels)
    return ImageFolder(folder.path, tuple(each.split("|")[-1] for each in names), folder.files, labels)


def _plain(name: str) -> str:
    """A name as a folder may have it: file systems take no `/`, and ImageNet's names have `_` for blanks."""
    return name.strip().replace(" ", "_").replace("/", "_").casefold()


def shown_files(files: Sequence[str], folder: str) -> tuple[str, ...]:
    """Files as a page says them: from the folder that holds the classes."""
    return tuple(os.path.relpath(file, folder) if folder else file for file in files)
