"""What a new user reads: plans of long models, values in a notebook, files that commands write, examples' words."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import click
import pytest

from spec_compiler import SpecError, check_spec, load_spec
from spec_compiler.cli.formats import plan_as
from spec_compiler.graph.node import ValueRef
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.training.history import History, Row
from tests.unit.graphs import graph
from tests.unit.pictures import INSERT, cut, frozen, long_chain, with_layer, with_shape


def plain(plan: Plan, format: str = "text") -> list[str]:
    return click.unstyle(plan_as(plan, format)).splitlines()


def test_finding_N12_a_long_run_of_dropped_layers_is_one_line() -> None:
    text = plain(cut())
    assert [line for line in text if line.startswith("  - ")] == [
        "  - b12_x … top: 37 layers dropped, 2,368 parameters"
    ]
    rows = [line for line in plain(cut(), "markdown") if line.startswith("| `-`")]
    assert rows == ["| `-` | ~~`b12_x`~~ … ~~`top`~~ | 37 layers |  | 2,368 | dropped |"]
    assert len([line for line in plain(cut(), "tree") if line.startswith("- ")]) < 8


def test_finding_N12_a_few_dropped_layers_are_listed() -> None:
    base = long_chain(9)
    few = base.spliced(INSERT, drop=["l6", "l7", "l8"], rewire={(None, ValueRef("l8")): ValueRef("l5")})
    assert [line.split()[1] for line in plain(Plan("few", base, few)) if line.startswith("  - ")] == ["l6", "l7", "l8"]


def test_finding_N12_a_run_of_layers_on_another_input_is_one_line() -> None:
    base = long_chain(120)
    names = [f"l{number}" for number in range(1, 120)]
    after = with_shape(base, ["in", *names], (None, 4))
    assert plain(Plan("small", base, after))[2:4] == [
        "  ~ in … l119: 120 layers with another output shape, 7,616 parameters; the last (None, 8) → (None, 4)",
        "",
    ]
    half = plain(Plan("small", base, frozen(after, names[:60])))
    assert "  ~ l1 … l60: 60 layers with another output shape, frozen" in half[3]
    assert len(half) < 12
    rows = [line for line in plain(Plan("small", base, after), "markdown") if line.startswith("| `~`")]
    assert rows == ["| `~` | `in` … `l119` | 120 layers | `(None, 4)` at the end | 7,616 | with another output shape |"]


def test_finding_N12_markdown_counts_no_unchanged_layer_as_frozen() -> None:
    base = long_chain(12)
    after = frozen(base, ["l1", "l2", "l8"])
    rows = [line for line in plain(Plan("some", base, after), "markdown") if line.startswith("| `~`")]
    assert rows == ["| `~` | `l1` … `l2` | 2 layers |  | 128 | frozen |", "| `~` | `l8` | 1 layer |  | 64 | frozen |"]


def test_a_run_of_frozen_layers_ends_before_an_input() -> None:
    base = graph({"one": [], "a": ["one"], "pool": ["a"], "two": [], "b": ["two"], "join": ["pool", "b"]})
    base = with_layer(base, "pool", variables=())
    text = plain(Plan("two", base, frozen(base, ["a"])))
    assert text[2:5] == [
        "    one: 1 layer unchanged",
        "  ~ a … pool: 2 layers frozen, 64 parameters",
        "    two … join: 3 layers unchanged",
    ]
    rows = [line for line in plain(Plan("two", base, frozen(base, ["a"])), "markdown") if line.startswith("| `~`")]
    assert rows == ["| `~` | `a` … `pool` | 2 layers |  | 64 | frozen |"]


def values() -> list[object]:
    """What a notebook shows at the end of a cell, large as it gets."""
    base = long_chain(400)
    names = [f"l{number}" for number in range(1, 400)]
    plan = Plan("long", base, frozen(base, names))
    rows = tuple(LedgerRow(name, "kernel", "copied", "kept", (3, 3), "float32", 9, "w.h5", "a" * 32) for name in names)
    ledger = WeightLedger(rows, len(rows))
    spec = load_spec({"spec": 1, "base": {"application": "VGG16"}, "freeze": names, "head": [{"Dense": 3}] * 99})
    history = History(tuple(Row(epoch, "all", dict.fromkeys("abcdef", 0.123456789)) for epoch in range(1, 100)))
    return [
        history,
        plan,
        plan.changes,
        plan.before,
        base.layers["l1"],
        ledger,
        ledger.rows,
        ledger.of("copied"),
        spec,
        spec.source,
    ]


@pytest.mark.parametrize("value", values(), ids=lambda value: type(value).__name__)
def test_finding_N13_a_value_shows_itself_in_a_few_lines(value: object) -> None:
    assert len(repr(value)) < 1500
    assert len(repr(value).splitlines()) <= 13
    assert max(map(len, repr(value).splitlines())) < 120


def test_finding_N13_ledger_and_spec_say_what_they_are() -> None:
    ledger = WeightLedger((LedgerRow("fc", "kernel", "copied", "kept", (8, 2), "float32", 16),), 1)
    assert repr(ledger) == "<WeightLedger: copied 1 of 1 variables, 16 parameters>"
    assert repr(ledger.rows) == "(<fc/kernel (8, 2): copied, kept>,)"
    spec = load_spec({"spec": 1, "base": {"application": "VGG16"}, "cut_at": "block4_pool", "freeze": "base"})
    assert repr(spec) == str(spec) == "<Spec VGG16: cut_at, freeze>"
    assert repr(spec.base) == "Base(application='VGG16')"
    assert repr(load_spec({"spec": 1, "name": "same"})) == "<Spec same, the base of the caller: nothing changes>"


BROKEN = "spec: 1\nbase: {application: VGG61}\nfreezee: base\n"
RENDERED = """\
error[SC203]: no Keras application is called `VGG61`
 --> bad.yaml:2:21
  |
2 | base: {application: VGG61}
  |                     ^^^^^
  = help: did you mean `VGG16`?

error[SC101]: a spec has no key `freezee`
 --> bad.yaml:3:1
  |
3 | freezee: base
  | ^^^^^^^
  = help: did you mean `freeze`?"""


def broken() -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_spec(BROKEN, file="bad.yaml")
    return caught.value


def test_finding_N13_diagnostics_show_themselves_as_the_command_line_prints_them() -> None:
    error = broken()
    assert str(error) == RENDERED
    assert repr(error.diagnostics) == RENDERED
    assert str(error.diagnostics[1]) == RENDERED.split("\n\n")[1]
    assert repr(error.diagnostics[1]) == (
        "<bad.yaml:3:1: error[SC101]: a spec has no key `freezee` (help: did you mean `freeze`?)>"
    )
    assert repr(check_spec({"spec": 1, "base": {"application": "VGG16", "weights": None}}, static=True)) == "()"
    assert isinstance(check_spec("spec: 1\nfreezee: 1\n"), tuple)


def test_finding_N13_an_error_survives_its_way_between_processes() -> None:
    error = broken()
    again = pickle.loads(pickle.dumps(error))
    assert again.diagnostics == error.diagnostics
    assert str(again) == RENDERED


def test_finding_N13_a_notebook_shows_the_callers_lines_and_the_diagnostics(tmp_path: Path) -> None:
    """IPython asks an exception for its traceback: https://ipython.readthedocs.io/en/stable/config/integrating.html"""
    cell = tmp_path / "cell.py"
    cell.write_text("def mine(text):\n    return load_spec(text, file='bad.yaml')\nmine(BROKEN)\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        exec(compile(cell.read_text(encoding="utf-8"), cell, "exec"), {"load_spec": load_spec, "BROKEN": BROKEN})
    shown = caught.value._render_traceback_()
    assert shown[-3:] == [
        "line 3 of <module>: mine(BROKEN)",
        "line 2 of mine: return load_spec(text, file='bad.yaml')",
        RENDERED,
    ]
    assert "validate" not in "\n".join(shown)


def test_finding_N13_the_backend_is_quiet_without_being_told() -> None:
    """TensorFlow reads the variable once, while it is loaded, which no module of the backend does before this."""
    code = (
        "import os, sys, spec_compiler.backend as b; print(os.environ['TF_CPP_MIN_LOG_LEVEL'], 'keras' in sys.modules)"
    )
    for level, expected in ((None, "3 False"), ("0", "0 False")):
        environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
