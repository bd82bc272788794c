"""A base `as: layer` is `keras.Model(inputs, base(inputs))`, wherever its weights come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec, load_spec
from spec_compiler.backend.answers import Keras
from spec_compiler.backend.models.writer import build
from spec_compiler.backend.weights.proof import prove
from spec_compiler.backend.weights.transfer import transfer
from spec_compiler.cli.show import plan_lines
from spec_compiler.edits.inputs import Inputs
from spec_compiler.edits.new_names import make_layer
from spec_compiler.graph.invariants import check_graph, check_used
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.entries import LayerEntry
from spec_compiler.plan import Plan
from spec_compiler.spec.permissions import EVERYTHING
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized
from tests.markdown import blocks
from tests.memory import assert_planned_without_keras

ROOT = Path(__file__).parents[2]
Folder = tuple[Path, Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The folder of a spec with one model in each format, partly frozen, and the model."""
    monkeypatch.chdir(tmp_path)
    model = branching()
    model.get_layer("block1_bn").trainable = False
    model.save("model.keras")
    model.save_weights("model.weights.h5")
    model.save("model.h5")
    (tmp_path / "my_models.py").write_text(
        "import keras\n\ndef model():\n    return keras.models.load_model('model.keras')\n"
    )
    (tmp_path / "other.yaml").write_text("spec: 1\nname: branching\nbase: {file: model.keras}\nfreeze: block1_bn\n")
    return tmp_path, model


BASES: list[dict[str, Any]] = [
    {"file": "model.keras"},
    {"file": "model.h5"},
    {"file": "model.keras", "weights": "model.weights.h5"},
    {"spec": "other.yaml"},
    {"python": "my_models:model"},
]


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("sets", [{}, {"freeze": "branching/block1_conv1"}], ids=["closed", "opened"])
def test_it_is_the_model_by_hand(base: dict[str, Any], sets: Any, folder: Folder, images: Any) -> None:
    path, model = folder
    spec = {"spec": 1, "base": {**base, "as": "layer"}, "head": [{"Dense": {"units": 3, "name": "new"}}], **sets}
    compiled = compile_spec(spec, allow_code=True, prove=True)
    inputs = keras.Input((16, 16, 3))
    top = keras.layers.Dense(3)
    wanted = keras.Model(inputs, top(model(inputs)))
    top.set_weights(compiled.model.get_layer("new").get_weights())
    compiled.model.save(path / "result.keras")
    for found in (compiled.model, keras.models.load_model(path / "result.keras")):
        assert_same_bits(outputs_of(found, images), outputs_of(wanted, images))
    kept = [row for row in compiled.weights.rows if row.layer != "new"]
    assert len(kept) == len(model.variables)
    weights = [row for row in kept if row.parameters]
    assert {row.action for row in weights} == {"copied"}
    assert all(row.source and row.source_checksum == row.result_checksum for row in weights)
    assert compiled.weights.proof is not None
    frozen = {layer.name for layer in compiled.model._flatten_layers() if not layer.trainable}
    assert frozen == {"block1_bn"} | ({"block1_conv1"} if sets else set())
    if not sets:
        assert [layer.name for layer in compiled.model.layers] == ["image", "branching", "new"]
        assert compiled.weights.proof.layers == 1


def test_of_several_bases_each_is_called_by_its_key(folder: Folder, images: Any) -> None:
    path, model = folder
    spec = {
        "spec": 1,
        "bases": {"a": {"file": "model.keras", "as": "layer"}, "b": {"file": "model.h5", "as": "layer"}, "c": BASES[0]},
        "head": [{"Add": {}, "from": ["a", "b/predictions", "c/predictions"]}],
        "freeze": "b/block2_bn",
    }
    compiled = compile_spec(spec, prove=True)
    compiled.model.save(path / "result.keras")
    wanted = outputs_of(model, images)[0]
    wanted = keras.ops.convert_to_numpy(keras.layers.Add()([wanted, wanted, wanted]))
    for found in (compiled.model, keras.models.load_model(path / "result.keras")):
        assert_same_bits(outputs_of(found, [images] * 3), [wanted])
    assert compiled.plan.after.layers["a"].inner is not None
    assert "b" not in compiled.plan.after.layers
    assert [ref.node for ref in compiled.plan.after.input_refs] == ["a/image", "b/image", "c/image"]
    assert {row.action for row in compiled.weights.rows if row.parameters} == {"copied"}


def test_an_application_with_its_weights(folder: Folder) -> None:
    path, _ = folder
    model = randomized(keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3)))
    model.save_weights(path / "mobile.weights.h5")
    base = {"application": "MobileNetV2", "weights": "mobile.weights.h5", "include_top": False, "as": "layer"}
    spec = {"spec": 1, "base": {**base, "input_shape": [32, 32, 3]}, "head": "GlobalAveragePooling2D"}
    compiled = compile_spec(spec, prove=True)
    numbers = np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype("float32")
    wanted = keras.layers.GlobalAveragePooling2D()(model(numbers, training=False))
    assert_same_bits(outputs_of(compiled.model, numbers), [keras.ops.convert_to_numpy(wanted)])
    assert compiled.model.layers[1].name == model.name


@pytest.mark.parametrize(
    "edits",
    [
        "cut_at: branching",
        "freeze: branching/..",
        "freeze: branching[0:4]",
        "freeze: branching",
        "remove: branching/drop",
        "freeze: type:BatchNormalization\nset: [{layers: branching/block1_relu, to: {negative_slope: 0.1}}]",
        "head: [{ReLU: {}}]\nfreeze: base",
    ],
)
def test_without_keras_it_is_the_same_plan(edits: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = folder
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(path / "cache"))
    (path / "spec.yaml").write_text(f"spec: 1\nbase: {{file: model.keras, as: layer}}\n{edits}\n")
    assert_planned_without_keras(path / "spec.yaml")


@pytest.mark.parametrize("word", ["layers", "model", "nested"])
def test_another_word_is_told(word: str) -> None:
    (error,) = check_spec({"spec": 1, "base": {"application": "VGG16", "weights": None, "as": word}})
    assert (error.code, error.path) == ("SC103", ("base", "as"))
    assert str(error.help).startswith("write `as: layer`")


def test_a_weight_map_names_the_layers_of_the_base(folder: Folder, images: Any) -> None:
    _, model = folder
    groups: dict[str, str] = {}
    with_weights = [layer.name for layer in model.layers if layer.weights]
    conv, bn, dense = iter(range(9)), iter(range(9)), iter(range(9))
    for name in with_weights:
        kind, count = ("batch_normalization", bn) if "bn" in name else ("conv2d", conv)
        kind, count = ("dense", dense) if name == "predictions" else (kind, count)
        number = next(count)
        groups[name] = f"layers/{kind}_{number}" if number else f"layers/{kind}"
    del groups["block2_conv2"]
    base = {"file": "model.keras", "weights": {"file": "model.weights.h5", "map": groups}, "as": "layer"}
    (warning,) = check_spec({"spec": 1, "base": base, "freeze": "branching"})
    assert warning.message == "`base.weights.map` leaves out `block2_conv2`, which is kept and will be initialised"
    compiled = compile_spec({"spec": 1, "base": base, "freeze": "branching"}, prove=True)
    fresh = {row.variable for row in compiled.weights.rows if row.action == "initialized" and row.parameters}
    assert fresh == {"block2_conv2/kernel", "block2_conv2/bias"}
    made = compiled.model.get_layer("branching")
    model.get_layer("block2_conv2").set_weights(made.get_layer("block2_conv2").get_weights())
    assert_same_bits(outputs_of(compiled.model, images), outputs_of(model, images))


def test_called_elsewhere_alone_it_loses_its_own_call_and_input(folder: Folder, images: Any) -> None:
    """Two calls of one encoder on new inputs, as graph values."""
    path, model = folder
    spec = load_spec({"spec": 1, "bases": {"enc": {"file": "model.keras", "as": "layer"}}})
    base = Keras(None, EVERYTHING).unfilled(spec).base
    new = Inputs.model_validate({side: {"shape": [16, 16, 3]} for side in ("left", "right")})
    graph = new.apply(base.graph, ("inputs",))
    calls = {name: Node(name, "enc", (ValueRef(side),)) for name, side in (("l", "left"), ("r", "right"))}
    subtract = make_layer("distance", LayerEntry.parse("Subtract"), Origin("head"), (0,))
    end = Node("distance", "distance", ([ValueRef("l"), ValueRef("r")],))
    nodes = {**graph.nodes, **calls, "distance": end}
    graph = replace(graph, layers={**graph.layers, "distance": subtract}, nodes=nodes, outputs=ValueRef("distance"))
    graph = check_graph(check_used(graph), "the head")
    assert list(graph.nodes) == ["left", "right", "l", "r", "distance"]
    assert [ref.node for ref in graph.input_refs] == ["left", "right"]
    built = build(graph, base.graph, custom=base.custom)
    ledger = transfer(base.graph, built, base.weights(built.graph))
    assert {row.action for row in ledger.rows if row.parameters} == {"copied"}
    built.model.save(path / "result.keras")
    encoder, flipped = model, images[:, ::-1]
    inputs = [keras.Input((16, 16, 3)), keras.Input((16, 16, 3))]
    wanted = keras.Model(inputs, keras.layers.Subtract()([encoder(each) for each in inputs]))
    for found in (built.model, keras.models.load_model(path / "result.keras")):
        assert found.count_params() == model.count_params()
        assert_same_bits(outputs_of(found, [images, flipped]), outputs_of(wanted, [images, flipped]))
    proof = prove(base.graph, built, base.references)
    assert proof.layers == 1
    plan = Plan("siamese", base.graph, built.graph)
    assert plan.after.num_parameters == model.count_params()
    assert any("enc/image" in line for line in plan_lines(plan))


def test_the_specs_of_the_page_are_right() -> None:
    for text in blocks(ROOT / "docs" / "models.md", "yaml"):
        data = load_spec(text).source.data
        bases = [f"bases.{name}" for name in data["bases"]] if "bases" in data else ["base"]
        assert check_spec(text, overrides=[f"{base}.weights=null" for base in bases]) == ()


def test_edits_of_channels_and_weights_open_it(tmp_path: Path) -> None:
    """As the reference says of `prune`, `widen` and `fold`; one layer of a sum by its name changes the others."""
    branching().save(tmp_path / "body.keras")
    base = {"file": str(tmp_path / "body.keras"), "as": "layer"}
    edits: list[dict[str, Any]] = [
        {"prune": {"channels": {"branching/stem": 3}}},
        {"widen": {"layers": "branching/block2_conv2", "to": 11}},
        {"fold": {"batch_norm": "branching/.."}},
    ]
    closed = compile_spec({"spec": 1, "base": base}).model
    assert [type(layer).__name__ for layer in closed.layers] == ["InputLayer", "Functional"]
    for edit in edits:
        compiled = compile_spec({"spec": 1, "base": base, **edit}, prove=True)
        names = {layer.name: layer for layer in compiled.model.layers}
        assert names.keys() >= {"stem", "block1_add", "predictions"}
        assert ("block1_bn" in names) is ("fold" not in edit)
        filters = {names[each].filters for each in ("stem", "block1_conv2", "block2_conv2")}
        assert filters == {7 if "prune" in edit else 11 if "widen" in edit else 8}
