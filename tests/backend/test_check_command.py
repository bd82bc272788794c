"""`check`, `explain`, `schema` and `init` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spec_compiler import check_spec
from spec_compiler.cli.main import cli

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)


def test_several_files_in_one_call() -> None:
    result = call("check", "SC201-cut.yaml", "SC101-section.yaml", "--set", "base.weights=null")
    assert result.exit_code == 1
    assert " --> SC201-cut.yaml:3:9" in result.output
    assert " --> SC101-section.yaml:3:1" in result.output
    assert "2 specs checked: 1 stopped at its fields, 1 at its names; 2 errors" in result.output
    assert "\x1b[" not in result.output


def test_warnings_do_not_fail() -> None:
    result = call("check", "SC308-freeze-all.yaml")
    assert result.exit_code == 0
    assert "warning[SC308]" in result.output
    assert "no errors, 1 warning" in result.output


def test_the_tier_is_named() -> None:
    result = call("check", "--static", "SC308-freeze-all.yaml")
    assert result.exit_code == 0
    assert "statically" in result.output
    data = json.loads(call("check", "--static", "--format", "json", "SC101-section.yaml").output)
    assert data["checked"].startswith("statically")
    assert data["diagnostics"][0]["line"] == 3


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_formats_that_programs_read(format: str) -> None:
    result = call("check", "--static", "--format", format, "SC101-section.yaml", "SC202-class.yaml")
    assert result.exit_code == 1
    text = json.dumps(json.loads(result.output))
    assert "SC101-section.yaml" in text
    assert "SC202-class.yaml" in text
    assert str(FOLDER) not in text


def test_a_missing_spec_is_a_mistake_of_the_call() -> None:
    result = call("check", "nowhere.yaml")
    assert result.exit_code == 2
    assert result.output.endswith("\nno spec checked, 1 could not be read: 1 error\n")
    result = call("check", "nowhere.yaml", "SC101-section.yaml", "--static")
    assert "1 spec checked (statically: fields and arguments), 1 could not be read: 2 errors" in result.output
    data = json.loads(call("check", "nowhere.yaml", "SC101-section.yaml", "--format", "json").output)
    assert data["tiers"] == {"SC101-section.yaml": "fields"}


def test_how_far_several_specs_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = "spec: 1\nbase: {application: VGG16, weights: %s}\n"
    texts = {
        "fields": start % "null" + "cuts: x\n",
        "names": start % "null" + "cut_at: x\n",
        "also": start % "null" + "cut_at: y\n",
        "remote": start % "imagenet" + "cut_at: block1_pool\n",
        "whole": start % "null" + "cut_at: block1_pool\n",
    }
    monkeypatch.chdir(tmp_path)
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    said = call("check", *(f"{name}.yaml" for name in texts)).output.splitlines()[-1]
    assert said == (
        "5 specs checked: 1 stopped at its fields, 2 at their names, 1 went as far as its shapes, "
        "1 all the way to its files; 3 errors; "
        "the `imagenet` weights were not looked for, `build` downloads them"
    )
    assert call("check", "remote.yaml").output == (
        "1 spec checked (fields, names, topology and shapes): no errors; "
        "the `imagenet` weights were not looked for, `build` downloads them\n"
    )
    assert "imagenet" not in call("check", "whole.yaml").output


def test_permissions() -> None:
    assert "SC112" in call("check", "SC305-one-call-of-two.yaml").output
    assert call("check", "--allow-code", "SC305-one-call-of-two.yaml").exit_code == 0
    assert "SC510" in call("check", "--restrict-paths", "SC510-parent-folder.yaml").output
    assert "SC112" in str(CliRunner().invoke(cli, ["plan", "SC305-one-call-of-two.yaml"]).exception)
    assert call("plan", "--allow-code", "SC305-one-call-of-two.yaml").exit_code == 0


def test_explain() -> None:
    result = call("explain", "sc201")
    assert result.exit_code == 0
    assert "SC201: a name or pattern that matches no layer" in result.output
    assert "Wrong:" in result.output
    assert "freeze: [block1_*, blok2_*]" in result.output
    unknown = CliRunner().invoke(cli, ["explain", "SC21"])
    assert unknown.exit_code == 2
    assert "SC201" in unknown.output


def test_schema() -> None:
    schema = json.loads(call("schema").output)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert "layer.Conv2D" in schema["definitions"]


@pytest.mark.parametrize("base", ["VGG16", "MobileNetV2"])
def test_init_writes_a_spec_that_checks_clean(base: str, tmp_path: Path) -> None:
    output = tmp_path / "start.yaml"
    assert call("init", base, "-o", str(output), "--classes", "3").exit_code == 0
    text = output.read_text(encoding="utf-8")
    assert "units: 3" in text
    assert check_spec(output) == ()
    uncommented = text.replace("# cut_at", "cut_at").replace("# insert:", "insert:").replace("#   - after", "  - after")
    uncommented = uncommented.replace("#     with: [{", "    with: [{").replace("\nfreeze: base\n", "\n")
    uncommented = uncommented.replace("# freeze: ", "freeze: ")
    lines = [line for line in uncommented.split("\n") if not line.startswith("# ")]
    if base == "VGG16":  # what stands in comments fits the base as well
        assert "cut_at: block4_pool" in uncommented
    output.write_text("\n".join(lines), encoding="utf-8")
    found = [each for each in check_spec(output) if each.code != "SC206"]
    assert found == []
    again = CliRunner().invoke(cli, ["init", base, "-o", str(output)])
    assert again.exception is not None


def test_init_of_a_misspelt_base(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["init", "ResNet5", "-o", str(tmp_path / "start.yaml")])
    assert "SC203" in str(result.exception)
    assert not (tmp_path / "start.yaml").exists()
