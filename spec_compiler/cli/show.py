"""The compiler's values as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spec_compiler.cli.runs import Run, runs
from spec_compiler.cli.terminal import Shown, aligned, block, counted, joined, style
from spec_compiler.diagnostics.printable import printable
from spec_compiler.edits import entry_name
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Contract
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.plan import Change, Plan
from spec_compiler.plan.contracted import in_columns
from spec_compiler.plan.contracted import row as contract_row
from spec_compiler.plan.grouped import row as group_row
from spec_compiler.plan.left_out import left_lines
from spec_compiler.plan.low_rank import lora_lines
from spec_compiler.plan.rated import row as rate_row
from spec_compiler.plan.rated import unfrozen_row
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.phase import PlannedPhase
from spec_compiler.spec.rates import Group

if TYPE_CHECKING:
    from spec_compiler.plan.ledger import WeightLedger

SIGNS = {"kept": " ", "changed": "~", "new": "+", "dropped": "-"}
COLORS = {"~": "yellow", "+": "green", "-": "red"}  # of the signs


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
    # Lines of runs have their sign and a text; only those of single layers are a table.
    cells = iter(aligned([row[1:5] for row in rows if len(row) > 2], right={3}))
    for sign, *texts in rows:
        text = texts[0] if len(texts) == 1 else "  ".join([*next(cells), texts[-1]])
        line = f"  {sign} {text}".rstrip()
        lines.append(style(line, fg=COLORS[sign]) if sign in COLORS else style(line, dim=True))
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
        *lora_lines(plan),
        *(line for phase in plan.phases for line in _phase_lines(phase, plan)),
        f"Input: {_arrow(_ends(plan.before, 'input'), _ends(plan.after, 'input'))}",
        f"Output: {_arrow(_ends(plan.before, 'output'), _ends(plan.after, 'output'))}",
        *(
            [printable(f"Sweep: {plan.sweep.text}; the plan is that of the variables' own values.")]
            if plan.sweep
            else []
        ),
        *([f"Compiled with {compile_text(plan.compilation)}."] if plan.compilation else []),
        *rate_lines(plan.groups),
        *map(printable, group_lines(plan)),
        *contract_lines(plan.contracts),
        *(f"Expect {printable(promise.text)}." for promise in plan.promises),
        *map(printable, left_lines(plan)),
    ]
    return lines


def group_lines(plan: Plan) -> list[str]:
    """A line for each group of channels that become fewer or more: how many, who makes them, who reads them."""
    if not plan.after.groups:
        return []
    table = [group_row(each) for each in plan.after.groups]
    return ["Channels that move together:", *(f"  {line}".rstrip() for line in in_columns(table))]


def contract_lines(contracts: Sequence[Contract]) -> list[str]:
    """What is made of the base's weights, and what that preserves; none where nothing is."""
    if not contracts:
        return []
    lines = in_columns([[printable(cell) for cell in contract_row(each)] for each in contracts])
    return ["Weights made of the base's:", *(f"  {line}".rstrip() for line in lines)]


def _phase_lines(phase: PlannedPhase, plan: Plan) -> list[str]:
    lines = [f"Phase {phase_text(phase, plan)}."]
    if phase.unfreezes:
        lines += [f"  {line}".rstrip() for line in in_columns([unfrozen_row(each) for each in phase.unfreezes])]
    return lines + rate_lines(phase.groups)


def rate_lines(groups: Sequence[Group]) -> list[str]:
    """A line for each group of variables that train alike."""
    if not groups:
        return []
    return [f"  {line}".rstrip() for line in in_columns([[*map(printable, rate_row(each))] for each in groups])]


def phase_text(phase: PlannedPhase, plan: Plan) -> str:
    """A phase of training, its epochs, and what trains in it."""
    frozen = plan.after.num_parameters - phase.num_trained
    return f"{phase.name}: {counted(phase.epochs, 'epoch')}; {phase.num_trained:,} train, {frozen:,} are frozen"


def compile_text(compilation: Compile) -> str:
    """What a result is compiled with."""
    said = compilation.to_json()
    metrics = f"; it measures {', '.join(said['metrics'])}" if said["metrics"] else ""
    return printable(f"{said['optimizer']} and {said['loss']}{metrics}")


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
            if layer.wrapped is not None:
                why = f"{why}; the weights of {layer.wrapped.name_in_base} stay"
            if layer.adapter is not None:
                why = f"{why}; weights adapted ({layer.adapter.strategy})"
        parameters_text = f"{layer.num_parameters:,}" if layer.num_parameters else ""
        yield SIGNS[change.action], layer.name, layer.class_name, shape_text(change.shape), parameters_text, why


def _run_text(run: Run) -> str:
    span = run.first.name if len(run.changes) == 1 else f"{run.first.name} … {run.last.name}"
    text = f"{span}: {run.count} {run.happened}"
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
    # A detector has dozens of outputs, and this is one line.
    text = ", ".join(str(spec.shape) for spec in shapes[:3] if spec is not None)
    return text if len(refs) <= 3 else f"{len(refs)} tensors, {text} …"


def ledger_text(ledger: WeightLedger) -> Shown:
    """The ledger's totals, and what deserves a look: casts, layers without weights, unused entries."""
    lines: list[str] = [style("Weights: ", bold=True) + ledger.summary + "."]
    casts = [row for row in ledger.of("copied") if "cast" in row.reason]
    if len(casts) < len(ledger.of("copied")):
        every = "Every other copied variable" if casts else "Every copied variable"
        lines.append(f"{every} has the same checksum (XXH3, 128 bits) in the source and in the result.")
    # New layers begin with new weights and that is no news; a kept one that does is what surprises.
    loose = [row for row in ledger.of("initialized") if not row.reason.startswith(("new layer", "state of"))]
    if loose:
        names = list(dict.fromkeys(row.layer for row in loose))
        lines.append(f"Initialized though kept: {listed(names, 6)} ({loose[0].reason}).")
    if casts:
        lines.append(
            f"{len(casts)} variables were cast: {casts[0].layer}/{casts[0].variable} and so on ({casts[0].reason})."
        )
    if ledger.unused:
        lines.append(f"In the file and not used: {listed(ledger.unused, 8)}.")
    if ledger.proof is not None:
        lines.append(block(ledger.proof.text))
    return joined(lines)


def listed(names: Sequence[str], most: int) -> str:
    """The first of the names, with `…` for those that are left out."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def layer_rows(graph: Graph) -> list[dict[str, Any]]:
    """One row for each layer in order; plain operations stand where they are called, without a number."""
    positions = {name: index for index, name in enumerate(graph.positions)}
    return [
        {
            "index": positions.get(layer.name) if not layer.is_new else None,
            "name": layer.name,
            "keras_name": layer.name_in_keras,
            "class": layer.class_name,
            "shape": list(outputs[0].shape) if (outputs := graph.nodes[calls[0]].outputs) else None,
            "parameters": layer.num_parameters,
            "trainable": layer.trainable,
            "calls": len(calls),
            "kind": layer.kind,
        }
        for layer, calls in ((graph.layers[name], calls) for name, calls in graph.calls.items())
    ]


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
    first, *lines = ("  ".join(row).rstrip() for row in aligned([header, *cells], right={0, len(header) - 2}))
    operations = sum(row["kind"] == "operation" for row in rows)
    counts = counted(len(rows) - operations, "layer")
    counts += f" and {counted(operations, 'operation')}" if operations else ""
    total = f"{graph.name}: {counts}, {graph.num_parameters:,} parameters"
    return joined([style(first, bold=True), *lines, "", total])
