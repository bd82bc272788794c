"""What must be the same for a run to be continued, what may change, and what did: every value that a spec says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Path, SpecError, dotted
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.spec import Spec

IMAGES: Path = ("data", "images")  # no key of a spec: what is in its folders, tables and files of arrays
# What no epoch depends on. What uses a variable says its value.
_FREE = ("description", "vars", "expect")
# No phase sees what tests, and a share of it is missing among `IMAGES`; what is held in memory is the same as in files.
_NO_MATTER: tuple[Path, ...] = (("data", "test"), ("data", "cache"))
_LONGEST = 60  # letters of a value in a message


class Said(NamedTuple):
    """A value: its digest, by which it is compared, and itself; None and `is_known` false where only the digest is."""

    digest: str
    value: Any = None
    is_known: bool = False


Identity = dict[Path, Said]


def identity(spec: Spec, images: str) -> Identity:
    """Each value of the spec, by its path; `images` says what is in the folders, tables or files."""
    return digests(spec.source.data) | {IMAGES: Said(_digest(images))}


def digests(data: Any) -> Identity:
    """Each value in plain data, by its path."""
    return {_regular(path): _said_of(value) for path, value in _leaves(data, ())}


def _said_of(value: Any) -> Said:
    # YAML has dates, and a spec that is a Python dict may hold any object: those are known by their digest alone
    is_plain = value is None or isinstance(value, str | bool | int | float) or value in ((), [], {})
    return Said(_digest(value), value, True) if is_plain else Said(_digest(value))


def _regular(path: Path) -> Path:
    """The path as it is where phases and callbacks stand in lists: one alone needs none."""
    if path[:1] == ("train",) and len(path) > 1 and not isinstance(path[1], int):
        path = ("train", 0, *path[1:])
    if path[:1] == ("train",) and path[2:3] == ("callbacks",) and len(path) > 3 and not isinstance(path[3], int):
        path = (*path[:3], 0, *path[3:])
    return path


def check_same(before: Identity, now: Identity, phase: int, folder: str, *, of_a_sweep: bool = False) -> list[str]:
    """Proves that a run in a phase would have come to the same point with another spec; says what it goes on with.

    Later phases are free, and so is what no epoch depends on. How many epochs a phase has the caller judges. Of the
    phase itself `patience` of an EarlyStopping may be raised, as it would not have stopped sooner. Of a sweep neither
    epochs nor what it tries may change.

    Raises:
        SpecError: SC608 at the first value that differs, with both values where the run holds its own.
    """
    differing = [path for path in {**now, **before} if _digest_at(path, before) != _digest_at(path, now)]
    fixed = [path for path in differing if not _may_change(path, phase, before, now, of_a_sweep)]
    if not fixed:
        return _changes(differing, before, now, phase)
    if fixed == [IMAGES]:
        message = f"the run in `{folder}` began with other data"
        help = "put the data back, or begin anew in another folder"
        raise SpecError.single("SC608", message, path=("data", "train"), help=help)
    places = list(dict.fromkeys(_both(path, before, now) for path in fixed if path != IMAGES))
    help = "continue it with the spec that it began with, or begin anew in another folder"
    if not any(each.is_known for each in before.values()):  # of an earlier version
        names = [f"`{dotted(path)}`" for path in fixed if path != IMAGES]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        message = f"the run in `{folder}` began with another {', '.join(names[:4])}{more}"
        raise SpecError.single("SC608", message, path=_there(fixed[0], now), help=help)
    first, *others = places
    was, is_now = _value(first, before), _value(first, now)
    message = f"the run in `{folder}` began with {_said(first, was)}, the spec says {_or_nothing(first, is_now)}"
    notes = [
        f"and {_said(path, _value(path, before))}, now {_or_nothing(path, _value(path, now))}" for path in others[:3]
    ]
    notes += [f"and {len(others) - 3} more"] if len(others) > 3 else []
    if not others and was is not _NOTHING:
        help = f"write `{first[-1]}: {_short(was)}` to go on, or begin anew in another folder"
    raise SpecError.single("SC608", message, path=_there(first, now), notes=notes, help=help)


def data_of(said: Identity) -> dict[str, Any]:
    """The spec's data again, as the values were in it; empty where a run of an earlier version kept digests only."""
    data = _value((), {path: each for path, each in said.items() if each.is_known})
    return data if isinstance(data, dict) else {}


def to_json(said: Identity) -> list[list[Any]]:
    """The values with their digests as plain data."""
    return [[list(path), each.digest, *([each.value] if each.is_known else [])] for path, each in said.items()]


def from_json(rows: list[list[Any]]) -> Identity:
    """The values that `to_json` wrote; of an earlier version the digests only."""
    return {
        _regular(tuple(path)): Said(digest, value[0] if value else None, bool(value)) for path, digest, *value in rows
    }


def _may_change(path: Path, phase: int, before: Identity, now: Identity, of_a_sweep: bool) -> bool:
    if not path or path[0] in _FREE or path[:2] in _NO_MATTER or _later(path, phase):
        return True
    if _is_epochs(path) or path[0] == "sweep":
        return not of_a_sweep
    return _is_patience(path, phase, before, now)


def _is_patience(path: Path, phase: int, before: Identity, now: Identity) -> bool:
    """Whether it is how long the EarlyStopping of the phase under way waits, and it waits longer now."""
    if path[:3] != ("train", phase, "callbacks") or path[-2:] != ("EarlyStopping", "patience"):
        return False
    was, is_now = (said.get(path, Said("")).value for said in (before, now))
    return isinstance(was, int) and isinstance(is_now, int) and is_now > was


def waits_longer(before: Identity, now: Identity, phase: int) -> list[int]:
    """The positions of the callbacks of a phase that wait longer now."""
    return [int(path[3]) for path in now if path in before and _is_patience(path, phase, before, now)]


def _changes(differing: list[Path], before: Identity, now: Identity, phase: int) -> list[str]:
    """What a run goes on with, a line for each value that is another; a phase that is new or gone is one."""
    lines: dict[str, None] = {}
    for path in differing:
        if path[:1] in (("vars",), ("sweep",)) or not path:
            continue
        if _later(path, phase):
            was, is_now = (any(known[:2] == path[:2] for known in said) for said in (before, now))
            if not (was and is_now):
                lines[f"`{dotted(path[:2])}` {'added' if is_now else 'taken out'}"] = None
                continue
        place = _both(path, before, now)
        was, is_now = _value(place, before), _value(place, now)
        lines[f"`{dotted(place)}` {_shown(was)} → {_shown(is_now)}"] = None
    return list(lines)


_NOTHING = object()


def _value(path: Path, said: Identity) -> Any:
    """What stands at a path, put together of the values below it; `_NOTHING` where nothing does."""
    if path in said:
        return said[path].value if said[path].is_known else _NOTHING
    below = [
        (known[len(path) :], each.value) for known, each in said.items() if known[: len(path)] == path and each.is_known
    ]
    if not below:
        return _NOTHING
    tree: dict[Any, Any] = {}
    for rest, value in below:
        at = tree
        for key in rest[:-1]:
            at = at.setdefault(key, {})
        at[rest[-1]] = value
    return _listed(tree)


def _listed(tree: Any) -> Any:
    """Mappings whose keys are positions as the lists that they were."""
    if not isinstance(tree, dict) or not tree:
        return tree
    if all(isinstance(key, int) for key in tree):
        return [_listed(tree[key]) for key in sorted(tree)]
    return {key: _listed(value) for key, value in tree.items()}


def _both(path: Path, before: Identity, now: Identity) -> Path:
    """The path of a value; of one that only one of the specs has, the place where they part.

    A class in the place of another is told with what it stands in the place of.
    """
    place = path
    while place and not all(any(known[: len(place)] == place for known in said) for said in (before, now)):
        place = place[:-1]
    if place == path:
        return path
    keys = [{known[len(place)] for known in said if known[: len(place)] == place and len(known) > len(place)}
            for said in (before, now)]  # fmt: skip
    return path[: len(place) + 1] if keys[0] & keys[1] or not place else place


def _said(path: Path, value: Any) -> str:
    return f"no `{dotted(path)}`" if value is _NOTHING else f"`{dotted(path)}: {_short(value)}`"


def _or_nothing(path: Path, value: Any) -> str:
    return "nothing of it" if value is _NOTHING else f"`{_short(value)}`"


def _shown(value: Any) -> str:
    return "nothing" if value is _NOTHING else _short(value)


def _short(value: Any) -> str:
    text = flow(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _digest_at(path: Path, said: Identity) -> str | None:
    return said[path].digest if path in said else None


def _later(path: Path, phase: int) -> bool:
    return len(path) > 1 and path[0] == "train" and isinstance(path[1], int) and path[1] > phase


def _is_epochs(path: Path) -> bool:
    return len(path) == 3 and path[0] == "train" and path[2] == "epochs"


def _there(path: Path, now: Identity) -> Path:
    """The path, or its nearest parent that the spec has."""
    while path and not any(known[: len(path)] == path for known in now):
        path = path[:-1]
    return path or ("train",)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, (*path, str(key)))
    elif isinstance(value, list | tuple) and value:
        for index, part in enumerate(value):
            yield from _leaves(part, (*path, index))
    else:
        yield path, value


def _digest(value: Any) -> str:
    # `default`: YAML has dates, and a spec that is a Python dict may hold any object
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
