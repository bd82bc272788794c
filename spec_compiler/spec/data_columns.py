"""Which columns of a table a model takes and is compared with, and what its classes weigh."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, quoted, show
from spec_compiler.language.parsed import Parsed

Kind = Literal["image", "class", "labels", "number", "mask", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
INPUT_KINDS: tuple[Kind, ...] = ("image", "number", "class", "text")
TARGET_KINDS: tuple[Kind, ...] = ("class", "labels", "number", "mask")
_KEYS = ("column", "kind", "separator", "classes")
_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_COLUMN = {
    "title": "Column",
    "description": "A column of the table: its name, several names for several numbers, or with what stands in it.",
    "anyOf": [
        *_TEXTS["anyOf"],
        {
            "type": "object",
            "required": ["column"],
            "additionalProperties": False,
            "properties": {
                "column": {"description": "The name of the column, or of several that hold numbers.", **_TEXTS},
                "kind": {
                    "description": "What stands in it; worked out from the column, the model and its loss otherwise.",
                    "enum": [*KINDS],
                },
                "separator": {
                    "description": "What stands between several labels in one cell.",
                    "default": ";",
                    **_TEXT,
                },
                "classes": {
                    "description": "The names of the classes in their order; sorted otherwise.",
                    "type": "array",
                    "items": {"type": ["string", "number", "boolean"]},
                    "minItems": 1,
                },
            },
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Column:
    """Columns of a table that one input or target is made of; `path` leads to it from the key it stands under."""

    names: tuple[str, ...]
    kind: Kind | None = None
    separator: str | None = None
    classes: tuple[str, ...] = ()
    path: Path = ()
    is_mapping: bool = False

    @classmethod
    def parse(cls, raw: Any, path: Path = ()) -> Column:
        """The column that YAML data says.

        Raises:
            SpecError: SC101, SC102, SC103, paths relative to the data.
        """
        if not isinstance(raw, Mapping):
            return cls(_names(raw), path=path)
        problems: list[Diagnostic] = []
        for key in raw:
            if key not in _KEYS:
                help = did_you_mean(str(key), _KEYS, f"a column has {quoted(_KEYS)}")
                problems.append(Diagnostic("SC101", f"unknown key `{key}`", (str(key),), help=help, at_key=True))
        if "column" not in raw:
            problems.append(Diagnostic("SC102", "the name of the column is missing", help="add `column: NAME`"))
        said: dict[str, Any] = {}
        with collected(problems, "column"):
            said["names"] = _names(raw.get("column", "-"))
        if (kind := raw.get("kind")) is not None and kind not in KINDS:
            help = did_you_mean(str(kind), KINDS, f"write one of {quoted(KINDS)}")
            problems.append(Diagnostic("SC103", f"no kind of column is called {show(kind)}", ("kind",), help=help))
        separator = raw.get("separator")
        if separator is not None and (not isinstance(separator, str) or not separator):
            message = f"`separator` is what stands between two labels, got {show(separator)}"
            problems.append(Diagnostic("SC103", message, ("separator",), help='for example `separator: ";"`'))
        with collected(problems, "classes"):
            said["classes"] = _classes(raw.get("classes"))
        if separator is not None and kind not in (None, "labels"):
            message = f"`separator` is between the labels of one cell, `kind` is `{kind}`"
            problems.append(Diagnostic("SC108", message, ("separator",), at_key=True, help="write `kind: labels`"))
        if raw.get("classes") is not None and kind not in (None, "class", "labels", "mask"):
            message = f"`classes` are the names of classes, `kind` is `{kind}`"
            problems.append(Diagnostic("SC108", message, ("classes",), at_key=True, help="leave it out"))
        if problems:
            raise SpecError(problems)
        return cls(kind=kind, separator=separator, path=path, is_mapping=True, **said)

    @property
    def place(self) -> Path:
        """Where its name stands, or its names do."""
        return (*self.path, "column") if self.is_mapping else self.path

    @property
    def text(self) -> str:
        """Its name, or names, as messages have them."""
        return quoted(self.names)


def _names(raw: Any) -> tuple[str, ...]:
    names = raw if isinstance(raw, list | tuple) and raw else [raw]
    for index, name in enumerate(names):
        if not isinstance(name, str) or not name:
            path = (index,) if isinstance(raw, list | tuple) and raw else ()
            help = f'write `"{name}"`' if isinstance(name, int | float) else "write the name that heads the column"
            raise SpecError.single("SC103", f"the name of a column is a text, got {show(name)}", path=path, help=help)
    return tuple(names)


def _classes(raw: Any) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list | tuple) or not raw or any(isinstance(each, Mapping | list | tuple) for each in raw):
        message = f"`classes` is a list of names, got {show(raw)}"
        raise SpecError.single("SC103", message, help="for example `classes: [cat, dog]`")
    names = [class_name(each) for each in raw]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SpecError.single("SC103", f"the class `{name}` stands there twice", path=(index,), help="remove one")
    return tuple(names)


def class_name(value: Any) -> str:
    """A class as a text, however YAML or a table has it.

    >>> [class_name(each) for each in ("cat", 3, 3.0, True)]
    ['cat', '3', '3', 'true']
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True, slots=True)
class Columns(Parsed):
    """The columns of all inputs, or of all targets: `alone` for a model that has one, else by their names."""

    definition: ClassVar[str] = "data_columns"
    definitions: ClassVar[Mapping[str, Any]] = {
        "data_column": _COLUMN,
        "data_columns": {
            "title": "Columns",
            "description": "The column of the one input or output. With several: a mapping from their names to "
            "columns.",
            "anyOf": [
                {"x-definition": "data_column"},
                {
                    "type": "object",
                    "minProperties": 1,
                    "not": {"required": ["column"]},
                    "additionalProperties": {"x-definition": "data_column"},
                },
            ],
        },
    }
    alone: Column | None = None
    named: Mapping[str, Column] = field(default_factory=dict, hash=False)

    @classmethod
    def _parsed(cls, raw: Any) -> Columns:
        if not isinstance(raw, Mapping) or "column" in raw:
            return cls(Column.parse(raw))
        if not raw:
            raise SpecError.single("SC103", "no column is named", help="write `NAME: COLUMN` for each")
        problems: list[Diagnostic] = []
        named: dict[str, Column] = {}
        for name, value in raw.items():
            with collected(problems, str(name)):
                named[str(name)] = Column.parse(value, (str(name),))
        if problems:
            raise SpecError(problems)
        return cls(None, named)

    def under(self, key: str) -> Columns:
        """Them with paths from the section `data`."""
        if self.alone is not None:
            return replace(self, alone=replace(self.alone, path=(key,)))
        return replace(self, named={name: replace(each, path=(key, *each.path)) for name, each in self.named.items()})


Weights = Literal["balanced"] | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ClassWeight(Parsed):
    """How much each class counts: of the one output that tells classes apart, or by the names of several."""

    definition: ClassVar[str] = "class_weight"
    definitions: ClassVar[Mapping[str, Any]] = {
        "class_weights": {
            "title": "ClassWeights",
            "anyOf": [
                {"const": "balanced"},
                {"type": "object", "minProperties": 1, "additionalProperties": {"type": "number", "minimum": 0}},
            ],
        },
        "class_weight": {
            "title": "ClassWeight",
            "description": "What each class counts in the loss: `balanced`, or a number for each by its name.",
            "anyOf": [
                {"x-definition": "class_weights"},
                {"type": "object", "minProperties": 1, "additionalProperties": {"x-definition": "class_weights"}},
            ],
        },
    }
    alone: Weights | None = None
    named: Mapping[str, Weights] = field(default_factory=dict, hash=False)

    @classmethod
    def _parsed(cls, raw: Any) -> ClassWeight:
        by_output = isinstance(raw, Mapping) and any(isinstance(each, Mapping | str) for each in raw.values())
        if not by_output:
            return cls(_weights(raw))
        problems: list[Diagnostic] = []
        named: dict[str, Weights] = {}
        for name, value in raw.items():
            with collected(problems, str(name)):
                named[str(name)] = _weights(value)
        if problems:
            raise SpecError(problems)
        return cls(None, named)


def _weights(raw: Any) -> Weights:
    if raw == "balanced":
        return "balanced"
    help = "write `balanced`, or a number for each class, `{cat: 1.0, dog: 2.5}`"
    if not isinstance(raw, Mapping) or not raw:
        meant = did_you_mean(raw, ["balanced"], help) if isinstance(raw, str) else help
        raise SpecError.single("SC103", f"weights of classes are `balanced` or a mapping, got {show(raw)}", help=meant)
    problems: list[Diagnostic] = []
    weights: dict[str, float] = {}
    for name, value in raw.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not (0 <= value < math.inf):
            message = f"the weight of a class is a number from 0 on, got {show(value)}"
            problems.append(Diagnostic("SC103", message, (name if isinstance(name, str) else str(name),), help=help))
        else:
            weights[class_name(name)] = float(value)
    if problems:
        raise SpecError(problems)
    return weights
