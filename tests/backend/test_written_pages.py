"""Pages that a script runs and writes are what the script would write today."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spec_compiler.diagnostics.cells import cell
from tests.markdown import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
def test_the_tutorial_says_what_comes_out() -> None:
    done = subprocess.run([sys.executable, "scripts/tutorial.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "tutorial.md is up to date", done.stdout[-500:] + done.stderr[-2000:]


@pytest.mark.slow
def test_the_notebooks_show_what_comes_out() -> None:
    done = subprocess.run([sys.executable, "scripts/notebooks.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{each.name} is up to date" for each in NOTEBOOKS], done.stderr[-2000:]


def test_there_are_three_notebooks_of_their_sources() -> None:
    assert [each.stem for each in NOTEBOOKS] == ["adapters", "surgery", "training"]
    assert [each.stem for each in NOTEBOOKS] == sorted(each.stem for each in (ROOT / "scripts/notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_names_no_place_of_a_machine(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert not re.search(r"(?<![\w.:/])/(?:tmp|home|root|usr|work|Users)/", text)
    cells = json.loads(text)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run from top to bottom"
    source = (ROOT / "scripts" / "notebooks" / f"{notebook.stem}.py").read_text(encoding="utf-8")
    for each in code:
        assert "".join(each["source"]).removeprefix("%%capture\n") in source, "stale: run `make notebooks`"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_the_look_of_today(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    pages = ["".join(each["data"]["text/html"]) for each in outputs(cells) if "text/html" in each.get("data", {})]
    look = cell().partition("</style>")[0]
    assert pages
    assert all(page.startswith(look) for page in pages), "stale: run `make notebooks`"


def outputs(cells: Any) -> Iterator[Any]:
    for each in cells:
        yield from each.get("outputs", [])
