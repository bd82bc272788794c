"""What README and the other pages name is there: commands and their options, files, `make` targets, sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spec_compiler import load_spec
from spec_compiler.cli.main import COMMANDS, cli
from tests.markdown import DOCUMENTS, README, ROOT, blocks

CALL = re.compile(r"(?:spec-compiler|python -m spec_compiler) ([a-z]+)([^`\n]*)")
MADE = ("model.ledger.json",)  # by commands that the pages show


def options(command: str) -> set[str]:
    found = cli.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None, command
    return {"--help", *(name for each in found.params for name in (*each.opts, *each.secondary_opts))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_finding_N18_commands_and_options_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for command, rest in CALL.findall(text):
        assert command in COMMANDS
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest):
            assert option in options(command), f"{command} {option}"
    every = set().union(*(options(command) for command in COMMANDS))
    for option in re.findall(r"`(--[a-z][a-z-]*)", text):
        assert option in every | {"--update-golden", "--check"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_finding_N18_files_and_targets_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r'\]\((?!http)([^)#]+)\)|src="([^"]+)"', text):
        assert (document.parent / (link[0] or link[1])).exists(), link
    for path in re.findall(r"`((?:specs|tests|scripts|docs|spec_compiler|schemas|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"`make ([a-z-]+)`|^\$ make ([a-z-]+)", text, re.M)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_finding_N18_the_example_in_readme_is_the_example() -> None:
    shown = load_spec(blocks(README, "yaml")[0].replace("{…}", "{block1_conv1: block1}"))
    real = load_spec(ROOT / "specs" / "vgg16_hed_fast_stem.yaml")
    assert shown.name == real.name
    assert (shown.replace, shown.freeze) == (real.replace, real.freeze)
    assert shown.base is not None
    assert real.base is not None
    assert shown.base.model_copy(update={"weights": None}) == real.base.model_copy(update={"weights": None})


@pytest.mark.parametrize("document", [README, ROOT / "docs" / "training.md"], ids=lambda document: document.name)
def test_finding_N18_sections_in_the_pages_are_valid(document: Path) -> None:
    (text,) = [block for block in blocks(document, "yaml") if "train:" in block]
    base = "base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}\n"
    assert load_spec(f"spec: 1\n{base}{text}").train[1].phase == "fine_tune"
