"""The report's data and its page, without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from spec_compiler import load_spec
from spec_compiler.diagram import to_html
from spec_compiler.diagram.html import PAGE, SCRIPTS
from spec_compiler.diagram.interned import value_text
from spec_compiler.diagram.merged import STATES
from spec_compiler.diagram.report import report_data
from spec_compiler.graph import LeftOut
from spec_compiler.graph.group_change import GroupChange
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.plan import Plan
from spec_compiler.plan.editing import apply_edits
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.text.yaml_text import parse_source
from tests.unit.graphs import chain
from tests.unit.pictures import adapted, awkward, changed, cut, inserted, replaced, residual_tower, siamese

SPEC = parse_source("spec: 1\nbase: {application: VGG16}\ninsert:\n  - after: conv1\n    layers:\n      - Dense: 8\n")
PLANS = [replaced, changed, siamese, cut, awkward, adapted]


def embedded(page: str) -> Any:
    """The data in a page."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("make", PLANS)
def test_every_node_of_both_models_is_in_the_data(make: Any) -> None:
    plan = make()
    data = embedded(to_html(plan))
    for side, graph in (("before", plan.before), ("after", plan.after)):
        layers = [
            data["layers"][data["sides"][node[side]]["layer"]]["name"]
            for node in data["nodes"]
            if node[side] is not None
        ]
        assert sorted(layers) == sorted(node.layer for node in graph.nodes.values())
    assert {STATES[node["state"]] for node in data["nodes"]} <= set(STATES)
    folded = [number for group in data["folds"] for number in group]
    assert len(folded) == len(set(folded))


def test_every_script_of_the_page_is_in_it() -> None:
    names = {file.name.removesuffix(".js") for file in PAGE.iterdir() if file.name.endswith(".js")}
    assert {"layout", *SCRIPTS} == names
    assert len(set(SCRIPTS)) == len(SCRIPTS)


class Loads(HTMLParser):
    """Every address that a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_the_page_needs_nothing_else() -> None:
    page = to_html(awkward(), source=SPEC)
    loads = Loads()
    loads.feed(page)
    assert all(address.startswith(("#", "data:")) for address in loads.found)
    assert len(loads.ids) == len(set(loads.ids))
    assert "default-src 'none'" in page
    assert not re.search(r"https?://(?!www\.w3\.org/)", page)
    assert "@" + "DATA" not in page


def test_nothing_in_a_model_ends_the_script() -> None:
    plan = awkward()
    hostile = Plan("</script><script>alert(1)</script>\udc80", plan.before, plan.after)
    page = to_html(hostile)
    assert "<script>alert" not in page
    assert embedded(page)["name"] == "</script><script>alert(1)</script>\udc80"


def test_lines_of_the_spec_know_their_nodes() -> None:
    data = report_data(replaced(), source=SPEC)
    places = {path: (first, last) for path, first, last in data["spec"]["places"]}
    assert places["insert[0]"] == (3, 5)
    assert places["base"] == (1, 1)
    links = {
        node["key"]: [data["spec"]["places"][number][0] for number in node.get("links", ())] for node in data["nodes"]
    }
    assert links["new_conv"] == links["conv1"] == ["insert[0]"]
    assert links["scores"] == ["base"]


def test_a_layer_that_two_lines_change_leads_to_both() -> None:
    spec = load_spec("spec: 1\nset: {layers: a, to: {activation: relu}}\nrename: {a: b}\n")
    base = chain("in", "a")
    data = report_data(Plan("both", base, apply_edits(spec, base)), source=spec.source)
    places = [place for place, *_ in data["spec"]["places"]]
    (links,) = [node["links"] for node in data["nodes"] if node["key"] == "b"]
    assert [places[number] for number in links] == ["set", "rename.a"]


def test_checksums_are_in_a_report_with_a_ledger() -> None:
    row = LedgerRow("scores", "kernel", "copied", "kept", (8, 8), "float32", 64, "w.h5:a", "ab" * 32, "ab" * 32)
    data = embedded(to_html(replaced(), ledger=WeightLedger((row,), 1)))
    ((*words, source, checksum, other),) = data["ledger"]["rows"]["scores"]
    assert [data["texts"][word] for word in words] == ["kernel", "copied", "kept"]
    assert (source, checksum, other) == ("w.h5:a", "ab" * 32, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("same", '"same"'),
        ((3, 3), "[3, 3]"),
        (None, "null"),
        ({"class_name": "HeNormal", "config": {"seed": None}}, "HeNormal(seed=null)"),
        ({"class_name": "function", "config": "swish"}, 'function("swish")'),
        (object, str(object)),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert value_text(value).strip('"') == text.strip('"')


@pytest.mark.thorough
def test_a_model_of_ten_thousand_layers_is_below_ten_megabytes() -> None:
    base = residual_tower(3333)
    page = to_html(Plan("big", base, inserted(base, "b1500_add")))
    assert len(page.encode()) < 10_000_000
    assert len(embedded(page)["folds"]) <= 8


def test_a_dropped_node_says_which_edit_dropped_it() -> None:
    plan = replaced()
    assert plan.after.removed["conv1"] == Origin("insert", ("insert", 0))


def test_what_is_made_of_the_bases_weights_stands_below_the_figures() -> None:
    said = report_data(adapted())["summary"]["contracts"]
    assert said[0] == "stem · centre · zeros around the old kernel · exact: the function"
    assert said[1] == "conv0 … conv5, 6 layers · widen · rows divided by the number of copies · exact: the function"
    assert "contracts" not in report_data(changed())["summary"]


def test_what_moves_together_and_what_is_left_is_said() -> None:
    plan = changed()
    prune = Origin("prune", ("prune",))
    group = GroupChange(("stem",), ("last",), 8, 4, "chosen by l1", "", 3, prune)
    left = [LeftOut(name, "its channels are the model's output `top`", prune) for name in ("a", "b", "c", "d")]
    after = replace(plan.after, groups=(group,), left=tuple(left))
    said = report_data(replace(plan, after=after))["summary"]
    assert said["groups"] == ["8 → 4 · stem · read by last · 3 variables, chosen by l1"]
    assert said["left"] == ["Left by `prune`: a, b, c … (4): its channels are the model's output `top`."]


def test_an_adapted_row_of_the_ledger_says_its_formula() -> None:
    row = LedgerRow("stem", "kernel", "adapted", "`centre`", (8, 8), "float32", 64, "w.h5:a", formula="zeros around")
    data = report_data(adapted(), ledger=WeightLedger((row,), 1))
    _, action, reason, *_ = data["ledger"]["rows"]["stem"][0]
    assert (data["texts"][action], data["texts"][reason]) == ("adapted", "`centre`: zeros around")
