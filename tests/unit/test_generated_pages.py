"""Pages and pictures that are made of other things are fresh, and have all of them."""

from __future__ import annotations

import re

from documentation.house import FLOORS, picture, rooms
from documentation.house import main as house
from documentation.pages import DOCS, ROOT
from documentation.tasks import EXAMPLES, GUIDES, page
from documentation.tasks import main as tasks


def test_they_are_fresh() -> None:
    assert tasks(["--check"]) == 0, "run `make schemas`"
    assert house(["--check"]) == 0, "run `make schemas`"


def test_every_example_stands_under_one_task() -> None:
    listed = [name for names in EXAMPLES.values() for name in names]
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))


def test_every_question_is_listed() -> None:
    questions = re.findall(r"^### (.+)$", (DOCS / "how-to.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(questions) > 40
    assert [each for each in questions if f"[{each}]" not in page()] == []
    assert all(f"]({guide})" in page() for guide in GUIDES)


def test_every_room_has_its_place_in_the_house() -> None:
    drawn = re.findall(r"font-weight='600'[^>]*>(\w+)<", picture())
    assert drawn == rooms()
    assert (FLOORS[0].first, FLOORS[-1].last) == (rooms()[0], rooms()[-1])


def test_the_figures_of_the_comparison_are_those_of_the_last_benchmarks() -> None:
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", results, re.MULTILINE))
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    stem = "VGG16 with a new stem, from legacy H5 / the hand-written loop"
    cut = "VGG16 cut at `block2_pool`, `build`, whole process / plain Keras"
    for row, name in (
        (stem, "a new stem on VGG16, weights from legacy `.h5`"),
        (cut, "VGG16 cut at `block2_pool`, the whole process"),
    ):
        ours, by_hand = rows[row].split(", ")
        assert f"| {name} | {by_hand} | {ours}, the same bits" in page, f"docs/comparison.md: {name}: {rows[row]}"
    ours, others = rows["`check --static`, whole process / importing pydantic, ruamel.yaml, jsonschema"].split(", ")
    assert f"| {ours}, where importing what it needs takes {others} (`make bench`) |" in page
