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
from spec_compiler.diagram.merged import ARROW_STATES, STATES, Call, Entry, merge
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.trainable import num_frozen
from spec_compiler.language.places import in_section
from spec_compiler.plan import Plan
from spec_compiler.plan.contracted import row
from spec_compiler.plan.costs import activation_bytes, multiply_adds, peak_bytes, total
from spec_compiler.plan.grouped import row as group_row
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.left_out import left_lines
from spec_compiler.plan.receptive_field import receptive_fields
from spec_compiler.plan.training_memory import training_bytes
from spec_compiler.text.source import Source

FORMAT_VERSION = 1
Matches = Mapping[str, tuple[str, str, bool | None]]


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
    # Numbers stand for keys and texts: a large model has thousands of arguments, few of which differ.
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
            **({"match": matches[name]} if matches and (name := entry.calls[-1].layer.name) in matches else {}),
        }
        for key, entry in merged.entries.items()
    ]
    weights = _ledger(ledger, table)  # before `table.texts` is written out: it adds to them
    return {
        "format_version": FORMAT_VERSION,
        "name": plan.name,
        "base": plan.before.name,
        "summary": {
            "counts": {action: plan.count(action) for action in ("kept", "changed", "new", "dropped")},
            **{side: measures.totals() for side, measures in costs.items()},
            **({"promises": _promises(plan)} if plan.promises else {}),
            **({"groups": [" · ".join(group_row(each)) for each in plan.after.groups]} if plan.after.groups else {}),
            **({"left": list(left_lines(plan))} if plan.after.left else {}),
            **({"contracts": [" · ".join(row(each)) for each in plan.contracts]} if plan.contracts else {}),
        },
        "nodes": nodes,
        "edges": [
            [numbers[ends[0]], numbers[ends[1]], ARROW_STATES.index(state)] for ends, state in merged.arrows.items()
        ],
        "folds": [[numbers[key] for key in group] for group in runs(merged, context=context)],
        "sides": sides.rows,
        "layers": layers.rows,
        "texts": table.texts,
        "layouts": table.layouts,
        "spec": links.to_json(),
        "ledger": weights,
    }


def _details(entry: Entry) -> list[list[str]]:
    return [[what, change_text(before, after)] for what, before, after in entry.details if what != "parameters"]


def _layer(layer: LayerSpec, table: Interned) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": layer.name,
        "class": table.text(layer.class_name),
        "kind": layer.kind,
        "parameters": layer.num_parameters,
        "trainable": layer.trainable,
    }
    if layer.inner is None:
        row["config"] = table.config({key: value for key, value in layer.arguments.items() if key != "name"})
    else:
        row["inside"] = len(layer.inner.layers)
    if layer.variables:
        row["variables"] = [
            [table.text(each.path), table.text(shape_text(each.shape)), table.text(each.dtype)]
            for each in layer.variables
        ]
    return row


def _call(call: Call, table: Interned) -> dict[str, Any]:
    row: dict[str, Any] = {"shapes": [table.text(shape_text(shape)) for shape in call.shapes]}
    if call.count > 1:
        row["call"] = [call.index + 1, call.count]
    if call.is_output:
        row["output"] = True
    return row


class _Costs:
    """The measures of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.multiply_adds = multiply_adds(graph)
        self.bytes = activation_bytes(graph)
        self.fields = receptive_fields(graph)

    def of(self, node: str) -> dict[str, Any]:
        field = self.fields[node]
        measures: dict[str, Any] = {"bytes": self.bytes[node]}
        if self.multiply_adds[node] != 0:  # None, which is written, is a cost that is not known
            measures["multiply_adds"] = self.multiply_adds[node]
        if field:
            measures["field"] = list(field)
        return measures

    def totals(self) -> dict[str, Any]:
        return {
            "name": self.graph.name,
            "layers": len(self.graph.layers),
            "parameters": self.graph.num_parameters,
            "frozen": num_frozen(self.graph),
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
        # A global pooling, or a layer whose field is not known, makes an output see more than the layer named here.
        ends = [self.fields[ref.node] for ref in self.graph.output_refs]
        whole = any(None in field for field in ends) or any(not field for field in ends)
        return {"layer": self.graph.nodes[last].layer, "sizes": list(fields[last]), "whole": whole}


def _promises(plan: Plan) -> list[list[Any]]:
    """What the spec promises, and whether that is known to hold."""
    return [[promise.text.replace("`", ""), promise.found is not None] for promise in plan.promises]


def _ledger(ledger: WeightLedger | None, table: Interned) -> dict[str, Any] | None:
    """The rows by layer; the checksum of the result only where it differs from that of the source."""
    if ledger is None:
        return None
    rows: dict[str, list[list[Any]]] = {}
    for each in ledger:
        same = each.result_checksum == each.source_checksum
        rows.setdefault(each.layer, []).append(
            [
                table.text(each.variable),
                table.text(each.action),
                table.text(f"{each.reason}: {each.formula}" if each.formula else each.reason),
                each.source,
                each.source_checksum,
                None if same else each.result_checksum,
            ]
        )
    return {"summary": ledger.summary, "rows": rows}


class _Links:
    """The places of the spec's text that made or changed something, and which nodes each of them did."""

    def __init__(self, plan: Plan, source: Source | None) -> None:
        self.removed = plan.after.removed
        self.source = source if source is not None and source.text else None  # a spec of plain data has no text
        self.places: dict[Path, int] = {}
        keys = [(key,) for key in ("freeze", "unfreeze")]
        self.freezes = [path for path in (source.keys if source else ()) if in_section(path) in keys]

    def of(self, entry: Entry) -> list[int]:
        """The numbers of a node's places."""
        return list(dict.fromkeys(number for path in self._paths(entry) if (number := self._number(path)) is not None))

    def _paths(self, entry: Entry) -> Iterator[Path]:
        before, after = entry.before, entry.after
        if after is not None and after.layer.is_new:
            yield after.layer.origin.path
        elif after is not None:
            lora = after.layer.lora.origin if after.layer.lora is not None and after.layer.has_new_lora else None
            for edit in (after.layer.changed_by, after.layer.renamed_by, lora):  # each may have had its part in it
                if edit is not None:
                    yield edit.path
            if before is not None and before.layer.trainable != after.layer.trainable:
                kind = "unfreeze" if after.layer.trainable else "freeze"
                yield from (path for path in self.freezes if path[-1] == kind)
            if entry.state in ("kept", "toggled"):
                yield ("base",)
                yield ("bases",)
        elif before is not None:
            origin = self.removed.get(before.node.name) or self.removed.get(before.layer.name)
            if origin is not None:
                yield origin.path

    def _number(self, path: Path) -> int | None:
        path = self.source.used_at(path) if self.source is not None else path
        if self.source is None or path not in self.source.values:
            return None
        return self.places.setdefault(path, len(self.places))

    def to_json(self) -> dict[str, Any] | None:
        """The text in lines, and the stretch of lines of each place."""
        if self.source is None:
            return None
        keys, values = self.source.keys, self.source.values  # an entry of a list has no key
        return {
            "file": os.path.basename(self.source.file) if self.source.file else None,
            "lines": self.source.lines,
            "places": [[dotted(at), keys.get(at, values[at]).line, values[at].end_line] for at in self.places],
        }
