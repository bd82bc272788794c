"""What never loads Keras, measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "fixtures" / "invalid"
SPECS = Path(__file__).parents[2] / "specs"
REPORT = "import sys; print(sorted({'keras', 'tensorflow', 'h5py', 'jax', 'torch'} & sys.modules.keys()))"


def run(code: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import spec_compiler",
        "import spec_compiler.cli, spec_compiler.diagram",
        f"from spec_compiler import check_spec; assert check_spec({str(FOLDER / 'SC106-argument.yaml')!r})",
        f"from spec_compiler import check_spec; check_spec({str(SPECS / 'vgg16_fast_stem.yaml')!r}, static=True)",
        f"from spec_compiler import load_spec; load_spec({str(SPECS / 'hed_edges.yaml')!r})",
    ],
)
def test_it_is_not_imported(code: str) -> None:
    status, printed = run(f"{code}\n{REPORT}")
    assert (status, printed.strip().splitlines()[-1]) == (0, "[]"), printed


def test_the_command_does_not_import_it_for_a_mistake_in_the_fields() -> None:
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
    status, printed = run(code)
    assert status == 0, printed
    assert "error[SC101]" in printed
    assert {"status 1", "[]"} <= set(printed.splitlines())
