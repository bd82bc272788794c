"""The best point as a spec of its own, `best.yaml`, in the sweep's folder: it trains as the trial did."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.diagnostics.advice import Write
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.search.task import Task
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_places import asked_in
from spec_compiler.spec.permissions import EVERYTHING
from spec_compiler.spec.swept import Point, at_point
from spec_compiler.spec.swept_variables import SECTION
from spec_compiler.text.changed_data import NotWritten, Step, place_of
from spec_compiler.text.difference import plainly, rewritten
from spec_compiler.text.overrides import overridden
from spec_compiler.text.source import Source
from spec_compiler.text.variables import USE
from spec_compiler.text.yaml_text import parse_source

_SCHEMA = re.compile(r"(?m)^(# yaml-language-server: \$schema=)(\.[^\s]*)$")  # which editors look for


def best_text(task: Task, point: Point, folder: str) -> str | None:
    """The spec at a point, as a text that says the same from another folder; comments stay where that is possible.

    None where it cannot be written so: a path may be made of parts that lead elsewhere from there.
    """
    spec = task.load()
    at = at_point(spec, point, EVERYTHING)
    own = Source(task.data, "", task.file) if task.text is None else parse_source(task.text, task.file)
    paths = _paths(at, folder)
    for text in _texts(own, spec, task, point, paths, folder):
        if _says_the_same(text, at, folder):
            return _SCHEMA.sub(lambda found: found[1] + _from(at.source.folder.place(found[2]), folder), text)
    return None


def _texts(own: Source, spec: Spec, task: Task, point: Point, paths: Mapping[Path, str], folder: str) -> Iterator[str]:
    """What it may be, the nearest to the user's own text first."""
    with contextlib.suppress(NotWritten, SpecError):
        data = {key: value for key, value in overridden(own, task.overrides).data.items() if key != SECTION}
        if all(name in (data.get("vars") or {}) for name in point):
            data["vars"] = {**data["vars"], **point}
            data = _imports(data, spec, folder)
            data = _moved(data, spec, paths, folder)
            yield rewritten(own.text, data) if own.text else plainly(data)
    assert spec.source.unfilled is not None
    whole = {key: value for key, value in spec.source.unfilled.data.items() if key != SECTION}  # with what is imported
    whole["vars"] = {**whole["vars"], **point}
    for path, name in paths.items():
        with contextlib.suppress(NotWritten):
            whole = _with(whole, path, name)
    yield plainly(whole)


def _moved(data: dict[Any, Any], spec: Spec, paths: Mapping[Path, str], folder: str) -> dict[Any, Any]:
    """The data with its paths as they are from another folder: in `vars`, where a variable is a path or begins one.

    Raises:
        NotWritten: there is no such place.
    """
    done: set[Path] = set()
    for path, name in paths.items():
        place = spec.source.place(path)
        if place.source is not None:  # in what is imported, which stays where it is
            continue
        at = place_of(data, Step(spec.source.written(place.path), Write(name)))
        value = _at(data, at)
        use = USE.match(value) if isinstance(value, str) else None
        if use is not None and isinstance(_at(data, ("vars", use[1])), str):
            at = ("vars", use[1])
            name = _from(spec.source.folder.place(_at(data, at)), folder)
        if at not in done:
            data = _with(data, at, name)
        done.add(at)
    return data


def _at(data: Any, path: Path) -> Any:
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif part != 0:
            return None
    return data


def _says_the_same(text: str, at: Spec, folder: str) -> bool:
    """Whether a text in a folder is the spec at the point, with every path leading to the same file."""
    try:
        made = load_spec(text, file=os.path.join(folder, "best.yaml"), allowed=EVERYTHING)
    except SpecError:
        return False
    return bool(_resolved(made) == _resolved(at))


def _resolved(spec: Spec) -> Any:
    """The spec's data with the files that it names as they are found."""
    data = spec.source.data
    for path, place in [*_places(spec)]:
        data = _with(data, path, f"at {os.path.realpath(place)}")
    return data


def _places(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Every file and folder that a spec names, with its place; not what its modules are."""
    for asked in asked_in(spec.source.data):
        if asked.purpose != "module":
            yield asked.path, spec.source.folder.place(asked.name)


def _paths(at: Spec, folder: str) -> dict[Path, str]:
    """What the relative paths of a spec are from another folder."""
    found = {}
    for asked in asked_in(at.source.data):
        if asked.purpose != "module" and not _is_absolute(asked.name):
            found[asked.path] = _from(at.source.folder.place(asked.name), folder)
    return found


def _is_absolute(name: str) -> bool:
    return os.path.isabs(name) or name.startswith("~")


def _from(place: str, folder: str) -> str:
    return os.path.relpath(os.path.realpath(place), os.path.realpath(folder)).replace(os.sep, "/")


def _imports(data: dict[Any, Any], spec: Spec, folder: str) -> dict[Any, Any]:
    """The data with the YAML files that it imports named from another folder."""
    entries = data.get("imports")
    if entries is None:
        return data

    def named(entry: Any) -> Any:
        if not isinstance(entry, str) or not entry.endswith(SPEC_SUFFIXES) or _is_absolute(entry):
            return entry
        return _from(spec.source.folder.place(entry), folder)

    return {**data, "imports": [named(each) for each in entries] if isinstance(entries, list) else named(entries)}


def _with(data: Any, path: Path, value: Any) -> Any:
    """Plain data with another value at a path.

    Raises:
        NotWritten: nothing is there.
    """
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(data, dict) and first in data:
        return {**data, first: _with(data[first], rest, value)}
    if isinstance(data, list) and isinstance(first, int) and first < len(data):
        return [*data[:first], _with(data[first], rest, value), *data[first + 1 :]]
    if first == 0:  # one entry without its bracket
        return _with(data, rest, value)
    raise NotWritten("nothing is there")


def link_modules(spec: Spec, folder: str) -> None:
    """Puts the Python modules that a spec has beside it into another folder, as links, with those they import."""
    start = spec.source.folder.path or "."
    if os.path.realpath(start) == os.path.realpath(folder):
        return
    todo = [asked.name.partition(".")[0] for asked in asked_in(spec.source.data) if asked.purpose == "module"]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        for file in (f"{name}.py", name):
            place = os.path.join(start, file)
            if name in seen or not name.isidentifier() or not os.path.exists(place):
                continue
            seen.add(name)
            _link(place, os.path.join(folder, file))
            todo += _imported_by(place)


def _link(place: str, link: str) -> None:
    if os.path.islink(link):
        os.unlink(link)
    if os.path.exists(link):
        return
    try:
        os.symlink(_from(place, os.path.dirname(link)), link)
    except OSError:  # a file system without links
        shutil.copytree(place, link) if os.path.isdir(place) else shutil.copy(place, link)


def _imported_by(place: str) -> list[str]:
    """The names of the modules that a file imports, or all files of a package."""
    files = [place]
    if os.path.isdir(place):
        files = [
            os.path.join(below, name) for below, _, names in os.walk(place) for name in names if name.endswith(".py")
        ]
    found: list[str] = []
    for file in files:
        try:
            with open(file, "rb") as stream:
                tree = ast.parse(stream.read())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [each.name.partition(".")[0] for each in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.append(node.module.partition(".")[0])
    return found
