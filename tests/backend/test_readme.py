"""README and the pages are run: the Python does what its comments say, commands print what stands below them."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import pytest

from spec_compiler import load_spec, plan_spec
from tests.backend.calls import call
from tests.backend.pictures import write_pictures
from tests.backend.sessions import commands, run
from tests.markdown import GUIDE, IN_PYTHON, README, ROOT, blocks, sessions


def words(text: str) -> str:
    """The text without its line breaks: README wraps long lines."""
    return "\n".join(text.split())


@pytest.mark.parametrize(
    ("commands", "said"), sessions(README), ids=[each[0][-1].split()[1] for each in sessions(README)]
)
def test_finding_N18_commands_print_what_readme_shows(commands: list[str], said: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    assert words(run(commands, tmp_path).output) == words(said)


def test_finding_N18_readme_shows_a_session() -> None:
    assert [commands[-1].split()[1] for commands, _ in sessions(README)] == ["build"]


def test_finding_N18_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = "{application: VGG16, weights: imagenet, include_top: false, input_shape: [32, 32, 3]}"
    Path("spec.yaml").write_text(f"spec: 1\nbase: {base}\ncut_at: block2_pool\n", encoding="utf-8")
    write_pictures(tmp_path / "pictures", names=("cat", "dog"), each=2, size=32)
    Path("train.yaml").write_text(TRAINED, encoding="utf-8")
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    before = [weight.copy() for weight in model.get_weights()]
    call("plan", "spec.yaml", "--set", "base.weights=null", "-o", "plan.json")
    found: dict[str, object] = {"my_model": model}
    (code,) = blocks(IN_PYTHON, "python")
    exec(code, found)
    compiled = found["compiled"]
    assert isinstance(compiled.model, keras.Model)  # type: ignore[attr-defined]
    assert compiled.plan.to_json()["summary"]["dropped"] == 12  # type: ignore[attr-defined]
    assert all((one == other).all() for one, other in zip(before, model.get_weights(), strict=True))
    assert found["check_spec"]("spec.yaml") == ()  # type: ignore[operator]
    assert load_spec("spec.yaml").cut_at is not None
    assert found["report"].num_samples == 2  # type: ignore[attr-defined]


TRAINED = """
spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
cut_at: block1_pool
head: [GlobalAveragePooling2D, {Dense: {units: 2, activation: softmax}}]
data: {train: pictures, validation: 0.5}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}
train: [{phase: head, freeze: base, epochs: 1}]
"""


def test_the_commands_for_a_trained_model_run(tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", names=("cat", "dog"), each=1, size=32)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D(name="global_average_pooling2d")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    (tmp_path / "runs" / "x").mkdir(parents=True)
    model.save(tmp_path / "runs" / "x" / "best.keras")
    (block,) = [each for each in blocks(ROOT / "docs" / "training.md", "console") if "--top 3" in each]
    for command in commands(block):
        done = run([command], tmp_path)
        assert done.status == 0, done.output
    assert (tmp_path / "features.npz").exists()


def test_squeeze_and_excitation_fits_every_width() -> None:
    (section,) = [block for block in blocks(GUIDE, "yaml") if block.startswith("insert:")]
    base = "{application: ResNet50, weights: null, include_top: false, input_shape: [32, 32, 3]}"
    plan = plan_spec(f"spec: 1\nbase: {base}\n{section}")
    filters = [
        layer.arguments["filters"]
        for layer in plan.after.layers.values()
        if layer.is_new and layer.class_name == "Conv2D"
    ]
    widths = [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 3
    assert filters == [filters for width in widths for filters in (width // 16, width)]
