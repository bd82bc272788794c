"""What `init` writes: it checks clean, trains when its comments are taken away, and cuts where nothing goes around."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import pytest
from click.testing import CliRunner, Result

from spec_compiler import check_spec, plan_spec
from spec_compiler.cli.main import cli
from spec_compiler.graph.narrow import narrow_places, places_to_cut
from spec_compiler.keras_facts import catalogue
from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures

PLACES = {
    "VGG16": "block4_pool",
    "ResNet50": "conv4_block6_out",
    "MobileNetV3Small": "expanded_conv_7_add",
    "InceptionV3": "mixed7",
    "EfficientNetB0": "block5c_add",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "data" / "train", classes=2, each=4)
    return tmp_path


LONG = [pytest.param(name, marks=pytest.mark.slow) for name in ("NASNetMobile", "DenseNet121")]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def uncommented(text: str) -> str:
    """The text with everything in it that a user may take the comments away from."""
    lines = re.sub(r"\nfreeze: base\n", "\n", text).splitlines()
    keys = r"# (cut_at|insert|freeze|data|compile|train):|#  +(-|\w+:) ?"
    return "\n".join(line[2:] if re.match(keys, line) else line for line in lines) + "\n"


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if each == "InceptionV3" else ()) for each in PLACES]
)
def test_a_new_user_gets_all_that_training_needs_finding_N2_N4_N17(name: str, here: Path) -> None:
    result = call("init", name, "--classes", "2")
    assert result.exit_code == 0, result.output
    text = (here / f"{name}.yaml").read_text()
    assert check_spec(here / f"{name}.yaml") == ()
    assert ("input: {preprocess: auto}" in text) is (name not in ("MobileNetV3Small", "EfficientNetB0"))
    everything = uncommented(text)
    for key in ("cut_at", "insert", "data", "compile", "train"):
        assert f"\n{key}:" in everything
    assert f"\ncut_at: {PLACES[name]} " in everything
    (here / f"{name}.yaml").write_text(everything)
    assert check_spec(here / f"{name}.yaml") == ()


def test_a_folder_of_images_says_the_classes_finding_N2(here: Path) -> None:
    branching().save(here / "model.keras")
    assert call("init", "model.keras", "--data", "data/train", "-o", "start.yaml").exit_code == 0
    text = (here / "start.yaml").read_text()
    assert "units: 2" in text
    assert "\ndata: {train: data/train, validation: 0.2" in text
    assert check_spec(here / "start.yaml") == ()
    short = text.replace("epochs: 5", "epochs: 1").replace("Adam: {learning_rate: 1.0e-3}", "Adam: 0.01")
    (here / "start.yaml").write_text(short)
    result = call("train", "start.yaml", "-o", "run", "-q", "--no-tensorboard")
    assert result.exit_code == 0, (result.output, result.exception)
    again = call("init", "run/best.keras", "-o", "again.yaml")  # finding_N5
    assert again.exit_code == 0, (again.output, again.exception)
    assert check_spec(here / "again.yaml") == ()
    graph = plan_spec(here / "again.yaml").after
    assert [spec.shape for spec in [graph.spec_of(graph.output_refs[0])] if spec] == [(None, 10)]


def test_a_table_of_images_says_the_classes_and_its_columns(here: Path) -> None:
    branching().save(here / "model.keras")
    files = sorted((here / "data" / "train").rglob("*.png"))
    rows = [f"{file.relative_to(here)},{file.parent.name},{number}" for number, file in enumerate(files)]
    (here / "labels.csv").write_text("\n".join(["file,kind of animal,number", *rows]))
    call_it = ("init", "model.keras", "--data", "labels.csv", "-o", "start.yaml")
    assert "one of `kind of animal`, `number`" in call(*call_it).output
    assert "has no column `kind`" in str(call(*call_it, "--label", "kind").exception)
    assert call(*call_it, "--label", "kind of animal").exit_code == 0
    text = (here / "start.yaml").read_text()
    assert "units: 2" in text
    assert '\ndata: {train: labels.csv, inputs: file, targets: "kind of animal", validation: 0.2' in text
    assert check_spec(here / "start.yaml") == ()


def test_a_trained_model_is_a_base_finding_N5(here: Path) -> None:
    dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="relu", name="body")])
    dense.add(keras.layers.Dense(3, activation="softmax", name="classes"))
    dense.save(here / "dense.keras")
    plain = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="classes")])
    plain.save(here / "plain.keras")
    for name in ("dense", "plain"):
        result = call("init", f"{name}.keras")
        assert result.exit_code == 0, (result.output, result.exception)
        assert check_spec(here / f"{name}.yaml") == ()
    assert "cut_at: body" in (here / "dense.yaml").read_text()
    assert "name: classes_2" in (here / "plain.yaml").read_text()


def _cuts_the_graph(model: Any, name: str) -> bool:
    """Whether no path from the input reaches the output without a layer, by Keras's own lists of nodes."""
    seen: set[int] = set()
    todo = [each._keras_history.operation for each in model.outputs]
    while todo:
        layer = todo.pop()
        if id(layer) in seen or layer.name == name:
            continue
        seen.add(id(layer))
        todo += [parent.operation for node in layer._inbound_nodes for parent in node.parent_nodes]
    return not any(id(each._keras_history.operation) in seen for each in model.inputs)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "InceptionV3", *LONG])
def test_the_whole_net_flows_through_the_places_finding_N4(name: str) -> None:
    size = catalogue.application(name)["default_size"] or 224
    base = {"application": name, "weights": None, "include_top": False, "input_shape": [size, size, 3]}
    graph = plan_spec({"spec": 1, "base": base}).before
    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(size, size, 3))
    ends = {each._keras_history.operation.name for each in (*model.inputs, *model.outputs)}
    layers = [each.name for each in model.operations if each.name not in ends]
    assert set(narrow_places(graph)) == {each for each in layers if _cuts_the_graph(model, each)}
    assert set(places_to_cut(graph)) <= set(narrow_places(graph))
