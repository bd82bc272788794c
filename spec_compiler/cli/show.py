"""The compiler's values as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spec_compiler.cli.runs import Run, runs
from spec_compiler.cli.terminal import Shown, block, joined, shown, style
from spec_compiler.diagnostics import Diagnostic, render
from spec_compiler.diagnostics.printable import printable
from spec_compiler.edits import entry_name
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.plan import Change, Plan
from spec_compiler.spec.phase import PlannedPhase

if TYPE_CHECKING:
    from spec_compiler.plan.ledger import WeightLedger

SIGNS = {"kept": " ", "changed": "~", "new": "+", "dropped": "-"}
COLORS = {"changed": "yellow", "new": "green", "dropped": "red"}


def render_all(diagnostics: Sequence[Diagnostic]) -> Shown:
    """Diagnostics one below the other, the first line of each in colour, with a count at the end."""
    blocks: list[Shown] = []
    for each in diagnostics:
        first, _, rest = render(each).partition("\n")
        head = style(first, fg="red" if each.severity == "error" else "yellow", bold=True)
        blocks.append(joined([head, block(rest)]) if rest else head)
    errors = sum(each.severity == "error" for each in diagnostics)
    if errors > 1:
        blocks.append(style(f"{errors} errors", bold=True))
    return joined(blocks, "\n\n")


def shape_text(shape: Shape | None) -> str:
    """A shape as Keras prints it."""
    return "?" if shape is None else str(tuple(shape))


def plan_text(plan: Plan) -> Shown:
    """The plan as `terraform plan` would say it; long runs of layers to which the same happens in one line."""
    return joined(plan_lines(plan))


def plan_lines(plan: Plan) -> list[str]:
    """The lines of the plan's text."""
    lines: list[str] = [style(plan.name, bold=True) + f": {plan.before.name} as the spec changes it", ""]
    rows = [tuple(map(printable, row)) for row in _plan_rows(plan.changes)]
    widths = [max((len(row[column]) for row in rows if len(row) > 2), default=0) for column in range(1, 5)]
    for row in rows:
        if len(row) == 2:
            lines.append(
                style(f"    {row[1]}", dim=True) if row[0] == " " else _colored(row[0], f"  {row[0]} {row[1]}")
            )
            continue
        sign, name, cls, shape, parameters, why = row
        cells = f"{name:<{widths[0]}}  {cls:<{widths[1]}}  {shape:<{widths[2]}}  {parameters:>{widths[3]}}"
        lines.append(_colored(sign, f"  {sign} {cells}  {why}".rstrip()))
    counts = ", ".join(
        f"{plan.count(action)} {action}" for action in ("new", "changed", "dropped", "kept") if plan.count(action)
    )
    before, after = plan.before.num_parameters, plan.after.num_parameters
    trainable = after - plan.num_frozen
    lines += [
        "",
        style("Plan: ", bold=True) + f"{counts} layers.",
        f"Parameters: {_arrow(f'{before:,}', f'{after:,}')}"
        + ("." if plan.phases else f"; {trainable:,} train, {plan.num_frozen:,} are frozen."),
        *(f"Phase {phase_text(phase, plan)}." for phase in plan.phases),
        f"Input: {_arrow(_ends(plan.before, 'input'), _ends(plan.after, 'input'))}",
        f"Output: {_arrow(_ends(plan.before, 'output'), _ends(plan.after, 'output'))}",
    ]
    return lines


def phase_text(phase: PlannedPhase, plan: Plan) -> str:
    """A phase of training, its epochs, and what trains in it."""
    epochs = "1 epoch" if phase.epochs == 1 else f"{phase.epochs} epochs"
    frozen = plan.after.num_parameters - phase.num_trained
    return f"{phase.name}: {epochs}; {phase.num_trained:,} train, {frozen:,} are frozen"


def _plan_rows(changes: Sequence[Change]) -> Iterator[tuple[str, ...]]:
    for run in runs(changes):
        change = run.first
        if run.kind != "single":
            yield SIGNS[change.action], _run_text(run)
            continue
        layer = change.layer
        why = "; ".join(f"{what} {_value(was)} → {_value(now)}" for what, was, now in change.details)
        if change.action == "new":
            why = entry_name(layer.origin.path)
        parameters_text = f"{layer.num_parameters:,}" if layer.num_parameters else ""
        yield SIGNS[change.action], layer.name, layer.class_name, shape_text(change.shape), parameters_text, why


def _run_text(run: Run) -> str:
    span = run.first.name if len(run.changes) == 1 else f"{run.first.name} … {run.last.name}"
    text = f"{span}: {len(run.changes)} {run.happened}"
    text += f", {run.num_parameters:,} parameters" if run.kind != "kept" else ""
    if run.kind.startswith("reshaped"):
        text += f"; the last {_arrow(*map(str, run.last.details[0][1:]))}"
    return text


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return str(value)
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _ends(graph: Graph, side: str) -> str:
    refs = graph.input_refs if side == "input" else graph.output_refs
    shapes = [graph.spec_of(ref) for ref in refs]
    text = ", ".join(str(spec.shape) for spec in shapes[:3] if spec is not None)
    return text if len(refs) <= 3 else f"{len(refs)} tensors, {text} …"


def _colored(sign: str, text: str) -> Shown:
    action = next((name for name, each in SIGNS.items() if each == sign), "kept")
    return style(text, fg=COLORS[action]) if action in COLORS else shown(text)


def ledger_text(ledger: WeightLedger) -> Shown:
    """The ledger's totals, and what deserves a look: casts, layers without weights, unused entries."""
    lines: list[str] = [style("Weights: ", bold=True) + ledger.summary + "."]
    casts = [row for row in ledger.of("copied") if "cast" in row.reason]
    if len(casts) < len(ledger.of("copied")):
        every = "Every other copied variable" if casts else "Every copied variable"
        lines.append(f"{every} has the same checksum (XXH3, 128 bits) in the source and in the result.")
    loose = [row for row in ledger.of("initialized") if not row.reason.startswith(("new layer", "state of"))]
    if loose:
        names = list(dict.fromkeys(row.layer for row in loose))
        lines.append(
            f"Initialized though kept: {', '.join(names[:6])}{' …' if len(names) > 6 else ''} ({loose[0].reason})."
        )
    if casts:
        lines.append(
            f"{len(casts)} variables were cast: {casts[0].layer}/{casts[0].variable} and so on ({casts[0].reason})."
        )
    if ledger.unused:
        lines.append(
            f"In the file and not used: {', '.join(ledger.unused[:8])}{' …' if len(ledger.unused) > 8 else ''}."
        )
    if ledger.proof is not None:
        lines.append(block(ledger.proof.text))
    return joined(lines)


def layer_rows(graph: Graph) -> list[dict[str, Any]]:
    """One row for each layer in order; plain operations stand where they are called, without a number."""
    rows = []
    positions = {name: index for index, name in enumerate(graph.positions)}
    for node in dict.fromkeys(node.layer for node in graph.nodes.values()):
        layer = graph.layers[node]
        outputs = graph.nodes[graph.calls[node][0]].outputs
        rows.append(
            {
                "index": positions.get(node) if not layer.is_new else None,
                "name": layer.name,
                "keras_name": layer.name_in_keras,
                "class": layer.class_name,
                "shape": list(outputs[0].shape) if outputs else None,
                "parameters": layer.num_parameters,
                "trainable": layer.trainable,
                "calls": len(graph.calls[node]),
                "kind": layer.kind,
            }
        )
    return rows


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def table_text(graph: Graph, rows: Sequence[dict[str, Any]]) -> Shown:
    """The layer table that people print in a loop today."""
    slashed = any(row["keras_name"] != row["name"] for row in rows)
    header = ("#", "name", *(["in Keras"] if slashed else []), "class", "output shape", "parameters", "trainable")
    cells = [
        (
            "" if row["index"] is None else str(row["index"]),
            printable(row["name"]) + (f" (called {row['calls']} times)" if row["calls"] > 1 else ""),
            *([printable(row["keras_name"])] if slashed else []),
            printable(row["class"]) + (" (operation)" if row["kind"] == "operation" else ""),
            "?" if row["shape"] is None else str(tuple(row["shape"])),
            f"{row['parameters']:,}",
            ("yes" if row["trainable"] else "frozen") if row["parameters"] else "",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [header, *cells]) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        left = [
            f"{row[0]:>{widths[0]}}",
            *(f"{text:<{width}}" for text, width in zip(row[1:-2], widths[1:-2], strict=True)),
            f"{row[-2]:>{widths[-2]}}",
            row[-1],
        ]
        return "  ".join(left).rstrip()

    operations = sum(row["kind"] == "operation" for row in rows)
    counts = _number(len(rows) - operations, "layer")
    counts += f" and {_number(operations, 'operation')}" if operations else ""
    total = f"{graph.name}: {counts}, {graph.num_parameters:,} parameters"
    return joined([style(line(header), bold=True), *(line(row) for row in cells), "", total])
