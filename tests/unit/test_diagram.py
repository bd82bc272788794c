"""Pictures: the DOT text of small plans, and that engines draw it with nothing lost."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from spec_compiler.diagram import VIEWS, DrawError, draw, render, to_dot
from spec_compiler.diagram.label import box_label
from spec_compiler.diagram.merged import merge
from spec_compiler.diagram.picture import Box, Drawing, draw_up
from spec_compiler.diagram.svg_text import fitted, text_width
from spec_compiler.graph import Graph
from spec_compiler.plan import Plan
from tests.conftest import FIXTURES
from tests.unit.graph_reader import read_graph
from tests.unit.pictures import (
    AWKWARD,
    INSERT,
    awkward,
    changed,
    cut,
    frozen,
    inserted,
    long_chain,
    nested,
    replaced,
    siamese,
    with_layer,
)

PLANS: dict[str, Callable[[], Plan]] = {
    "replaced": replaced,
    "changed": changed,
    "siamese": siamese,
    "nested": nested,
    "cut": cut,
    "awkward": awkward,
}
GOLDEN = [
    *(("replaced", view) for view in VIEWS),
    ("changed", "diff"),
    ("changed", "side-by-side"),
    ("siamese", "diff"),
    ("nested", "side-by-side"),
    ("cut", "diff"),
    ("cut", "side-by-side"),
    ("awkward", "diff"),
]
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"


@pytest.mark.parametrize(("name", "view"), GOLDEN)
def test_dot_text(name: str, view: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagram/{name}.{view}.dot", to_dot(PLANS[name](), view))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", PLANS)
def test_every_box_and_arrow_is_drawn(name: str, view: str) -> None:
    plan = PLANS[name]()
    drawings = list(draw_up(plan, view, nested=True))
    drawn = ElementTree.fromstring(render(to_dot(plan, view), "svg"))
    groups = [group.get("class", "").split() for group in drawn.iter(f"{SVG}g")]
    assert sum("node" in each for each in groups) == sum(len(each.boxes) - len(each.opened) for each in drawings)
    columns = len(drawings) if len(drawings) > 1 else 0
    assert sum("cluster" in each for each in groups) == columns + sum(len(each.opened) for each in drawings)
    assert sum("edge" in each for each in groups) == sum(len(each.arrows) for each in drawings)


def test_any_name_survives() -> None:
    drawn = ElementTree.fromstring(render(to_dot(awkward(), "after"), "svg"))
    tooltips = [link.get(f"{XLINK}title", "").split("\n") for link in drawn.iter(f"{SVG}a")]
    shown = "".join(text.text or "" for text in drawn.iter(f"{SVG}text"))
    for name in AWKWARD:
        known = name.replace("\t", "\\u0009").replace("\x00", "\\u0000")
        assert any(lines[0] == f"{known} (Dense)" for lines in tooltips), name
        assert known in shown, name


def test_a_dropped_layer_and_a_new_one_of_the_same_name_are_two_boxes() -> None:
    states = {box.state for box in only(draw_up(awkward(), "diff")).boxes if box.name == "new"}
    assert states == {"new", "dropped"}


def test_freezing_alone_is_no_change_of_the_box() -> None:
    boxes = by_name(replaced(), "after")
    assert boxes["dense"].state == "toggled"
    assert boxes["dense"].freezing == "trainable → frozen"
    assert boxes["scores"].state == "kept"
    assert boxes["scores"].freezing == "trainable"
    assert by_name(replaced(), "before")["dense"].freezing == "trainable"


def test_a_changed_layer_says_what_changed() -> None:
    boxes = by_name(changed(), "diff")
    assert boxes["a"].details == (
        ("output shape", ((None, 8),), ((None, 4),)),
        ("parameters", 64, 32),
        ("activation", "relu", "gelu"),
        ("units", 8, 4),
    )
    assert [what for what, _, _ in boxes["add"].details] == ["output shape"]
    assert boxes["c"].state == "kept"
    text = to_dot(changed(), "diff")
    for each in ("(None, 8) → (None, 4)", "64 → 32 params", "relu → gelu"):
        assert each in text


def test_arrows_tell_new_dropped_and_changed() -> None:
    drawing = only(draw_up(changed(), "diff"))
    states = {(arrow.source, arrow.target): arrow.state for arrow in drawing.arrows}
    assert states["b", "drop"] == states["drop", "c"] == "new"
    assert states["a", "add"] == "changed"
    assert states["in", "a"] == "kept"
    assert ("b", "c") not in states, "a dropped connection between kept layers is not in the way of the new ones"
    before = only(draw_up(changed(), "before"))
    assert ("b", "c", "dropped") in [(arrow.source, arrow.target, arrow.state) for arrow in before.arrows]


def test_each_call_of_a_shared_layer_has_a_box() -> None:
    text = to_dot(siamese(), "after")
    for each in ("shared, call 1 of 2", "shared, call 2 of 2"):
        assert text.count(each) == 2, each
    for each in ("3 layers inside", "Subtract operation", ">input<", ">output<"):
        assert each in text


def test_arrows_lead_into_nested_models_and_out_of_them() -> None:
    drawing = only(draw_up(nested(), "diff", nested=True))
    assert drawing.opened == {"pair", "tower"}, "one level deep"
    tower = next(box for box in drawing.boxes if box.parent == "tower")
    assert (tower.kind, tower.name, tower.last, tower.num_layers) == ("fold", "l1", "l29", 29)
    assert {(arrow.source, arrow.target) for arrow in drawing.arrows} == {
        ("one", "pair/left"),
        ("two", "pair/right"),
        ("pair/left", "pair/deep"),
        ("pair/right", "pair/deep"),
        ("pair/left", tower.key),
        (tower.key, "join"),
        ("pair/deep", "join"),
        ("join", "extra"),
    }
    whole = only(draw_up(nested(), "diff", nested=True, unfold=True))
    assert sum(box.parent == "tower" for box in whole.boxes) == 29


def test_nested_models_are_frozen_with_what_is_in_them() -> None:
    for view, freezing in (("diff", "trainable → frozen"), ("before", "trainable")):
        (drawing,) = draw_up(siamese(), view, nested=True)
        assert {box.freezing for box in drawing.boxes if box.parent} == {freezing}


def test_a_nested_model_that_is_dropped_or_new_is_so_with_what_is_in_it() -> None:
    base = siamese().before
    nothing = Graph("nothing", {}, {}, (), ())
    fresh = replace(base, layers={name: replace(each, origin=INSERT) for name, each in base.layers.items()})
    for plan, state in ((Plan("p", base, nothing), "dropped"), (Plan("p", nothing, fresh), "new")):
        assert {box.state for box in only(draw_up(plan, "diff", nested=True)).boxes if box.parent} == {state}


def test_one_edit_of_a_large_graph_fits_a_page() -> None:
    base = long_chain(300)
    plan = Plan("one", base, inserted(base, "l150"))
    for view in VIEWS:
        assert all(len(each.boxes) <= 8 for each in draw_up(plan, view))
        assert all(len(each.boxes) >= 300 for each in draw_up(plan, view, unfold=True))
    folds = [box for box in only(draw_up(plan, "diff")).boxes if box.kind == "fold"]
    assert [(box.name, box.last, box.num_layers, box.num_parameters) for box in folds] == [
        ("l1", "l149", 149, 149 * 64),
        ("l152", "l298", 147, 147 * 64),
    ]
    assert "149 layers unchanged · 9,536 params" in to_dot(plan, "diff")


def test_folds_are_alike_in_every_view() -> None:
    folds = {
        view: {box.key for each in draw_up(cut(), view) for box in each.boxes if box.kind == "fold"} for view in VIEWS
    }
    assert folds["after"] < folds["before"], "what is dropped is in one of them alone"
    assert folds["diff"] == folds["side-by-side"] == folds["before"] | folds["after"]


def test_the_left_column_does_not_call_unchanged_what_will_be_frozen() -> None:
    base = long_chain(60)
    plan = Plan("frozen", base, frozen(base, base.layers))
    left, right = draw_up(plan, "side-by-side")
    folds = [next(box for box in each.boxes if box.kind == "fold") for each in (left, right)]
    assert [box.state for box in folds] == ["toggled", "toggled"]
    assert [box.freezing for box in folds] == ["trainable", "trainable → frozen"]
    assert "unchanged" not in box_label(folds[0])


def test_a_fold_says_how_it_is_frozen() -> None:
    base = long_chain(50)
    some = frozen(base, ["l1", "l2", "l3", "l9"])
    assert {box.freezing for box in only(draw_up(Plan("p", base, some), "diff")).boxes} >= {"trainable → frozen"}
    base = long_chain(200)
    patchy = frozen(base, [f"l{number}" for number in range(1, 200) if number // 3 % 2])
    assert "→ partly frozen" in to_dot(Plan("p", base, patchy), "diff")
    assert ">partly frozen<" in to_dot(Plan("p", patchy, patchy), "diff")


def test_the_legend_has_only_what_appears() -> None:
    base = long_chain(4)
    assert "dropped" not in to_dot(Plan("p", base, inserted(base, "l2")), "diff")
    unchanged = to_dot(Plan("p", base, base), "diff")
    assert not any(word in unchanged for word in (">new<", ">dropped<", ">changed<", "folded"))


def test_parameters_that_are_not_known_yet() -> None:
    plan = replaced()
    unbuilt = Plan(plan.name, plan.before, with_layer(plan.after, "new_conv", variables=None))
    assert "320 → ? parameters" in to_dot(unbuilt, "diff")


def test_an_unknown_view() -> None:
    with pytest.raises(ValueError, match=r"unknown view `sideways`, expected one of before, after, side-by-side, diff"):
        to_dot(replaced(), "sideways")


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph")])
def test_draw_writes_by_suffix(suffix: str, start: bytes, tmp_path: Path) -> None:
    path = draw(to_dot(replaced(), "diff"), tmp_path / f"picture.{suffix}")
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o400


def test_a_format_goes_before_the_suffix(tmp_path: Path) -> None:
    assert draw("digraph { a }", tmp_path / "picture.txt", "svg").read_bytes().startswith(b"<?xml")


def test_png_is_crisp_and_svg_names_common_fonts() -> None:
    dot = to_dot(replaced(), "diff")
    svg = render(dot, "svg")
    assert b'font-family="Helvetica,Arial,sans-serif"' in svg
    points = float(ElementTree.fromstring(svg).get("width", "").removesuffix("pt"))
    assert int.from_bytes(render(dot, "png")[16:20], "big") == pytest.approx(2 * points, abs=3)  # 144 dpi


@pytest.mark.parametrize("name", ["picture.pdf", "picture"])
def test_an_unknown_suffix(name: str, tmp_path: Path) -> None:
    with pytest.raises(DrawError, match=r"unknown picture format `.*`, expected one of `svg`, `png`, `dot`"):
        draw("digraph {}", tmp_path / name)


def test_a_failing_engine_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text("old")
    with pytest.raises(DrawError, match=r"failed: .*syntax error"):
        draw("digraph { a -> }", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DrawError, match=r"cannot write `.*picture.dot`: "):
        draw("digraph {}", file / "picture.dot")
    file.unlink()
    folder = tmp_path / "picture.dot"
    folder.mkdir()
    with pytest.raises(DrawError, match="cannot write"):
        draw("digraph {}", folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(DrawError, match=r"no Graphviz engine .*`pip install graphviz-pure`, .* `\.dot` file"):
        render("digraph {}", "png")
    assert render("digraph {}", "dot") == b"digraph {}"


def test_an_engine_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("dot", 300)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DrawError, match="took more than 300 seconds"):
        render("digraph {}", "svg")


def only(drawings: tuple[Drawing, ...]) -> Drawing:
    (drawing,) = drawings
    return drawing


def by_name(plan: Plan, view: str) -> dict[str, Box]:
    return {box.name: box for box in only(draw_up(plan, view)).boxes}


@pytest.mark.parametrize("name", ["Helvetica", "Helvetica-Bold"])
def test_the_widths_of_texts_are_those_of_helvetica(name: str) -> None:
    import matplotlib

    file = Path(matplotlib.get_data_path()) / "fonts" / "pdfcorefonts" / f"{name}.afm"
    lines = re.findall(r"^C (\d+) ; WX (\d+)", file.read_text(encoding="latin-1"), re.MULTILINE)
    widths = {chr(int(code)): int(width) for code, width in lines}
    for text in ("block1_conv1", "(None, 224, 224, 64) 1,792 params", "~{|}[]^@#$%&*!?;:=<>+/ABCXYZ"):
        assert text_width(text, 10, "Bold" in name) == pytest.approx(sum(widths[each] for each in text) / 100)


def test_only_texts_of_known_width_are_fitted() -> None:
    drawn = '<text font-weight="bold" font-size="12.00" fill="#000">{}</text>'
    assert 'textLength="29.34" lengthAdjust="spacingAndGlyphs">a &amp; b</text>' in fitted(drawn.format("a &amp; b"))
    for text in ("卷积", "a\u0301", " ", "─►"):
        assert fitted(drawn.format(text)) == drawn.format(text)


def test_one_more_call_of_a_kept_layer_is_no_new_layer() -> None:
    text = (FIXTURES / "edits" / "insert-once-more.txt").read_text(encoding="utf-8")
    before, after = (read_graph(text.split(f"--- {side}\n")[1].split("\n--- ")[0]) for side in ("before", "after"))
    plan = Plan("twice", before, after)
    states = {key: entry.state for key, entry in merge(plan).entries.items() if key.startswith("conv")}
    assert states == {"conv@0": "changed", "conv@1": "kept"}
    (change,) = [each for each in plan.changes if each.name == "conv"]
    assert change.details == (("calls", 1, 2),)
