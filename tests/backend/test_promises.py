"""What `expect` counts is what Keras counts, and what a run that misses a metric ends with."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.diagram.report import report_data
from spec_compiler.trainer import train_spec
from tests.backend import sessions
from tests.backend.conftest import branching, randomized
from tests.backend.pictures import write_pictures
from tests.backend.test_frozen_bases import nested
from tests.backend.test_tied_layers import tied
from tests.backend.test_training import QUIET, spec

ANY = {"at_least": 0}
FIGURES = {"parameters": ANY, "trainable": ANY, "layers": ANY, "multiply_adds": ANY}
EDITS: dict[str, tuple[Any, dict[str, Any]]] = {
    "as it is": (branching, {}),
    "frozen": (branching, {"freeze": {"layers": "..block1_add", "batch_norm": "all"}}),
    "edited": (branching, {"cut_at": "pool", "head": [{"Dense": 7}], "freeze": "base"}),
    "nested": (nested, {}),
    "nested, frozen": (nested, {"freeze": {"layers": "[0:1]", "batch_norm": "all"}}),
    "tied": (lambda: tied(True), {}),
    "tied, frozen": (lambda: tied(False), {"freeze": "shared"}),
}


def figures(plan: Any) -> dict[str, int]:
    return {each.key: int(each.found.replace(",", "")) for each in plan.promises}


@pytest.mark.parametrize(("make", "edits"), EDITS.values(), ids=EDITS)
def test_the_figures_are_those_of_keras_and_of_the_report(make: Any, edits: dict[str, Any]) -> None:
    compiled = compile_spec({"spec": 1, **edits, "expect": FIGURES}, base=make())
    found, report = figures(compiled.plan), report_data(compiled.plan)["summary"]["after"]
    assert found["parameters"] == compiled.model.count_params() == report["parameters"]
    assert found["trainable"] == sum(prod(each.shape) for each in compiled.model.trainable_weights)
    assert found["layers"] == len(compiled.model.layers)
    assert found["multiply_adds"] == report["multiply_adds"]


def test_a_phase_counts_what_keras_trains_in_it(tmp_path: Path) -> None:
    """Two phases whose figures are told to the watcher by Keras."""
    pictures = write_pictures(tmp_path / "train")
    told: list[int] = []
    given = spec(pictures, expect={"trainable": ANY, "trains": "block2_conv1", "frozen": "stem"})
    watcher = replace(QUIET, phase=lambda phase, count: told.append(count))
    trained = train_spec(given, str(tmp_path / "run"), base=branching(), watcher=watcher, tensorboard=False)
    (promise,) = (each for each in trained.compiled.plan.promises if each.key == "trainable")
    assert promise.found == " and ".join(f"{count:,}" for count in told)
    assert trained.broken == ()


def test_a_broken_metric_is_told_again_until_it_is_reached(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "train")
    given = spec(pictures, expect={"val_accuracy": {"at_least": 1.5}})
    first = train_spec(given, str(tmp_path / "run"), base=branching(), watcher=QUIET, tensorboard=False)
    best = max(first.history, key=lambda row: row.metrics["val_accuracy"])
    (problem,) = first.broken
    assert problem.code == "SC320"
    assert (
        f"came to {best.metrics['val_accuracy']:.6g} in epoch {best.epoch}, `expect` says at least 1.5"
        in problem.message
    )
    again = train_spec(given, str(tmp_path / "run"), base=branching(), watcher=QUIET, tensorboard=False, resume=True)
    assert again.broken == first.broken
    lower = {**given, "expect": {"val_accuracy": {"at_least": best.metrics["val_accuracy"]}}}
    kept = train_spec(lower, str(tmp_path / "run"), base=branching(), watcher=QUIET, tensorboard=False, resume=True)
    assert kept.broken == ()
    assert len(kept.history) == len(first.history)


def test_nothing_is_made_of_a_result_that_breaks_a_policy() -> None:
    policy = {"expect": {"absent": "type:BatchNormalization"}}
    for way in (plan_spec, compile_spec):
        with pytest.raises(SpecError, match="block1_bn"):
            way({"spec": 1}, base=branching(), policy=policy)
    (problem,) = check_spec({"spec": 1}, base=branching(), policy=policy)
    assert (problem.code, problem.file, problem.line) == ("SC320", "<policy>", 1)


def test_a_promise_opens_no_nested_model() -> None:
    plan = plan_spec({"spec": 1, "expect": {"trains": "[:]"}}, base=nested())
    (inner,) = (name for name, layer in plan.after.layers.items() if layer.inner is not None)
    below = next(name for name, each in plan.after.layers[inner].inner.layers.items() if each.weights)  # type: ignore[union-attr]
    looked = plan_spec({"spec": 1, "expect": {"trains": f"{inner}/{below}"}}, base=nested())
    assert list(looked.after.layers) == list(plan.after.layers)


def test_a_spec_that_another_starts_from_keeps_its_own_promises(tmp_path: Path) -> None:
    branching().save(tmp_path / "base.keras")
    (tmp_path / "inner.yaml").write_text("spec: 1\nbase: {file: base.keras}\nexpect: {layers: 3}\n")
    (tmp_path / "outer.yaml").write_text("spec: 1\nbase: {spec: inner.yaml}\n")
    (problem,) = check_spec(tmp_path / "outer.yaml")
    assert (problem.code, Path(problem.file or "").name, problem.line) == ("SC320", "inner.yaml", 3)


def test_the_commands_take_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    randomized(branching()).save(tmp_path / "base.keras")
    (tmp_path / "a.yaml").write_text("spec: 1\nbase: {file: base.keras}\nexpect: {layers: {at_most: 99}}\n")
    (tmp_path / "good.yaml").write_text("expect: {absent: type:Lambda}\n")
    (tmp_path / "bad.yaml").write_text("expect:\n  present: type:Lambda\n")
    (tmp_path / "typo.yaml").write_text("expect:\n  presnt: type:Lambda\n")
    commands = ("check a.yaml", "check a.yaml --static", "plan a.yaml", "build a.yaml -o a.keras --force")
    for command in commands:
        said = sessions.run([f"spec-compiler {command} --policy good.yaml"], tmp_path)
        assert said.status == 0, said.output
        if "check" not in command:
            assert "Expect absent `type:Lambda` (good.yaml): none." in said.output
        for policy, code in (("bad.yaml", "SC320"), ("typo.yaml", "SC101")):
            said = sessions.run([f"spec-compiler {command} --policy {policy}"], tmp_path)
            assert (said.status, said.codes) == (1, {code})
            assert f"--> {policy}:2:" in said.output
        said = sessions.run([f"spec-compiler {command} --policy gone.yaml"], tmp_path)
        assert (said.status, said.codes) == (2, {"SC501"})
    said = sessions.run(["spec-compiler plan a.yaml --policy good.yaml --format json -o good.json"], tmp_path)
    assert '"policy": "good.yaml"' in (tmp_path / "good.json").read_text()


def test_without_shapes_the_names_of_a_promise_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    branching().save(tmp_path / "base.keras")
    plain = {"spec": 1, "base": {"file": "base.keras"}}
    assert check_spec(plain) == ()  # the graph is known from here on, the shapes behind a new layer are not
    new = {**plain, "head": [{"Dense": 77}]}
    later = {"parameters": 1, "output": [1], "frozen": "stem"}
    assert check_spec({**new, "expect": later}, static=True) == ()
    found = check_spec({**new, "expect": {**later, "absent": "type:Dense", "trains": "sten"}}, static=True)
    assert [each.code for each in found] == ["SC201", "SC320"]
    assert len(check_spec({**new, "expect": later})) == 3
