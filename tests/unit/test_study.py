"""Trials on a storage that several share: how many, none twice, those of the dead again."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest

from spec_compiler import SpecError
from spec_compiler.files.whole import workspace
from spec_compiler.search.storage import open_storage
from spec_compiler.search.study import GRACE, HOLD, MOST_DEATHS, Study, quiet
from spec_compiler.spec.sweep import Sweep


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet(optuna):
        yield


def swept(**said: Any) -> Sweep:
    return Sweep.model_validate(said)


def study_of(storage: Any, sweep: Sweep, seed: int = 0) -> Study:
    study = optuna.create_study(storage=storage, study_name="a", direction="maximize", load_if_exists=True)
    return Study(optuna, study, sweep, seed, True, "")


def journal(folder: Path) -> Any:
    return open_storage(optuna, os.fspath(folder / "journal"), "")


SPACES = {
    "small": swept(vars={"a": [1, 2], "b": ["x", "y", None]}, trials=20),
    "grid": swept(vars={"a": [1, 2], "b": [True, 1, "1"]}, trials=4, sampler="grid"),
    "ints": swept(vars={"a": {"int": [1, 5, 2]}, "b": [[1, 2], {"c": 3}]}, trials=6, sampler="random"),
    "floats": swept(vars={"a": {"log": [1e-4, 1]}, "b": {"uniform": [0, 1, 0.25]}}, trials=5),
}


@pytest.mark.parametrize("name", SPACES)
def test_two_that_ask_in_turn_share_the_trials_and_no_point(name: str, tmp_path: Path) -> None:
    sweep = SPACES[name]
    studies = [study_of(journal(tmp_path), sweep) for _ in range(2)]
    asked: list[Any] = []
    while True:
        pair = [(study, study.next()) for study in studies]
        asked += [each for _, each in pair if each is not None]
        if all(each is None for _, each in pair):
            break
        for study, each in pair:
            if each is not None:
                study.ends(each, "done", {"epoch": 2}, float(each.number))
    trials = studies[1].trials()
    assert len(asked) == sweep.num_trials == sum(each.counts for each in trials)
    points = [repr(each.point) for each in trials if each.counts]
    assert len(set(points)) == len(points)
    if name != "floats":
        allowed = {n: [values.at(i) for i in range(values.count or 0)] for n, values in sweep.vars.items()}
        assert all(any(v is a or v == a for a in allowed[n]) for each in trials for n, v in each.point.items())
    best = studies[0].best()
    assert best is not None
    assert best.number == max(each.number for each in trials if each.state == "done")


def test_what_is_tried_depends_on_the_seed_and_the_trials_alone(tmp_path: Path) -> None:
    """Also where another process goes on with a sweep."""

    def points(folder: Path, seed: int, anew: bool) -> list[Any]:
        folder.mkdir()
        study = study_of(journal(folder), SPACES["floats"], seed)
        found = []
        while (asked := study.next()) is not None:
            study.ends(asked, "done", {}, 1.0)
            found.append(asked.params)
            if anew:
                study = study_of(journal(folder), SPACES["floats"], seed)
        return found

    assert points(tmp_path / "a", 3, False) == points(tmp_path / "b", 3, True) != points(tmp_path / "c", 4, False)


def test_a_trial_whose_process_died_is_tried_again_and_counted_once(tmp_path: Path) -> None:
    sweep = swept(vars={"a": {"log": [1e-4, 1]}}, trials=3)
    study = study_of(journal(tmp_path), sweep)
    first, second = study.next(), study.next()
    study.begins(first, "/somewhere/000")
    assert study.again(first.number, "its process was killed by SIGKILL", died=True) == "again"
    assert study.again(first.number, "twice", died=True) is None
    third = study.next()
    assert third.params == first.params
    assert study.previous(third) == "/somewhere/000"
    assert study.previous(second) == ""
    fourth = study.next()
    assert fourth is not None
    assert study.next() is None
    for each in (second, third, fourth):
        study.ends(each, "done", {}, 0.5)
    assert [(each.number, each.state, each.reason) for each in study.trials()] == [
        (0, "again", "its process was killed by SIGKILL"),
        (1, "done", ""),
        (2, "done", ""),
        (3, "done", ""),
    ]
    assert study.next() is None


def test_a_point_that_kills_every_process_is_left_alone(tmp_path: Path) -> None:
    study = study_of(journal(tmp_path), swept(vars={"a": {"log": [1e-4, 1]}}, trials=1))
    said = []
    while (asked := study.next()) is not None:
        said.append(study.again(asked.number, "killed", died=True))
    assert said == ["again"] * (MOST_DEATHS - 1) + ["failed"]
    assert [each.state for each in study.trials()] == said


def test_whoever_stops_a_sweep_does_not_use_up_its_points(tmp_path: Path) -> None:
    study = study_of(journal(tmp_path), swept(vars={"a": {"log": [1e-4, 1]}}, trials=1))
    for _ in range(MOST_DEATHS + 2):
        assert study.again(study.next().number, "it was stopped", died=False) == "again"


def test_the_dead_are_found_by_their_lock_and_elsewhere_by_their_silence(tmp_path: Path) -> None:
    sweep = swept(vars={"a": {"log": [1e-4, 1]}}, trials=2)
    mine, other = (study_of(journal(tmp_path), sweep) for _ in range(2))
    here, there = other.next(), other.next()
    now = 0.0
    mine.clock = lambda: now
    with ExitStack() as held:
        held.enter_context(workspace(os.fspath(tmp_path / "000"), HOLD))
        other.begins(here, os.fspath(tmp_path / "000"))
        there.set_user_attr("host", f"not {socket.gethostname()}")
        there.set_user_attr("folder", os.fspath(tmp_path / "001"))
        other.beat(there)
        assert mine.revived(set()) == []
        now = GRACE - 1
        other.beat(there)
        assert mine.revived(set()) == []
        now = 2 * GRACE - 2
        assert mine.revived(set()) == []
        now = 2 * GRACE
        assert mine.revived({there.number}) == []
        assert mine.revived(set()) == [there.number]
    assert mine.revived(set()) == [here.number]
    assert mine.next().params == there.params
    assert mine.next().params == here.params


def test_a_pruner_sees_each_epoch_once(tmp_path: Path) -> None:
    sweep = swept(vars={"a": {"log": [1e-4, 1]}}, trials=5, prune={"median": {"n_startup_trials": 1}})
    study = study_of(journal(tmp_path), sweep)
    study.study.pruner = optuna.pruners.MedianPruner(n_startup_trials=1)
    good = study.next()
    assert study.reports(good, {1: 0.5})
    assert study.reports(good, {1: 0.5, 2: 0.75})
    study.ends(good, "done", {"epoch": 2}, 0.75)
    bad = study.next()
    assert study.reports(bad, {1: float("nan")})
    assert not study.reports(bad, {1: 0.3, 2: 0.1})
    study.ends(bad, "pruned", {})
    trial = study.trials()[1]
    assert trial.state == "pruned"
    assert trial.values == {1: 0.3, 2: 0.1}
    assert (trial.epoch, trial.value) == (2, 0.1)
    best = study.best()
    assert best is not None
    assert best.number == good.number


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nosuch://host/trials", "NoSuchModuleError"),
        ("{tmp}", "IsADirectoryError"),
        ("{tmp}/spec.yaml", "JSONDecodeError"),
        ("{tmp}/missing/journal", "FileNotFoundError"),
    ],
)
def test_a_storage_that_is_none_is_told(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("spec: 1\nhead: Flatten\n")
    with pytest.raises(SpecError) as caught:
        open_storage(optuna, name.format(tmp=tmp_path), "")
    (found,) = caught.value.diagnostics
    assert (found.code, found.path) == ("SC608", ())
    assert found.notes[0].startswith(reason)
    assert (tmp_path / "spec.yaml").read_text() == "spec: 1\nhead: Flatten\n"


def test_a_password_is_not_shown() -> None:
    with pytest.raises(SpecError) as caught:
        open_storage(optuna, "nosuch://me:secret@host/trials", "")
    assert "`nosuch://host/trials`" in str(caught.value)
    assert "secret" not in str(caught.value)
