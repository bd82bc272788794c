"""The reference of the files that commands write: each with its schema, its keys, and an example that it admits.

`python -m documentation.formats` writes `docs/formats.md` and the pages in `docs/formats`, `--check` says which are
stale. The examples lie in `documentation/examples`; `tests/backend/test_python_examples.py` makes such files anew and
holds them to the schemas.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from documentation.pages import DOCS, ROOT
from spec_compiler.search.table import to_csv
from spec_compiler.search.trial import Trial
from spec_compiler.spec.generated import kept

EXAMPLES = Path(__file__).parent / "examples"
CONTENTS = "formats.md"
DEPTH = 3  # levels of keys that a page lists; the schema has all
_WIDTH = 100


class Format(NamedTuple):
    """A file that commands write: its page, what it is, its schema and example, what says more, what else to know."""

    page: str
    title: str
    says: str
    schema: str
    example: str
    more: str
    notes: str = ""


FORMATS = (
    Format(
        "plan",
        "Plan",
        "What a spec changes, as `plan SPEC --format json` prints it. `plan SPEC -o plan.json` adds the key `apply`, "
        "with the spec's text and its lock, from which `apply` builds exactly that.",
        "plan.schema.json",
        "plan.json",
        "../lock.md#a-plan-that-is-applied",
    ),
    Format(
        "ledger",
        "Ledger",
        "What became of every variable, and where it was read. `build SPEC -o model.keras` writes `model.ledger.json` "
        "beside the model.",
        "ledger.schema.json",
        "model.ledger.json",
        "../build.md",
    ),
    Format(
        "lock",
        "Lock",
        "All that a spec depends on, and what it makes. `lock spec.yaml` writes `spec.lock`; `--locked` compares.",
        "lock.schema.json",
        "spec.lock",
        "../lock.md#the-lock",
    ),
    Format(
        "verification",
        "Verification",
        "Whether a file is what a spec makes, layer by layer: `verify model.keras spec.yaml --format json`.",
        "verification.schema.json",
        "verification.json",
        "../lock.md#whether-a-file-is-the-result",
    ),
    Format(
        "card",
        "Card",
        "What an exported model takes and puts out, and how far it lies from Keras. `export SPEC -o model.onnx` writes "
        "`model.onnx.json`; of a SavedModel it is `assets.extra/card.json` in its folder.",
        "export.schema.json",
        "model.onnx.json",
        "../export.md#what-travels-along",
    ),
    Format(
        "run",
        "Run",
        "The folder that `train SPEC -o runs/x` writes. `summary.json` says how it went.",
        "run.schema.json",
        "summary.json",
        "../training.md",
        """\
| file | holds |
|---|---|
| `best.keras` | the model of the best epoch, a plain Keras model |
| `last.keras` | the model of the last epoch, with all that `--resume` needs |
| `history.csv` | a row an epoch: `epoch`, `phase`, every metric, `learning_rate`, `seconds` |
| `curves.png`, `curves.svg` | the same as a picture |
| `summary.json` | versions, checksums, phases, the best and the last epoch: described below |
| `evaluation/` | `evaluation.json` ([its form](evaluation.md)), `report.html`, and tables beside them |
| `tensorboard/` | logs for TensorBoard |
| `best.adapters.npz`, `last.adapters.npz` | of a model with LoRA what it has learned ([LoRA](../lora.md)) |""",
    ),
    Format(
        "evaluation",
        "Evaluation",
        "What a model says of labelled data. `evaluate` and `train` write `evaluation.json`.",
        "evaluation.schema.json",
        "evaluation.json",
        "../training.md#how-good-it-is",
        """\
Beside it lie `report.html`, a page that needs nothing else, and tables: `scores.csv` (a row a class), `predictions.csv`
(a row a sample), `confusion.csv` with its picture.""",
    ),
    Format(
        "check",
        "Diagnostics",
        "What is wrong with specs: `check SPEC --format json`. Each code is a [rule](../rules.md). `--format sarif` is "
        "SARIF 2.1.0, `--format github` the commands that GitHub shows at the lines.",
        "check.schema.json",
        "check.json",
        "../rules.md",
    ),
)
SWEEP = """\
# Sweep

The folder that `sweep SPEC -o runs/search` writes. More in [training](../training.md#search); all files at a glance:
[formats](../formats.md).

| file | holds |
|---|---|
| `trials.csv` | a row a trial: number, values of the variables, state, metric, epoch, parameters, seconds |
| `trials/007/` | the run of a trial: [a run's folder](run.md) |
| `best.yaml` | the best point as a spec of its own, which trains to the same numbers |
| `best.keras` | its model |
| `sweep.png`, `sweep.svg` | the trials as a picture |
| `sweep.db` | Optuna's storage, where `--storage` names no other; processes and `--resume` share it |
| `logs/` | what further processes of `--workers` said |

`trials.csv` has these columns, with two of the variables and one metric:

```csv
{table}```
"""


def pages() -> dict[str, str]:
    """Every page by its name in `docs`."""
    rows = ["| file | says |", "|---|---|"]
    rows += [f"| [{each.title}](formats/{each.page}.md) | {each.says.replace('../', '')} |" for each in FORMATS]
    rows.insert(-1, "| [Sweep](formats/sweep.md) | The folder that `sweep SPEC -o runs/search` writes. |")
    contents = f"""\
# Formats

Generated by `python -m documentation.formats` from the schemas. What a version of a format promises is in
[versions](versions.md). The form of a spec itself is [the language](language.md).

{chr(10).join(rows)}
"""
    trials = [
        Trial(0, "done", {"units": 128, "rate": 0.01}, 0.94, 5, {"val_accuracy": 0.94}, 61.2, 33130, "trials/000"),
        Trial(1, "pruned", {"units": 256, "rate": 0.1}, 0.61, 2, {"val_accuracy": 0.61}, 20.5, 66154, "trials/001"),
    ]
    table = to_csv(trials, ["units", "rate"], "val_accuracy")
    found = {f"formats/{each.page}.md": "\n\n".join(_page(each)) + "\n" for each in FORMATS}
    return {CONTENTS: contents, "formats/sweep.md": SWEEP.replace("{table}", table)} | found


def _page(form: Format) -> Iterator[str]:
    schema = json.loads((ROOT / "schemas" / form.schema).read_text(encoding="utf-8"))
    yield f"# {form.title}"
    yield form.says
    yield (
        f"Schema: [`{form.schema}`](../../schemas/{form.schema}). More in [its guide]({form.more}); all files at a "
        "glance: [formats](../formats.md)."
    )
    if form.notes:
        yield form.notes
    yield "## Keys"
    yield "\n".join(_keys(schema, schema, "", DEPTH))
    yield "## An example"
    data = json.loads((EXAMPLES / form.example).read_text(encoding="utf-8"))
    yield f"```json\n{compact(data)}\n```"


def _keys(schema: Mapping[str, Any], whole: Mapping[str, Any], indent: str, depth: int) -> Iterator[str]:
    schema = _resolved(schema, whole)
    for name, each in schema.get("properties", {}).items():
        if isinstance(each, bool):  # whatever it is, or nothing
            continue
        found = _resolved(each, whole)
        says = each.get("description") or found.get("description", "")
        beside = "" if name in schema.get("required", ()) else ", where there is one"
        yield f"{indent}- **`{name}`**, {_type(found, whole)}{beside}{f': {says}' if says else ''}"
        inner = _inner(found, whole)
        if depth > 1 and inner is not None:
            yield from _keys(inner, whole, f"{indent}    ", depth - 1)


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    if not schema["$ref"].startswith("#"):
        return {"description": f"As `{schema['$ref']}` has it.", **schema}
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_resolved(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole), **beside}


def _inner(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The mapping that a value is, or that each of its elements or values is."""
    parts = [schema, schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())]
    for each in parts:
        if isinstance(each, Mapping):
            found = _resolved(each, whole)
            if "properties" in found:
                return found
    return None


def _type(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return "a mapping"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(_resolved(each, whole), whole) for each in schema["anyOf"]))
    kinds = schema.get("type", "anything")
    return " or ".join(_NAMES.get(each, each) for each in ([kinds] if isinstance(kinds, str) else kinds))


_NAMES = {"string": "text", "array": "a list", "object": "a mapping", "integer": "a whole number", "number": "a number"}
_NAMES |= {"boolean": "true or false"}


def compact(data: Any, indent: str = "") -> str:
    """JSON in which what fits on a line stands on one.

    >>> compact({"a": [1, 2], "b": {}})
    '{"a": [1, 2], "b": {}}'
    """
    line = json.dumps(data, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(data, list | dict):
        return line
    inside = f"{indent}  "
    if isinstance(data, list):
        return "[\n" + ",\n".join(f"{inside}{compact(each, inside)}" for each in data) + f"\n{indent}]"
    rows = (f"{inside}{json.dumps(key)}: {compact(value, inside)}" for key, value in data.items())
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def main(arguments: Sequence[str]) -> int:
    """Writes the pages, or with `--check` compares them; the exit status."""
    (DOCS / "formats").mkdir(exist_ok=True)
    return max(kept(DOCS / name, text, [*arguments]) for name, text in pages().items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
