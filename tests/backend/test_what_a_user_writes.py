"""Where the commands write: into folders that they make, and only where they are told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_compiler import plan_spec
from spec_compiler.cli.main import cli

SPECS = Path(__file__).parents[2] / "specs"

SPEC = """\
spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
cut_at: block1_pool
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC, encoding="utf-8")


def call(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output or result.exception
    return result.output


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("diagram", "spec.yaml"), "picture.svg"),
        (("diagram", "spec.yaml"), "report.html"),
        (("plan", "spec.yaml"), "plan.md"),
        (("build", "spec.yaml"), "model.keras"),
        (("diff", "VGG16", "spec.yaml"), "diff.dot"),
        (("init", "VGG16"), "start.yaml"),
    ],
)
def test_finding_N17_every_command_makes_the_folder_of_its_output(arguments: tuple[str, ...], output: str) -> None:
    file = Path("made", "for it", output)
    call(*arguments, "-o", os.fspath(file))
    assert file.stat().st_size > 0
    assert not [name for name in os.listdir(file.parent) if name.startswith(".")]


def test_finding_N17_a_mistake_makes_no_folder() -> None:
    Path("spec.yaml").write_text(SPEC.replace("block1_pool", "blok1_pool"), encoding="utf-8")
    assert CliRunner().invoke(cli, ["plan", "spec.yaml", "-o", "made/plan.md"]).exit_code != 0
    assert not Path("made").exists()


def test_finding_N17_a_plan_is_written_in_the_format_of_its_suffix() -> None:
    said = call("plan", "spec.yaml")
    assert call("plan", "spec.yaml", "-o", "plan.txt") == "saved plan.txt\n"
    assert Path("plan.txt").read_text(encoding="utf-8") == said
    call("plan", "spec.yaml", "-o", "plan.json")
    assert json.loads(Path("plan.json").read_text(encoding="utf-8"))["summary"]["dropped"] == 15
    call("plan", "spec.yaml", "--format", "tree", "-o", "tree.txt")
    assert Path("tree.txt").read_text(encoding="utf-8") == call("plan", "spec.yaml", "--format", "tree")
    refused = CliRunner().invoke(cli, ["plan", "spec.yaml", "-o", "plan.txt"])
    assert "already exists" in str(refused.exception)
    assert call("plan", "spec.yaml", "-o", "plan.txt", "--force") == "saved plan.txt\n"


def test_finding_N17_explain_without_a_code_lists_all() -> None:
    lines = call("explain").splitlines()
    assert "  SC201  a name or pattern that matches no layer" in lines
    assert "  SC308  a freeze that leaves nothing to train (warning)" in lines
    assert "weights and files" in lines


def test_finding_N17_init_calls_a_spec_as_its_base_is_called() -> None:
    assert call("init", "MobileNetV3Small").startswith("wrote MobileNetV3Small.yaml")
    assert "name: MobileNetV3Small_10_classes\n" in Path("MobileNetV3Small.yaml").read_text(encoding="utf-8")


def test_finding_N19_what_examples_say_of_themselves_is_true() -> None:
    scratch, two, stem, features = (
        (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
        for name in (
            "resnet50_two_classes_scratch",
            "resnet50_two_classes",
            "vgg16_fast_stem",
            "vgg16_block1_conv2_features",
        )
    )
    without = ["base.weights=null"]
    for text in (scratch, two):
        plan = plan_spec(text, overrides=without)
        assert "images of 128x128" in text
        assert plan.to_json()["inputs"]["after"][0]["shape"][1:3] == [128, 128]
        assert plan.num_frozen == 0
    assert "It has no activation" in stem
    layers = plan_spec(stem, overrides=without)
    assert [layers.before.layers[f"block1_conv{at}"].arguments["activation"] for at in (1, 2)] == [
        "relu",
        "relu",
    ]
    assert layers.after.layers["new_conv"].arguments["activation"] == "linear"
    assert "One layer of VGG16 by itself" in features
    assert list(plan_spec(features, overrides=without).after.layers)[1:] == ["block1_conv2"]
