"""`verify` beside files that Keras itself has saved, one thing in each of them otherwise."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from spec_compiler import SpecError, Verification, compile_spec, train_spec, verify_model
from spec_compiler.locking.provenance import MEMBER
from tests.backend import sessions
from tests.backend.calls import call
from tests.backend.conftest import branching, randomized

ROOT = Path(__file__).parents[2]
SPEC = """\
spec: 1
seed: 5
base: {file: base.keras}
cut_at: drop
set:
  - {layers: block1_conv1, to: {kernel_size: 5}, weights: centre}
head:
  - Dense: {units: 3, activation: softmax, name: answer}
freeze: block1_*
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that `build` made, with its spec, its base and its ledger."""
    folder = tmp_path_factory.mktemp("built")
    branching().save(folder / "base.keras")
    (folder / "spec.yaml").write_text(SPEC)
    assert call("build", str(folder / "spec.yaml"), "-o", str(folder / "model.keras")).exit_code == 0
    return folder


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(change: Callable[[Any], Any], file: str = "changed.keras") -> Verification:
    """What is said of the built model, loaded by Keras, changed and saved by it."""
    model = keras.models.load_model("model.keras")
    model = change(model) or model
    model.save(file)
    return verify_model(file, "spec.yaml")


def flipped(model: Any, layer: str, index: int) -> None:
    """One bit of one number, the last of its mantissa."""
    weight = model.get_layer(layer).weights[index]
    value = keras.ops.convert_to_numpy(weight).copy()
    value.view(np.uint32).reshape(-1)[-1] ^= 1
    weight.assign(value)


def remade(change: Callable[[str], str]) -> Callable[[Any], Any]:
    """The model again from its config, in which a text was changed, with the same weights."""

    def made(model: Any) -> Any:
        other = keras.Model.from_config(json.loads(change(json.dumps(model.get_config()))))
        other.set_weights(model.get_weights())
        return other

    return made


def told(found: Verification) -> list[tuple[str, int | None, str]]:
    return [(each.code, each.line, each.message) for each in found.drift]


def test_a_file_as_it_was_built(project: Path) -> None:
    found = verify_model("model.keras", "spec.yaml")
    assert found
    assert found.counts == {"kept": 17, "adapted": 1, "new": 2}
    assert found.drift == ()
    Draft202012Validator(json.loads((ROOT / "schemas" / "verification.schema.json").read_text())).validate(
        found.to_json()
    )
    assert call("verify", "model.keras", "spec.yaml").exit_code == 0


def test_each_checksum_is_that_of_the_weights_in_the_file(project: Path) -> None:
    import xxhash

    model = keras.models.load_model("model.keras")
    for layer in verify_model("model.keras", "spec.yaml").layers:
        weights = model.get_layer(layer.name).weights
        assert [each.found for each in layer.variables] == [
            xxhash.xxh3_128(keras.ops.convert_to_numpy(each).tobytes()).hexdigest() for each in weights
        ]


def test_keras_does_not_mind_where_a_file_says_it_is_from(project: Path) -> None:
    with zipfile.ZipFile("model.keras") as archive:
        assert MEMBER in archive.namelist()
    model = keras.models.load_model("model.keras")
    model.save("again.keras")
    with zipfile.ZipFile("again.keras") as archive:
        assert MEMBER not in archive.namelist()
    assert verify_model("again.keras", "spec.yaml")
    with pytest.raises(SpecError, match=r"SC518.*`again\.keras` does not say which spec made it"):
        verify_model("again.keras")
    inside = compile_spec({"spec": 1, "base": {"file": str(project / "model.keras")}})
    assert [w.path for w in inside.model.weights] == [w.path for w in model.weights]


def test_two_builds_say_the_same(project: Path) -> None:
    call("build", "spec.yaml", "-o", "elsewhere/second.keras")
    members = []
    for name in ("model.keras", "elsewhere/second.keras"):
        with zipfile.ZipFile(name) as archive:
            members.append(archive.read(MEMBER))
    assert members[0] == members[1]
    assert str(project).encode() not in members[0]


@pytest.mark.parametrize(
    ("layer", "index", "variable"), [("block2_conv1", 0, "kernel"), ("block1_bn", 3, "moving_variance")]
)
def test_one_bit_of_a_kept_weight(project: Path, layer: str, index: int, variable: str) -> None:
    found = saved(lambda model: flipped(model, layer, index))
    assert told(found) == [("SC519", 3, f"`{layer}`: `{variable}` is not the base's")]
    assert (found.drift[0].help is not None) is (layer == "block2_conv1")  # the other is frozen
    (drifted,) = [each for each in found.layers if each.is_drifted]
    assert [each.name for each in drifted.variables if each.state == "differs"] == [variable]
    result = call("verify", "changed.keras", "spec.yaml")
    assert result.exit_code == 1
    assert f"! {layer}" in result.output


def test_one_bit_of_an_adapted_weight(project: Path) -> None:
    assert told(saved(lambda model: flipped(model, "block1_conv1", 0))) == [
        ("SC519", 6, "`block1_conv1`: `kernel` is not what the spec makes")
    ]


def test_one_bit_of_a_new_weight_in_a_file_that_nothing_has_written_since(project: Path) -> None:
    """As a disk does it: the archive still says that it is as it was built."""
    model = keras.models.load_model("model.keras")
    flipped(model, "answer", 0)
    model.save("flipped.keras")
    with zipfile.ZipFile("model.keras") as old, zipfile.ZipFile("flipped.keras", "a") as new:
        new.writestr(MEMBER, old.read(MEMBER))
    shutil.copy("model.ledger.json", "flipped.ledger.json")
    assert told(verify_model("flipped.keras", "spec.yaml")) == [
        ("SC519", 8, "`answer`: `kernel` is not what the spec makes")
    ]
    ledger = json.loads((project / "flipped.ledger.json").read_text())
    ledger["rows"].pop()
    (project / "flipped.ledger.json").write_text(json.dumps(ledger))
    found = verify_model("flipped.keras", "spec.yaml")
    assert found.notes == (
        "`flipped.ledger.json` is not the ledger that was written with the model, it was left aside",
    )


def test_a_layer_with_another_name(project: Path) -> None:
    found = saved(remade(lambda text: text.replace('"block2_relu"', '"active"')))
    assert told(found) == [("SC519", 3, "the layer `block2_relu` (ReLU) is called `active`")]


def test_a_layer_with_another_argument(project: Path) -> None:
    found = saved(remade(lambda text: text.replace('"rate": 0.2', '"rate": 0.3')))
    assert told(found) == [("SC519", 3, "`drop`: `rate` is `0.3`, the spec makes `0.2`")]


def test_layers_that_are_gone_or_came(project: Path) -> None:
    def other(model: Any) -> Any:
        x = model.get_layer("pool").output
        x = keras.layers.UnitNormalization(name="even")(x)
        return keras.Model(model.input, model.get_layer("answer")(x))

    assert told(saved(other)) == [
        ("SC519", 3, "the layer `drop` (Dropout) is missing"),
        ("SC519", 8, "`answer`: it takes even, the spec gives it drop"),
        ("SC519", 3, "the layer `even` (UnitNormalization) is none that the spec makes"),
    ]


def test_layers_that_take_something_else(project: Path) -> None:
    """The same layers with the same shapes, on other tensors."""

    def swapped(text: str) -> str:
        config = json.loads(text)
        nodes = {each["name"]: each for each in config["layers"]}
        add = nodes["block1_add"]["inbound_nodes"][0]["args"][0]
        add[0] = {**add[0], "config": {**add[0]["config"], "keras_history": ["block1_relu", 0, 0]}}
        return json.dumps(config)

    found = saved(remade(swapped))
    assert [each for each in told(found) if "takes" in each[2]] == [
        (
            "SC519",
            3,
            "`block1_add`: it takes [block1_relu, block1_conv2], the spec gives it [stem, block1_conv2]",
        )
    ]


def test_a_layer_that_is_frozen_otherwise(project: Path) -> None:
    def thawed(model: Any) -> None:
        model.get_layer("block1_conv2").trainable = True
        model.get_layer("answer").trainable = False

    assert told(saved(thawed)) == [
        ("SC519", 3, "`block1_conv2`: is not frozen, the spec makes it frozen"),
        ("SC519", 8, "`answer`: is frozen, the spec makes it trainable"),
    ]


def test_a_head_that_somebody_trained(project: Path) -> None:
    def trained(model: Any) -> None:
        model.compile("sgd", "mse")
        model.fit(np.ones((2, 16, 16, 3)), np.zeros((2, 3)), verbose=0)

    found = saved(trained)
    names = {each.message.partition("`:")[0].strip("`") for each in found.drift}
    assert names == {"stem", "block2_conv1", "block2_bn", "block2_conv2"}  # the spec says nothing of training
    found = verify_model("changed.keras", "spec.yaml", trained=True)
    assert found
    assert found.counts["trained"] > 8
    states = {layer.name: layer.states for layer in found.layers if layer.variables}
    assert states["block1_conv2"] == ("kept",)
    assert states["answer"] == ("trained",)


def test_a_run_of_the_spec(session_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.copied(session_folder, tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(
        "spec: 1\nbase: {file: model.keras}\ncut_at: pool\nhead: [{Dense: {units: 2, activation: softmax}}]\n"
        "data: {train: pictures, batch_size: 4}\n"
        "compile: {optimizer: {SGD: {learning_rate: 0.5}}, loss: categorical_crossentropy}\n"
        "train: [{phase: one, freeze: base, epochs: 1}]\n"
    )
    train_spec("spec.yaml", "run", tensorboard=False)
    for given in ("spec.yaml", None):
        found = verify_model("run/last.keras", given)
        assert found, found.drift
        assert found.counts == {"kept": 2, "trained": 2}
        assert any("has the checksum that its run wrote into summary.json" in each for each in found.notes)
    model = keras.models.load_model("run/last.keras")
    flipped(model, "conv", 0)
    model.save("run/last.keras")
    found = verify_model("run/last.keras", "spec.yaml")
    assert told(found) == [("SC519", 2, "`conv`: `kernel` is not the base's")]
    assert any("has not the checksum" in each for each in found.notes)


def test_a_file_says_which_spec_made_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "spec.yaml").unlink()
    found = verify_model("model.keras")
    assert found
    assert found.notes == ("the spec is that which `model.keras` was made with, `spec.yaml`",)
    (project / "other").mkdir()
    monkeypatch.chdir(project / "other")
    assert verify_model("../model.keras")  # the base is looked for beside the model as well
    monkeypatch.chdir(project)
    randomized(keras.models.load_model("base.keras"), seed=9).save("base.keras")
    found = verify_model("model.keras")
    assert len(found.drift) > 5
    assert any("`base.keras` is not as the lock in the model knows it" in each for each in found.notes)


def test_another_spec_than_the_one_that_made_it(project: Path) -> None:
    (project / "spec.yaml").write_text(SPEC.replace("units: 3", "units: 4"))
    found = verify_model("model.keras", "spec.yaml")
    assert found.notes == ("`head[0].Dense.units` is `4`, the spec that the model was made with has `3`",)
    assert ("SC519", 8, "`answer`: `units` is `3`, the spec makes `4`") in told(found)


def test_a_legacy_file(project: Path) -> None:
    call("build", "spec.yaml", "-o", "legacy.h5")
    assert verify_model("legacy.h5", "spec.yaml")


def test_nested_models_and_several_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    branching().save("base.keras")
    (tmp_path / "spec.yaml").write_text(
        "spec: 1\nbases:\n  enc: {file: base.keras, as: layer}\n"
        "inputs:\n  left: {shape: [16, 16, 3]}\n  right: {shape: [16, 16, 3]}\n"
        "head:\n  - {layer: enc, from: left, name: l}\n  - {layer: enc, from: right, name: r}\n"
        "  - {Subtract: {}, from: [l, r]}\n  - {Dense: {units: 1, name: last}}\nfreeze: enc/block1_*\n"
    )
    call("build", "spec.yaml", "-o", "model.keras")
    assert verify_model("model.keras", "spec.yaml")
    model = keras.models.load_model("model.keras")
    flipped(model.get_layer("enc"), "block2_conv2", 0)
    model.save("changed.keras")
    assert [each[2] for each in told(verify_model("changed.keras", "spec.yaml"))] == [
        "`enc`: `block2_conv2/kernel` is not the base's"
    ]


def test_a_file_that_is_no_model(project: Path) -> None:
    (project / "no.keras").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(SpecError, match="SC502"):
        verify_model("no.keras", "spec.yaml")
    with pytest.raises(SpecError, match="SC501"):
        verify_model("nowhere.keras", "spec.yaml")
    with pytest.raises(SpecError, match="SC502"):
        verify_model("spec.yaml", "spec.yaml")
    (project / "table.csv").write_text("a,b")
    with pytest.raises(SpecError, match=r"SC502.*`table\.csv` is not a saved model"):
        verify_model("table.csv", "spec.yaml")


def test_weights_alone(project: Path) -> None:
    call("build", "spec.yaml", "-o", "built.weights.h5")
    found = verify_model("built.weights.h5", "spec.yaml")
    assert found
    assert found.counts == {"kept": 17, "adapted": 1, "new": 2}
    model = keras.models.load_model("model.keras")
    flipped(model, "stem", 0)
    model.save_weights("changed.weights.h5")
    assert told(verify_model("changed.weights.h5", "spec.yaml")) == [("SC519", 3, "`stem`: `kernel` is not the base's")]


def test_a_strangers_file_may_do_no_more_than_a_strangers_spec(project: Path) -> None:
    """What it says of its spec is a spec: the gates hold, and names lead nowhere but from where the caller is."""
    with zipfile.ZipFile("model.keras") as archive:
        said = json.loads(archive.read(MEMBER))

    def hostile(**spec: Any) -> str:
        shutil.copy("model.keras", "plain.keras")
        keras.models.load_model("plain.keras").save("hostile.keras")
        with zipfile.ZipFile("hostile.keras", "a") as archive:
            archive.writestr(MEMBER, json.dumps({**said, "spec": {**said["spec"], **spec}}))
        return "hostile.keras"

    (project / "mine.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(SpecError, match="SC112"):
        verify_model(hostile(text="spec: 1\nbase: {python: 'mine:base'}\n"))
    outside = hostile(text="spec: 1\nbase: {file: ../../secret.keras}\n")
    with pytest.raises(SpecError, match="SC510"):
        verify_model(outside, restrict_paths=True)
    assert verify_model(hostile(file="../../elsewhere/spec.yaml"))
    for text in ("", "not: [a", "- 1\n"):
        with pytest.raises(SpecError):
            verify_model(hostile(text=text))
    with pytest.raises(SpecError, match="SC502"):
        verify_model(hostile(overrides="all"))


def test_a_vocabulary_that_keras_saves_beside_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def words(*known: str) -> Any:
        inputs, lookup = keras.Input((3,), dtype="string", name="words"), keras.layers.StringLookup(name="lookup")
        lookup.adapt(np.array([known]))
        return keras.Model(inputs, keras.layers.Embedding(5, 2, name="embedding")(lookup(inputs)))

    base = words("red", "green", "blue")
    base.save("base.keras")
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: base.keras}\nfreeze: all\n")
    call("build", "spec.yaml", "-o", "model.keras")
    assert verify_model("model.keras", "spec.yaml").counts == {"kept": 2}
    other = words("red", "green", "grey")
    other.set_weights(base.get_weights())
    other.trainable = False
    other.save("other.keras")
    assert told(verify_model("other.keras", "spec.yaml")) == [
        ("SC519", 2, "`lookup`: `vocabulary.txt` is not the base's")
    ]


@pytest.mark.parametrize("freeze", ["all", "left", "left/a", "last"])
def test_what_is_frozen_inside_comes_back_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeze: str
) -> None:
    """Keras's files do not say of a `Sequential` itself that it is frozen, but of the layers in it."""
    monkeypatch.chdir(tmp_path)
    inputs = keras.Input((8,), name="x")
    left = keras.Sequential([keras.layers.Dense(5, name="a"), keras.layers.Dense(4, name="b")], name="left")
    randomized(keras.Model(inputs, keras.layers.Dense(3, name="last")(left(inputs)))).save("base.keras")
    (tmp_path / "spec.yaml").write_text(f"spec: 1\nbase: {{file: base.keras}}\nfreeze: {freeze}\n")
    call("build", "spec.yaml", "-o", "model.keras")
    assert verify_model("model.keras", "spec.yaml")
    model = keras.models.load_model("model.keras")
    b = model.get_layer("left").get_layer("b")
    b.trainable = not b.trainable
    model.save("changed.keras")
    is_now, was = ("not frozen", "frozen") if b.trainable else ("frozen", "trainable")
    message = f"inside of `left`, `b`: is {is_now}, the spec makes it {was}"
    assert [each[2] for each in told(verify_model("changed.keras", "spec.yaml"))] == [message]
