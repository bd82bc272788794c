"""Every example of a command runs, in the order of the help, in one folder that each leaves to the next."""

from __future__ import annotations

import glob
import shutil
from pathlib import Path

import pytest

from spec_compiler.cli.help_texts import EXAMPLES
from tests.backend.sessions import run
from tests.backend.test_python_examples import SPEC, TRAINED, write_base

CALLS = [(name, example.words) for name, examples in EXAMPLES.items() for example in examples]
# What trains, is of a run, or makes a large model; `test_python_examples.py` beside it trains a small one.
LONG = [words for _, words in CALLS if "runs/" in words or words.startswith("init ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("commands")
    write_base(place)
    for name in ("before.keras", "after.keras"):
        shutil.copy(place / "base.keras", place / name)
    (place / "specs").mkdir()
    text = SPEC + TRAINED + "sweep: {vars: {rate: [0.01, 0.1]}}\n"
    for name in ("spec.yaml", "main.yaml", "mine.yaml"):
        (place / name).write_text(text, encoding="utf-8")
    (place / "specs" / "one.yaml").write_text("spec: 1\nbase: {application: VGG16}\n", encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("name", "words"),
    [pytest.param(*each, marks=[pytest.mark.slow] if each[1] in LONG else []) for each in CALLS],
    ids=[words for _, words in CALLS],
)
def test_an_example_runs(name: str, words: str, folder: Path) -> None:
    words = words.partition(" > ")[0].partition(" >> ")[0]  # what a shell does with it is the shell's
    parts = [sorted(glob.glob(each, root_dir=folder)) or [each] for each in words.split()]
    output = folder / f"{words.partition(' -o ')[2]} ".split(" ")[0]
    if output.is_file():  # of an earlier example
        output.unlink()
        output.with_suffix(".ledger.json").unlink(missing_ok=True)
    said = run([" ".join(["spec-compiler", *(each for part in parts for each in part)])], folder)
    assert said.status == 0, said.output
