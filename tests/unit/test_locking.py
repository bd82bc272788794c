"""Locks: their text, what they gather without Keras, and what is said of each thing that differs."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from spec_compiler import SpecError, load_spec
from spec_compiler.diagnostics import render
from spec_compiler.locking import Lock, held, lock_name, lock_of, read_lock
from spec_compiler.locking.lock_file import lock_from
from spec_compiler.locking.plain import digest, plain, written
from spec_compiler.locking.plan_file import applicable, read_plan
from spec_compiler.locking.provenance import MEMBER, provenance_of, read_provenance
from spec_compiler.plan import Plan
from spec_compiler.reading import Damaged
from spec_compiler.reading.archive import append
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import EVERYTHING, Permissions
from tests.unit.pictures import changed, cut, replaced

LOCK_FILE, HELD = (importlib.import_module(f"spec_compiler.locking.{name}") for name in ("lock_file", "held"))
ROOT = Path(__file__).parents[2]
VERSIONS = {"spec_compiler": "0.1.0", "keras": "3.9.2", "backend": "jax 0.4.1", "numpy": "2.1.0", "python": "3.12"}
SETTINGS = {"floatx": "float32", "epsilon": 1e-07}
SPEC = """\
spec: 1
description: all kinds of files
imports: [common.yaml, my_layers]
base: {spec: parts/other.yaml}
head:
  - {StringLookup: {vocabulary: words.txt, name: words}}
  - {"my_layers:Scale": {factor: 2}}
  - Dense: {units: 3, name: classes}
    weights: {of: answer, classes: {old: old.txt, new: [a, b, c]}}
lora: {weights: birds.npz}
data: {train: table.csv}
compile: {optimizer: adam, loss: mse}
train: {phase: one, epochs: 1}
"""
FILES = {
    "common.yaml": "vars: {units: 3}\n",
    "my_layers.py": "import json\nfrom shapes import wide\nfrom tools.deep import deeper\n",
    "shapes.py": "import numpy\n\nwide = 1\n",
    "tools/__init__.py": "",
    "tools/deep.py": "from . import more\nfrom .. import nothing\n",
    "tools/more.py": "deeper = 1\n",
    "tools/unused.py": "",
    "unused.py": "",
    "parts/other.yaml": "spec: 1\nbase: {file: ../model.keras, weights: mine.weights.h5}\n",
    "parts/mine.weights.h5": "some weights",
    "model.keras": "a model",
    "words.txt": "red\ngreen\n",
    "old.txt": "a\nb\n",
    "birds.npz": "adapters",
    "table.csv": "file,label\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec that names a file of each kind; versions and settings as they are nowhere."""
    for name, text in {**FILES, "spec.yaml": SPEC}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for module in (LOCK_FILE, HELD):
        monkeypatch.setattr(module, "versions", lambda: VERSIONS)
        monkeypatch.setattr(module, "keras_settings", lambda: SETTINGS)
    return tmp_path


def locked(plan: Plan | None = None, spec: str = "spec.yaml") -> tuple[Spec, Lock]:
    loaded = load_spec(spec, allowed=EVERYTHING)
    return loaded, lock_of(loaded, plan or replaced(), EVERYTHING)


def said(spec: Spec, lock: Lock, plan: Plan | None = None, allowed: Permissions = EVERYTHING) -> list[str]:
    """What is said of all that differs."""
    hold = held(spec, lock, allowed)
    assert hold is not None
    found: list[str] = []
    for look in (lambda: hold.inputs(data=True), lambda: hold.result(plan) if plan is not None else None):
        try:
            look()
        except SpecError as error:
            found += [render(each) for each in error.diagnostics]
    return found


def test_the_text_of_a_lock(project: Path, golden: Callable[[str, str], None]) -> None:
    _, lock = locked()
    golden("locking/every-kind.lock", lock.to_text())
    Draft202012Validator(json.loads((ROOT / "schemas" / "lock.schema.json").read_text())).validate(lock.to_json())


def test_every_file_is_there_by_its_own_bytes(project: Path) -> None:
    _, lock = locked()
    unused = {"tools/unused.py", "unused.py"}
    assert set(lock.files) == FILES.keys() - unused
    for name, each in lock.files.items():
        assert each.sha256 == hashlib.sha256((project / name).read_bytes()).hexdigest()
        assert each.num_bytes == os.path.getsize(name)


def test_a_lock_is_read_as_it_was_written(project: Path) -> None:
    _, lock = locked()
    (project / "spec.lock").write_text(lock.to_text())
    assert read_lock("spec.lock") == lock
    assert read_lock("spec.lock").to_text() == lock.to_text()
    assert list(read_lock("spec.lock").result["layers"]) == list(replaced().after.calls)


def test_nothing_differs_from_a_lock_that_was_just_made(project: Path) -> None:
    spec, lock = locked()
    assert said(spec, lock, replaced()) == []
    # neither comments nor the form of the text count, nor where the project lies
    (project / "spec.yaml").write_text(
        "# a comment\n" + SPEC.replace("all kinds", "every kind").replace("units: 3", "units:   3")
    )
    assert said(load_spec("spec.yaml", allowed=EVERYTHING), lock, replaced()) == []


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"tools/unused.py", "unused.py"}))
def test_each_file_that_changes_is_named(project: Path, name: str) -> None:
    _, lock = locked()
    with (project / name).open("a") as stream:
        stream.write("\n")
    found = said(load_spec("spec.yaml", allowed=EVERYTHING), lock)
    assert len(found) == 1
    assert f"`{name}` is not as the lock knows it" in found[0]
    assert f"--> spec.yaml:{_line(lock.files[name].path)}:" in found[0]


def _line(path: tuple[str | int, ...]) -> int:
    if path[-1] == "old":  # on the line below its class
        return 9
    starts = {"imports": 3, "base": 4, "lora": 10, "data": 11}
    return starts[str(path[0])] if path[0] != "head" else 6 + int(path[1])


def test_what_is_said_of_all_that_differs(
    project: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lock = locked()
    now = {**VERSIONS, "keras": "3.10.0", "backend": "tensorflow 2.19.0", "python": "3.13"}
    monkeypatch.setattr(HELD, "versions", lambda: now)
    monkeypatch.setattr(HELD, "keras_settings", lambda: {**SETTINGS, "floatx": "float16"})
    text = (
        SPEC.replace("units: 3", "units: 4")
        .replace("factor: 2", "factor: 2, bias: true")
        .replace("loss: mse", "loss: mae")
    )
    text = text.replace("lora: {weights: birds.npz}\n", "freeze: all\n").replace(
        "  - {StringLookup", "  - Flatten\n  - {StringLookup"
    )
    (project / "spec.yaml").write_text(text)
    (project / "shapes.py").write_text("wide = 2\n")
    (project / "parts/mine.weights.h5").write_text("other weights")
    (project / "my_layers.py").write_text("from tools.unused import nothing\n")
    found = said(load_spec("spec.yaml", allowed=EVERYTHING), lock, changed())
    golden("locking/differences.txt", "\n\n".join(found) + "\n")


def test_a_file_that_is_gone_is_told_beside_what_differs(project: Path) -> None:
    spec, lock = locked()
    (project / "words.txt").unlink()
    (project / "old.txt").write_text("c\n")
    found = said(spec, replace(lock, versions={**VERSIONS, "keras": "3.0.0"}))
    assert [each.split("\n")[0] for each in found] == [
        "error[SC517]: Keras is 3.9.2, the lock was made with 3.0.0",
        "error[SC501]: no file `words.txt`",
    ]


def test_the_data_counts_only_where_it_is_asked_for(project: Path) -> None:
    spec, lock = locked()
    (project / "table.csv").write_text("other\n")
    hold = held(spec, lock, EVERYTHING)
    assert hold is not None
    hold.inputs()
    with pytest.raises(SpecError, match=r"the data `table\.csv` is not as the lock knows it"):
        hold.inputs(data=True)


def test_a_folder_of_data_is_known_by_names_and_sizes(project: Path) -> None:
    for name in ("a/1.png", "b/2.png"):
        (project / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "pictures" / name).write_text("12345")
    (project / "spec.yaml").write_text(SPEC.replace("table.csv", "pictures"))
    spec, lock = locked()
    assert (lock.files["pictures"].num_files, lock.files["pictures"].num_bytes) == (2, 10)
    (project / "pictures/b/2.png").rename(project / "pictures/b/3.png")
    assert "the data `pictures`" in "".join(said(spec, lock))


def test_a_spec_of_specs_in_a_circle_ends(project: Path) -> None:
    (project / "parts/other.yaml").write_text("spec: 1\nbase: {spec: ../spec.yaml}\n")
    _, lock = locked()
    assert "parts/other.yaml" in lock.files


def test_files_outside_of_the_folder_are_not_read_where_paths_are_restricted(project: Path, tmp_path: Path) -> None:
    (project / "words.txt").unlink()
    outside = tmp_path.parent / "outside.txt"
    outside.write_text("red\n")
    (project / "words.txt").symlink_to(outside)
    with pytest.raises(SpecError, match="SC510"):
        lock_of(load_spec("spec.yaml", allowed=Permissions(True, False)), replaced(), Permissions(True, False))


def test_of_many_layers_the_first_are_named(project: Path) -> None:
    spec, lock = locked(cut())
    found = said(spec, lock, replaced())
    assert len(found) == 11
    assert found[-1].startswith("error[SC517]: 34 more layers are not as the lock knows them")


@pytest.mark.parametrize(
    "spoil",
    [
        {"format_version": 2},
        {"format_version": None},
        {"versions": {"keras": 3}},
        {"versions": []},
        {"files": {"a": 1}},
        {"files": {"a": {"kind": "file", "at": "base", "path": [{}]}}},
        {"files": {"a": {"kind": "file", "at": "base", "path": ["base"], "bytes": "many"}}},
        {"files": {"a": {"kind": "file", "at": "base", "path": ["base"], "sha256": 1}}},
        {"result": {}},
        {"result": {"layers": {"a": 1}}},
        {"says": "nothing"},
    ],
    ids=str,
)
def test_a_damaged_lock_is_refused(project: Path, spoil: dict[str, Any]) -> None:
    _, lock = locked()
    with pytest.raises(Damaged):
        lock_from({**lock.to_json(), **spoil})


def test_there_is_no_lock(project: Path) -> None:
    spec, _ = locked()
    with pytest.raises(SpecError, match=r"SC518.*there is no lock `.*spec\.lock`") as caught:
        held(spec, True, EVERYTHING)
    assert caught.value.diagnostics[0].help == "`spec-compiler lock spec.yaml --allow-code` makes it"
    assert held(spec, False, EVERYTHING) is None


def test_names_of_locks() -> None:
    assert [lock_name(each) for each in ("a.yaml", "b/a.yml", "a.b", "a")] == [
        "a.lock",
        "b/a.lock",
        "a.b.lock",
        "a.lock",
    ]


def test_values_of_any_kind_are_plain() -> None:
    assert plain({"f": test_names_of_locks, "x": float("inf"), 2: (1,)}) == {
        "2": [1],
        "f": f"{__name__}:test_names_of_locks",
        "x": "inf",
    }
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert json.loads(written({"a": ["x" * 100, "y" * 100], "b": {}})) == {"a": ["x" * 100, "y" * 100], "b": {}}


def test_a_plan_says_what_it_takes_to_build_it(project: Path) -> None:
    spec, lock = locked()
    plan = replaced()
    said = applicable(plan.to_json(), spec, lock, ("seed=3",), "plans/first.json")
    assert {key: value for key, value in said.items() if key != "apply"} == json.loads(json.dumps(plan.to_json()))
    (project / "plans").mkdir()
    (project / "plans/first.json").write_text(json.dumps(said))
    read = read_plan("plans/first.json")
    assert (os.path.normpath(read.spec), read.text, read.overrides) == ("spec.yaml", SPEC, ("seed=3",))
    assert read.lock == lock
    assert digest(read.plan) == lock.result["plan"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "it has no `layers`"),
        ('{"layers": []}', "says what would change, not how to make it"),
        ('{"layers": [], "apply": 1}', "its `apply` is none"),
        ('{"layers": [], "apply": {"spec": {"file": 1, "text": ""}}}', "a file in its `apply` is none"),
        ('{"layers": [], "apply": {"spec": {"file": "a", "text": "", "overrides": 1}}}', "the `overrides` in its"),
        ('{"layers": [], "apply": {"spec": {"file": "a", "text": "", "overrides": []}}}', "it has no `format_version`"),
        ("[" * 1000, "nested too deep"),
        ("nothing", "its JSON"),
    ],
)
def test_a_damaged_plan_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(SpecError) as caught:
        read_plan(str(tmp_path / "plan.json"))
    assert message in str(caught.value)


def test_where_a_model_comes_from(project: Path) -> None:
    spec, lock = locked()
    member = provenance_of(spec, lock, b"the ledger", overrides=("seed=3",))
    assert member == provenance_of(spec, lock, b"the ledger", overrides=("seed=3",))
    assert str(project).encode() not in member
    for name in ("one.keras", "two.keras"):
        append(name, {MEMBER: member})
    assert Path("one.keras").read_bytes() == Path("two.keras").read_bytes()
    read = read_provenance("one.keras")
    assert read is not None
    assert (read.made, read.spec, read.text, read.overrides) == ("built", "spec.yaml", SPEC, ("seed=3",))
    assert read.lock == lock
    assert read.ledger == hashlib.sha256(b"the ledger").hexdigest()


def test_a_model_that_says_nothing_of_that(tmp_path: Path) -> None:
    append(str(tmp_path / "a.keras"), {"config.json": "{}"})
    assert read_provenance(str(tmp_path / "a.keras")) is None
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert read_provenance(str(tmp_path / "a.h5")) is None
    append(str(tmp_path / "b.keras"), {MEMBER: '{"format_version": 1}'})
    with pytest.raises(Damaged):
        read_provenance(str(tmp_path / "b.keras"))
