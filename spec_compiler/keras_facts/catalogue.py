"""What Keras's layers, initializers, optimizers, losses, callbacks and applications take, without importing Keras.

`spec_compiler.backend.catalogue.write` generates it from Keras. Names that are not in it, such as those of registered
custom classes, are left to the caller: functions answer with None or with nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Literal, get_args

ClassKind = Literal[
    "layer", "initializer", "regularizer", "constraint", "optimizer", "schedule", "loss", "metric", "callback"
]
CLASS_KINDS: tuple[ClassKind, ...] = get_args(ClassKind)


class Catalogue(Mapping[str, Any]):
    """A folder of JSON files, one a group of names: `layers`, `losses`; each is read when it is first asked for."""

    def __init__(self, folder: FilePath) -> None:
        self.folder = folder
        self._groups: dict[str, Any] = {}

    def __getitem__(self, group: str) -> Any:
        if group not in self._groups:
            try:
                text = (self.folder / f"{group}.json").read_text(encoding="utf-8")
            except FileNotFoundError:
                raise KeyError(group) from None
            self._groups[group] = Records(text) if group == "layers" else json.loads(text)
        return self._groups[group]

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in sorted(self.folder.glob("*.json")))

    def __len__(self) -> int:
        return len(list(iter(self)))


class Records(Mapping[str, Any]):
    """A group whose file has a line for each name; a line is read when its name is first asked for.

    The file of the layers is longer than all others together, and a spec is about a few of them.
    """

    def __init__(self, text: str) -> None:
        lines = (line for line in text.splitlines() if line.startswith('"'))
        self._lines = {line[1 : line.index('"', 1)]: line.rstrip(",") for line in lines}
        self._records: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._records:
            self._records.update(json.loads(f"{{{self._lines[name]}}}"))
        return self._records[name]

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def schemas_folder() -> FilePath:
    """The folder of the generated files: inside the package when installed from a wheel, beside it in a checkout."""
    package = FilePath(__file__).parents[1]
    return package / "schemas" if (package / "schemas").exists() else package.parent / "schemas"


@cache
def catalogue() -> Catalogue:
    """The whole catalogue."""
    return Catalogue(schemas_folder() / "keras-catalogue")


def layer_names() -> tuple[str, ...]:
    """The public names of all layer classes, aliases such as `AvgPool2D` among them."""
    return tuple(catalogue()["layers"])


def application_names() -> tuple[str, ...]:
    """The names of all constructors in `keras.applications`.

    >>> "VGG16" in application_names()
    True
    """
    return tuple(catalogue()["applications"])


def application(name: str) -> Mapping[str, Any]:
    """The record of an application: `doc`, `arguments` and `default_size`, its input's height and width.

    >>> application("Xception")["default_size"]
    299

    Raises:
        KeyError: where there is no such application.
    """
    record: Mapping[str, Any] = catalogue()["applications"][name]
    return record


def class_record(class_name: str, kind: ClassKind | None = None) -> Mapping[str, Any] | None:
    """The record of a class: `doc`, `first_argument` and `arguments`; None where the class is not catalogued.

    Without a kind the layers come first: `Identity` is a layer and an initializer.
    """
    for each in CLASS_KINDS if kind is None else (kind,):
        records = catalogue()[group_of(each)]
        if class_name in records:
            record: Mapping[str, Any] = records[own_name(class_name, each)]
            return record
    return None


def group_of(kind: ClassKind) -> str:
    """The catalogue's section of a kind."""
    return "losses" if kind == "loss" else f"{kind}s"


def own_name(name: str, kind: ClassKind) -> str:
    """The name of the class behind an alias; a name that is no alias is its own.

    >>> own_name("adam", "optimizer"), own_name("my_package>Mine", "layer")
    ('Adam', 'my_package>Mine')
    """
    own: str = catalogue()[group_of(kind)].get(name, {}).get("alias_of", name)
    return own


def first_argument(class_name: str, kind: ClassKind | None = None) -> str | None:
    """The argument that a scalar stands for, as in `Dropout: 0.3`; None where the class has none.

    >>> first_argument("Dropout"), first_argument("Add")
    ('rate', None)
    """
    record = class_record(class_name, kind)
    name: str | None = record["first_argument"] if record else None
    return name


def argument_names(class_name: str, kind: ClassKind | None = None) -> tuple[str, ...]:
    """The constructor arguments of a class in order, those of its parents after its own.

    >>> argument_names("Softmax")
    ('axis', 'name', 'dtype', 'trainable', 'autocast', 'activity_regularizer')
    """
    record = class_record(class_name, kind)
    return tuple(record["arguments"]) if record else ()


def argument_kind(class_name: str, argument: str, kind: ClassKind | None = None) -> str | None:
    """What must be made of the argument's value before Keras gets it; None for plain data.

    One of `layer`, `initializer`, `regularizer`, `constraint` (entries, a list of them for some arguments of kind
    layer), `activation`, `dtype` (names, or Keras's serialized form), `function` (`module:function`) and `python` (an
    object that YAML cannot hold).

    >>> argument_kind("Dense", "kernel_regularizer"), argument_kind("Dense", "units")
    ('regularizer', None)
    """
    record = class_record(class_name, kind)
    made_of: str | None = record["arguments"].get(argument, {}).get("kind") if record else None
    return made_of
