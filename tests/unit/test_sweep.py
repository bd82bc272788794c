"""A sweep before it trains: its values, the points that are checked, the spec at a point, the best as a spec."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import SpecError, load_spec
from spec_compiler.search.best import best_text, link_modules
from spec_compiler.search.points import MOST, points_to_check, told_of_points
from spec_compiler.search.task import task_of
from spec_compiler.spec.permissions import EVERYTHING, Permissions
from spec_compiler.spec.sweep import Sweep
from spec_compiler.spec.swept import at_point
from spec_compiler.spec.swept_values import Values
from tests.markdown import ROOT, blocks

SPEC = """\
spec: 1 # the language
vars:
  units: 16 # few
  where: data/train
  rate: 1.0e-3
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
head: [Flatten, {Dense: {units: "${units}"}}, {Dense: {units: 2, activation: softmax}}]
data: {train: "${where}", validation: 0.5} # images
compile: {optimizer: {Adam: {learning_rate: "${rate}"}}, loss: categorical_crossentropy, metrics: [accuracy]}
# what is tried
sweep:
  vars:
    units: [8, 16] # all of them
    rate: {log: [1.0e-5, 1.0e-1]}
  # a remark
  trials: 4
train: [{phase: main, epochs: 1}] # short
"""


def sweep_of(trials: int | None = 5, **variables: Any) -> Sweep:
    return Sweep.model_validate({"vars": variables, "trials": trials})


@pytest.mark.parametrize(
    ("said", "count", "tried"),
    [
        ([3, "a", None, True], 4, (3, "a", None, True)),
        ({"uniform": [0, 1]}, None, (0.0, 0.5, 1.0)),
        ({"uniform": [0.1, 0.4, 0.1]}, 4, (0.1, 0.2, 0.4)),
        ({"log": [1e-4, 1]}, None, (1e-4, 1e-2, 1.0)),
        ({"int": [1, 2]}, 2, (1, 2)),
        ({"int": [16, 80, 16]}, 5, (16, 48, 80)),
        ({"int": [16, 90, 16]}, 5, (16, 48, 80)),
        ({"log_int": [1, 100]}, 100, (1, 10, 100)),
    ],
)
def test_values_are_counted_and_stand_for_all(said: Any, count: int | None, tried: tuple[Any, ...]) -> None:
    values = Values.parse(said)
    assert values.count == count
    assert values.tried() == (pytest.approx(tried) if isinstance(tried[0], float) else tried)
    assert [type(each) for each in values.tried()] == [type(each) for each in tried]


def test_every_combination_is_checked_where_these_are_few() -> None:
    points = points_to_check(sweep_of(a=[1, 2], b={"log": [1, 100]}, c=["x", "y"]))
    assert [tuple(each.values()) for each in points] == [*itertools.product([1, 2], [1.0, 10.0, 100.0], ["x", "y"])]


def test_each_value_is_checked_once_where_they_are_many() -> None:
    sweep = sweep_of(a=[*range(40)], b=[*range(40)], c={"uniform": [0, 1]})
    points = points_to_check(sweep, seed=3)
    assert len(points) == MOST == len({repr(each) for each in points})
    for name, values in sweep.vars.items():
        assert {each[name] for each in points} == set(values.tried())
    assert points == points_to_check(sweep, seed=3) != points_to_check(sweep, seed=4)


def test_no_point_is_tried_twice_where_they_can_be_counted() -> None:
    assert sweep_of(a=[1, 2], b=[1, 2, 3]).num_trials == 5
    assert sweep_of(a=[1, 2], b=[1, 2]).num_trials == 4
    assert sweep_of(None, a=[1, 2], b=[1, 2]).num_trials == 4
    assert sweep_of(a=[1], b={"uniform": [0, 1]}).num_trials == 5


def test_a_spec_at_a_point_is_that_of_its_overrides() -> None:
    loaded = load_spec(SPEC, policy={"expect": {"parameters": {"at_most": "99M"}}})
    at = at_point(loaded, {"units": 8, "rate": 0.5}, EVERYTHING)
    without = SPEC[: SPEC.index("# what")] + SPEC[SPEC.index("\ntrain:") + 1 :]
    assert at.source.data == load_spec(without, overrides=["vars.units=8", "vars.rate=0.5"]).source.data
    assert at.sweep is None
    assert at.policy is loaded.policy


def test_a_point_may_not_do_what_the_spec_may_not(tmp_path: Path) -> None:
    """What stands in a list of values is judged where it is used, as any other value."""
    text = SPEC.replace("units: [8, 16]", "where: [data/train, ../secret, my:data]")
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "a.yaml", allowed=Permissions())
    assert [(each.code, each.line) for each in caught.value.diagnostics] == [("SC112", 13)]
    loaded = load_spec(tmp_path / "a.yaml", allowed=Permissions(code=True, paths=False))
    for value, codes in (("data/train", []), ("../secret", ["SC510"])):
        try:
            at_point(loaded, {"where": value}, Permissions(code=True, paths=False))
            found = []
        except SpecError as error:
            found = [each.code for each in error.diagnostics]
        assert found == codes


def test_a_mistake_at_points_is_told_once_with_the_values_that_have_it() -> None:
    loaded = load_spec(SPEC)
    points = [{"units": units, "rate": rate} for units in (8, "x") for rate in (1.0, 2.0)]
    found = {}
    for index, point in enumerate(points):
        try:
            at_point(loaded, point, EVERYTHING)
        except SpecError as error:
            found[index] = error.diagnostics
    (told,) = told_of_points(found, points)
    assert (told.code, told.line, told.notes) == (
        "SC107",
        7,
        ("with units x, rate 1, a point of `sweep`, and at 1 more of 4: all with units x",),
    )


def test_the_best_keeps_comments_and_finds_its_files(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    spec, folder = tmp_path / "specs" / "a.yaml", tmp_path / "out" / "swept"
    schema = "# yaml-language-server: $schema={}schemas/a.json\n"
    spec.write_text(schema.format("../") + SPEC)
    text = best_text(
        task_of(spec, ["train[0].epochs=3"], False, False, None, True), {"units": 8, "rate": 0.25}, os.fspath(folder)
    )
    assert text is not None
    expected = SPEC.replace("units: 16", "units: 8").replace("1.0e-3", "0.25").replace("epochs: 1", "epochs: 3")
    start, end = expected.index("sweep:"), expected.index("\ntrain:") + 1
    assert text == schema.format("../../") + (expected[:start] + expected[end:]).replace(
        "where: data/train", "where: '../../specs/data/train'"
    )


CASES = {
    "a path that is a variable's": {"vars": {"units": 3, "where": "data/train"}, "data": {"train": "${where}"}},
    "a path of parts": {"vars": {"units": 3, "root": "data"}, "data": {"train": "${root}/train"}},
    "an absolute path": {"vars": {"units": 3}, "data": {"train": "/data/train"}},
    "a swept path": {"vars": {"units": "data/a"}, "data": {"train": "${units}"}, "description": "swept"},
    "a file of a base": {"vars": {"units": 3}, "base": {"file": "models/a.keras"}, "data": {"train": "data"}},
    "a vocabulary": {"vars": {"units": 3}, "head": [{"StringLookup": {"vocabulary": "a.txt"}}], "data": {"train": "d"}},
}  # fmt: skip


@pytest.mark.parametrize("said", CASES.values(), ids=CASES)
@pytest.mark.parametrize("how", ["text", "dict"])
def test_the_best_says_the_same_from_its_folder(
    said: Any, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: Any = "data/b" if "description" in said else 1
    whole = {"spec": 1, "head": [{"Dense": 1}], **said, "sweep": {"vars": {"units": [1, "data/b"]}}}
    whole |= {"compile": {"optimizer": "adam", "loss": "mse"}, "train": [{"phase": "a", "epochs": 1}]}
    if "${units}" not in str(whole):
        whole["head"] = [*whole["head"], {"Rescaling": "${units}"}]
    (tmp_path / "a.yaml").write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in whole.items()))
    monkeypatch.chdir(tmp_path)
    task = task_of(tmp_path / "a.yaml" if how == "text" else whole, (), True, False, None, True)
    if how == "dict" and "vocabulary" in str(said):
        pytest.skip("the same as with a text")
    text = best_text(task, {"units": chosen}, os.fspath(tmp_path / "x" / "y"))
    assert text is not None
    assert how == "dict" or text.count("\n") == len(whole) - 1
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "best.yaml").write_text(text)
    made, at = load_spec(tmp_path / "x" / "y" / "best.yaml"), at_point(task.load(), {"units": chosen}, EVERYTHING)
    assert made.data is not None
    assert at.data is not None
    assert os.path.realpath(made.source.folder.place(made.data.train)) == os.path.realpath(
        at.source.folder.place(at.data.train)
    )
    if at.base is not None:
        assert made.base is not None
        assert os.path.realpath(made.source.folder.place(str(made.base.file))) == str(tmp_path / "models" / "a.keras")


def test_the_best_of_imported_variables(tmp_path: Path) -> None:
    """A variable that another file brings is written where it is no longer another's."""
    (tmp_path / "common.yaml").write_text("vars: {units: 3, other: 5}\n")
    text = "imports: [common.yaml]\n" + SPEC.replace("  units: 16 # few\n", "")
    (tmp_path / "a.yaml").write_text(text)
    folder = tmp_path / "swept"
    folder.mkdir()
    best = best_text(
        task_of(tmp_path / "a.yaml", (), False, False, None, True), {"units": 8, "rate": 0.5}, os.fspath(folder)
    )
    assert best is not None
    made = load_spec(best, file=os.fspath(folder / "best.yaml"))
    assert made.head == at_point(load_spec(tmp_path / "a.yaml"), {"units": 8, "rate": 0.5}, EVERYTHING).head
    own = "imports: [common.yaml]\n" + SPEC
    (tmp_path / "a.yaml").write_text(own.replace("units: 16 # few", "units: 16").replace("common", "other"))
    (tmp_path / "other.yaml").write_text("vars: {spare: 1}\n")
    best = best_text(
        task_of(tmp_path / "a.yaml", (), False, False, None, True), {"units": 8, "rate": 0.5}, os.fspath(folder)
    )
    assert best is not None
    assert best.startswith("imports: ['../other.yaml']\n")
    assert "# images" in best


def test_modules_beside_a_spec_are_found_from_the_best(tmp_path: Path) -> None:
    for name, text in {"mine": "import others\nfrom . import x\n", "others": "import sys, package\n"}.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("import deeper\n")
    (tmp_path / "deeper.py").touch()
    (tmp_path / "unused.py").touch()
    (tmp_path / "a.yaml").write_text(SPEC.replace("Flatten", '"mine:Flat"'))
    folder = tmp_path / "swept"
    folder.mkdir()
    spec = load_spec(tmp_path / "a.yaml")
    for _ in range(2):
        link_modules(spec, os.fspath(folder))
        assert sorted(os.listdir(folder)) == ["deeper.py", "mine.py", "others.py", "package"]
    assert os.path.samefile(folder / "mine.py", tmp_path / "mine.py")


def test_the_page_says_what_is_so() -> None:
    (text,) = [block for block in blocks(ROOT / "docs" / "training.md", "yaml") if block.startswith("sweep:")]
    before = SPEC[: SPEC.index("# what")].replace("  rate:", "  dropout: 0.5\n  rate:")
    before = before.replace("[Flatten,", "[Flatten, {Dropout: '${dropout}'},")
    sweep = load_spec(before + text + SPEC[SPEC.index("\ntrain:") + 1 :]).sweep
    assert sweep is not None
    assert sweep.text == (
        "20 trials of units (128, 256), rate (log 1e-05 to 0.01) and dropout (uniform 0.1 to 0.5 by 0.1)"
    )
    assert sweep.prune is not None
    assert sweep.prune.arguments == {"n_warmup_steps": 2}
