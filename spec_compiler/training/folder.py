"""A folder with one folder a class, as `keras.utils.image_dataset_from_directory` reads it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean
from spec_compiler.training.data import Data

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class ImageFolder:
    """Images with their classes: `labels[i]` is the position of the class of `files[i]` in `class_names`."""

    path: str
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.files)

    def of(self, indices: list[int]) -> ImageFolder:
        """The images at these positions."""
        return ImageFolder(
            self.path,
            self.class_names,
            tuple(self.files[index] for index in indices),
            tuple(self.labels[index] for index in indices),
        )

    def counts(self) -> dict[str, int]:
        """How many images each class has."""
        found = dict.fromkeys(self.class_names, 0)
        for label in self.labels:
            found[self.class_names[label]] += 1
        return found


@dataclass(frozen=True)
class Folders:
    """The images to train on and those to validate on, if there are any."""

    train: ImageFolder
    validation: ImageFolder | None


def read_folders(data: Data, start: str, seed: int) -> Folders:
    """The images that the section names; nothing of them is read yet.

    Raises:
        SpecError: SC602, paths relative to the spec.
    """
    try:
        train = read_folder(data.train, start)
    except SpecError as error:
        raise error.under("data", "train") from None
    if data.validation is None:
        return Folders(train, None)
    try:
        if isinstance(data.validation, str):
            validation = read_folder(data.validation, start)
            same_classes(train, validation)
            return Folders(train, validation)
        return Folders(*split_folder(train, data.validation, seed))
    except SpecError as error:
        raise error.under("data", "validation") from None


def read_folder(given: str, start: str) -> ImageFolder:
    """The images below a folder, `given` being relative to `start`; classes and files in alphabetical order.

    Raises:
        SpecError: SC602 for a folder that is missing, has no classes, or has a class without images.
    """
    path = os.path.normpath(os.path.join(start, os.path.expanduser(given)))
    if not os.path.isdir(path):
        what, help = "is a file", "name the folder that has a folder for each class"
        if not os.path.exists(path):
            what, help = "does not exist", _near(given, path) or "relative paths start from the spec's own folder"
        raise SpecError.single("SC602", f"the folder `{given}` {what}", help=help, notes=[f"looked at {path}"])
    names = sorted(name for name in os.listdir(path) if _is_class(path, name))
    if not names:
        loose = sum(name.lower().endswith(FORMATS) for name in os.listdir(path))
        message = f"`{given}` has no class folders" + (f", but {loose} images of its own" if loose else "")
        help = f"put the images of each class into a folder of their own: `{given}/cat/1.jpg`, `{given}/dog/1.jpg`"
        raise SpecError.single("SC602", message, help=help)
    files: list[str] = []
    labels: list[int] = []
    problems: list[Diagnostic] = []
    for label, name in enumerate(names):
        found = sorted(_images(os.path.join(path, name)))
        if not found:
            others = sum(len(each) for _, _, each in os.walk(os.path.join(path, name)))
            message = f"the class folder `{os.path.join(given, name)}` has no image"
            help = "remove the folder, or put images into it"
            if others:
                message += f", only {others} other files"
                help = f"images end in {', '.join(FORMATS)}"
            problems.append(Diagnostic("SC602", message, help=help))
        files += found
        labels += [label] * len(found)
    if problems:
        raise SpecError(problems)
    return ImageFolder(path, tuple(names), tuple(files), tuple(labels))


def split_folder(folder: ImageFolder, share: float, seed: int) -> tuple[ImageFolder, ImageFolder]:
    """The images to train on and those to validate on: the share of each class, at least one, chosen by the seed.

    Raises:
        SpecError: SC602 for a class with a single image.
    """
    kept: list[int] = []
    held: list[int] = []
    for label, name in enumerate(folder.class_names):
        indices = [index for index, each in enumerate(folder.labels) if each == label]
        if len(indices) < 2:
            message = f"the class `{name}` has one image, which cannot both train and validate"
            raise SpecError.single("SC602", message, help="add images, or give `validation` a folder of its own")
        random.Random(f"{seed}/validation/{name}").shuffle(indices)  # noqa: S311 - a split that can be repeated
        count = min(max(1, round(share * len(indices))), len(indices) - 1)
        held += sorted(indices[:count])
        kept += sorted(indices[count:])
    return folder.of(kept), folder.of(held)


def same_classes(train: ImageFolder, validation: ImageFolder) -> None:
    """Proves that two folders have the same classes.

    Raises:
        SpecError: SC602.
    """
    missing = [name for name in train.class_names if name not in validation.class_names]
    extra = [name for name in validation.class_names if name not in train.class_names]
    if missing or extra:
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"has {_listed(extra)} that `train` lacks"] if extra else []
        help = "both folders need the same class folders"
        raise SpecError.single("SC602", f"the validation folder {' and '.join(parts)}", help=help)


def _near(given: str, path: str) -> str | None:
    """The folder beside a missing one that was surely meant."""
    around = os.path.dirname(path)
    names = [name for name in os.listdir(around) if _is_class(around, name)] if os.path.isdir(around) else []
    return did_you_mean(given, [os.path.join(os.path.dirname(given), name) for name in names])


def _is_class(path: str, name: str) -> bool:
    return not name.startswith(".") and os.path.isdir(os.path.join(path, name))


def _images(path: str) -> Iterator[str]:
    for folder, _, names in os.walk(path, followlinks=True):
        yield from (os.path.join(folder, name) for name in names if name.lower().endswith(FORMATS))


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:4])
    return shown + (f" and {len(names) - 4} more" if len(names) > 4 else "")
