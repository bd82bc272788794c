"""What the classes of a model are called: in a file, or ImageNet's, as Keras's own decoding has them."""

from __future__ import annotations

import os
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.settings import keras_home
from spec_compiler.reading import Damaged
from spec_compiler.reading.text import read_json

INDEX = "imagenet_class_index.json"
ADDRESS = f"https://storage.googleapis.com/download.tensorflow.org/data/{INDEX}"
_NUM_IMAGENET = 1000


def class_names(labels: str) -> tuple[str, ...]:
    """The names that `--labels` says: those in a file, or with `imagenet` ImageNet's.

    Raises:
        SpecError: SC501, SC502.
    """
    return imagenet_names() if labels == "imagenet" else names_in(labels)


def imagenet_names(ids: bool = False) -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, from the file that Keras's `decode_predictions` downloads once.

    With `ids` each has its number in WordNet before it, `n01440764|tench`: folders of images are called so.

    Raises:
        SpecError: SC501 where it is not there, SC502 where it is damaged.
    """
    path = index_file()
    if not os.path.isfile(path):
        raise SpecError.single("SC501", f"the names of ImageNet's classes are not at `{path}`", help=_GET)
    entries = _entries(path)
    names = tuple("|".join(map(str, entry)) if ids and isinstance(entry, list) else _last(entry) for entry in entries)
    if len(names) != _NUM_IMAGENET:
        raise SpecError.single("SC502", f"`{path}` has {len(names)} names, ImageNet has 1000 classes")
    return names


_GET = f"put {ADDRESS} there, or call `keras.applications.imagenet_utils.decode_predictions` once"


def has_index() -> bool:
    """Whether the names of ImageNet's classes are on this machine."""
    return os.path.isfile(index_file())


def is_of_imagenet(model: Any) -> bool:
    """Whether a model ends in an application's own head: its 1000 classes, in the layer that Keras gives them.

    Nothing in a file says it, so the model has to be called as the application is, too.
    """
    if len(model.outputs) != 1 or tuple(model.outputs[0].shape) != (None, _NUM_IMAGENET):
        return False
    layer = model.output_names[0] if model.output_names else ""
    name = "".join(filter(str.isalnum, model.name)).casefold()
    known = [each.casefold() for each in catalogue.application_names()]
    is_head = layer == "predictions" or layer.endswith("_head_dense")  # of ConvNeXt
    return is_head and any(name.startswith(each) or (name and each.startswith(name)) for each in known)


def names_in(path: str) -> tuple[str, ...]:
    """The names in a file, one a line, or as a JSON list.

    Raises:
        SpecError: SC502.
    """
    if path.endswith(".json"):
        return tuple(map(_last, _entries(path)))
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _entries(path: str) -> list[Any]:
    try:
        entries = read_json(path)
        if isinstance(entries, dict):  # Keras's own file: `{"0": ["n01440764", "tench"], …}`
            entries = [entries[str(index)] for index in range(len(entries))]
        return [list(entry) if isinstance(entry, list) else str(entry) for entry in entries]
    except (Damaged, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _unreadable(path, error) from None


def _last(entry: Any) -> str:
    return str(entry[-1] if isinstance(entry, list) and entry else entry)


def _unreadable(path: str, error: Exception) -> SpecError:
    return SpecError.single("SC502", f"`{path}` cannot be read as labels: {error}")


def index_file() -> str:
    """Where Keras keeps the names of ImageNet's classes."""
    return os.path.join(keras_home(), "models", INDEX)
