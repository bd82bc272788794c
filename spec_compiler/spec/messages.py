"""What is wrong with the fields of a spec: pydantic's errors in the language's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from spec_compiler.diagnostics import Advice, Diagnostic, Path, SpecError, did_you_mean, dotted, quoted, show, write
from spec_compiler.diagnostics.advice import Add, Rename, Space, Wrap
from spec_compiler.edits import SECTIONS
from spec_compiler.edits.inputs import NewInput
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.keras_facts.translation import as_data, as_yaml
from spec_compiler.language.base import Base
from spec_compiler.language.places import in_section
from spec_compiler.language.section import Section
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.data import Data
from spec_compiler.spec.fit import Fit
from spec_compiler.spec.phase import Phase
from spec_compiler.spec.sweep import Sweep
from spec_compiler.text.blocks import EXPANDED

Fields = Mapping[str, FieldInfo]


def said_of(error: ValidationError, fields: Fields) -> Iterator[Diagnostic]:
    """pydantic's errors in our words; `fields` are those of a spec. What is missing as it is misspelt is told once."""
    return _meant(list(_diagnostics(error, fields)))


def _diagnostics(error: ValidationError, fields: Fields) -> Iterator[Diagnostic]:
    """Those of our own validators come whole, under the place where they arose."""
    for each in error.errors(include_url=False):
        path: Path = each["loc"]
        inner = each.get("ctx", {}).get("error")
        if each["type"] == "too_short" and isinstance(each["input"], list | tuple) and each["input"]:
            continue  # its entries are wrong, and each is reported itself
        if isinstance(inner, SpecError):
            yield from inner.under(*path).diagnostics
        else:
            yield _diagnostic(each["type"], path, each, fields)


_OLD_FORMS: Mapping[tuple[str, str], Advice] = {
    ("insert", "layers"): Advice("write `with`: `layers` selects, new layers stand under `with`", Rename("with")),
    ("replace", "each"): Advice("write `layers: {each: …}`", Wrap("each"), Rename("layers")),
}


def _meant(problems: list[Diagnostic]) -> Iterator[Diagnostic]:
    """A key that is missing because it is misspelt is told once, where it is misspelt."""
    told = ("did you", *_OLD_FORMS.values())
    misspelt = {each.path[:-1] for each in problems if each.code == "SC101" and (each.help or "").startswith(told)}
    return (each for each in problems if not (each.code == "SC102" and each.path in misspelt and not each.at_key))


def _diagnostic(kind: str, path: Path, error: Any, fields: Fields) -> Diagnostic:
    at_key = path[-1:] == ("[key]",)  # of a mapping whose names are the user's
    path = (*path[:-2], str(path[-2])) if at_key else path
    place = in_section(path)
    name = f"`{dotted(path[-2:] if isinstance(path[-1], int) else path[-1:])}`" if path else "a spec"
    name = f"a key of `{dotted(path[-2:-1])}`" if at_key else name
    where = "a spec" if len(path) == 1 else f"`{place[0] if place else 'spec'}`"
    value = error.get("input")
    got = show(value)
    if kind == "extra_forbidden":
        known = _keys_of(str(place[0])) if len(path) > 1 else tuple(fields)
        nearby = (*known, *EXPANDED) if len(path) == 1 else known
        help = did_you_mean(str(path[-1]), nearby, f"its keys are {quoted(known)}")
        if len(path) == 1:
            help = _home(str(path[0])) or help
        if (place[0], place[-1]) in _OLD_FORMS and len(place) < 4:
            help = _OLD_FORMS[str(place[0]), str(place[-1])]
        if str(path[-1]).partition(":")[0] in known:
            help = Advice("put a space after the colon", Space())
        return Diagnostic("SC101", f"{where} has no key `{path[-1]}`", path, at_key=True, help=help)
    if kind == "missing":
        first = Advice("add `spec: 1`", Add("spec", 1, first=True))
        help = first if path == ("spec",) else f"add `{path[-1]}: …`"
        return Diagnostic("SC102", f"{where} needs {name}", path[:-1], help=help)
    if path == ("spec",):
        message = f"this compiler reads version 1 of the language, got {got}"
        is_other = value not in ("1", 1)  # it may say what version 1 does not
        help = "write `spec: 1`" if is_other else write(1, "write `spec: 1`")
        return Diagnostic("SC103", message, path, help=help)
    if kind == "invalid_key":
        key = str(value).lower() if isinstance(value, bool) else str(value)
        return Diagnostic("SC101", f"{where} has no key `{key}`", (*path[:-1], key), at_key=True, help="keys are text")
    if kind in ("greater_than_equal", "less_than"):
        bounds = error["ctx"]
        wanted = f"at least {bounds['ge']}" if "ge" in bounds else f"below {bounds['lt']}"
    elif kind == "too_short":
        least = error["ctx"]["min_length"]
        what = "mapping" if isinstance(value, Mapping) else "list"
        wanted = f"a {what} with at least {'one entry' if least == 1 else f'{least} entries'}"
        if least > 1:
            got = "one" if len(value) == 1 else str(len(value))
    elif kind == "too_long":
        wanted = f"a mapping with at most {error['ctx']['max_length']} entries"
    elif kind == "string_pattern_mismatch":
        wanted = _PATTERNS.get(error["ctx"]["pattern"], "a name without `/`")
    else:
        wanted = _WANTED.get(kind) or str(error["msg"]).removeprefix("Input should be ").lower()
    help = None if at_key else _value_help(kind, path, error, fields)
    return Diagnostic("SC103", f"{name} must be {wanted}, got {got}", path, at_key=at_key, help=help)


def _value_help(kind: str, path: Path, error: Any, fields: Fields) -> str | None:
    """How to write what was surely meant, or an example of the field."""
    value = error.get("input")
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "string_type":
        quoted = write(str(value), f"put it in quotes: `{key}: '{value}'`")
        return quoted if isinstance(value, int | float) else _example(path, fields)
    if kind == "int_type" and isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return write(int(value), f"remove the quotes: `{key}: {int(value)}`")
    if kind == "tuple_type" and isinstance(value, str) and (written := as_yaml(value)) is not None:
        data = as_data(value)
        return write(
            data if isinstance(data, list) else [data],
            f"write `{key}: {written if written.startswith('[') else f'[{written}]'}`",
        )
    if path == ("bases",):
        return "a single base stands under `base`"
    return _example(path, fields)


def _example(path: Path, fields: Fields) -> str | None:
    """An example of the field that a path leads to, as the schema has it."""
    parts = [part for part in in_section(path) if isinstance(part, str)]
    section = _MAPPINGS.get(parts[0]) if len(parts) == 2 else None
    siblings = fields if len(parts) == 1 else section.model_fields if section is not None else {}
    for name, field in siblings.items():
        if parts[-1] == (field.alias or name) and field.examples:
            return f"for example `{parts[-1]}: {flow(field.examples[0])}`"
    return None


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "string_too_short": "text that is not empty",
}
_PATTERNS = {
    r"^[A-Za-z0-9_]+$": "of letters, digits and `_`",
    r"^[A-Za-z0-9_.\- ]+$": "of letters, digits, `_`, `.`, `-` and spaces",
}


def _home(key: str) -> str | None:
    """Where a key that a spec does not have belongs."""
    if key in _ELSEWHERE:
        return _ELSEWHERE[key]
    homes = [section for section in _MAPPINGS if key in _keys_of(section)]
    if key in catalogue.application("VGG16")["arguments"]:
        homes = ["base"]
    return f"`{key}` belongs into `{homes[0]}`" if homes else None


_ELSEWHERE = {
    "layers": "new layers stand in `head`, `insert` or `replace`",
    "trainable": "`freeze` names the layers that do not train, `unfreeze` those that do",
}


def _keys_of(section: str) -> tuple[str, ...]:
    model = _MAPPINGS.get(section)
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model is not None else ()


_MAPPINGS: dict[str, type[Section]] = {
    "base": Base,
    **{section.key: section for section in SECTIONS if issubclass(section, Section)},
    "data": Data,
    "compile": Compile,
    "fit": Fit,
    "train": Phase,
    "sweep": Sweep,
    "inputs": NewInput,
}
