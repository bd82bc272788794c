"""A folder with one folder a class, as `keras.utils.image_dataset_from_directory` reads it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, under
from spec_compiler.files import Folder, gone
from spec_compiler.files.regular import Left, kind_at
from spec_compiler.spec.data import HELD, Data
from spec_compiler.training.split import split_groups

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
        files = tuple(self.files[index] for index in indices)
        return ImageFolder(self.path, self.class_names, files, tuple(self.labels[index] for index in indices))

    def counts(self) -> dict[str, int]:
        """How many images each class has."""
        counts = Counter(self.labels)
        return {name: counts[label] for label, name in enumerate(self.class_names)}


class Folders(NamedTuple):
    """The images to train on, those to validate on and those to test with, if there are any."""

    train: ImageFolder
    validation: ImageFolder | None
    test: ImageFolder | None = None


def read_folders(data: Data, start: Folder, seed: int) -> Folders:
    """The images that the section names; nothing of them is read yet.

    Raises:
        SpecError: SC602, SC603, SC510, paths relative to the spec.
    """
    with under("data", "train"):
        train = read_folder(data.train, start)
    parts: dict[str, ImageFolder] = {}
    for key in HELD:
        given = getattr(data, key)
        if isinstance(given, str):
            with under("data", key):
                parts[key] = read_folder(given, start)
                same_classes(train, parts[key], key)
    shares = {key: getattr(data, key) for key in HELD if isinstance(getattr(data, key), int | float)}
    with under("data"):
        parts |= split_folder(train, shares, seed)
    return Folders(parts["train"], parts.get("validation"), parts.get("test"))


def read_folder(given: str, start: Folder) -> ImageFolder:
    """The images below a folder, `given` being relative to `start`; classes and files in alphabetical order.

    Raises:
        SpecError: SC602 for a folder that is missing, has no classes, or has a class without images, SC603 for what is
            called an image and is no file, SC510 for what leaves the folder that paths may not leave.
    """
    path = os.path.normpath(start.permit(given))
    if not os.path.isdir(path):
        what = "is a file"
        help: str | None = (
            "name the folder that has a folder for each class; tables are `.csv`, `.tsv` or `.parquet`, arrays `.npz`"
        )
        if not os.path.exists(path):
            what, help = "does not exist", _near(given, path) or "relative paths start from the spec's own folder"
        raise SpecError.single("SC602", f"the folder `{given}` {what}", help=help, notes=[f"looked at {path}"])
    try:
        entries = start.entries(path)
    except Left:
        raise gone(given) from None
    except OSError as error:
        raise SpecError.single("SC602", f"the folder `{given}` cannot be read: {error.strerror}") from None
    # in the order of the alphabet, in which Keras numbers classes as well (`keras/src/utils/dataset_utils.py`)
    names = [entry.name for entry in entries if entry.is_folder and not entry.name.startswith(".")]
    if not names:
        loose = sum(entry.name.lower().endswith(FORMATS) for entry in entries)
        message = f"`{given}` has no class folders" + (f", but {loose} images of its own" if loose else "")
        help = f"put the images of each class into a folder of their own: `{given}/cat/1.jpg`, `{given}/dog/1.jpg`"
        raise SpecError.single("SC602", message, help=help)
    files: list[str] = []
    labels: list[int] = []
    problems: list[Diagnostic] = []
    for label, name in enumerate(names):
        images, odd = _images(os.path.join(path, name), start)
        problems += odd
        if not images and not odd:
            others = sum(len(file_names) for _, _, file_names in os.walk(os.path.join(path, name)))
            message = f"the class folder `{os.path.join(given, name)}` has no image"
            help = "remove the folder, or put images into it"
            if others:
                message += f", only {others} other files"
                help = f"images end in {', '.join(FORMATS)}"
            problems.append(Diagnostic("SC602", message, help=help))
        files += images
        labels += [label] * len(images)
    if problems:
        raise SpecError(problems)
    return ImageFolder(path, tuple(names), tuple(files), tuple(labels))


def split_folder(folder: ImageFolder, shares: Mapping[str, float], seed: int) -> dict[str, ImageFolder]:
    """The images to train on, and the share of each class, at least one image, for each part that is held back.

    Raises:
        SpecError: SC602 for a class with fewer images than parts, paths relative to `data`.
    """
    groups = {
        name: [index for index, other in enumerate(folder.labels) if other == label]
        for label, name in enumerate(folder.class_names)
    }
    rows = split_groups(groups, shares, seed, "the class `{}` has", "image")
    return {key: folder.of(indices.tolist()) for key, indices in rows.items()}


def same_classes(train: ImageFolder, other: ImageFolder, key: str) -> None:
    """Proves that two folders have the same classes; `key` names the second.

    Raises:
        SpecError: SC602.
    """
    missing = [name for name in train.class_names if name not in other.class_names]
    extra = [name for name in other.class_names if name not in train.class_names]
    if missing or extra:
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"has {_listed(extra)} that `train` lacks"] if extra else []
        help = "both folders need the same class folders"
        raise SpecError.single("SC602", f"the {key} folder {' and '.join(parts)}", help=help)


def _near(given: str, path: str) -> str | None:
    """The folder beside a missing one that was surely meant."""
    around = os.path.dirname(path) or os.curdir
    names = os.listdir(around) if os.path.isdir(around) else []
    folders = [name for name in names if not name.startswith(".") and os.path.isdir(os.path.join(around, name))]
    return did_you_mean(given, [os.path.join(os.path.dirname(given), name) for name in folders])


def _images(path: str, start: Folder) -> tuple[list[str], list[Diagnostic]]:
    """The images in a class folder and below, and what is called an image and is none.

    Links are followed, and each folder is looked into once.
    """
    images: list[str] = []
    odd: list[Diagnostic] = []
    seen: set[str] = set()  # a link back to a folder above would never end
    todo = [path]
    while todo:
        folder = todo.pop()
        try:
            for entry in start.entries(folder):
                here = os.path.join(folder, entry.name)
                if entry.is_folder and os.path.realpath(here) not in seen:
                    seen.add(os.path.realpath(here))
                    start.admit(here)
                    todo.append(here)
                elif not entry.is_folder and entry.name.lower().endswith(FORMATS):
                    start.admit(here)
                    odd += [] if entry.is_file else [_no_image(here)]
                    images.append(here)
        except SpecError as error:
            odd += error.diagnostics
        except Left:
            odd += gone(os.path.relpath(folder, start.path or ".")).diagnostics
        except OSError as error:
            odd.append(Diagnostic("SC603", f"the folder `{shown_path(folder)}` cannot be read: {error.strerror}"))
    return sorted(images), odd[:5]  # a whole folder of broken links has one cause


def _no_image(path: str) -> Diagnostic:
    """SC603 for a pipe, a socket, a device or a link that leads nowhere, which is called as an image is."""
    kind = kind_at(path) or "a link that leads nowhere"
    help = "remove it, or put an image in its place"
    return Diagnostic("SC603", f"`{shown_path(path)}` is {kind}, not an image", help=help)


def shown_path(path: str) -> str:
    """A path as messages say it: from the folder that the caller is in, if it is below that."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _listed(names: list[str]) -> str:
    shown = quoted(names[:4])
    return shown + (f" and {len(names) - 4} more" if len(names) > 4 else "")
