"""The examples with MLflow and Weights & Biases, with the real packages, read back with these."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.backend.pictures import write_pictures
from tests.project.environments import ROOT, called, made

pytestmark = pytest.mark.slow
READ_MLFLOW = """
import json, mlflow
client = mlflow.MlflowClient()
(run,) = client.search_runs(["0"])
names = sorted(run.data.metrics)
history = {name: [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, name)] for name in names}
files = sorted(each.path for each in client.list_artifacts(run.info.run_id))
text = open(client.download_artifacts(run.info.run_id, "plan.json")).read()
print(json.dumps({"history": history, "files": files, "params": run.data.params, "plan": json.loads(text)}))
"""
READ_WANDB = """
import glob, json
from wandb.proto import wandb_internal_pb2

def records(path):  # the format of LevelDB's logs, in blocks of 32 KiB, behind a header of 7 bytes
    data, place, begun = open(path, "rb").read(), 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        begun += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(begun)
            yield record
            begun = b""

(path,) = glob.glob("wandb/offline-run-*/*.wandb")
rows, artifacts = [], {}
for record in records(path):
    if record.WhichOneof("record_type") == "history":
        items = record.history.item
        rows.append({"/".join(each.nested_key) or each.key: json.loads(each.value_json) for each in items})
    for artifact in (record.artifact, record.request.log_artifact.artifact):
        if artifact.name:
            artifacts[artifact.name] = sorted(each.path for each in artifact.manifest.contents)
            if artifact.manifest.manifest_file_path:
                with open(artifact.manifest.manifest_file_path) as stream:
                    artifacts[artifact.name] += sorted(json.load(stream)["contents"])
print(json.dumps({"rows": rows, "artifacts": artifacts}))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("trackers") / "venv", "mlflow-skinny", "wandb", sees_ours=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("track_mlflow.py", "track_wandb.py", "tracked.yaml"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    write_pictures(tmp_path / "pictures", names=("cat", "dog"), each=8, size=32)
    return tmp_path


def history_of(folder: Path) -> list[dict[str, float]]:
    with (folder / "runs" / "first" / "history.csv").open() as stream:
        return [{key: float(value) for key, value in row.items() if "loss" in key} for row in csv.DictReader(stream)]


def test_a_run_of_mlflow(programs: Path, folder: Path) -> None:
    where = {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = called(programs / "python", "track_mlflow.py", "tracked.yaml", "runs/first", cwd=folder, **where)
    assert done.returncode == 0, done.stderr
    done = called(programs / "python", "-c", READ_MLFLOW, cwd=folder, **where)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    expected = history_of(folder)
    assert len(expected) == 3
    for name in ("loss", "val_loss"):
        assert [step for step, _ in said["history"][name]] == [1, 2, 3]
        assert [value for _, value in said["history"][name]] == pytest.approx([row[name] for row in expected], rel=1e-5)
    assert said["files"] == ["ledger.json", "lock.json", "plan.json", "report.html", "run", "tracked.yaml"]
    assert said["params"]["spec"] == "tracked.yaml"
    assert "kinds" in json.dumps(said["plan"])


def test_a_run_of_weights_and_biases(programs: Path, folder: Path) -> None:
    spec = folder / "tracked.yaml"
    spec.write_text(spec.read_text().replace("tracker: track_mlflow", "tracker: track_wandb"))
    where = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DATA_DIR": str(folder), "HOME": str(folder)}
    done = called(programs / "python", "track_wandb.py", "tracked.yaml", "runs/first", cwd=folder, **where)
    assert done.returncode == 0, done.stderr
    done = called(programs / "python", "-c", READ_WANDB, cwd=folder, **where)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    rows = [row for row in said["rows"] if "val_loss" in row]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for row, expected in zip(rows, history_of(folder), strict=True):
        assert {key: row[key] for key in ("loss", "val_loss")} == pytest.approx(
            {key: expected[key] for key in ("loss", "val_loss")}, rel=1e-5
        )
    parts = {"lock.json", "plan.json", "ledger.json", "report.html", "tracked.yaml", "run/best.keras"}
    assert parts <= {*said["artifacts"]["tracked"]}
