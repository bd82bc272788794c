"""What the help offers is true: each fix of the broken specs is made by hand, and the mistake is gone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import Diagnostic, check_spec
from spec_compiler.diagnostics import SpecError
from spec_compiler.text.source import Source
from spec_compiler.text.yaml_text import read_source
from tests.backend.test_invalid import FILES, FOLDER, checked, options

# Mistakes in one entry hide those in another until they are mended.
TAKEN: dict[str, int] = {}
SEVERAL = ("SC101-several-at-once", "SC506-map", "SC106-optimizer-argument", "SC201-in-the-base-spec")


def offers(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    """What the help offers: `mean` a name, or `write` and `set` `key: value`."""
    help = diagnostic.help or ""
    if help.startswith("did you mean"):
        return [("mean", name) for name in re.findall(r"`([^`]+)`", help)]
    found = re.match(r"(?:set|write|remove the quotes:) `(\w+: [^`…]+)`", help)
    return [("write", found[1])] if found else []


def mended(source: Source, diagnostic: Diagnostic, kind: str, text: str) -> Any:
    """The spec's data with the offer taken, or None where the place is not plain."""
    key, _, written = text.partition(": ")
    path = diagnostic.path
    if kind == "write":
        value = read(written)
        if not path or str(path[-1]) != key:
            return None
        return changed(
            source.data, path, lambda holder, last: {**holder, last: value} if isinstance(holder, dict) else value
        )
    if diagnostic.at_key:
        return changed(
            source.data,
            path,
            lambda holder, last: {text if name == last else name: each for name, each in holder.items()},
        )
    old = value_at(source.data, path)
    if not isinstance(old, str):
        return None
    start, end = diagnostic.chars or (0, len(old))
    if old.startswith("type:") and not text.startswith("type:"):
        start = len("type:")
    if old.startswith("package:"):
        text = f"package:{text}" if "/" not in text else f"{old[: old.index('/')]}/{text}"
        text = text if "/" in text else text + old[old.index("/") :]
        start, end = 0, len(old)
    return changed(source.data, path, lambda holder, last: replaced(holder, last, old[:start] + text + old[end:]))


def read(text: str) -> Any:
    from spec_compiler.text.yaml_text import parse_source

    return parse_source(f"value: {text}").data["value"]


def replaced(holder: Any, last: Any, value: Any) -> Any:
    if isinstance(holder, list):
        return [value if index == last else each for index, each in enumerate(holder)]
    return {**holder, last: value}


def value_at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        if isinstance(data, list | dict) and (isinstance(data, list) or part in data):
            data = data[part]
        elif part != 0:
            return None
    return data


def changed(data: Any, path: tuple[Any, ...], change: Any) -> Any:
    if len(path) == 1:
        return change(data, path[0])
    if path[0] == 0 and not isinstance(data, list):  # one entry without its list
        return changed(data, path[1:], change)
    if path[1] == 0 and not isinstance(data[path[0]], list) and len(path) == 2:  # `remove` with one entry
        return change(data, path[0])
    return replaced(data, path[0], changed(data[path[0]], path[1:], change))


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in SEVERAL], ids=lambda path: path.stem)
def test_the_offers_of_a_broken_spec(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    found = checked(path)
    TAKEN[path.stem] = 0
    try:
        source = read_source(path.name)
    except SpecError:
        return  # no YAML
    for diagnostic in (each for each in found if Path(each.file or path).name == path.name):
        for kind, text in offers(diagnostic):
            data = mended(source, diagnostic, kind, text)
            if data is None:
                continue
            after = check_spec(replaced_source(source, data), **{**options(path), "overrides": ()})
            TAKEN[path.stem] += 1
            same = {(each.code, each.path) for each in after}
            assert (diagnostic.code, diagnostic.path) not in same, f"{kind} {text}: {[each.message for each in after]}"


def replaced_source(source: Source, data: Any) -> Any:
    """The mended spec as a text in the same folder."""
    from spec_compiler.spec import load_spec

    try:
        return load_spec(data, file=replace(source).file)
    except SpecError:
        return data


def test_many_offers_were_taken() -> None:
    if len(TAKEN) > 100:  # not where few of the tests run: they are shared out among processes
        assert sum(map(bool, TAKEN.values())) > 70 * len(TAKEN) / len(FILES), sum(map(bool, TAKEN.values()))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("SC40[12]*.yaml")), ids=lambda path: path.stem)
def test_a_tried_fix_plans(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The help of a shape error says only fixes with which the spec plans without an error."""
    from spec_compiler.plan.tried_fixes import changed as fixed
    from spec_compiler.spec import load_spec

    monkeypatch.chdir(FOLDER)
    spec = load_spec(path.name)
    for diagnostic in checked(path):
        for fix in diagnostic.fixes[:2]:
            assert fix.text in (diagnostic.help or "")
            found = check_spec(fixed(spec, fix), **options(path))
            assert [each for each in found if each.severity == "error"] == []
