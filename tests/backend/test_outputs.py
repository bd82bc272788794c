"""What commands write: never one of the files that they read, never twice the same, never a damaged one as saved."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backend.sessions import Said, copied, run

SPEC = """\
spec: 1
base: {file: model.keras}
cut_at: pool
head: [{Dense: {units: 2, activation: softmax, name: new}}]
data: {train: pictures, validation: 0.25, batch_size: 4}
compile: {optimizer: {Adam: 0.001}, loss: categorical_crossentropy}
train: [{phase: only, epochs: 2, callbacks: [{EarlyStopping: {monitor: loss, patience: 0}}]}]
"""


@pytest.fixture
def folder(session_folder: Path, tmp_path: Path) -> Path:
    project = copied(session_folder, tmp_path / "project")
    (project / "spec.yaml").write_text(SPEC)
    return project


def digests(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def refused(folder: Path, command: str) -> Said:
    """A command that is refused as a fault of the call, before it writes anything."""
    before = digests(folder)
    said = run([f"spec-compiler {command}"], folder)
    assert said.status == 2, said.output
    assert said.codes <= {"SC508", "SC608"}
    assert said.codes, said.output
    assert digests(folder) == before
    return said


@pytest.mark.parametrize(
    ("ledger", "said"),
    [("x.keras", "are one file"), ("./x.keras", "are one file"), ("sub/../X.KERAS", "are one file")],
)
def test_finding_S16_the_ledger_is_not_the_model(folder: Path, ledger: str, said: str) -> None:
    (folder / "sub").mkdir()
    assert said in refused(folder, f"build spec.yaml -o x.keras --ledger {ledger} --force").output


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_finding_S16_two_names_of_one_file(folder: Path, link: Callable[[str, str], None]) -> None:
    (folder / "x.keras").write_text("old")
    link(str(folder / "x.keras"), str(folder / "x.json"))
    assert "are one file" in refused(folder, "build spec.yaml -o x.keras --ledger x.json --force").output


@pytest.mark.parametrize(
    "command",
    [
        "build spec.yaml -o model.keras",
        "build spec.yaml -o ./link.keras",
        "build spec.yaml -o here/model.keras",
        "build other.yaml -o model.keras",  # through another spec
        "plan spec.txt -o spec.txt",
        "build words.yaml -o y.keras --ledger words.json",  # a file in an argument of a layer
        "diagram spec.yaml --ledger a.txt -o a.txt",
    ],
)
def test_finding_S16_no_output_is_an_input(folder: Path, command: str) -> None:
    (folder / "link.keras").symlink_to("model.keras")
    (folder / "here").symlink_to(".")
    (folder / "other.yaml").write_text("spec: 1\nbase: {spec: spec.yaml}\nfreeze: conv\n")
    (folder / "spec.txt").write_text(SPEC)
    (folder / "words.json").write_text("red\n")
    vocabulary = "insert: [{after: words, with: [{StringLookup: {vocabulary: words.json}}]}]"
    (folder / "words.yaml").write_text(f"spec: 1\nbase: {{file: words.keras}}\n{vocabulary}\n")
    run([f"spec-compiler build spec.yaml -o built.keras --ledger {folder}/a.json", "mv a.json a.txt"], folder)
    assert "read" in refused(folder, f"{command} --force").output


def test_finding_S16_a_run_does_not_replace_its_base(folder: Path) -> None:
    train = "spec-compiler train spec.yaml -q -o run --no-tensorboard"
    assert run([train], folder).status == 0
    (folder / "next.yaml").write_text(SPEC.replace("model.keras", "run/best.keras"))
    for option in ("--force", "--resume"):
        assert "read" in refused(folder, f"train next.yaml -q -o run {option}").output


def test_a_run_that_cannot_begin_leaves_the_old_one(folder: Path) -> None:
    assert run(["spec-compiler train spec.yaml -q -o run --no-tensorboard"], folder).status == 0
    before = digests(folder / "run")
    (folder / "bad.yaml").write_text(SPEC.replace("Adam: 0.001", "Adam: {beta_1: 7.5}"))
    assert run(["spec-compiler train bad.yaml -q -o run --force"], folder).status
    assert digests(folder / "run") == before


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("model.weights.h5").header_offset + 500
    content[place] ^= 1
    path.write_bytes(content)


RESUME = "spec-compiler train spec.yaml -q -o run --no-tensorboard --resume"


@pytest.mark.parametrize(
    ("how", "is_last"),
    [("half", True), ("bit", True), ("gone", True), ("another", True), ("half", False), ("gone", False)],
)
def test_finding_S17_a_damaged_best_model_is_not_called_saved(folder: Path, how: str, is_last: bool) -> None:
    """Where the last epoch was the best it is made again; otherwise the run says that it is damaged."""
    if not is_last:  # nothing changes, so the first epoch stays the best
        text = (folder / "spec.yaml").read_text()
        (folder / "spec.yaml").write_text(text.replace("Adam: 0.001", "SGD: 0.0").replace("patience: 0", "patience: 3"))
    assert run([RESUME.replace(" --resume", "")], folder).status == 0
    best, summary = folder / "run" / "best.keras", json.loads((folder / "run" / "summary.json").read_text())
    assert (summary["best"]["epoch"] == 2) == is_last
    with zipfile.ZipFile(best) as archive:
        weights = archive.read("model.weights.h5")
    match how:
        case "half":
            best.write_bytes(best.read_bytes()[:1000])
        case "bit":
            damage(best)
        case "gone":
            best.unlink()
        case "another":
            best.write_bytes((folder / "model.keras").read_bytes())
    said = run([RESUME], folder)
    if is_last:
        assert said.status == 0, said.output
        assert "it was made again from epoch 2" in said.output
        with zipfile.ZipFile(best) as archive:
            assert archive.read("model.weights.h5") == weights
    elif how == "gone":
        assert said.status == 0, said.output
        assert "best.keras" not in said.output
    else:
        assert said.status == 2
        assert "is damaged" in said.output
        best.unlink()
        assert run([RESUME], folder).status == 0


def test_a_run_that_was_stopped_early_says_why_it_does_not_go_on(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("Adam: 0.001", "SGD: 0.0"))  # no loss is better than the first
    first = f"{RESUME} --set train[0].epochs=4".replace(" --resume", "")
    assert "stopped after 2 of 4 epochs" in run([first], folder).output
    said = run([f"{RESUME} --set train[0].epochs=9"], folder)
    assert said.status == 0
    assert "nothing left to do: only: stopped after 2 of 4 epochs by EarlyStopping, no better loss" in said.output
    assert "add a phase after it" in said.output


def test_finding_S12_two_runs_do_not_share_a_folder(folder: Path) -> None:
    from spec_compiler.backend.training.run_files import claimed

    with claimed(str(folder / "run"), resume=False, force=False):
        assert "another process is training" in run([RESUME], folder).output
    assert not (folder / "run").exists()  # nothing was written there
    assert run([RESUME], folder).status == 0
