"""Trains a spec as a run of MLflow: `python track_mlflow.py spec.yaml runs/first`.

The spec names the callback, as `fit: {callbacks: ["track_mlflow:Metrics"]}`; this file lies beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import mlflow

from spec_compiler import lock_spec, train_spec


class Metrics(keras.callbacks.Callback):
    """Logs the metrics of each epoch into the run that is active; epochs are counted through all phases."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls it; the first epoch is its 0."""
        mlflow.log_metrics({name: float(value) for name, value in (logs or {}).items()}, step=epoch + 1)


def main(spec: str, folder: str) -> None:
    """Trains, and logs all that says how the model came about."""
    with mlflow.start_run(run_name=Path(folder).name):
        mlflow.log_artifact(spec)
        mlflow.log_dict(lock_spec(spec, allow_code=True).to_json(), "lock.json")
        trained = train_spec(spec, folder, allow_code=True)  # the callback is code of one's own
        compiled = trained.compiled
        mlflow.log_params({"spec": spec, "parameters": compiled.plan.after.num_parameters})
        mlflow.log_dict(compiled.plan.to_json(), "plan.json")
        mlflow.log_dict(compiled.weights.to_json(), "ledger.json")
        mlflow.log_text(compiled.report(), "report.html")
        mlflow.log_artifacts(folder, "run")  # history, curves, evaluation, the best model


if __name__ == "__main__":
    main(*sys.argv[1:])
