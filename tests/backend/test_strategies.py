"""Training on several workers: two processes on the loopback address end with the same weights."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures

LIMIT = 240  # seconds for a command

SPEC = """
spec: 1
base: {file: base.keras}
cut_at: pool
head:
  - Dense: {units: 3, activation: softmax, name: answer}
data: {train: train, validation: 0.25, batch_size: 6}
compile: {optimizer: {SGD: {learning_rate: 0.01}}, loss: categorical_crossentropy, metrics: [accuracy]}
train:
  - {phase: feature_extraction, freeze: base, epochs: 1}
  - {phase: fine_tune, freeze: ..block1_add, epochs: 2}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a spec, its base and its images."""
    write_pictures(tmp_path / "train")
    branching().save(tmp_path / "base.keras")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def command(project: Path, *options: str, **environment: str) -> Any:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "spec_compiler", "train", "spec.yaml", "-o", "run", "-q", "--no-tensorboard", *options],
        cwd=project,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: Any) -> str:
    """What a command said, once it has ended well."""
    text: str = process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 0, text
    return text


def weights(path: Path) -> dict[str, Any]:
    model = keras.saving.load_model(path, compile=False)
    return {each.path: keras.ops.convert_to_numpy(each) for each in model.weights}


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.mark.slow
def test_two_workers_get_the_same_weights(project: Path) -> None:
    hosts = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = [
        command(
            project,
            "--strategy",
            "multi_worker_mirrored",
            TF_CONFIG=json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    try:
        texts = [each.communicate(timeout=LIMIT)[0] for each in workers]
    finally:
        for each in workers:
            each.kill()
            each.communicate()
    assert [each.returncode for each in workers] == [0, 0], "\n".join(texts)
    chief, other = weights(project / "run" / "last.keras"), weights(project / "run" / "worker-1" / "last.keras")
    assert chief.keys() == other.keys()
    for path, value in chief.items():
        assert np.array_equal(value, other[path]), path
    start = weights(project / "base.keras")
    assert not np.array_equal(chief["block2_conv2/kernel"], start["block2_conv2/kernel"])
    assert np.array_equal(chief["stem/kernel"], start["stem/kernel"])


@pytest.mark.slow
def test_one_mirrored_device_gets_what_no_strategy_gets(project: Path) -> None:
    """One device under a strategy does the same arithmetic; 1e-5 is for the order in which sums are taken."""
    finished(command(project))
    (project / "run").rename(project / "plain")
    finished(command(project, "--strategy", "mirrored"))
    one, other = weights(project / "plain" / "last.keras"), weights(project / "run" / "last.keras")
    for path, value in one.items():
        np.testing.assert_allclose(value, other[path], rtol=1e-4, atol=1e-5, err_msg=path)


@pytest.mark.slow
def test_a_worker_needs_to_know_who_it_is(project: Path) -> None:
    process = command(project, "--strategy", "multi_worker_mirrored", TF_CONFIG="")
    text = process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 2
    assert "`TF_CONFIG` is not set" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_a_killed_process_is_continued(project: Path) -> None:
    """SIGKILL in the middle of the run; the continued one ends with the same bits as one that was never killed."""
    finished(command(project, "--set", "train[1].epochs=6"))
    (project / "run").rename(project / "whole")
    killed = command(project, "--set", "train[1].epochs=6")
    try:
        _wait_for(project / "run" / "history.csv", 3)
    finally:
        killed.kill()
        killed.communicate()
    done = len((project / "run" / "history.csv").read_text().splitlines()) - 1
    assert 3 <= done <= 7
    finished(command(project, "--set", "train[1].epochs=6", "--resume"))
    one, other = weights(project / "whole" / "last.keras"), weights(project / "run" / "last.keras")
    assert all(np.array_equal(one[path], other[path]) for path in one)
    assert not list((project / "run").glob(".partial-*"))


def _wait_for(file: Path, rows: int) -> None:
    for _ in range(LIMIT * 20):
        if file.exists() and len(file.read_text().splitlines()) > rows:
            return
        time.sleep(0.05)
    raise AssertionError(f"{file} never had {rows} rows")
