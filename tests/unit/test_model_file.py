"""A folder in the place of a model says which file in it is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_compiler.diagnostics import SpecError
from spec_compiler.spec.file_paths import model_file


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"(?s)SC501.*is a folder, not a model.*name a `.keras` or `.h5` file"):
        model_file(str(tmp_path))


def test_of_a_run_the_best_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "best.keras").touch()
    with pytest.raises(SpecError, match=f"name the model in it: `{tmp_path}/best.keras`"):
        model_file(str(tmp_path))
