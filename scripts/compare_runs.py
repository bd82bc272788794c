"""The curves of one run with another one's in dashes.

`python scripts/compare_runs.py RUN OTHER PICTURE [TITLE [LABEL LABEL]]`, both folders of `spec-compiler train`.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from spec_compiler.backend.training.curves import draw_curves
from spec_compiler.training.history import History


def history_of(run: Path) -> History:
    """The whole history, as the run's last checkpoint holds it."""
    with zipfile.ZipFile(run / "last.keras") as archive:
        return History.from_json(json.loads(archive.read("spec_compiler.json"))["history"])


def line(name: str, run: Path, history: History) -> str:
    """Best and last validation accuracy in words, and what the kept model reaches on the images that test it."""
    best = history.best("val_accuracy")
    assert best is not None
    last = history.rows[-1]
    evaluation = json.loads((run / "summary.json").read_text(encoding="utf-8"))["evaluation"]
    return (
        f"{name:<16} best val_accuracy {best.metrics['val_accuracy']:.4f} in epoch {best.epoch:>2}, "
        f"last {last.metrics['val_accuracy']:.4f}, {sum(row.seconds for row in history):.0f} s; "
        f"{evaluation['part']} accuracy {evaluation['metrics']['accuracy']:.4f} of {evaluation['samples']} images"
    )


if __name__ == "__main__":
    run, other, picture = (Path(each) for each in sys.argv[1:4])
    title = sys.argv[4] if len(sys.argv) > 4 else ""
    labels = sys.argv[5:7] or ["pretrained", "random weights"]
    picture.parent.mkdir(parents=True, exist_ok=True)
    histories = [history_of(run), history_of(other)]
    draw_curves(histories[0], [str(picture)], title=title, beside=(labels[1], histories[1]))
    for label, each, history in zip(labels, (run, other), histories, strict=True):
        print(line(label, each, history))
    print(f"saved {picture}")
