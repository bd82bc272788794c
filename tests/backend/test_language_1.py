"""Every spec of `tests/fixtures/language-1` still has the plan that stands beside it, and none of them has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from spec_compiler import load_spec, plan_spec
from spec_compiler.cli.show import plan_text
from spec_compiler.edits.input import Input
from spec_compiler.edits.insert import Insert
from spec_compiler.edits.replace import Replace
from spec_compiler.edits.set import Set
from spec_compiler.language.base import Base
from spec_compiler.spec import Spec
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.data import Data
from spec_compiler.spec.expect import Expect
from spec_compiler.spec.phase import Phase
from spec_compiler.spec.sweep import Sweep
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "language-1"
CHECKSUMS = FOLDER / "CHECKSUMS"
SPECS = sorted(FOLDER.glob("*.yaml"))
CODE = {"base_python", "own_code"}  # those that run code of the modules beside them


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_has_the_plan_that_it_had(path: Path, request: pytest.FixtureRequest) -> None:
    text = click.unstyle(plan_text(plan_spec(path, allow_code=path.stem in CODE))) + "\n"
    expected = path.with_suffix(".plan.txt")
    if request.config.getoption("--update-golden") and not expected.exists():
        expected.write_text(text, encoding="utf-8", newline="\n")
    assert expected.exists(), f"{expected.name} is missing: run with --update-golden and read it"
    assert text == expected.read_text(encoding="utf-8"), "a spec that compiled compiles to another plan: see README.md"


def listed() -> dict[str, str]:
    """The checksum of each file, as `sha256sum` writes and reads them."""
    lines = CHECKSUMS.read_text(encoding="utf-8").splitlines() if CHECKSUMS.exists() else []
    return {name: checksum for checksum, name in (line.split("  ", 1) for line in lines)}


def there() -> dict[str, str]:
    own = ("CHECKSUMS", "README.md")
    files = sorted(path for path in FOLDER.iterdir() if path.is_file() and path.name not in own)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_no_file_was_changed_or_removed(request: pytest.FixtureRequest) -> None:
    before, now = listed(), there()
    changed = [name for name, checksum in before.items() if now.get(name) != checksum]
    assert not changed, "files of language-1 are only ever added: see its README.md"
    if request.config.getoption("--update-golden"):
        lines = [f"{checksum}  {name}\n" for name, checksum in now.items()]
        CHECKSUMS.write_text("".join(lines), encoding="utf-8", newline="\n")
    assert now.keys() == listed().keys(), "a new file needs its line: run with --update-golden"


def keys_said() -> Iterator[tuple[str, str]]:
    """The section and the key of everything that the specs say."""
    for path in SPECS:
        spec = load_spec(path)
        values = [spec, spec.base, *(spec.bases or {}).values(), spec.input, *spec.replace, *spec.insert, *spec.set]
        for value in (*values, spec.data, spec.compile, *spec.train, spec.sweep, spec.expect):
            if value is not None:
                yield from ((type(value).__name__, key) for key in value.model_fields_set)


def test_the_specs_say_every_key_of_the_language() -> None:
    models: tuple[type[BaseModel], ...] = (Spec, Base, Input, Replace, Insert, Set, Data, Compile, Phase, Sweep, Expect)
    every = {(model.__name__, key) for model in models for key in model.model_fields}
    assert every - set(keys_said()) == set()
