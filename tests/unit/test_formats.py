"""The other ways to show a plan: Mermaid, a tree for the terminal, Markdown, JSON, notebooks."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from jsonschema import Draft202012Validator

import spec_compiler.compiler  # noqa: F401  # says how a plan shows itself in notebooks
from spec_compiler.cli.formats import PLAN_FORMATS, plan_as
from spec_compiler.cli.show import plan_text
from spec_compiler.diagram import VIEWS, DrawError, to_mermaid, to_tree
from spec_compiler.diagram.notebook import mimebundle
from spec_compiler.diagram.picture import draw_up
from spec_compiler.graph.graph import LeftOut
from spec_compiler.graph.group_change import GroupChange
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.plan import Plan
from spec_compiler.plan.two_models import compare
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.phase import PlannedPhase
from tests.unit.mermaid import parse_all
from tests.unit.pictures import adapted, awkward, changed, cut, inserted, long_chain, replaced, residual_tower, siamese

PLANS: dict[str, Callable[[], Plan]] = {
    "replaced": replaced,
    "changed": changed,
    "siamese": siamese,
    "cut": cut,
    "awkward": awkward,
    "adapted": adapted,
}
SCHEMA = Path(__file__).parents[2] / "schemas" / "plan.schema.json"


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("replaced", "diff"),
        ("changed", "side-by-side"),
        ("changed", "diff"),
        ("siamese", "after"),
        ("cut", "diff"),
        ("awkward", "diff"),
        ("adapted", "diff"),
    ],
)
def test_mermaid_text(name: str, view: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagram/{name}.{view}.mmd", to_mermaid(PLANS[name](), view))


@pytest.mark.parametrize("name", PLANS)
def test_tree_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagram/{name}.diff.tree.txt", to_tree(PLANS[name](), "diff"))


@pytest.mark.parametrize("name", PLANS)
def test_markdown_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagram/{name}.md", plan_as(PLANS[name](), "markdown"))


@pytest.mark.thorough
def test_mermaid_itself_reads_every_flowchart() -> None:
    charts = {f"{name} {view}": to_mermaid(plan(), view) for name, plan in PLANS.items() for view in VIEWS}
    base = residual_tower(20)
    charts["unfolded"] = to_mermaid(Plan("unfolded", base, inserted(base, "b3_add")), "diff", unfold=True)
    assert parse_all(charts) == dict.fromkeys(charts, "flowchart-v2")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", PLANS)
def test_every_box_is_in_every_format(name: str, view: str) -> None:
    plan = PLANS[name]()
    boxes = [box for drawing in draw_up(plan, view) for box in drawing.boxes]
    mermaid, tree = to_mermaid(plan, view), to_tree(plan, view)
    assert sum(line.lstrip().startswith("n") and "<b>" in line for line in mermaid.splitlines()) == len(boxes)
    assert sum(any(dot in line[:60] for dot in "◇●○▣▤") for line in tree.splitlines()) == len(boxes)
    for box in boxes:
        if box.kind == "fold":
            assert f"{box.num_layers} layers" in mermaid
            assert f"{box.num_layers} layers" in tree


@pytest.mark.parametrize("make", [to_mermaid, to_tree])
def test_an_unknown_view(make: Callable[[Plan, str], str]) -> None:
    with pytest.raises(ValueError, match="unknown view `sideways`"):
        make(replaced(), "sideways")


def test_context_is_how_many_layers_stand_around_a_change() -> None:
    base = long_chain(300)
    plan = Plan("one", base, inserted(base, "l150"))
    counts = [len(to_tree(plan, "diff", context=context).splitlines()) for context in (0, 1, 5)]
    assert counts[1] - counts[0] == 2
    assert counts[2] - counts[1] == 8


def test_a_comment_has_room_for_a_large_change() -> None:
    base = long_chain(20)
    names = [f"a_new_layer_with_a_rather_long_name_{number}" for number in range(1500)]
    text = plan_as(Plan("large", base, inserted(base, "l10", *names)), "markdown")
    assert len(text) < 65_536
    assert "and 1440 more" in text


def test_a_comment_says_which_channels_move_together() -> None:
    plan = changed()
    group = GroupChange(("stem", "conv"), ("last",), 8, 4, "chosen by l1", "", 3, Origin("prune"))
    text = plan_as(replace(plan, after=replace(plan.after, groups=(group,) * 70)), "markdown")
    assert "| 8 → 4 | stem, conv | last | 3 variables, chosen by l1 |" in text
    assert "and 10 more groups." in text


@pytest.mark.parametrize("name", PLANS)
def test_json_fits_the_published_schema(name: str) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    validator.check_schema(validator.schema)
    data = json.loads(plan_as(PLANS[name](), "json"))
    assert data["format_version"] == 1
    validator.validate(data)


def test_the_schema_names_every_key() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    data = json.loads(plan_as(replaced(), "json"))
    assert set(data) == set(schema["properties"]) - {
        "apply",
        "compile",
        "groups",
        "left",
        "matches",
        "phases",
        "promises",
        "rates",
        "weights",
    }
    assert set(data["layers"][0]) == set(schema["$defs"]["layer"]["properties"])
    assert set(data["summary"]) == set(schema["properties"]["summary"]["properties"])


def test_a_comparison_fits_the_schema() -> None:
    plan = replaced()
    found = compare(plan.before, plan.after)
    data: dict[str, Any] = {**found.plan.to_json(), "matches": found.to_json()}
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(json.loads(json.dumps(data)))


def test_what_an_edit_left_fits_the_schema() -> None:
    plan, origin = replaced(), Origin("fold", ("fold",))
    left = tuple(LeftOut(name, "a `ReLU` is behind it", origin) for name in ("a", "b", "c", "d"))
    plan = replace(plan, after=replace(plan.after, left=left))
    data = json.loads(plan_as(plan, "json"))
    assert data["left"][0] == {"layer": "a", "reason": "a `ReLU` is behind it", "section": "fold", "path": ["fold"]}
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(data)
    for form in ("text", "markdown"):
        assert "Left by `fold`: a, b, c … (4): a `ReLU` is behind it." in plan_as(plan, form)


def test_a_plan_that_compiles_fits_the_schema() -> None:
    compilation = Compile.model_validate({"optimizer": {"Adam": 0.1}, "loss": "mse", "metrics": ["mae"]})
    plan = replace(replaced(), compilation=compilation)
    data = json.loads(plan_as(plan, "json"))
    assert data["compile"] == {"optimizer": "Adam(learning_rate=0.1)", "loss": "mse", "metrics": ["mae"]}
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(data)
    assert "Compiled with Adam(learning_rate=0.1) and mse; it measures mae." in plan_as(plan, "text")
    assert "Compiled with Adam(learning_rate=0.1) and mse; it measures mae." in plan_as(plan, "markdown").replace(
        "\\", ""
    )


def test_a_plan_with_phases_fits_the_schema_finding_N7() -> None:
    plan = replace(replaced(), phases=(PlannedPhase("head", 5, 8),))
    data = json.loads(plan_as(plan, "json"))
    assert [set(each) for each in data["phases"]] == [{"name", "epochs", "parameters"}]
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(data)


@pytest.mark.parametrize("format", PLAN_FORMATS)
def test_every_format_ends_in_a_line_break(format: str) -> None:
    assert plan_as(replaced(), format).endswith("\n")


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_shows_itself_in_notebooks(name: str) -> None:
    plan = PLANS[name]()
    bundle = plan._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])
    picture = ElementTree.fromstring(b64decode(data))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) >= sum(len(drawing.boxes) for drawing in draw_up(plan, "diff"))
    assert all(titles)


def test_a_notebook_without_an_engine_shows_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise DrawError("no engine")

    monkeypatch.setattr("spec_compiler.diagram.notebook.render", fail)
    bundle = mimebundle(replaced())
    assert "<img" not in bundle["text/html"]
    assert f"<pre>{escape(bundle['text/plain'])}</pre>" in bundle["text/html"]


def test_the_plan_in_a_terminal_says_what_is_made_of_the_bases_weights() -> None:
    lines = click.unstyle(plan_text(adapted())).splitlines()
    assert "  ~ stem … norm: 8 layers with adapted weights, 512 parameters" in lines
    assert lines[lines.index("Weights made of the base's:") + 1 :] == [
        "  stem                     centre    zeros around the old kernel           exact: the function",
        "  conv0 … conv5, 6 layers  widen     rows divided by the number of copies  exact: the function",
        "  norm                     like      gamma, beta                           another function: other means",
        "  scores                   classes   by name                               partly: 2 of 8 | logits",
        "  same                     identity  kernel = I                            exact: the function",
    ]


def test_a_notebook_says_it_below_the_tree() -> None:
    text = mimebundle(adapted())["text/plain"]
    assert "\nweights of norm · like · gamma, beta · another function: other means\n" in text
