"""The files that other programs read, of the project itself: what CI and pre-commit call is there."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

from spec_compiler.text.yaml_text import read_source
from tests.markdown import ROOT, targets

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path: str) -> Any:
    return read_source(ROOT / path).data


def test_the_workflow_calls_what_make_can_make() -> None:
    jobs = read(".github/workflows/ci.yml")["jobs"]
    for job in jobs.values():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        assert commands
        for command in commands:
            made = re.fullmatch(r"make (?:([a-z-]+)|\$\{\{ matrix\.(\w+) \}\})", command)
            assert made, command
            assert {*([made[1]] if made[1] else job["strategy"]["matrix"][made[2]])} <= targets()
    assert jobs["backends"]["strategy"]["matrix"]["backend"] == ["jax", "torch"]  # `make test` runs on TensorFlow


def test_the_workflow_runs_on_every_python_that_the_package_names() -> None:
    said = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", each)]
    jobs = read(".github/workflows/ci.yml")["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == said
    assert set(jobs["backends"]["strategy"]["matrix"]["python"]) <= set(said)
    assert PROJECT["requires-python"] == f">={said[0]}"


def test_the_workflow_may_only_read_and_pins_what_it_uses() -> None:
    workflow = read(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"]
    uses = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", each) for each in uses)


def test_the_hooks_for_our_own_code_are_the_tools_that_are_installed() -> None:
    repositories = read(".pre-commit-config.yaml")["repos"]
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+", each["rev"]) for each in repositories if each["repo"] != "local")
    (local,) = (each["hooks"] for each in repositories if each["repo"] == "local")
    for hook in local:
        assert hook["language"] == "system"
        command = Path(shlex.split(hook["entry"])[0])
        assert command.parent == Path(".venv/bin")
        assert (Path(sys.executable).parent / command.name).exists(), hook["entry"]


def test_the_hooks_for_projects_with_specs_call_the_command() -> None:
    assert [shlex.split(hook["entry"])[0] for hook in read(".pre-commit-hooks.yaml")] == ["spec-compiler"] * 3
    assert set(PROJECT["scripts"]) == {"spec-compiler"}
