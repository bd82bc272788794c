"""What Keras said is known where there is no Keras: the same plan, and the same bytes of a model."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from spec_compiler import build_spec
from spec_compiler.backend.startup import start
from spec_compiler.diagnostics import SpecError
from spec_compiler.keras_facts import backends
from spec_compiler.locking.provenance import MEMBER
from tests.backend import sessions
from tests.backend.conftest import branching
from tests.bare import Bare

SPEC = """spec: 1
base: {file: base.keras}
seed: 5
cut_at: block2_add
head: [{GlobalMaxPooling2D: {}}, {Dense: {units: 3, name: kinds}}]
freeze: ..block1_add
"""


def members(path: Path) -> dict[str, bytes]:
    """What a file holds, less what it says of where it was built, and when."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name not in (MEMBER, "metadata.json")}


def test_a_plan_and_a_model_are_as_with_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    branching().save(tmp_path / "base.keras")
    (tmp_path / "spec.yaml").write_text(SPEC)
    bare = Bare(tmp_path / "bare")
    before = bare.run("plan", "spec.yaml", cwd=tmp_path)
    assert (before.returncode, "SC522" in before.stderr) == (2, True)
    asked = sessions.run(["spec-compiler plan spec.yaml"], tmp_path)
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        build_spec("spec.yaml", "with.keras")
    known, _, checked, built = bare.session(
        "plan spec.yaml",
        "diagram spec.yaml -o model.dot",
        "check --static spec.yaml",
        "build spec.yaml -o without.keras",
        cwd=tmp_path,
    )
    assert known.stdout == asked.output
    assert "+ kinds" in known.stdout
    assert "kinds" in (tmp_path / "model.dot").read_text()
    assert "topology and shapes): no errors" in checked.stdout
    assert built.returncode == 0, built
    model, same = ({name: members(tmp_path / name)} for name in ("with.keras", "without.keras"))
    assert {"config.json", "model.weights.h5"} <= model["with.keras"].keys()
    assert model["with.keras"] == same["without.keras"]


def test_a_keras_without_its_backend_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setattr("spec_compiler.backend.startup.is_installed", lambda name: name != "torch")
    with pytest.raises(SpecError, match=r"(?s)SC522.*run on PyTorch.*spec-compiler\[torch\].*KERAS_BACKEND=tensorflow"):
        start()


@pytest.mark.parametrize(
    ("written", "there", "chosen"),
    [
        ("tensorflow", ("tensorflow", "jax"), "tensorflow"),
        ("tensorflow", ("jax",), "jax"),
        ("jax", ("torch",), "torch"),
        ("jax", (), "jax"),
    ],
)
def test_keras_runs_on_what_is_installed(
    written: str, there: tuple[str, ...], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "is_installed", lambda name: name in there)
    assert backends.backend_for(written) == chosen
