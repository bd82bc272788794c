"""`lock`, `--locked`, `plan -o plan.json` and `apply` on models that Keras reads: what changed is named at its line."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from spec_compiler import (
    Lock,
    SpecError,
    apply_plan,
    check_spec,
    compile_spec,
    lock_spec,
    plan_spec,
    train_spec,
    verify_model,
)
from spec_compiler.locking import read_lock
from spec_compiler.memory.answers import Memory
from spec_compiler.planning import planned
from spec_compiler.spec import load_spec
from spec_compiler.spec.permissions import EVERYTHING
from tests.backend import sessions
from tests.backend.calls import call
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized
from tests.markdown import blocks

ROOT = Path(__file__).parents[2]
MODULE = """\
import keras
from parts import RATE


@keras.saving.register_keras_serializable("mine")
class Scale(keras.layers.Layer):
    def __init__(self, factor=RATE, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
"""
SPEC = """\
spec: 1
seed: 5
base: {spec: cut.yaml}
insert:
  - {after: block2_relu, with: ["my_layers:Scale": {factor: 3}]}
head:
  - Dense: {units: 4, activation: tanh, name: answer}
freeze: base
"""
CUT = """\
spec: 1
base: {file: base.keras, weights: other.keras}
cut_at: pool
set: [{layers: block1_conv1, to: {kernel_size: 5}, weights: centre}]
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and other weights for it."""
    folder = tmp_path_factory.mktemp("models")
    model = branching()
    model.save(folder / "base.keras")
    randomized(model, seed=11).save(folder / "other.keras")
    randomized(model, seed=12).save(folder / "third.keras")
    return folder


@pytest.fixture
def project(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec of a spec, with code of its own, weights that are not the model's, and a lock."""
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    files = {"spec.yaml": SPEC, "cut.yaml": CUT, "my_layers.py": MODULE, "parts.py": "RATE = 2\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert call("lock", "spec.yaml", "--allow-code").exit_code == 0
    return tmp_path


def refused(**options: Any) -> list[tuple[str, int | None, str]]:
    """What a locked build says, each with its line and without a model made."""
    with pytest.raises(SpecError) as caught:
        compile_spec("spec.yaml", allow_code=True, locked=True, **options)
    return [(each.code, each.line, each.message) for each in caught.value.diagnostics]


def test_a_locked_build_is_the_build(project: Path) -> None:
    lock = read_lock("spec.lock")
    Draft202012Validator(json.loads((ROOT / "schemas" / "lock.schema.json").read_text())).validate(lock.to_json())
    assert set(lock.files) == {"base.keras", "other.keras", "cut.yaml", "my_layers.py", "parts.py"}
    one = compile_spec("spec.yaml", allow_code=True, locked=True)
    two = compile_spec("spec.yaml", allow_code=True)
    assert_same_bits(one.model.get_weights(), two.model.get_weights())
    assert [*lock.result["layers"]] == [*one.plan.after.calls]
    assert lock.result["parameters"] == two.model.count_params()


@pytest.mark.parametrize("name", ["base.keras", "other.keras", "cut.yaml", "my_layers.py", "parts.py"])
def test_each_file_is_named_at_its_line(project: Path, name: str) -> None:
    content = (project / name).read_bytes()
    (project / name).write_bytes(content + b"\n")  # of an archive Keras itself would not mind
    found = refused()
    assert (found[0][0], found[0][1]) == ("SC517", 5 if name.endswith(".py") else 3)
    assert f"`{name}` is not as `spec.lock` knows it" in found[0][2]
    (project / name).write_bytes(content)
    compile_spec("spec.yaml", allow_code=True, locked=True)


def test_a_changed_module_does_not_run(project: Path) -> None:
    (project / "parts.py").write_text("raise SystemExit('it ran')\n")
    assert [each[:2] for each in refused()] == [("SC517", 5)]


def test_weights_of_other_values_in_a_file_of_the_same_size(project: Path) -> None:
    shutil.copy("third.keras", "other.keras")
    assert refused() == [("SC517", 3, "the weights file `other.keras` is not as `spec.lock` knows it")]


def test_another_keras(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_lock("spec.lock").versions["keras"] == keras.__version__
    monkeypatch.setattr(importlib.import_module("spec_compiler.locking.versions"), "keras_version", lambda: "3.0.1")
    message = f"Keras is 3.0.1, `spec.lock` was made with {keras.__version__}"
    assert refused() == [("SC517", 1, message)]


def test_another_setting_of_keras(project: Path) -> None:
    keras.config.set_epsilon(1e-5)
    try:
        assert refused() == [("SC517", 1, "Keras's `epsilon` is `1e-05`, `spec.lock` was made with `1e-07`")]
    finally:
        keras.config.set_epsilon(1e-7)


def test_all_commands_hold_a_spec_to_its_lock(project: Path) -> None:
    (project / "spec.yaml").write_text(SPEC.replace("units: 4", "units: 3"))
    for words in (["plan", "spec.yaml"], ["check", "spec.yaml"], ["build", "spec.yaml", "-o", "out.keras"]):
        try:
            output = call(*words, "--locked", "--allow-code").output
        except SpecError as error:
            output = str(error)
        assert "error[SC517]: `head[0].Dense.units` is `3`, `spec.lock` has `4`" in output
        assert "--> spec.yaml:7:20" in output
    assert not (project / "out.keras").exists()


def test_what_is_planned_otherwise_though_nothing_else_changed(project: Path) -> None:
    lock = read_lock("spec.lock")
    lines = {**lock.result["layers"], "answer": "Dense (None, 4) 36 0000000000000000"}
    other = Lock(**{**vars(lock), "result": {**lock.result, "layers": lines}})
    with pytest.raises(SpecError) as caught:
        plan_spec("spec.yaml", allow_code=True, locked=other)
    (found,) = caught.value.diagnostics
    assert (found.code, found.line) == ("SC517", 7)
    assert found.message == "the layer `answer` is not as the lock knows it"


def test_a_lock_elsewhere(project: Path) -> None:
    words = ["--allow-code", "--set", "head[0].Dense.units=7"]
    assert call("lock", "spec.yaml", *words, "-o", "locks/seven.lock").exit_code == 0
    assert call("plan", "spec.yaml", *words, "--lock", "locks/seven.lock").exit_code == 0
    assert compile_spec(
        "spec.yaml", allow_code=True, locked="locks/seven.lock", overrides=[words[2]]
    ).model.output_shape == (None, 7)


def test_a_lock_is_renewed_and_says_what_changed(project: Path) -> None:
    before = (project / "spec.lock").read_bytes()
    assert "spec.lock is as it was: 5 files" in call("lock", "spec.yaml", "--allow-code").output
    assert (project / "spec.lock").read_bytes() == before
    shutil.copy("third.keras", "other.keras")
    said = call("lock", "spec.yaml", "--allow-code").output
    assert "  the weights file `other.keras` is not as the old lock knows it\nrenewed spec.lock" in said
    compile_spec("spec.yaml", allow_code=True, locked=True)
    (project / "spec.lock").write_text("{}")
    with pytest.raises(SpecError, match=r"SC508.*`spec\.lock` already exists"):
        call("lock", "spec.yaml", "--allow-code")


def test_keras_and_the_memory_plan_what_has_one_digest(models: Path) -> None:
    spec = {"spec": 1, "base": {"application": "MobileNetV3Small", "weights": None}, "cut_at": "expanded_conv_2_add"}
    for each in (spec, {"spec": 1, "base": {"file": str(models / "base.keras")}, "head": [{"Dense": 3}]}):
        by_keras = lock_spec(each)
        loaded = load_spec(each)
        remembered = planned(loaded, Memory(), EVERYTHING).plan
        assert remembered is not None
        assert compile_spec(each, locked=by_keras).plan.to_json() == remembered.to_json()
        again = lock_spec(each)
        assert again == by_keras


def test_imagenet_weights_are_those_that_keras_has_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(folder / "home"))
    body = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3), alpha=0.35)
    with sessions.offline(folder):
        name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
        body.save_weights(folder / "served" / "weights.weights.h5")
        shutil.move(folder / "served" / "weights.weights.h5", folder / "served" / name)
        (folder / "spec.yaml").write_text(
            "spec: 1\nbase: {application: MobileNetV2, include_top: false, input_shape: [96, 96, 3], alpha: 0.35}\n"
            "cut_at: block_1_expand\n"
        )
        said = sessions.run(["spec-compiler lock spec.yaml"], folder)
        assert said.status == 0, said.output
        lock = read_lock(str(folder / "spec.lock"))
        assert [*lock.files] == [f"keras:{name}"]
        assert lock.files[f"keras:{name}"].num_bytes == (folder / "served" / name).stat().st_size
        assert sessions.run(["spec-compiler build spec.yaml -o a.keras --locked"], folder).status == 0
        randomized(body).save_weights(folder / "other.weights.h5")
        shutil.copy(folder / "other.weights.h5", folder / "home" / "models" / name)  # Keras knows no hash of it
        found = sessions.run(["spec-compiler build spec.yaml -o b.keras --locked"], folder)
        assert f"the weights file `{name}` is not as `spec.lock` knows it" in found.output
        assert "--> spec.yaml:2:" in found.output
        # gone, and another one is served: it is compared once it is there
        (folder / "home" / "models" / name).unlink()
        shutil.copy(folder / "other.weights.h5", folder / "served" / name)
        assert (
            "`spec.lock` knows it" in sessions.run(["spec-compiler build spec.yaml -o b.keras --locked"], folder).output
        )
        assert not (folder / "b.keras").exists()


def test_data_is_held_to_the_lock_by_train_alone(session_folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    sessions.copied(session_folder, tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(
        "spec: 1\nbase: {file: model.keras}\ndata: {train: pictures, batch_size: 4}\n"
        "compile: {optimizer: adam, loss: categorical_crossentropy}\ntrain: [{phase: one, epochs: 1}]\n"
    )
    assert call("lock", "spec.yaml").exit_code == 0
    (tmp_path / "pictures" / "cat" / "0.png").rename(tmp_path / "pictures" / "cat" / "9.png")
    compile_spec("spec.yaml", locked=True)
    assert [each.code for each in check_spec("spec.yaml", locked=True)] == ["SC517"]
    with pytest.raises(SpecError, match=r"the data `pictures` is not as `spec\.lock` knows it"):
        train_spec("spec.yaml", "run", locked=True)
    assert not (tmp_path / "run").exists()


def test_a_plan_is_applied(project: Path) -> None:
    said = call("plan", "spec.yaml", "--allow-code", "--set", "head[0].Dense.units=6", "-o", "plans/six.json")
    assert said.exit_code == 0
    plan = json.loads((project / "plans" / "six.json").read_text())
    schema = json.loads((ROOT / "schemas" / "plan.schema.json").read_text())
    del schema["properties"]["apply"]["properties"]["lock"]
    Draft202012Validator(schema).validate(plan)
    assert str(project) not in json.dumps(plan)
    assert call("apply", "plans/six.json", "-o", "six.keras", "--allow-code").exit_code == 0
    built = compile_spec("spec.yaml", allow_code=True, overrides=["head[0].Dense.units=6"])
    loaded = keras.models.load_model("six.keras")
    images = np.random.default_rng(2).normal(size=(2, 16, 16, 3)).astype("float32")
    assert_same_bits(outputs_of(loaded, images), outputs_of(built.model, images))
    assert verify_model("six.keras", allow_code=True)  # which says what was overridden, too
    ledger = json.loads((project / "six.ledger.json").read_text())
    assert ledger["rows"] == json.loads(json.dumps(built.weights.to_json()))["rows"]


@pytest.mark.parametrize(
    ("change", "message", "line"),
    [
        (("spec.yaml", "units: 4", "units: 5"), "`head[0].Dense.units` is `5`, `plan.json` has `4`", 7),
        (("cut.yaml", "kernel_size: 5", "kernel_size: 7"), "the spec `cut.yaml` is not as `plan.json` knows it", 3),
        (("parts.py", "2", "3"), "the module `parts.py` is not as `plan.json` knows it", 5),
    ],
    ids=["the spec", "another spec", "a module"],
)
def test_a_stale_plan_is_refused(project: Path, change: tuple[str, str, str], message: str, line: int) -> None:
    call("plan", "spec.yaml", "--allow-code", "-o", "plan.json")
    file, old, new = change
    (project / file).write_text((project / file).read_text().replace(old, new))
    with pytest.raises(SpecError) as caught:
        apply_plan("plan.json", allow_code=True)
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.message) == ("SC517", line, message)
    assert found.help is not None
    again = found.help.partition("plan it anew: `spec-compiler ")[2].rstrip("`").split()
    assert call(*again, "--allow-code").exit_code == 0
    apply_plan("plan.json", allow_code=True)


def test_a_plan_whose_spec_is_gone_builds_what_it_shows(project: Path) -> None:
    call("plan", "spec.yaml", "--allow-code", "-o", "plan.json")
    whole = compile_spec("spec.yaml", allow_code=True)
    (project / "spec.yaml").unlink()
    assert_same_bits(apply_plan("plan.json", allow_code=True).model.get_weights(), whole.model.get_weights())


def test_a_plan_may_do_no_more_than_a_spec(project: Path) -> None:
    call("plan", "spec.yaml", "--allow-code", "-o", "plan.json")
    with pytest.raises(SpecError, match="SC112"):
        apply_plan("plan.json")
    (project / "below").mkdir()
    call("plan", "spec.yaml", "--allow-code", "-o", "below/plan.json")
    with pytest.raises(SpecError, match=r"SC510.*the spec `spec\.yaml` is not in the folder of `below/plan\.json`"):
        apply_plan("below/plan.json", allow_code=True, restrict_paths=True)
    apply_plan("plan.json", allow_code=True, restrict_paths=True)


def test_a_plan_with_a_policy(project: Path) -> None:
    (project / "org.yaml").write_text("expect: {parameters: {at_most: 1M}}\n")
    call("plan", "spec.yaml", "--allow-code", "--policy", "org.yaml", "-o", "plan.json")
    apply_plan("plan.json", allow_code=True)
    (project / "org.yaml").write_text("expect: {parameters: {at_most: 2M}}\n")
    with pytest.raises(SpecError) as caught:
        apply_plan("plan.json", allow_code=True)
    assert {each.code for each in caught.value.diagnostics} == {"SC517"}
    assert "policy" in caught.value.diagnostics[0].message


def test_a_plan_of_weights_that_are_not_there_is_shown_all_the_same(project: Path) -> None:
    (project / "other.keras").unlink()
    said = call("plan", "cut.yaml", "-o", "plan.json")
    assert said.exit_code == 0
    assert "plan.json shows the plan, it cannot be applied: no weights file `other.keras`" in said.output
    with pytest.raises(SpecError, match="SC518"):
        apply_plan("plan.json")


def test_code_that_a_saved_model_names_is_found_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_layers.py").write_text(MODULE)
    (tmp_path / "parts.py").write_text("RATE = 2\n")
    (tmp_path / "made.yaml").write_text(
        "spec: 1\nbase: {application: MobileNetV2, weights: null, input_shape: [32, 32, 3]}\ncut_at: Conv1_relu\n"
        'head: ["my_layers:Scale": {factor: 3}]\n'
    )
    assert call("build", "made.yaml", "-o", "models/made.keras", "--allow-code").exit_code == 0
    for name in ("my_layers.py", "parts.py"):
        shutil.move(name, "models")
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: models/made.keras}\nfreeze: all\n")
    lock = lock_spec("spec.yaml", allow_code=True)
    assert {*lock.files} == {"models/made.keras", "models/my_layers.py", "models/parts.py"}
    (tmp_path / "models" / "parts.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(SpecError, match=r"SC517.*the module `models/parts\.py`"):
        compile_spec("spec.yaml", allow_code=True, locked=lock)


def test_the_commands_of_the_page_run(session_folder: Path, tmp_path: Path) -> None:
    sessions.copied(session_folder, tmp_path)
    text = "spec: 1\nbase: {file: model.keras}\ncut_at: pool\nhead: [{Dense: {units: 3, name: more}}]\n"
    (tmp_path / "spec.yaml").write_text(text)
    for block in blocks(ROOT / "docs" / "lock.md", "console"):
        for command in sessions.commands(block):
            done = sessions.run([command], tmp_path)
            assert done.status == 0, done.output
            if "lock spec" in command:
                assert done.output.startswith("saved spec.lock: 1 file, 4 layers, ")
