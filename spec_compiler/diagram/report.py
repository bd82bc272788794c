"""What the HTML report shows, as plain data: nodes, connections, folds, measures, the spec's lines and their links."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from spec_compiler.diagnostics import Path, dotted
from spec_compiler.diagram.fold import runs
from spec_compiler.diagram.interned import Interned, Rows
from spec_compiler.diagram.label import change_text, shape_text
from spec_compiler.diagram.merged import Call, Entry, Merged, merge
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.plan import Plan
from spec_compiler.plan.costs import activation_bytes, multiply_adds, peak_bytes, total
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.receptive_field import receptive_fields
from spec_compiler.plan.training_memory import training_bytes
from spec_compiler.text.source import Source, Span

FORMAT_VERSION = 1
STATES = ("kept", "toggled", "changed", "new", "dropped")
Matches = Mapping[str, tuple[str, str, bool | None]]
ARROWS = ("kept", "changed", "new", "dropped")


def report_data(
    plan: Plan,
    *,
    source: Source | None = None,
    ledger: WeightLedger | None = None,
    context: int = 1,
    matches: Matches | None = None,
) -> dict[str, Any]:
    """Everything that the report's page draws, as JSON data.

    `matches` says, where two models are compared that no spec connects, how each kept layer was found: from its
    name to its name in the second model, a word, `name` or `structure`, and whether the weights are the same.
    """
    merged = merge(plan)
    table = Interned()
    numbers = {key: number for number, key in enumerate(merged.entries)}
    costs = {"before": _Costs(plan.before), "after": _Costs(plan.after)}
    links = _Links(plan, source)
    layers, sides = Rows(), Rows()

    def side(call: Call | None, which: str) -> int | None:
        if call is None:
            return None
        layer = layers.number(_layer(call.layer, table))
        return sides.number({"layer": layer, **_call(call, table), **costs[which].of(call.node.name)})

    nodes = [
        {
            "key": key,
            "state": STATES.index(entry.state),
            "before": side(entry.before, "before"),
            "after": side(entry.after, "after"),
            **({"details": details} if (details := _details(entry)) else {}),
            **({"links": places} if (places := links.of(entry)) else {}),
            **({"match": matches[name]} if matches and (name := _name(entry)) in matches else {}),
        }
        for key, entry in merged.entries.items()
    ]
    weights = _ledger(ledger, table)
    return {
        "format_version": FORMAT_VERSION,
        "name": plan.name,
        "base": plan.before.name,
        "summary": _summary(plan, costs),
        "nodes": nodes,
        "edges": [[numbers[ends[0]], numbers[ends[1]], ARROWS.index(state)] for ends, state in merged.arrows.items()],
        "folds": [[numbers[key] for key in group] for group in _folds(merged, context)],
        "sides": sides.rows,
        "layers": layers.rows,
        "texts": table.texts,
        "layouts": table.layouts,
        "spec": links.to_json(),
        "ledger": weights,
    }


def _folds(merged: Merged, context: int) -> tuple[tuple[str, ...], ...]:
    return runs(merged, context=context)


def _details(entry: Entry) -> list[list[str]]:
    return [[what, change_text(before, after)] for what, before, after in entry.details if what != "parameters"]


def _name(entry: Entry) -> str:
    call = entry.after or entry.before
    return call.layer.name if call else entry.key


def _layer(layer: LayerSpec, table: Interned) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": layer.name,
        "class": table.text(layer.class_name),
        "kind": layer.kind,
        "parameters": layer.num_parameters,
        "trainable": layer.trainable,
    }
    if layer.inner is None:
        found["config"] = table.config({key: value for key, value in layer.arguments.items() if key != "name"})
    else:
        found["inside"] = len(layer.inner.layers)
    if layer.variables:
        found["variables"] = [
            [table.text(each.path), table.text(shape_text(each.shape)), table.text(each.dtype)]
            for each in layer.variables
        ]
    return found


def _call(call: Call, table: Interned) -> dict[str, Any]:
    found: dict[str, Any] = {"shapes": [table.text(shape_text(shape)) for shape in call.shapes]}
    if call.count > 1:
        found["call"] = [call.index + 1, call.count]
    if call.is_output:
        found["output"] = True
    return found


class _Costs:
    """The measures of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.multiply_adds = multiply_adds(graph)
        self.bytes = activation_bytes(graph)
        self.fields = receptive_fields(graph)

    def of(self, node: str) -> dict[str, Any]:
        field = self.fields[node]
        found: dict[str, Any] = {"bytes": self.bytes[node]}
        if self.multiply_adds[node] != 0:
            found["multiply_adds"] = self.multiply_adds[node]
        if field:
            found["field"] = list(field)
        return found

    def totals(self) -> dict[str, Any]:
        return {
            "name": self.graph.name,
            "layers": len(self.graph.layers),
            "parameters": self.graph.num_parameters,
            "frozen": sum(layer.num_parameters for layer in self.graph.layers.values() if not layer.trainable),
            "multiply_adds": total(self.multiply_adds),
            "training_bytes": training_bytes(self.graph),
            "peak_bytes": peak_bytes(self.graph),
            "field": self._field(),
            "inputs": [self._shape(ref) for ref in self.graph.input_refs],
            "outputs": [self._shape(ref) for ref in self.graph.output_refs],
        }

    def _shape(self, ref: Any) -> str:
        spec = self.graph.spec_of(ref)
        return "?" if spec is None else shape_text(spec.shape)

    def _field(self) -> dict[str, Any] | None:
        """The largest receptive field on the way to an output that is not the whole input, and whether more is seen.

        A branch that does not lead there, or a small one beside a large one, says nothing of the model.
        """
        on_the_way = self.graph.ancestors(ref.node for ref in self.graph.output_refs)
        fields = {name: field for name, field in self.fields.items() if name in on_the_way and field}
        local = [name for name, field in fields.items() if None not in field]
        if not local:
            return None
        last = max(reversed(local), key=lambda name: prod(size or 0 for size in fields[name]))
        ends = [self.fields[ref.node] for ref in self.graph.output_refs]
        whole = any(None in field for field in ends) or any(not field for field in ends)
        return {"layer": self.graph.nodes[last].layer, "sizes": list(fields[last]), "whole": whole}


def _summary(plan: Plan, costs: Mapping[str, _Costs]) -> dict[str, Any]:
    return {
        "counts": {action: plan.count(action) for action in ("kept", "changed", "new", "dropped")},
        "before": costs["before"].totals(),
        "after": costs["after"].totals(),
        **(
            {"promises": [[promise.text.replace("`", ""), promise.found is not None] for promise in plan.promises]}
            if plan.promises
            else {}
        ),
    }


def _ledger(ledger: WeightLedger | None, table: Interned) -> dict[str, Any] | None:
    """The rows by layer; the checksum of the result only where it differs from that of the source."""
    if ledger is None:
        return None
    rows: dict[str, list[list[Any]]] = {}
    for row in ledger:
        same = row.result_checksum == row.source_checksum
        rows.setdefault(row.layer, []).append(
            [
                table.text(row.variable),
                table.text(row.action),
                table.text(row.reason),
                row.source,
                row.source_checksum,
                None if same else row.result_checksum,
            ]
        )
    return {"summary": ledger.summary, "rows": rows}


class _Links:
    """The places of the spec's text that made or changed something, and which nodes each of them did."""

    def __init__(self, plan: Plan, source: Source | None) -> None:
        self.plan, self.source = plan, source
        self.places: dict[Path, tuple[int, Span]] = {}

    def of(self, entry: Entry) -> list[int]:
        """The numbers of a node's places."""
        if self.source is None or not self.source.text:
            return []
        return list(dict.fromkeys(number for path in self._paths(entry) if (number := self._number(path)) is not None))

    def _paths(self, entry: Entry) -> Iterator[Path]:
        before, after = entry.before, entry.after
        if after is not None and after.layer.is_new:
            yield after.layer.origin.path
        elif after is not None:
            if after.layer.changed_by is not None:
                yield after.layer.changed_by.path
            if before is not None and before.layer.trainable != after.layer.trainable:
                yield ("freeze",)
            if entry.state in ("kept", "toggled"):
                yield ("base",)
                yield ("bases",)
        elif before is not None:
            origin = self.plan.after.removed.get(before.node.name) or self.plan.after.removed.get(before.layer.name)
            if origin is not None:
                yield origin.path

    def _number(self, path: Path) -> int | None:
        assert self.source is not None
        if path not in self.places:
            span = self.source.values.get(path)
            if span is None:
                return None
            key = self.source.keys.get(path)
            if key is not None:
                span = Span(key.line, key.column, span.end_line, span.end_column)
            self.places[path] = (len(self.places), span)
        return self.places[path][0]

    def to_json(self) -> dict[str, Any] | None:
        """The text in lines, and the stretch of lines of each place."""
        if self.source is None or not self.source.text:
            return None
        return {
            "file": os.path.basename(self.source.file) if self.source.file else None,
            "lines": self.source.lines,
            "places": [[dotted(path), span.line, span.end_line] for path, (_, span) in self.places.items()],
        }
