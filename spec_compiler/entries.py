"""A layer entry: `ClassName`, `ClassName: {arguments}` or `ClassName: first argument`, with `from:` in a head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from spec_compiler import catalogue
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, show
from spec_compiler.selectors import Selector

_FORMS = "write `Flatten`, `Dropout: 0.3` or `Dense: {units: 10}`"


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A layer to be made: its class by its public Keras name, its constructor arguments, and what it is called on.

    `name` is None where Keras should choose; it may hold `{name}`, the name of the layer that an `each` edit matched.
    `takes` is None in a chain, where the layer takes what the one above puts out.
    """

    class_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    name: str | None = None
    takes: tuple[Selector, ...] | None = None
    takes_list: bool = False
    class_path: Path = ()
    name_path: Path = ()

    @classmethod
    def parse(cls, raw: Any) -> LayerEntry:
        """The entry that a YAML value says.

        Raises:
            SpecError: SC105 another form, SC202 unknown class, SC102, SC106 and SC107 for its arguments.

        >>> LayerEntry.parse({"Dropout": 0.3}).arguments
        {'rate': 0.3}
        """
        if isinstance(raw, LayerEntry):
            return raw
        if isinstance(raw, str):
            class_name, value, takes = raw, None, None
            class_path: Path = ()
        else:
            class_name, value, takes = _open(raw)
            class_path = (class_name,)
        return _checked(class_name, value, takes, class_path)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"$ref": "#/definitions/layer"}


Entries = Annotated[tuple[LayerEntry, ...], Field(min_length=1)]  # the layers of one chain


def _open(raw: Any) -> tuple[str, Any, Any]:
    if not isinstance(raw, Mapping):
        raise SpecError.single("SC105", f"a layer is a class with its arguments, got {show(raw)}", help=_FORMS)
    classes = [key for key in raw if key != "from"]
    if len(classes) != 1 or not isinstance(classes[0], str):
        extra = f"`{classes[1]}`" if len(classes) > 1 else None
        help = _FORMS
        if extra and isinstance(raw[classes[0]], type(None)):
            help = f"indent the arguments below `{classes[0]}:`, or write `{classes[0]}: {{{classes[1]}: …}}`"
        path: Path = (str(classes[1]),) if extra else ()
        message = f"a layer entry has one class, this has {len(classes)}" + (f": {extra} is too many" if extra else "")
        raise SpecError.single("SC105", message, path=path, at_key=bool(extra), help=help)
    return classes[0], raw[classes[0]], raw.get("from", _ABSENT)


_ABSENT = object()


def _checked(class_name: str, value: Any, takes: Any, class_path: Path) -> LayerEntry:
    problems: list[Diagnostic] = []
    sources: tuple[Selector, ...] | None = None
    if takes is not None and takes is not _ABSENT:
        try:
            sources = _sources(takes)
        except SpecError as error:
            problems += error.under("from").diagnostics
    elif takes is None and class_path:
        problems.append(Diagnostic("SC103", "`from` needs a layer or a list of layers", ("from",)))
    registered = ">" in class_name
    if not registered and class_name not in catalogue.layer_names():
        raise SpecError(
            [
                *problems,
                Diagnostic(
                    "SC202",
                    f"no Keras layer is called `{class_name}`",
                    class_path,
                    at_key=True,
                    help=did_you_mean(class_name, catalogue.layer_names(), "classes stand as in `keras.layers`"),
                ),
            ]
        )
    arguments: dict[str, Any] = {}
    if isinstance(value, Mapping):
        arguments = dict(value)
    elif value is not None:
        first = catalogue.first_argument(class_name)
        if first is None:
            message = f"`{class_name}` takes no first argument, got {show(value)}"
            raise SpecError([*problems, Diagnostic("SC105", message, class_path, help=f"write `{class_name}`")])
        arguments = {first: value}
    name = arguments.pop("name", None)
    name_path: Path = (*class_path, "name")
    if name is not None:
        problems += _name_problems(name, name_path)
    if not registered:
        for each in catalogue.check_arguments(class_name, arguments):
            if isinstance(value, Mapping) or not each.path:
                problems.append(each.under(*class_path))
            else:  # the scalar itself is the argument
                problems.append(Diagnostic(each.code, each.message, class_path, help=each.help))
    if problems:
        raise SpecError(problems)
    listed = isinstance(takes, list | tuple)
    return LayerEntry(class_name, arguments, name, sources, listed, class_path, name_path)


def _sources(takes: Any) -> tuple[Selector, ...]:
    if isinstance(takes, list | tuple):
        if not takes:
            raise SpecError.single("SC103", "`from` needs at least one layer")
        found: list[Selector] = []
        problems: list[Diagnostic] = []
        for index, each in enumerate(takes):
            try:
                found.append(Selector.parse(each))
            except SpecError as error:
                problems += error.under(index).diagnostics
        if problems:
            raise SpecError(problems)
        return tuple(found)
    return (Selector.parse(takes),)


def _name_problems(name: Any, path: Path) -> list[Diagnostic]:
    if not isinstance(name, str):
        return [Diagnostic("SC107", f"`name` must be text, got {show(name)}", path, help=f'write `name: "{name}"`')]
    if not name or "/" in name:
        return [
            Diagnostic("SC107", f"`{name}` cannot name a Keras layer", path, help="use letters, digits and `_`, no `/`")
        ]
    return []


def snake_case(class_name: str) -> str:
    """The name that Keras gives to an unnamed layer of a class, before it is made unique.

    >>> snake_case("GlobalAveragePooling2D")
    'global_average_pooling2d'
    """
    name = re.sub(r"\W+", "", class_name.rpartition(">")[2])
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
