"""What never loads Keras, measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.forked import Forked

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"
SPECS = Path(__file__).parents[2] / "specs"
REPORT = "import sys; print(sorted({'keras', 'tensorflow', 'h5py', 'jax', 'torch'} & sys.modules.keys()))"


@pytest.mark.parametrize("name", ["spec_compiler", "spec_compiler.cli, spec_compiler.diagram"])
def test_importing_does_not_import_it(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}\n{REPORT}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "code",
    [
        "pass",
        f"from spec_compiler import check_spec; assert check_spec({str(FOLDER / 'SC106-argument.yaml')!r})",
        f"from spec_compiler import check_spec; check_spec({str(SPECS / 'vgg16_fast_stem.yaml')!r}, static=True)",
        f"from spec_compiler import load_spec; load_spec({str(SPECS / 'hed_edges.yaml')!r})",
    ],
)
def test_it_is_not_imported(commands: Forked, code: str) -> None:
    done = commands.run(f"{code}\n{REPORT}")
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["[]"]), done


@pytest.mark.parametrize(
    "name", [FOLDER / "SC106-argument.yaml", SPECS / "vgg16_fast_stem.yaml", SPECS / "hed_edges.yaml"], ids=str
)
def test_a_check_of_a_spec_without_data_loads_no_numpy(name: Path) -> None:
    code = f"from spec_compiler import check_spec; check_spec({str(name)!r}, static=True)\n"
    code += "import sys; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_does_not_import_it_for_a_mistake_in_the_fields(commands: Forked) -> None:
    code = f"""
import sys
sys.argv = ["spec-compiler", "check", {str(FOLDER / "SC101-section.yaml")!r}]
from spec_compiler.cli import main
try:
    main()
except SystemExit as stop:
    print("status", stop.code)
{REPORT}
"""
    done = commands.run(code)
    assert done.returncode == 0, done
    assert "error[SC101]" in done.stdout
    assert {"status 1", "[]"} <= set(done.stdout.splitlines())


SPEC = """
spec: 1
base: {application: VGG16, weights: null}
data: {train: DATA}
compile: {optimizer: adam, loss: categorical_crossentropy}
train: [{phase: head, freeze: base, epochs: 1}]
"""


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (SPEC.replace("DATA", "nowhere"), "train_spec('spec.yaml', 'run')", "SC602"),
        (SPEC.replace("DATA", "images"), "train_spec('spec.yaml', 'old')", "SC608"),
        (SPEC.replace("weights: null", "weights: no.weights.h5"), "train_spec('spec.yaml', 'run')", "SC501"),
    ],
)
def test_it_is_not_imported_to_say_that_a_file_is_missing_or_there(
    commands: Forked, tmp_path: Path, text: str, code: str, says: str
) -> None:
    for name in ("images/cat", "images/dog", "old"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("images/cat/1.png", "images/dog/1.png", "old/summary.json"):
        (tmp_path / name).touch()
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    attempt = f"try: {code}\nexcept SpecError as error: print(error)"
    imports = "from spec_compiler import SpecError; from spec_compiler.trainer import train_spec"
    done = commands.run(f"{imports}\n{attempt}\n{REPORT}", folder=tmp_path)
    assert done.returncode == 0, done
    assert f"error[{says}]" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "run").exists()
