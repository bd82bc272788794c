"""The commands as a user calls them, each in the test's own process: what they print, write and return."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler.cli import main
from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`called("plan", "spec.yaml")` -> exit status, standard output, error output."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["spec-compiler", *words])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    branching().save(tmp_path / "base.keras")
    (tmp_path / "spec.yaml").write_text(
        "spec: 1\nname: edited\nbase: {file: base.keras}\ncut_at: pool\nfreeze: stem\n"
        "head:\n  - Dense: {units: 3, name: new}\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check(called: Any, spec: Path) -> None:
    status, printed, _ = called("check", "spec.yaml")
    assert status == 0
    assert "no errors" in printed


def test_a_mistake_is_the_specs_fault(called: Any, spec: Path) -> None:
    for command in (("check",), ("plan",), ("layers",), ("build", "-o", "out.keras"), ("diagram", "-o", "out.svg")):
        status, printed, errors = called(command[0], "spec.yaml", "--set", "cut_at=pol", *command[1:])
        assert status == 1, command
        assert "error[SC201]: no layer named `pol`" in printed + errors
        assert "did you mean `pool`?" in printed + errors
    assert not list(spec.glob("out.*"))


def test_a_bad_call_is_the_callers_fault(called: Any, spec: Path) -> None:
    (spec / "there.keras").write_text("in the way")
    for words in (
        ("plan", "nowhere.yaml"),
        ("plan", "spec.yaml", "--set", "base"),
        ("plan", "spec.yaml", "--format", "xml"),
        ("build", "spec.yaml", "-o", "there.keras"),
        ("build", "spec.yaml", "-o", "spec.yaml/out.keras"),
        ("build", "spec.yaml", "-o", "out.txt"),
        ("build", "spec.yaml"),
        ("nothing",),
    ):
        status, printed, errors = called(*words)
        assert status == 2, (words, printed, errors)
        assert "Traceback" not in printed + errors
    assert (spec / "there.keras").read_text() == "in the way"


def test_plan_as_text_and_json(called: Any, spec: Path) -> None:
    status, printed, _ = called("plan", "spec.yaml")
    assert status == 0
    assert "+ new" in printed
    assert "Plan: 1 new" in printed
    assert "\x1b" not in printed
    status, printed, _ = called("plan", "spec.yaml", "--format", "json")
    plan = json.loads(printed)
    assert plan["format_version"] == 1
    assert {row["name"]: row["action"] for row in plan["layers"]}["new"] == "new"


def test_a_warning_is_said_by_every_command_that_goes_on(called: Any, spec: Path) -> None:
    write_pictures(spec / "pictures")
    (spec / "spec.yaml").write_text(
        "spec: 1\nbase: {file: base.keras}\nhead: [{Dense: {units: 3, activation: softmax}}]\n"
        "data: {train: pictures, validation: 0.25}\ncompile: {optimizer: adam, loss: categorical_crossentropy}\n"
        "train: [{phase: head, freeze: base, epochs: 1}]\n"
    )
    for words in (("plan",), ("plan", "--format", "json"), ("build", "-o", "out.keras"), ("train", "-q", "-o", "run")):
        status, printed, errors = called(words[0], "spec.yaml", *words[1:])
        assert status == 0, errors
        assert "warning[SC307]: `dense` takes the probabilities of `predictions`" in errors
        assert "warning" not in printed


def test_a_run_that_is_continued_says_what_is_left(called: Any, spec: Path) -> None:
    write_pictures(spec / "pictures")
    (spec / "spec.yaml").write_text(
        "spec: 1\nbase: {file: base.keras}\ncut_at: pool\nhead: [{Dense: {units: 3, activation: softmax}}]\n"
        "data: {train: pictures, validation: 0.25}\ncompile: {optimizer: adam, loss: categorical_crossentropy}\n"
        "train: [{phase: head, freeze: base, epochs: 1}]\n"
    )
    train = ("train", "spec.yaml", "-q", "-o", "run", "--resume")
    status, printed, errors = called(*train)
    assert status == 0, errors
    assert "no run in `run` to continue, a new one begins" in errors
    assert "head: 1 epoch, " in printed
    assert "\n  1 epoch in " in printed
    status, printed, errors = called(*train)
    assert status == 0, errors
    assert "nothing left to do" in printed
    assert "head: 1 epoch" not in printed
    assert "to continue" not in errors


def test_build_saves_the_model_and_its_ledger(called: Any, spec: Path) -> None:
    status, printed, _ = called("build", "spec.yaml", "-o", "out.keras")
    assert status == 0
    assert "copied 18 of 21 variables" in printed
    model = keras.models.load_model(spec / "out.keras")
    assert model.name == "edited"
    assert model.output_shape == (None, 3)
    ledger = json.loads((spec / "out.ledger.json").read_text())
    assert {row["action"] for row in ledger["rows"]} == {"copied", "initialized", "dropped"}
    assert called("build", "spec.yaml", "-o", "out.keras")[0] == 2
    assert called("build", "spec.yaml", "-o", "out.keras", "--force")[0] == 0
    assert not list(spec.glob(".partial-*"))


def test_the_legacy_format_is_saved_and_read_without_remarks(spec: Path) -> None:
    for words in (("build", "spec.yaml", "-o", "out.h5"), ("diff", "base.keras", "out.h5")):
        code = "from spec_compiler.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), words


@pytest.mark.parametrize("way", ["piece by piece", "by Keras"])
def test_a_build_that_fails_leaves_nothing(way: str, called: Any, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: Any, path: Any, *args: Any, **kwargs: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    def none(*args: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        if way == "by Keras":
            full.setattr(keras.Model, "save", half)
        else:
            full.setattr("os.pwrite", none)
        in_memory = ("--prove",) if way == "by Keras" else ()
        status, printed, errors = called("build", "spec.yaml", "-o", "out.keras", *in_memory)
    assert status == 2
    assert "No space left on device" in printed + errors
    assert {path.name for path in spec.iterdir()} == {"base.keras", "spec.yaml"}


@pytest.mark.parametrize("view", ["before", "after", "side-by-side", "diff"])
def test_diagram(called: Any, spec: Path, view: str) -> None:
    for suffix, start in ((".svg", b"<?xml"), (".png", b"\x89PNG"), (".dot", b"digraph")):
        assert called("diagram", "spec.yaml", "-o", f"out{suffix}", "--view", view, "--force")[0] == 0
        assert (spec / f"out{suffix}").read_bytes().lstrip().startswith(start)


def test_layers_prints_the_numbered_table(called: Any, spec: Path) -> None:
    status, printed, _ = called("layers", "VGG16")
    lines = printed.splitlines()
    assert status == 0
    assert lines[1].split() == ["0", "input_layer", "InputLayer", "(None,", "224,", "224,", "3)", "0"]
    assert lines[23].split()[:3] == ["22", "predictions", "Dense"]
    assert lines[-1] == "vgg16: 23 layers, 138,357,544 parameters"
    status, printed, _ = called("layers", "MobileNetV3Small")
    assert printed.splitlines()[-1].startswith("MobileNetV3Small: 164 layers and 18 operations, ")
    status, printed, _ = called("layers", "base.keras", "--format", "json")
    assert [row["index"] for row in json.loads(printed)["layers"]] == list(range(15))
    assert called("layers", "VGG15")[0] == 2


def test_help_says_what_each_command_does(called: Any) -> None:
    for words in ((), ("check",), ("plan",), ("build",), ("diagram",), ("layers",)):
        status, printed, _ = called(*words, "--help")
        assert status == 0
        assert "Usage:" in printed
