"""`check --fix` with Keras: what only a model can tell is mended too, where one fix alone works."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from click.testing import CliRunner, Result

from spec_compiler.cli.main import cli

SPEC = """\
spec: 1
base: {file: base.keras}   # tiny
insert:
  - after: convv
    with:
      - {Conv2D: {filters: 4, kernel_size: 1, name: stem}}   # as wide as it must be
head:
  - Flatten
  - Dense: '3'
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    keras.Model(inputs, keras.layers.Conv2D(2, 3, name="last")(hidden)).save("base.keras")
    return tmp_path


def run(text: str, *words: str) -> Result:
    Path("spec.yaml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["check", "--fix", "spec.yaml", *words])


def test_names_of_a_model_are_mended(folder: Path) -> None:
    result = run(SPEC)
    after = Path("spec.yaml").read_text(encoding="utf-8")
    assert after == SPEC.replace("convv", "conv").replace("'3'", "3"), result.output
    assert result.output.startswith(
        "fixed SC201 spec.yaml:4:12: `convv` → `conv`\nfixed SC107 spec.yaml:9:12: `'3'` → `3`\n"
    )
    assert "no errors" in result.output
    assert result.exit_code == 0


def test_of_two_fixes_of_a_shape_none_is_written(folder: Path) -> None:
    wrong = SPEC.replace("convv", "conv").replace("'3'", "3").replace("filters: 4", "filters: 5")
    result = run(wrong)
    assert "= help: set `filters: 4` in `stem`,\n" in result.output
    assert Path("spec.yaml").read_text(encoding="utf-8") == wrong
    assert result.exit_code == 1


def test_the_only_fix_of_a_shape_is_written(folder: Path) -> None:
    right = "spec: 1\nbase: {file: base.keras}\nhead:\n  - MaxPooling2D: {pool_size: 9, padding: same}  # of all\n"
    wrong = right.replace(", padding: same", "")
    result = run(wrong)
    assert Path("spec.yaml").read_text(encoding="utf-8") == right, result.output
    assert "fixed SC401 spec.yaml:4:" in result.output
    assert result.exit_code == 0


def test_zeros_around_larger_kernels_are_written_where_nothing_else_mends(folder: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    keras.Model(inputs, keras.layers.Conv2D(2, 1, name="last")(hidden)).save("base.keras")  # of another size
    wrong = "spec: 1\nbase: {file: base.keras}\nset:\n  - layers: type:Conv2D  # both\n    to: {kernel_size: 4}\n"
    result = run(wrong)
    assert Path("spec.yaml").read_text(encoding="utf-8") == f"{wrong}    weights: centre\n", result.output
    assert result.exit_code == 0


def test_zeros_around_one_larger_kernel_are_one_way_of_several(folder: Path) -> None:
    wrong = "spec: 1\nbase: {file: base.keras}\nset:\n  - {layers: last, to: {kernel_size: 4}}\n"
    result = run(wrong)
    assert "= help: add `weights: centre`, which puts zeros around the old kernel,\n" in result.output
    assert Path("spec.yaml").read_text(encoding="utf-8") == wrong
