"""`imports`: `vars` and `blocks` that other YAML files bring; and the blocks that the package itself brings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, show
from spec_compiler.diagnostics.advice import Advice, Remove
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.text.source import Place, Source, key_text
from spec_compiler.text.yaml_text import MAX_NODES, read_source

SECTIONS = {"vars": "variable", "blocks": "block"}  # what a file may bring, and what one of it is called
LIBRARY = os.path.join(os.path.dirname(os.path.dirname(__file__)), "blocks")


def imported(source: Source) -> Source:
    """The source with what the YAML files in its `imports` bring, before its own; other entries of `imports` stay.

    Raises:
        SpecError: SC501, SC510 a file that is not there or may not be read, whatever `read_source` says of one, SC101
            another section in one, SC103 one of another form, SC108 a name that is there twice, SC005 too much.
    """
    data = source.data
    if not isinstance(data, dict):
        return source
    entries = data.get("imports")
    listed = entries if isinstance(entries, list) else [] if entries is None else [entries]
    files = {at: each for at, each in enumerate(listed) if isinstance(each, str) and each.endswith(SPEC_SUFFIXES)}
    if not files and (listed or "imports" not in data):
        return source
    brought = _Brought(source)
    problems: list[Diagnostic] = []
    for at, name in files.items():
        try:
            brought.add(name, Place(("imports", at)))
        except SpecError as error:
            problems += (each if each.line is not None else each.under("imports", at) for each in error.diagnostics)
    if problems:
        raise source.located(SpecError(problems))
    rest = [(at, each) for at, each in enumerate(listed) if at not in files]
    moved = {("imports", new): Place(("imports", at)) for new, (at, _) in enumerate(rest)} | brought.moved
    data = {**data, "imports": [each for _, each in rest], **brought.sections()}
    if not rest:
        del data["imports"]
    return replace(source, data=data, moved=moved, imported=tuple(brought.files))


class _Brought:
    """What files bring to a source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.values: dict[str, dict[Any, Any]] = {section: {} for section in SECTIONS}
        self.moved: dict[Path, Place] = {}
        self.brought_by: dict[Path, str] = {}
        self.files: dict[str, str] = {}
        self.num_values = 0

    def sections(self) -> dict[str, Any]:
        """The sections of the source with what is brought."""
        own = self.source.data
        return {
            section: {**values, **(own.get(section) or {})}
            for section, values in self.values.items()
            if values and isinstance(own.get(section) or {}, dict)  # what is none is told where it is read
        }

    def add(self, name: str, place: Place) -> None:
        """Reads a file; errors are relative to its entry, or located in it."""
        folder = self.source.folder
        path = folder.find(name, "imported file")
        if (real := os.path.realpath(path)) in self.files.values():
            help = Advice("remove it", Remove())
            raise SpecError.single("SC108", f"`{name}` is imported already", help=help)
        other = read_source(shown(path), folder, "imported file")
        self.files[path] = real
        self.num_values += len(other.values)
        if self.num_values > MAX_NODES:
            raise SpecError.single("SC005", f"the imported files hold more than {MAX_NODES:,} values")
        problems = [*_problems(other)]
        if problems:
            there = (("it is imported here", place),)
            raise SpecError(self.source.locate_at(each, Place(each.path, other, there)) for each in problems)
        problems = [clash for section in SECTIONS for clash in self._bring(section, other, name)]
        if problems:
            raise SpecError(problems)

    def _bring(self, section: str, other: Source, name: str) -> list[Diagnostic]:
        """Takes a section over, and gives what is there already."""
        own, clashes = self.source.data.get(section) or {}, []
        for key, value in (other.data.get(section) or {}).items():
            path = (section, key_text(key))
            what = f"the {SECTIONS[section]} `{path[1]}`"
            help = "rename one of the two"
            if isinstance(own, dict) and key in own:
                message = f"{what} is in `{name}` as well"
                found = Diagnostic("SC108", message, path, at_key=True, help=help)
                brought = ("it is brought here", Place(path, other))
                clashes.append(self.source.locate_at(found, Place(path, related=(brought,))))
            elif path in self.moved:
                message = f"{what} is in `{name}` and in `{self.brought_by[path]}`"
                clashes.append(Diagnostic("SC108", message, help=help))
            else:
                self.values[section][key] = value
                self.moved[path], self.brought_by[path] = Place(path, other), name
        return clashes


def _problems(other: Source) -> Iterator[Diagnostic]:
    """What a file holds beside `vars` and `blocks`."""
    if not isinstance(other.data, dict):
        message = f"an imported file is a mapping, got {show(other.data)}"
        yield Diagnostic("SC103", message, help="it begins with `blocks:` or `vars:`")
        return
    for key, value in other.data.items():
        path = (key_text(key),)
        if key not in SECTIONS:
            help = "its keys are `vars` and `blocks`, all else stands in the spec itself"
            yield Diagnostic("SC101", f"an imported file has no key `{path[0]}`", path, at_key=True, help=help)
        elif not isinstance(value, Mapping | None):
            yield Diagnostic("SC103", f"`{key}` must be a mapping, got {show(value)}", path)


@cache
def library_names() -> tuple[str, ...]:
    """The names of the blocks that the package brings.

    >>> "se" in library_names()
    True
    """
    return tuple(sorted(name.removesuffix(".yaml") for name in os.listdir(LIBRARY) if name.endswith(".yaml")))


@cache
def library_block(name: str) -> Source:
    """The file that has a block of the package's: one of its own name, and in it this block alone."""
    source = read_source(os.path.join(LIBRARY, f"{name}.yaml"))
    return replace(source, file=f"spec_compiler/blocks/{name}.yaml")


def shown(path: str) -> str:
    """A path as messages say it: from the folder that the caller is in, if it is below that."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
