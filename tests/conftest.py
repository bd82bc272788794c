"""What all tests share: golden files, which hold expected text and are written anew by `--update-golden`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent / "fixtures"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew; then read the diff")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["SPEC_COMPILER_CACHE"] = tempfile.mkdtemp(prefix="spec-compiler-tests-")  # each run has its own


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(os.environ["SPEC_COMPILER_CACHE"], ignore_errors=True)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path | str, str], None]:
    """`golden(path, text)` compares a text with a file, below `tests/fixtures` unless the path is absolute."""

    def compare(path: Path | str, text: str) -> None:
        file = FIXTURES / path
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        assert file.exists(), f"{file.name} is missing: run with --update-golden and read it"
        expected = file.read_text(encoding="utf-8")
        assert text == expected  # if the text is right, run with --update-golden

    return compare
