"""Runs the notebooks of the documentation and writes them with what they show: `make notebooks`.

Their sources are `scripts/notebooks/*.py`, their names may be given. With `--check` nothing is written: the cells are
compared, and what they show as text.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "scripts" / "notebooks"
NOTEBOOKS = ROOT / "docs" / "notebooks"
CELL = re.compile(r"^# %%([^\n]*)\n", re.M)
MOST_BYTES = 300_000


def main(arguments: list[str]) -> int:
    """Writes every notebook, or with `--check` says which are stale."""
    stale = 0
    names = {each for each in arguments if not each.startswith("--")}
    for source in sorted(SOURCES.glob("*.py")):
        if names and source.stem not in names:
            continue
        notebook = executed(source)
        file = NOTEBOOKS / f"{source.stem}.ipynb"
        text = nbformat.writes(notebook) + "\n"
        if "--check" in arguments:
            same = file.exists() and shown(notebook) == shown(nbformat.read(file, 4))
            print(f"{file.name} is {'up to date' if same else 'stale: run `make notebooks`'}")
            stale += not same
            continue
        assert len(text) < MOST_BYTES, f"{file.name} has {len(text):,} bytes"
        file.write_text(text, encoding="utf-8")
        print(f"{file.relative_to(ROOT)}: {len(text):,} bytes")
    return 1 if stale else 0


def executed(source: Path) -> Any:
    """The notebook that a source is, as a kernel leaves it in an empty folder."""
    notebook = nbformat.v4.new_notebook(cells=list(cells(source.read_text(encoding="utf-8"))))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{number}"  # else each run has others
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photographs.py").symlink_to(ROOT / "scripts" / "photographs.py")
        resources = {"metadata": {"path": folder}}
        nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata = {}  # when it ran, and what was meant to fail
        cell.outputs = [each for each in cell.get("outputs", []) if each.get("name") != "stderr"]
        if cell.cell_type == "markdown":
            del cell["outputs"]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def cells(text: str) -> Any:
    """The cells of a source in the percent format."""
    _, *parts = CELL.split(text)
    for header, body in zip(parts[::2], parts[1::2], strict=True):
        body = body.strip("\n")
        if "[markdown]" in header:
            yield nbformat.v4.new_markdown_cell(re.sub(r"^# ?", "", body, flags=re.M))
        elif body:
            cell = nbformat.v4.new_code_cell(f"%%capture\n{body}" if "capture" in header else body)
            cell.metadata["tags"] = re.findall(r'"([\w-]+)"', header)
            yield cell


def shown(notebook: Any) -> list[tuple[str, list[str]]]:
    """Every cell, and the text that it shows."""
    return [(cell.source, [_text(each) for each in cell.get("outputs", [])]) for cell in notebook.cells]


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return "\n".join(output.traceback)
    return str(output.data["text/plain"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
