"""What the pages on installing and on other people's workflow show is so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML  # noqa: TID251 - none of our own reading of YAML

from spec_compiler.cli.main import COMMANDS
from tests.bare import Bare
from tests.markdown import ROOT, blocks

INSTALL, INTEGRATIONS = ROOT / "docs" / "install.md", ROOT / "docs" / "integrations.md"
SPEC = "spec: 1\nbase: {application: VGG16, weights: null}\nfreez: all\n"


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder whose `bin` has `spec-compiler`."""
    program = tmp_path / "bin" / "spec-compiler"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m spec_compiler "$@"\n')
    program.chmod(0o755)
    return tmp_path


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def session(page: Path, first: str) -> list[str]:
    """The lines of the block that begins so."""
    (block,) = (text for text in blocks(page, "console") if text.startswith(f"$ {first}"))
    return block.splitlines()


def test_the_page_says_what_is_said_without_keras(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {application: VGG16}\n")
    command, *shown = session(INSTALL, "spec-compiler plan")
    bare = Bare(tmp_path / "bare")
    done = bare.run(*command.split()[2:], cwd=tmp_path, SPEC_COMPILER_CACHE="off")
    assert (done.returncode, done.stderr.splitlines()) == (2, shown)


def test_the_lines_of_the_page_complete(shell: Path) -> None:
    (shell / ".config" / "fish" / "completions").mkdir(parents=True)
    for line in session(INSTALL, "spec-compiler completion"):
        assert typed(line[2:], shell).returncode == 0
    assert "complete -o nosort -F _spec_compiler_completion" in (shell / ".bashrc").read_text()
    assert (shell / ".zshrc").read_text().startswith("#compdef spec-compiler")
    assert "complete " in (shell / ".config/fish/completions/spec-compiler.fish").read_text()
    asked = (
        'source ~/.bashrc; COMP_WORDS=(spec-compiler di); COMP_CWORD=1; $(complete -p spec-compiler | cut -d" " -f5) '
    )
    done = typed(f"bash --norc -c '{asked} spec-compiler; echo ${{COMPREPLY[@]}}'", shell)
    assert done.stdout.split() == [name for name in COMMANDS if name.startswith("di")], done.stderr


def test_the_commands_for_code_scanning_run(shell: Path) -> None:
    (shell / "spec.yaml").write_text(SPEC)
    sarif, github = (typed(line[2:], shell) for line in session(INTEGRATIONS, "spec-compiler check --static"))
    assert sarif.returncode == 1
    (run,) = json.loads((shell / "specs.sarif").read_text())["runs"]
    assert [each["ruleId"] for each in run["results"]] == ["SC101"]
    assert github.stdout.startswith("::error file=spec.yaml,line=3,")


def test_the_configuration_of_hooks_is_right() -> None:
    (text,) = (each for each in blocks(INTEGRATIONS, "yaml") if "repos:" in each)
    (repository,) = YAML(typ="safe").load(text)["repos"]
    hooks = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {each["id"] for each in repository["hooks"]} < {each["id"] for each in hooks}
    page = INTEGRATIONS.read_text(encoding="utf-8")
    assert [each["id"] for each in hooks if f"`{each['id']}`" not in page] == []


def test_the_inputs_of_the_action_are_those_of_the_page() -> None:
    action = YAML(typ="safe").load((ROOT / "action.yml").read_text(encoding="utf-8"))
    page = INTEGRATIONS.read_text(encoding="utf-8")
    for name in action["inputs"]:
        assert f"\n| `{name}` | " in page
    (workflow,) = (each for each in blocks(INTEGRATIONS, "yaml") if "jobs:" in each)
    steps = YAML(typ="safe").load(workflow)["jobs"]["plan"]["steps"]
    assert steps[-1]["with"].keys() <= action["inputs"].keys()


def test_every_extra_for_users_is_told() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = INSTALL.read_text(encoding="utf-8")
    assert [name for name in extras if f"`{name}`" not in page] == ["docs", "dev", "release"]


def test_the_examples_are_there() -> None:
    page = INTEGRATIONS.read_text(encoding="utf-8")
    for path in (ROOT / "examples").glob("*.py"):
        assert f"examples/{path.name}" in page
