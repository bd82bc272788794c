"""Values and errors in a real notebook: a kernel runs the cells, and what they show is what a reader gets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbclient
import nbformat

CELLS = {
    "imports": "from spec_compiler import check_spec, compile_spec, load_spec, plan_spec",
    "spec": (
        "SPEC = '''spec: 1\n"
        "name: small\n"
        "base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}\n"
        "cut_at: block1_pool\n"
        "head: [GlobalAveragePooling2D, {Dense: {units: 3, name: scores}}]\n"
        "freeze: base\n'''\n"
        "load_spec(SPEC)"
    ),
    "diagnostics": "check_spec(SPEC.replace('block1_pool', 'block1_pol'))",
    "nothing": "check_spec(SPEC)",
    "plan": "plan_spec(SPEC)",
    "compiled": "compiled = compile_spec(SPEC)\ncompiled",
    "ledger": "compiled.weights",
    "error": (
        "def mine():\n    return compile_spec(SPEC.replace('units: 3', 'unitz: 3'))\n\n"
        "mine()"
    ),
    "caught": "try:\n    mine()\nexcept Exception as error:\n    caught = error\ncaught",
    "after": "1 + 1",
}  # fmt: skip


def executed(cells: list[str], folder: Path) -> list[Any]:
    """The cells as a fresh kernel leaves them, whatever they raise."""
    new = [nbformat.v4.new_code_cell(each) for each in cells]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=new)  # type: ignore[no-untyped-call]
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    return list(client.execute().cells)


def test_a_real_notebook_shows_values_and_errors_without_our_inside(tmp_path: Path) -> None:
    cells = dict(zip(CELLS, executed(list(CELLS.values()), tmp_path), strict=True))
    assert [cell.execution_count for cell in cells.values()] == list(range(1, len(cells) + 1))
    shown = {
        name: outputs[0].data for name, cell in cells.items() if (outputs := cell.outputs) and "data" in outputs[0]
    }
    assert set(shown) == {"spec", "diagnostics", "nothing", "plan", "compiled", "ledger", "caught", "after"}
    for name, data in shown.items():
        if name != "after":
            assert '<div class="sc-cell">' in data["text/html"], name
            assert set(data) == {"text/html", "text/plain"}, name
            assert len(data["text/plain"]) < 2_500, name
    assert shown["spec"]["text/plain"] == "<Spec small, VGG16: cut_at, head, freeze>"
    assert shown["nothing"]["text/plain"] == "()"
    assert "did you mean <code>block1_pool</code>?" in shown["diagnostics"]["text/html"]
    for name in ("plan", "compiled"):
        assert '<span class="badge new">2 new</span>' in shown[name]["text/html"]
        assert "38,915" in shown[name]["text/html"]
        assert 'src="data:image/svg+xml;base64,' in shown[name]["text/html"]
    assert "initialized" in shown["ledger"]["text/html"]
    (error,) = cells["error"].outputs
    assert (error.output_type, error.ename) == ("error", "SpecError")
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    assert trace.splitlines() == [
        "line 4 of <module>: mine()",
        "line 2 of mine: return compile_spec(SPEC.replace('units: 3', 'unitz: 3'))",
        "error[SC106]: `Dense` has no argument `unitz`",
        " --> <spec>:5:41",
        "  |",
        "5 | head: [GlobalAveragePooling2D, {Dense: {unitz: 3, name: scores}}]",
        "  |                                         ^^^^^",
        "  = help: did you mean `units`?",
    ]
