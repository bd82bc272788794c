"""Every example spec in every format, and models from files compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import keras
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from spec_compiler import compile_spec, plan_spec
from spec_compiler.cli.main import cli
from spec_compiler.diagram import VIEWS, render, to_dot, to_html, to_mermaid, to_tree
from spec_compiler.diagram.fold import runs
from spec_compiler.diagram.merged import merge
from spec_compiler.diagram.picture import draw_up
from spec_compiler.plan import Plan
from spec_compiler.spec import load_spec
from tests.backend.conftest import branching
from tests.unit.mermaid import parse_all
from tests.unit.test_report import embedded

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"
_PLANS: dict[Path, Plan] = {}


def planned(spec: Path) -> Plan:
    if spec not in _PLANS:
        _PLANS[spec] = plan_spec(spec)
    return _PLANS[spec]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_every_node_is_on_the_picture_or_in_a_fold_that_counts_it(spec: Path, view: str) -> None:
    plan = planned(spec)
    picture = ElementTree.fromstring(render(to_dot(plan, view), "svg"))
    assert all(title.text for title in picture.iter(f"{SVG}title"))
    tooltips = [link.get("{http://www.w3.org/1999/xlink}title", "") for link in picture.iter(f"{SVG}a")]
    folded = {key for group in runs(merge(plan)) for key in group}
    for drawing in draw_up(plan, view):
        graphs = {"before": [plan.before], "after": [plan.after]}.get(drawing.column, [plan.after, plan.before])
        shown = {key for graph in graphs for key in graph.nodes}
        alone = {box.key for box in drawing.boxes if box.kind != "fold"}
        assert {key for key in shown if key not in alone} <= folded
        for box in drawing.boxes:
            first = f"{box.name} … {box.last}" if box.last else f"{box.name} ({box.class_name})"
            own = [text for text in tooltips if text.split("\n")[0] == first]
            assert own, first
            if box.kind == "fold":
                assert any(re.search(rf"\b{box.num_layers} layers", text) for text in own)


def test_mermaid_reads_the_flowchart_of_every_spec() -> None:
    charts = {f"{spec.stem} {view}": to_mermaid(planned(spec), view) for spec in SPECS for view in VIEWS}
    assert parse_all(charts) == dict.fromkeys(charts, "flowchart-v2")


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_every_spec_in_every_format(spec: Path) -> None:
    plan, source = planned(spec), load_spec(spec).source
    assert to_tree(plan, "diff").count("\n") >= 2
    data = embedded(to_html(plan, source=source))
    assert len(data["nodes"]) == len(merge(plan).entries)
    linked = [node for node in data["nodes"] if node.get("links")]
    fresh = [node for node in data["nodes"] if node["state"] == 3]
    assert all(node in linked for node in fresh), "every new layer leads to its line"
    schema = json.loads((ROOT / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(json.dumps(plan.to_json())))


def test_a_compiled_spec_shows_itself_and_its_checksums() -> None:
    compiled = compile_spec({"spec": 1, "cut_at": "block2_add"}, base=branching())
    bundle = compiled._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"].endswith(compiled.weights.summary)
    data = embedded(compiled.report())
    rows = [row for rows in data["ledger"]["rows"].values() for row in rows]
    checksums = [row[4] for row in rows if data["texts"][row[1]] == "copied"]
    assert checksums
    assert all(re.fullmatch("[0-9a-f]{32,64}", each) for each in checksums)


@pytest.fixture
def two_files(tmp_path: Path) -> tuple[Path, Path]:
    """A model, and what a program of someone else made of it: other names, one layer more, one argument less."""
    before = keras.Sequential(name="first")
    after = keras.Sequential(name="second")
    before.add(keras.Input((16, 16, 3), name="image"))
    after.add(keras.Input((16, 16, 3), name="image"))
    for model, prefix in ((before, ""), (after, "my_")):
        model.add(keras.layers.Conv2D(4, 3, name=f"{prefix}one"))
        if prefix:
            model.add(keras.layers.BatchNormalization(name="extra"))
        model.add(keras.layers.Conv2D(6, 3, activation=None if prefix else "relu", name=f"{prefix}two"))
        model.add(keras.layers.GlobalAveragePooling2D(name=f"{prefix}pool"))
        model.add(keras.layers.Dense(2, name="scores"))
    paths = tmp_path / "before.keras", tmp_path / "after.keras"
    for model, path in zip((before, after), paths, strict=True):
        model.save(path)
    return paths


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_two_files_compared(two_files: tuple[Path, Path]) -> None:
    text = run("diff", *two_files)
    assert "matched 2 layers by name, 3 by structure; 0 only in the first model, 1 only in the second" in text
    assert "one is my_one" in text
    assert "+ extra" in text
    assert "activation relu → linear" in text


@pytest.mark.parametrize("format", ["text", "json"])
def test_two_specs_differ_as_the_models_that_they_make(format: str, tmp_path: Path) -> None:
    branching().save(tmp_path / "base.keras")
    start = "spec: 1\nbase: {file: base.keras}\ncut_at: pool\nhead: [{Dense: {units: 3}}]\nfreeze: base\n"
    replace = "replace: [{layers: block1_conv1, with: [{Conv2D: {filters: 8, kernel_size: 3, padding: same}}]}]\n"
    names = ["one", "other"]
    for name, text in zip(names, (start, start + replace), strict=True):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        run("build", tmp_path / f"{name}.yaml", "-o", tmp_path / f"{name}.keras")
    specs = run("diff", *(tmp_path / f"{name}.yaml" for name in names), "--format", format)
    files = run("diff", *(tmp_path / f"{name}.keras" for name in names), "--format", format)
    if format == "text":
        assert "block1_conv1 is conv2d" in specs
        assert "replace[0]" not in specs
        lines = [line for line in files.splitlines() if not line.startswith("Weights:")]  # specs have none
        assert specs.splitlines()[1:] == lines[1:]
        return
    both = [json.loads(text) for text in (specs, files)]
    assert both[0]["summary"] == both[1]["summary"]
    for key in ("name", "action", "origin", "path", "parameters", "changes"):
        assert [row[key] for row in both[0]["layers"]] == [row[key] for row in both[1]["layers"]], key


def test_two_files_with_the_same_layers_and_other_weights(tmp_path: Path) -> None:
    paths = tmp_path / "before.keras", tmp_path / "after.keras"
    model = branching()
    model.save(paths[0])
    model.get_layer("stem").kernel.assign(model.get_layer("stem").kernel + 1)
    model.save(paths[1])
    text = run("diff", *paths)
    assert "Weights: the same bit for bit in 7 layers, different in 1: stem." in text
    matches = json.loads(run("diff", *paths, "--format", "json"))["matches"]
    assert {match["before"] for match in matches if match.get("same_weights") is False} == {"stem"}


@pytest.mark.parametrize("suffix", ["svg", "png", "dot", "mmd", "html", "txt"])
def test_two_files_as_pictures(two_files: tuple[Path, Path], suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"change.{suffix}"
    run("diff", *two_files, "-o", output)
    assert output.stat().st_size > 100
    if suffix == "html":
        matches = {
            node["match"][1] for node in embedded(output.read_text(encoding="utf-8"))["nodes"] if "match" in node
        }
        assert matches == {"name", "structure"}


@pytest.mark.parametrize("format", ["json", "markdown"])
def test_two_files_for_machines_and_comments(two_files: tuple[Path, Path], format: str) -> None:
    text = run("diff", *two_files, "--format", format)
    if format == "markdown":
        assert "Matched 2 layers by name, 3 by structure" in text
        return
    data = json.loads(text)
    assert {(match["before"], match["by"]) for match in data["matches"]} >= {("one", "structure"), ("scores", "name")}


@pytest.mark.parametrize(
    ("suffix", "check"),
    [
        ("svg", lambda text: text.startswith("<?xml")),
        ("mmd", lambda text: text.startswith("flowchart TD")),
        ("txt", lambda text: text.startswith("vgg16_hed_fast_stem: diff")),
        ("html", lambda text: text.startswith("<!doctype html>") and "vgg16_hed_fast_stem.yaml" in text),
    ],
)
def test_diagram_writes_what_the_suffix_says(suffix: str, check: Callable[[str], bool], tmp_path: Path) -> None:
    output = tmp_path / f"picture.{suffix}"
    run("diagram", ROOT / "specs" / "vgg16_hed_fast_stem.yaml", "--view", "diff", "--context", 2, "-o", output)
    assert check(output.read_text(encoding="utf-8"))


def test_a_report_takes_the_ledger_that_build_wrote(tmp_path: Path) -> None:
    model, report = tmp_path / "model.keras", tmp_path / "report.html"
    branching().save(tmp_path / "base.keras")
    spec = tmp_path / "spec.yaml"
    spec.write_text("spec: 1\nbase: {file: base.keras}\ncut_at: block2_add\n", encoding="utf-8")
    run("build", spec, "-o", model)
    run("diagram", spec, "-o", report, "--ledger", tmp_path / "model.ledger.json")
    data = embedded(report.read_text(encoding="utf-8"))
    assert any(data["texts"][row[1]] == "copied" and row[4] for row in data["ledger"]["rows"]["stem"])


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[]", encoding="utf-8")
    spec = ROOT / "specs" / "vgg16_hed_fast_stem.yaml"
    result = CliRunner().invoke(cli, ["diagram", str(spec), "-o", str(tmp_path / "r.html"), "--ledger", str(wrong)])
    assert "it is not a weight ledger" in str(result.exception)
