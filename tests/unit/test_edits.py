"""Every edit's right results: a small graph, a spec and the graph after it, each a part of one readable file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec_compiler.edits import EDITS
from spec_compiler.graph import Graph
from spec_compiler.graph.joined import joined
from spec_compiler.plan.editing import apply_edits, opened_for
from spec_compiler.spec import load_spec
from tests.conftest import FIXTURES
from tests.unit.graph_reader import read_graph
from tests.unit.graph_text import graph_text

CASES = sorted((FIXTURES / "edits").glob("*.txt"))
KINDS = {*EDITS, "steps", "preprocess", "bases", "opening"}  # what a file's name begins with


def parts_of(text: str) -> dict[str, str]:
    """The parts of a case by name: what stands above the first is its `about`."""
    about, *rest = text.split("--- ")
    return {"about": about, **dict(part.split("\n", 1) for part in rest)}


def result_of(parts: dict[str, str], graphs: dict[str, Graph]) -> Graph:
    """The base, or the bases as one, after the spec; `constructed` is what Keras makes at another size."""
    spec = load_spec(parts["spec"])
    bases = {name.removeprefix("base "): graph for name, graph in graphs.items() if name.startswith("base ")}
    before = joined(bases) if bases else graphs["before"]
    return apply_edits(spec, opened_for(spec, before), graphs.get("constructed"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_an_edit_makes(path: Path, golden: Callable[[Path | str, str], None]) -> None:
    parts = parts_of(path.read_text(encoding="utf-8"))
    graphs = {name: read_graph(text) for name, text in parts.items() if name not in ("about", "spec", "after")}
    after = result_of(parts, graphs)
    parts |= {name: f"{graph_text(graph)}\n" for name, graph in graphs.items()}
    parts["after"] = graph_text(after)
    golden(path, parts.pop("about") + "".join(f"--- {name}\n{text}" for name, text in parts.items()))
    assert graph_text(read_graph(parts["after"])) == parts["after"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_section_has_cases(kind: str) -> None:
    assert any(path.stem.startswith(f"{kind}-") for path in CASES), f"tests/fixtures/edits has no case of `{kind}`"


def test_every_case_is_of_a_section() -> None:
    assert {path.stem.partition("-")[0] for path in CASES} <= KINDS
