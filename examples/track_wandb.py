"""Trains a spec as a run of Weights & Biases: `python track_wandb.py spec.yaml runs/first`.

The spec names the callback, as `fit: {callbacks: ["track_wandb:Metrics"]}`; this file lies beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import wandb

from spec_compiler import lock_spec, train_spec


class Metrics(keras.callbacks.Callback):
    """Logs the metrics of each epoch into the run that is active; epochs are counted through all phases."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls it; the first epoch is its 0."""
        wandb.log({"epoch": epoch + 1, **{name: float(value) for name, value in (logs or {}).items()}})


def main(spec: str, folder: str) -> None:
    """Trains, and logs all that says how the model came about."""
    with wandb.init(project="specs", name=Path(folder).name, config={"spec": Path(spec).read_text()}) as run:
        lock = lock_spec(spec, allow_code=True)
        trained = train_spec(spec, folder, allow_code=True)  # the callback is code of one's own
        compiled = trained.compiled
        made = wandb.Artifact(Path(spec).stem, type="model", metadata={"weights": compiled.weights.summary})
        made.add_file(spec)
        parts = {"lock.json": lock, "plan.json": compiled.plan, "ledger.json": compiled.weights}
        for name, part in parts.items():
            with made.new_file(name) as stream:
                json.dump(part.to_json(), stream)
        with made.new_file("report.html") as stream:
            stream.write(compiled.report())
        made.add_dir(folder, name="run")  # history, curves, evaluation, the best model
        run.log_artifact(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
