"""What a new user reads: plans of long models, values in a notebook, files that commands write, examples' words."""

from __future__ import annotations

import click

from spec_compiler.cli.formats import plan_as
from spec_compiler.graph import ValueRef
from spec_compiler.plan import Plan
from tests.unit.pictures import INSERT, cut, frozen, long_chain, with_shape


def plain(plan: Plan, format: str = "text") -> list[str]:
    return click.unstyle(plan_as(plan, format)).splitlines()


def test_finding_N12_a_long_run_of_dropped_layers_is_one_line() -> None:
    text = plain(cut())
    assert [line for line in text if line.startswith("  - ")] == ["  - b12_x … top: 37 layers dropped, 2,368 parameters"]
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
    assert rows == [
        "| `~` | `in` … `l119` | 120 layers | `(None, 4)` at the end | 7,616 | with another output shape |"
    ]


def test_finding_N12_markdown_counts_no_unchanged_layer_as_frozen() -> None:
    base = long_chain(12)
    after = frozen(base, ["l1", "l2", "l8"])
    rows = [line for line in plain(Plan("some", base, after), "markdown") if line.startswith("| `~`")]
    assert rows == ["| `~` | `l1` … `l2` | 2 layers |  | 128 | frozen |", "| `~` | `l8` | 1 layer |  | 64 | frozen |"]
