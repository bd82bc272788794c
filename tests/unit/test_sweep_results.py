"""The trials of a sweep as a table, a picture and in a notebook."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spec_compiler.search.events import Event, Found
from spec_compiler.search.notebook import table_html, watching
from spec_compiler.search.picture import draw_sweep
from spec_compiler.search.table import ranked, to_csv
from spec_compiler.search.trial import Trial
from spec_compiler.spec.sweep import Sweep
from spec_compiler.training.measure import Measure

SWEEP = Sweep.model_validate({"vars": {"units": [8, "<b>"], "rate": {"log": [1e-4, 1]}}, "trials": 5})
TRIALS = (
    Trial(0, "done", {"units": 8, "rate": 0.1}, 0.5, 2, {"acc": 0.5, "loss": 0.1 + 0.2}, 3.25),
    Trial(1, "pruned", {"units": 8, "rate": 0.01}, 0.9, 1),
    Trial(2, "again", {"units": "<b>", "rate": 0.5}, reason="its process was killed by SIGKILL"),
    Trial(3, "done", {"units": "<b>", "rate": 0.5}, 0.75, 3, {"acc": 0.75, "loss": 0.25}, 4.0),
    Trial(4, "failed", {"units": 8, "rate": 0.9}, reason="the loss of epoch 1 is `nan`"),
)
ACCURACY = Measure("acc", "max")


def test_the_best_stands_above_and_the_failed_below() -> None:
    assert [each.number for each in ranked(TRIALS, True)] == [3, 0, 1, 2, 4]
    assert [each.number for each in ranked(TRIALS, False)] == [0, 3, 1, 2, 4]


def test_the_file_has_every_digit() -> None:
    rows = [*csv.DictReader(to_csv(TRIALS, ("units", "rate"), "acc").splitlines())]
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert float(rows[0]["loss"]) == 0.1 + 0.2
    assert (rows[3]["units"], rows[3]["acc"], rows[2]["state"], rows[1]["seconds"]) == ("<b>", "0.75", "again", "")


def test_the_picture_has_a_panel_for_each_variable(tmp_path: Path) -> None:
    files = [os.fspath(tmp_path / f"{name}.svg") for name in "ab"]
    for file in files:
        assert draw_sweep(TRIALS, SWEEP, ACCURACY, [file], "five")
    text = Path(files[0]).read_text(encoding="utf-8")
    assert text == Path(files[1]).read_text(encoding="utf-8")
    for label in ("trial", "units", "rate", "acc", "best so far", "done", "pruned", "five", "&lt;b&gt;"):
        assert f">{label}</text>" in text, label
    assert not draw_sweep(TRIALS[2:3], SWEEP, ACCURACY, [os.fspath(tmp_path / "c.svg")], "none")
    assert not (tmp_path / "c.svg").exists()


def test_names_in_the_picture_are_no_formulas(tmp_path: Path) -> None:
    sweep = Sweep.model_validate({"vars": {"a$b": ["$x_{$", "$y$"]}, "trials": 2})
    trials = [Trial(at, "done", {"a$b": value}, 0.5, 1) for at, value in enumerate(("$x_{$", "$y$"))]
    assert draw_sweep(trials, sweep, ACCURACY, [os.fspath(tmp_path / "a.svg")], "of $1_{ and $2")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for label in ("a$b", "$x_{$", "$y$", "of $1_{ and $2"):
        assert f">{label}</text>" in text, label


def test_a_notebook_shows_a_table_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    handle = SimpleNamespace(update=shown.append)

    def show(html: str, display_id: bool) -> Any:
        assert display_id
        shown.append(html)
        return handle

    display = SimpleNamespace(display=show, HTML=str)
    ipython: Any = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()), display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    watch = watching()
    found = Found(SWEEP, ACCURACY, "five", TRIALS, TRIALS[3])
    watch(Event("epoch", 1, 3, TRIALS[0]), found)
    assert len(shown) == 1
    watch(Event("ended", trial=TRIALS[0]), found)
    assert "five: 4 of 5 trials done" in shown[-1]
    assert '<td class="n">&lt;b&gt;</td>' in shown[-1]
    assert shown[-1] == table_html(TRIALS, ("units", "rate"), ACCURACY, "five: 4 of 5 trials done")
    monkeypatch.delitem(sys.modules, "IPython")
    watching()(Event("ended"), found)
    assert len(shown) == 2
