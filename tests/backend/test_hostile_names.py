"""Names that would move a cursor, hide or turn a text: no command writes one to the terminal, or into a picture."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import spec_compiler.cli as cli_package
from spec_compiler import SpecError, check_spec, diagram
from spec_compiler.cli.commands.train import _Phases, end_text, history_text
from spec_compiler.cli.main import cli, main
from spec_compiler.cli.terminal import Shown, block, echo, joined, shown, style
from spec_compiler.diagnostics.printable import printable_lines
from spec_compiler.training.history import History, Row
from tests.backend.conftest import randomized

# Clears the screen; rings; a control sequence of eight bits; a title; turned text; a hidden space; a line of its own.
PARTS = {
    "escape": "\x1b[2J\x1b[31m",
    "bell": "\a\b\x7f",
    "c1": "\x9b2J\x85",
    "title": "\x1b]0;pwned\x07",
    "bidi": "\u202e\u2066\u200f",
    "hidden": "\u200b\ufeff\u00ad\U000e0041",
    "line": "\nerror: forged\r\u2028\u2029",
}
ALL = "".join(PARTS.values())


def raw(text: str) -> set[str]:
    """What of a text a terminal would obey, or not show."""
    return {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}


def hostile_model(part: str) -> Any:
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name=f"conv{part}")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", name=f"plain{part}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return randomized(keras.Model(inputs, keras.layers.Dense(3, name=f"top{part}")(x), name=f"model{part}"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    hostile_model(ALL).save(folder / "model.keras")
    hostile_model("").save(folder / "other.keras")
    (folder / "spec.yaml").write_text(
        "spec: 1\nbase: {file: model.keras}\nfreeze: ['conv*']\nset: [{layers: 'plain*', to: {strides: 1}}]\n"
        "head: [{Dense: {units: 2, name: last}}]\n",
        encoding="utf-8",
    )
    keras.utils.save_img(folder / f"image{PARTS['escape']}.png", np.zeros((8, 8, 3)), scale=False)
    (folder / "labels.txt").write_text("\n".join(f"class{each}{PARTS['escape']}" for each in "abc"), encoding="utf-8")
    return folder


def said(arguments: list[str]) -> str:
    """What a command writes to both streams, on a terminal that has colours."""
    result = CliRunner().invoke(cli, arguments)
    text = result.output + result.stderr
    if isinstance(result.exception, SpecError):
        text += str(result.exception) + repr(result.exception.diagnostics)
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return text


COMMANDS = {
    "check": ["check", "spec.yaml"],
    "check-github": ["check", "spec.yaml", "--format", "github"],
    "check-json": ["check", "spec.yaml", "--format", "json"],
    "check-sarif": ["check", "spec.yaml", "--format", "sarif"],
    "plan": ["plan", "spec.yaml"],
    "plan-markdown": ["plan", "spec.yaml", "--format", "markdown"],
    "plan-tree": ["plan", "spec.yaml", "--format", "tree"],
    "plan-json": ["plan", "spec.yaml", "--format", "json"],
    "layers": ["layers", "model.keras"],
    "layers-after": ["layers", "spec.yaml", "--after"],
    "layers-json": ["layers", "model.keras", "--format", "json"],
    "diff": ["diff", "model.keras", "other.keras"],
    "diff-markdown": ["diff", "other.keras", "model.keras", "--format", "markdown"],
    "build": ["build", "spec.yaml", "-o", "built.keras", "--force", "--prove"],
    "init": ["init", "model.keras", "-o", "new.yaml", "--force"],
    "predict": ["predict", "other.keras", ".", "--labels", "labels.txt"],
    "predict-csv": ["predict", "other.keras", ".", "--labels", "labels.txt", "--format", "csv"],
    "predict-a-name": ["predict", "model.keras", ".", "--labels", "labels.txt"],
    "features": ["features", "other.keras", ".", "-o", "found.npz", "--force"],
    "features-of-a-name": ["features", "model.keras", ".", "-o", "found.npz", "--force"],
    "features-of-no-layer": ["features", "other.keras", ".", "-o", "found.npz", "--force", "--layer", "none\x1b[2J"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_finding_S14_no_command_writes_a_raw_name(command: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    text = said(COMMANDS[command])
    assert text
    assert raw(text) == set()
    assert not [line for line in text.splitlines() if line.startswith("error: forged")]


@pytest.mark.parametrize("suffix", ["svg", "html", "mmd", "dot"])
def test_finding_S14_no_picture_holds_one(suffix: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    said(["diagram", "spec.yaml", "-o", f"picture.{suffix}", "--force"])
    text = (project / f"picture.{suffix}").read_text(encoding="utf-8")
    assert raw(text) - {"\t"} == set()


def test_finding_S14_the_report_shows_escapes_where_it_is_opened() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    script = (Path(diagram.__file__ or "").parent / "page" / "data.js").read_text(encoding="utf-8")
    functions = [line for line in script.splitlines() if line.startswith(("const escaped", "const printable"))]
    program = "\n".join([*functions, f"process.stdout.write(printable({json.dumps('a' + ALL)}))"])
    run = subprocess.run([node, "-e", program], capture_output=True, text=True, encoding="utf-8", check=True)
    assert run.stdout == printable_lines("a" + ALL)


@pytest.mark.parametrize("suffix", ["txt", "md"])
def test_finding_S14_no_written_plan_holds_one(suffix: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    said(["plan", "spec.yaml", "-o", f"plan.{suffix}", "--force"])
    assert raw((project / f"plan.{suffix}").read_text(encoding="utf-8")) == set()


SPECS = {
    "an-unknown-key": '"frez{0}": x',
    "an-unknown-layer": 'freeze: ["conv_1{0}"]',
    "a-class": 'head: ["Den{0}"]',
    "an-argument": 'head: [{{Dense: {{units: 3, "unit{0}": 3}}}}]',
    "a-value": 'head: [{{Dense: "{0}"}}]',
    "a-file": 'base: {{file: "no{0}.keras"}}',
    "a-name": 'name: "own{0}"\nhead: [{{Dense: {{units: 3, name: "a{0}"}}}}]\nfreeze: [nothing]',
    "a-phase": 'compile: {{optimizer: "ad{0}", loss: mse}}\ntrain: [{{name: "one{0}", epochs: 0}}]',
    "a-variable": 'vars: {{a: "{0}"}}\nhead: ["${{a}}"]',
    "text-itself": "frez: x # \u202e turned \u2066 \u200b",
}


@pytest.mark.parametrize("format_", ["text", "github", "json"])
@pytest.mark.parametrize("name", SPECS)
def test_finding_S14_specs_with_such_texts(
    name: str, format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    escaped = "".join(f"\\U{ord(each):08x}" for each in ALL)
    body = SPECS[name].format(escaped) if name != "text-itself" else SPECS[name]
    base = "" if body.startswith("base") else "base: {application: VGG16, weights: null}\n"
    (tmp_path / "spec.yaml").write_text(f"spec: 1\n{base}{body}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = said(["check", "spec.yaml", "--static", "--format", format_])
    assert raw(text) == set()
    assert not [line for line in text.splitlines() if line.startswith("error: forged")]
    assert raw("".join(map(str, check_spec("spec.yaml", static=True)))) == set()


def test_the_caret_stands_under_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "spec: 1\nbase: {application: VGG16, weights: null}\nhead: [{Dense: 3, name: '\u202eab'}, {Dens: 3}]\n",
        encoding="utf-8",
    )
    for each in check_spec(tmp_path / "spec.yaml", static=True):
        lines = str(each).splitlines()
        if "Dens" in each.message:
            assert lines[-2].index("^") == lines[-3].index("Dens:")
            return
    raise AssertionError("nothing was found")


def test_a_mistake_in_the_call_is_shown_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["check"], ["nothing\x1b[2J"], ["check", "--no\x1b[2J"], ["check", "none\x1b[2J\u202e.yaml"]):
        monkeypatch.setattr("sys.argv", ["spec-compiler", *arguments])
        with pytest.raises(SystemExit):
            main()
        captured = capsys.readouterr()
        assert raw(captured.out + captured.err) == set()


def test_what_a_run_says_of_its_phases(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"one{ALL}"
    _Phases()(SimpleNamespace(phase=name, epochs=2), 10)
    echo(history_text(History((Row(1, name, {"loss": 0.5}, 0.001, 2.0),))))
    echo(shown(end_text({"phase": name, "by": None, "back_to": 3, "epochs": 1, "of": 1, "monitor": ""})))
    captured = capsys.readouterr()
    assert raw(captured.out + captured.err) == set()
    assert "error: forged" in captured.out
    assert not [line for line in captured.out.splitlines() if line.startswith("error: forged")]


def test_every_output_passes_the_gate() -> None:
    """No module of the command line writes or colours a text in another way."""
    other_ways = re.compile(r"click\.(?:echo|secho|style|echo_via_pager)|\bprint\(|\.std(?:out|err)\.write")
    for file in Path(cli_package.__file__ or "").parent.glob("*.py"):
        code = re.sub(r">>> .*", "", file.read_text(encoding="utf-8"))
        assert file.name == "terminal.py" or not other_ways.search(code), file.name


def test_only_what_the_gate_makes_is_obeyed() -> None:
    red = style("a\x1b[2Jb\n", fg="red")
    assert red == "\x1b[31ma\\u001b[2Jb\\u000a\x1b[0m"
    assert isinstance(red + "\x1b", Shown)
    assert str("\n" + red).startswith("\\u000a\x1b[31m")
    assert joined(["a\nb", red]).count("\n") == 1
    assert block("a\r\nb") == "a\\u000d\nb"
    assert block(f"{red}") == "\\u001b[31ma\\u001b[2Jb\\u000a\\u001b[0m"  # a colour that went another way is shown
