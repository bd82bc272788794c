"""`docs/layer-classes.md`: what comes of a layer of every class, on every way from a model to its copy.

`python -m tests.backend.layer_table` writes it, which takes some minutes.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import keras

from tests.backend.layer_classes import NOT_MADE, class_names, made_of
from tests.backend.layer_routes import EQUAL, ROUTES, Case, Make, Outcome, outcomes
from tests.backend.layer_variants import VARIANTS

PAGE = Path(__file__).parents[2] / "docs" / "layer-classes.md"
HEAD = """# What a kept layer knows

A layer that a spec keeps should be the same layer afterwards: the same outputs, the same training. This page shows for
each class of `keras.layers` where that is so, and where it is not.

Each row is a small model with one such layer. Nothing in the layer is at its default: its weights are random, it was
adapted and trained for a step, its generators and states have advanced. The model goes through the compiler in six
ways. Its copy is compared with plain Keras bit for bit, in inference and in training.

The six ways:

- **memory**: an empty spec on the model, then a spec that inserts another layer in front of the layer;
- **its result saved**: the result of the empty spec, saved as `.keras` and loaded by Keras;
- **`.keras`**: the model saved as such a file, and the file as a base;
- **`.weights.h5`**: the same, with the weights of a twin of the model, which has other weights;
- **legacy `.h5`**: the model saved as such a file, and the file as a base;
- **`build`**: the `.keras` file built into another one, which Keras then loads. Where possible the model is never in
  memory.

What a cell says:

- *equal*: every bit is the same;
- *a code*: an error, with its reason below and [its rule](rules.md);
- *a code, as in Keras*: an error, and Keras itself cannot load the file;
- *equal, not in Keras*: our model is the one that was saved; Keras's own loading fails or loses something.

Keras saves no states of stateful layers or of random generators, so no file holds them.

Written by `make layer-classes` (`python -m tests.backend.layer_table`); a test compares it. Do not edit it.
"""

Rows = Mapping[str, Mapping[str, Outcome]]


def makers() -> dict[str, Make]:
    """How a model of every row is made: each class, then the variants."""
    classes: dict[str, Make] = {name: partial(made_of, name) for name in class_names() if name not in NOT_MADE}
    return {**classes, **VARIANTS}


def page(rows: Rows) -> str:
    """The page of all outcomes."""
    lines = [f"| layer | {' | '.join(ROUTES)} |", f"|---|{'---|' * len(ROUTES)}"]
    lines += [f"| {name} | {' | '.join(row[each].verdict for each in ROUTES)} |" for name, row in rows.items()]
    numbers = [len(rows), sum(all(each.verdict == EQUAL for each in row.values()) for row in rows.values())]
    text = f"{HEAD}\nOf {numbers[0]} rows {numbers[1]} are equal on every way.\n\n" + "\n".join(lines)
    return f"{text}\n\n## Reasons\n\n" + "\n".join([*_reasons(rows), "", "## Not tried", "", *_not_tried()]) + "\n"


def verdicts() -> dict[str, dict[str, str]]:
    """What the page says, by row and way."""
    rows = [
        line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "
    ]
    return {name: dict(zip(ROUTES, cells, strict=True)) for name, *cells in rows[1:]}


def _reasons(rows: Rows) -> Iterable[str]:
    where = defaultdict(list)
    for name, row in rows.items():
        for route, outcome in row.items():
            if outcome.reason:
                where[outcome.reason, route].append(name)
    for (reason, route), names in where.items():
        yield f"- {'; '.join(names)} ({route}): {reason}"


def _not_tried() -> Iterable[str]:
    return (f"- {name}: {reason}" for name, reason in NOT_MADE.items())


def main() -> None:
    """Writes the page."""
    rows = {}
    for name, make in makers().items():
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = outcomes(Case.of(make), ROUTES, Path(folder))
        keras.utils.clear_session(free_memory=False)
    PAGE.write_text(page(rows), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
