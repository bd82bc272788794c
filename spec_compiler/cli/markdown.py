"""A plan as Markdown that fits a pull-request comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from spec_compiler.cli.runs import Run, runs
from spec_compiler.cli.show import SIGNS, compile_text, shape_text
from spec_compiler.diagnostics import dotted
from spec_compiler.diagnostics.printable import printable_lines
from spec_compiler.diagram import to_mermaid
from spec_compiler.diagram.label import change_text
from spec_compiler.graph import Graph
from spec_compiler.graph.trainable import num_frozen
from spec_compiler.plan import Action, Change, Plan
from spec_compiler.plan.contracted import row as contract_row
from spec_compiler.plan.costs import multiply_adds, total
from spec_compiler.plan.grouped import row as group_row
from spec_compiler.plan.left_out import left_lines
from spec_compiler.plan.rated import row as rate_row
from spec_compiler.plan.rated import unfrozen_row
from spec_compiler.plan.two_models import Comparison

MOST_ROWS = 60
LONGEST = 60_000  # characters; a comment on GitHub has room for 65,536


def plan_markdown(plan: Plan, comparison: Comparison | None = None) -> str:
    """A plan with its counts, a table of what changes, and the picture folded away; below 60,000 characters."""
    lines = [f"### {_cell(plan.name)}", "", _summary(plan), ""]
    if comparison is not None:
        lines += [f"{comparison.summary[0].upper()}{comparison.summary[1:]}.", ""]
        lines += [f"Weights: {_cell(comparison.weights_summary)}.", ""] if comparison.weights_summary else []
    lines += ["| | before | after |", "|---|---:|---:|", *_figures(plan), ""]
    lines += [f"Compiled with {_escaped(compile_text(plan.compilation))}.", ""] if plan.compilation else []
    lines += list(_rates(plan))
    lines += [*(f"- Expect {_quoted(promise.text)}." for promise in plan.promises), ""] if plan.promises else []
    lines += list(_groups(plan))
    lines += list(_contracts(plan))
    lines += [*(f"- {_quoted(line)}" for line in left_lines(plan)), ""] if plan.after.left else []
    rows = list(_rows(plan.changes))
    if rows:
        lines += [
            "| | layer | class | output shape | parameters | why |",
            "|---|---|---|---|---:|---|",
            *rows[:MOST_ROWS],
        ]
        lines += [f"\nand {len(rows) - MOST_ROWS} more."] if len(rows) > MOST_ROWS else []
    # The table goes before the picture, which is left out where it does not fit: GitHub refuses longer comments.
    picture = to_mermaid(plan, "diff").rstrip("\n")
    text = printable_lines("\n".join(lines))
    folded = f"\n\n<details><summary>Picture</summary>\n\n```mermaid\n{picture}\n```\n\n</details>\n"
    return text + (folded if len(text) + len(folded) <= LONGEST else "\n")


def _rates(plan: Plan) -> Iterator[str]:
    """A table of the variables that train alike, for each phase."""
    tables = [(phase.name, phase.groups) for phase in plan.phases if phase.groups]
    tables += [("as compiled", plan.groups)] if plan.groups else []
    if tables:
        yield from ("| phase | learning rate | layers | variables | weight decay |", "|---|---:|---|---|---|")
        for name, groups in tables:
            for each in groups[:MOST_ROWS]:
                times, layers, counts, decay = rate_row(each)
                cells = (name, times.removeprefix("learning rate "), layers, counts, "no" if "no" in decay else "yes")
                yield f"| {' | '.join(map(_cell, cells))} |"
            if len(groups) > MOST_ROWS:
                yield f"| {_cell(name)} | and {len(groups) - MOST_ROWS} more | | | |"
        yield ""


def _groups(plan: Plan) -> Iterator[str]:
    """A table of the channels that become fewer or more together, as many as have room."""
    if plan.after.groups:
        yield from ("| channels | made by | read by | |", "|---:|---|---|---|")
        for each in plan.after.groups[:MOST_ROWS]:
            cells = (cell.removeprefix("read by ") for cell in group_row(each))  # which the head of the column says
            yield f"| {' | '.join(map(_cell, cells))} |"
        more = len(plan.after.groups) - MOST_ROWS
        yield f"\nand {more} more groups.\n" if more > 0 else ""


def _contracts(plan: Plan) -> Iterator[str]:
    """A table of the weights that are made of the base's."""
    if plan.contracts:
        yield from ("| weights of | strategy | made so | preserves |", "|---|---|---|---|")
        for each in plan.contracts:
            layers, *cells = contract_row(each)
            yield f"| `{_code(layers)}` | {' | '.join(map(_cell, cells))} |"
        yield ""


def _summary(plan: Plan) -> str:
    actions: tuple[Action, ...] = ("new", "changed", "dropped", "kept")
    counts = ", ".join(f"**{plan.count(action)} {action}**" for action in actions if plan.count(action))
    return f"Base `{_code(plan.before.name)}`: {counts or '**no**'} layers."


def _figures(plan: Plan) -> Iterator[str]:
    frozen = num_frozen(plan.before)
    yield _figure("Parameters", plan.before.num_parameters, plan.after.num_parameters)
    if not plan.phases:
        yield _figure("Frozen parameters", frozen, plan.num_frozen)
    for phase in plan.phases:
        now = plan.after.num_parameters - phase.num_trained
        yield _figure(f"Frozen in {_cell(phase.name)} ({phase.epochs} epochs)", frozen, now)
        for each in phase.unfreezes:
            now = plan.after.num_parameters - each.num_trained
            yield _figure(f"— from its epoch {each.epoch}, {_cell(unfrozen_row(each)[1])} unfrozen", frozen, now)
    costs = total(multiply_adds(plan.before)), total(multiply_adds(plan.after))
    if costs[0] is not None and costs[1] is not None:
        yield _figure("Multiply-adds", costs[0], costs[1])
    if plan.sweep is not None:
        yield f"| Sweep | | {_cell(plan.sweep.text)} |"
    for what in ("input", "output"):
        yield f"| {what.capitalize()} | {_ends(plan.before, what)} | {_ends(plan.after, what)} |"


def _figure(what: str, before: int, after: int) -> str:
    return f"| {what} | {before:,} | {after:,} |"


def _ends(graph: Graph, side: str) -> str:
    refs = graph.input_refs if side == "input" else graph.output_refs
    shapes = [shape_text(spec.shape) for ref in refs if (spec := graph.spec_of(ref))]
    return f"`{', '.join(shapes[:3])}{' …' if len(shapes) > 3 else ''}`" if shapes else ""


def _rows(changes: Sequence[Change]) -> Iterator[str]:
    """One row for each layer that changes; runs of them to which the same happens in one."""
    for run in runs(changes):
        if run.kind == "single":
            yield _row(run.first)
        elif run.kind != "kept":
            yield _run(run)


def _run(run: Run) -> str:
    ends = [f"`{_code(change.name)}`" for change in (run.first, run.last)]
    if run.kind == "dropped":
        ends = [f"~~{end}~~" for end in ends]
    names = " … ".join(ends[: len(run.changes)])
    shape = f"`{shape_text(run.last.shape)}` at the end" if run.kind.startswith("reshaped") else ""
    sign = SIGNS[run.first.action]
    return f"| `{sign}` | {names} | {run.count} | {shape} | {run.num_parameters:,} | {run.happened} |"


def _row(change: Change) -> str:
    layer = change.layer
    why = "; ".join(f"{_cell(what)} {_cell(change_text(was, now))}" for what, was, now in change.details)
    if change.action == "new" and layer.origin.path:
        why = f"`{dotted(layer.origin.path)}`"
        why += f"; weights adapted ({_cell(layer.adapter.strategy)})" if layer.adapter is not None else ""
    parameters = f"{layer.num_parameters:,}" if layer.num_parameters else ""
    name = f"~~`{_code(layer.name)}`~~" if change.action == "dropped" else f"`{_code(layer.name)}`"
    shape = shape_text(change.shape)
    return f"| `{SIGNS[change.action]}` | {name} | {_cell(layer.class_name)} | `{shape}` | {parameters} | {why} |"


def _quoted(text: str) -> str:
    """A text as it is shown, its parts between backquotes as code."""
    parts = " ".join(text.split()).split("`")
    return "".join(f"`{_code(part)}`" if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _code(text: str) -> str:
    """Any text between backquotes in a cell of a table."""
    # Nothing can be escaped between backquotes, so another letter stands for them; a bar ends the cell even there.
    return " ".join(text.split()).replace("`", "ˋ").replace("|", "\\|")


def _cell(text: str) -> str:
    """Any text in a cell of a table, shown as it is.

    >>> print(_cell("a|b <c>"))
    a\\|b &lt;c>
    """
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*\[\]~])|(?<![^\W_])_|_(?![^\W_])", lambda sign: "\\" + sign[0], text)
