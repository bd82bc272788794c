"""A lock against what is so now: each difference at the line of the spec that asks for what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, dotted, near
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.locking.gathered import OF_KERAS, Dependency
from spec_compiler.locking.lock_file import Lock
from spec_compiler.plan import Plan

CODE = "SC517"
WHOLE: Path = ("spec",)  # where that is said which is of no section
MOST_LAYERS = 10  # that are named one by one
_NONE = object()
_LONGEST = 60  # letters of a value in a message
_NOUNS = {
    "model": "the saved model",
    "spec": "the spec",
    "weights": "the weights file",
    "adapters": "the file of adapters",
    "imported": "the imported file",
    "module": "the module",
    "package": "the package",
    "names": "the file of names",
    "vocabulary": "the vocabulary",
    "policy": "the policy",
    "data": "the data",
}
_VERSIONS = {
    "spec_compiler": "spec_compiler",
    "keras": "Keras",
    "backend": "the backend",
    "numpy": "NumPy",
    "python": "Python",
}
_PACKAGES = {"spec_compiler": "spec-compiler", "keras": "keras", "numpy": "numpy"}


def of_values(was: Any, now: Any, root: Path, what: str, help: str) -> Iterator[Diagnostic]:
    """What a spec says otherwise than when it was locked, each value by itself, at its place; `what` is the lock."""
    for path, before, after in _parted(was, now, ()):
        place = (*root, *path)
        if after is _NONE:
            message = f"{what} has `{_entry(path, before)}`, which the spec does not say"
            yield Diagnostic(CODE, message, place[:-1] if _is_gone(place) else place, help=help)
        elif before is _NONE:
            message = f"`{_entry(path, after)}` is not in {what}"
            yield Diagnostic(CODE, message, place, at_key=True, help=help)
        else:
            message = f"`{dotted(place)}` is `{_short(after)}`, {what} has `{_short(before)}`"
            yield Diagnostic(CODE, message, place, help=help)


def of_versions(
    lock: Lock, now: Mapping[str, str], settings: Mapping[str, Any], what: str, help: str
) -> Iterator[Diagnostic]:
    """The versions and settings of Keras that are others."""
    for name in dict.fromkeys((*lock.versions, *now)):
        was, version = lock.versions.get(name, "unknown"), now.get(name, "unknown")
        if was == version:
            continue
        called = _VERSIONS.get(name, name)
        message = f"{called} is {version}, {what} was made with {was}"
        package = _PACKAGES.get(name, was.partition(" ")[0] if name == "backend" else None)
        number = was.partition(" ")[2] or was
        way = f"install it, `pip install {package}=={number}`, or {help}" if package and number != "unknown" else help
        yield Diagnostic(CODE, message, WHOLE, at_key=True, help=way)
    for name in dict.fromkeys((*lock.keras_settings, *settings)):
        before, value = lock.keras_settings.get(name), settings.get(name)
        if before != value:
            message = f"Keras's `{name}` is `{value}`, {what} was made with `{before}`"
            way = f"set it back, in `keras.json` or by `keras.config`, or {help}"
            yield Diagnostic(CODE, message, WHOLE, at_key=True, help=way)


def of_files(
    was: Mapping[str, Dependency], now: Mapping[str, Dependency], what: str, help: str
) -> Iterator[Diagnostic]:
    """The files, folders and packages that have other contents, or came or went."""
    for name, dependency in now.items():
        before = was.get(name)
        if before is None:
            message = f"{_noun(dependency)} `{_shown(name)}` is not in {what}"
            yield Diagnostic(CODE, message, dependency.path, notes=_by(dependency), help=help)
        elif not before.is_as(dependency) and not _is_unknown(name, before, dependency):
            message = f"{_noun(dependency)} `{_shown(name)}` is not as {what} knows it"
            notes = (*_by(dependency), f"was {_content(before)}", f"is  {_content(dependency)}")
            way = "put it back" if dependency.version is None else f"install version {before.version}"
            yield Diagnostic(CODE, message, dependency.path, notes=notes, help=f"{way}, or {help}")
    for name, before in was.items():
        if name not in now:
            message = f"{what} knows {_noun(before)} `{_shown(name)}`, which nothing asks for any more"
            yield Diagnostic(CODE, message, before.path[:1], notes=_by(before), help=help)


def of_result(lock: Lock, now: Mapping[str, Any], plan: Plan, base: Path, what: str, help: str) -> Iterator[Diagnostic]:
    """The layers that are planned otherwise, those of the base at `base`; where none is, that the plan is."""
    was: Mapping[str, str] = lock.result["layers"]
    layers: Mapping[str, str] = now["layers"]
    if now["plan"] == lock.result.get("plan") and dict(was) == dict(layers):
        return
    found = [*_of_layers(was, layers, plan, base, what)]
    for path, message, notes in found[:MOST_LAYERS]:
        yield Diagnostic(CODE, message, path, notes=notes, help=help)
    if len(found) > MOST_LAYERS:
        rest = len(found) - MOST_LAYERS
        message = f"{rest} more layers are not as {what} knows them" if rest > 1 else "one more layer differs"
        yield Diagnostic(CODE, message, base, help=help)
    if not found:
        message = f"the plan is not that of {what}, though every layer is the same"
        ends = [key for key in ("name", "inputs", "outputs", "parameters") if lock.result.get(key) != now[key]]
        notes = tuple(f"`{key}` was {lock.result.get(key)}, is {now[key]}" for key in ends)
        yield Diagnostic(CODE, message, WHOLE, at_key=True, notes=notes, help=help)


def _of_layers(
    was: Mapping[str, str], now: Mapping[str, str], plan: Plan, base: Path, what: str
) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """The layers that differ: where the spec makes each, what is said of it, and how both are."""
    for name, line in now.items():
        layer = plan.after.layers[name]
        path = layer.cause.path if layer.cause is not None else base
        if name not in was:
            yield path, f"the layer `{name}` is not in {what}", (f"is  {line}",)
        elif was[name] != line:
            yield path, f"the layer `{name}` is not as {what} knows it", (f"was {was[name]}", f"is  {line}")
    for name, line in was.items():
        if name not in now:
            gone = plan.after.removed.get(name)
            path = gone.path if gone is not None and gone.path else base
            others = [f"there is `{other}`" for other in near(name, now)[:1]]
            yield path, f"{what} has a layer `{name}`, the plan has none", (f"was {line}", *others)


def _parted(was: Any, now: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """The smallest values in which two differ; `_NONE` where one of them has none."""
    if isinstance(was, dict) and isinstance(now, dict) and (was.keys() & now.keys() or not path):
        for key in dict.fromkeys((*now, *was)):
            yield from _parted(was.get(key, _NONE), now.get(key, _NONE), (*path, key))
    elif isinstance(was, list) and isinstance(now, list):
        lefts, rights = ([json.dumps(each) for each in side] for side in (was, now))
        for tag, one, other, start, end in SequenceMatcher(None, lefts, rights, autojunk=False).get_opcodes():
            if tag == "replace" and other - one == end - start:
                for left, right in zip(range(one, other), range(start, end), strict=True):
                    yield from _parted(was[left], now[right], (*path, right))
            elif tag != "equal":
                yield from (((*path, at), _NONE, now[at]) for at in range(start, end))
                yield from (((*path, at), was[at], _NONE) for at in range(one, other))
    elif json.dumps(was, default=str) != json.dumps(now, default=str):
        yield path, was, now


def _is_gone(place: Path) -> bool:
    """Whether what a place leads to is an entry of a list, whose number means another one by now."""
    return isinstance(place[-1], int)


def _entry(path: Path, value: Any) -> str:
    return _short(value) if isinstance(path[-1], int) else f"{dotted(path)}: {_short(value)}"


def _short(value: Any) -> str:
    text = flow(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _noun(dependency: Dependency) -> str:
    return _NOUNS.get(dependency.kind, "the file")


def _shown(name: str) -> str:
    return name.removeprefix(OF_KERAS).removeprefix("module:")


def _by(dependency: Dependency) -> tuple[str, ...]:
    """Which other spec names it, where that is not the locked one."""
    name, between, place = dependency.at.partition(": ")
    return (f"`{name}` names it, at `{place}`",) if between else ()


def _content(dependency: Dependency) -> str:
    if dependency.version is not None:
        return f"version {dependency.version}"
    count = f"{dependency.num_files:,} files, " if dependency.num_files is not None else ""
    size = f"{dependency.num_bytes:,} bytes, " if dependency.num_bytes is not None else ""
    return f"{count}{size}sha256 {dependency.sha256}" if dependency.sha256 else "not there yet"


def _is_unknown(name: str, before: Dependency, now: Dependency) -> bool:
    """Whether it is a file of Keras that is still to be downloaded, or was not known when the lock was made."""
    return name.startswith(OF_KERAS) and None in (before.sha256, now.sha256)
