"""Errors of kept layers point at what causes them, and say what mends them; proofs count what they prove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import pytest

from spec_compiler import check_spec, compile_spec
from spec_compiler.backend.models.functions import call_function
from spec_compiler.files import Folder
from tests.backend.conftest import randomized

L = keras.layers


class OnlyHere(keras.layers.Layer):  # type: ignore[misc]
    """Its config cannot make it again, and Keras has not recorded what it was made with."""

    def __init__(self, units: int, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._factor = factor
        self.dense = L.Dense(units)

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        return self._factor * self.dense(x)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def only_here() -> Any:
    inputs = keras.Input((6, 4), name="numbers")
    layer = OnlyHere(4, 0.3, name="foreign")
    layer._auto_config = None
    x = layer(L.Dense(4, name="first")(inputs))
    return randomized(keras.Model(inputs, L.Dense(3, name="last")(x)))


@pytest.mark.parametrize(
    ("edit", "place", "note"),
    [
        ("insert: [{after: first, with: [{Dense: {units: 7}}]}]", (2, 44), "made by `insert[0]`"),
        ("replace: [{layers: first, with: [{Dense: 9}]}]", (2, 41), "made by `replace[0]`"),
        ("input: {shape: [8, 4]}", (2, 16), ""),
        ("input: {shape: [6, 5]}", (2, 16), ""),
    ],
)
def test_a_layer_that_cannot_be_made_for_another_input_points_at_the_edit(edit: str, place: Any, note: str) -> None:
    found = check_spec(f"spec: 1\n{edit}\n", base=only_here())
    assert found[0].code in ("SC317", "SC402")
    assert found[0].line == place[0]
    assert found[0].code == "SC402" or abs((found[0].column or 0) - place[1]) < 8
    assert any(note in each for each in found[0].notes)


def attention() -> Any:
    inputs = keras.Input((6, 8), name="words")
    x = L.MultiHeadAttention(2, 4, name="mha")(inputs, inputs)
    x = L.LSTM(4, name="lstm")(x)
    return randomized(keras.Model(inputs, L.Dense(3, name="last")(x)))


FRESH = "give `mha` fresh weights by naming it in `replace`,\nor "


@pytest.mark.parametrize(
    ("layer", "arguments", "help"),
    [
        ("mha", "{num_heads: 4}", f"{FRESH}leave `num_heads` out, the weights of `mha` are for `num_heads: 2`"),
        ("mha", "{dropout: 0.1, key_dim: 8}", f"{FRESH}leave `key_dim` out, the weights of `mha` are for `key_dim: 4`"),
        ("lstm", "{units: 8}", "leave `units` out, the weights of `lstm` are for `units: 4`"),
    ],
)
def test_arguments_that_do_not_fit_the_weights_have_a_help_that_was_tried(
    layer: str, arguments: str, help: str
) -> None:
    (found,) = check_spec(f"spec: 1\nset: [{{layers: {layer}, to: {arguments}}}]\n", base=attention())
    assert (found.code, found.line, found.help) == ("SC402", 2, help)


def test_every_misfit_of_a_kept_layer_has_a_help() -> None:
    """Also where nothing that is tried makes it fit: attention takes two tensors, so `replace` is no way out."""
    text = "spec: 1\ninsert: [{before: mha, with: [{Dense: {units: 7, name: narrow}}]}]\n"
    for found in check_spec(text, base=attention()):
        assert found.code in ("SC401", "SC402")
        assert found.help


def test_a_layer_that_the_weight_map_leaves_out_is_not_counted_as_proven(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    x = L.Dense(5, name="first")(inputs)
    x = L.Dense(5, name="second")(x)
    model = randomized(keras.Model(inputs, L.Dense(3, name="last")(x)))
    model.save(tmp_path / "base.keras")
    with h5py.File(tmp_path / "other.h5", "w") as store:
        for name in ("first", "last"):
            for index, array in enumerate(model.get_layer(name).get_weights()):
                store[f"{name}/vars/{index}"] = array
    base = {"file": str(tmp_path / "base.keras")}
    weights = {"file": str(tmp_path / "other.h5"), "map": {"first": "first", "last": "last"}}
    compiled = compile_spec({"spec": 1, "base": {**base, "weights": weights}}, prove=True)
    proof = compiled.weights.proof
    assert proof is not None
    assert (proof.layers, proof.initialized) == (2, ("second",))
    assert "Not counted, as the base has no weights for them: `second`" in proof.text
    assert compiled.weights.to_json()["proof"]["initialized"] == ["second"]
    whole = compile_spec({"spec": 1, "base": base}, prove=True).weights.proof
    assert whole is not None
    assert (whole.layers, whole.initialized) == (3, ())
    assert "Not counted" not in whole.text


def test_a_proof_of_layers_without_weights_alone_proves_nothing(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    x = L.Dense(5, name="first")(inputs)
    model = randomized(keras.Model(inputs, L.Dense(3, name="last")(x)))
    model.save(tmp_path / "base.keras")
    with h5py.File(tmp_path / "other.h5", "w") as store:
        store["last/vars/0"], store["last/vars/1"] = model.get_layer("last").get_weights()
    weights = {"file": str(tmp_path / "other.h5"), "map": {"last": "last"}}
    base = {"file": str(tmp_path / "base.keras"), "weights": weights}
    proof = compile_spec({"spec": 1, "base": base, "cut_at": "first"}, prove=True).weights.proof
    assert proof is not None
    assert proof.text == "Nothing to prove: the base has no weights for the layers that are kept."


def test_a_module_that_was_edited_is_imported_again(tmp_path: Path) -> None:
    """As is one that it imports, within the same second and with the same size."""
    (tmp_path / "spoken_data.py").write_text("from spoken_helper import value\ndef made(): return value\n")
    for number in (1, 2, 3):
        (tmp_path / "spoken_helper.py").write_text(f"value = {number}\n")
        assert call_function("spoken_data:made", Folder(str(tmp_path)), "SC606", help="") == number
    (tmp_path / "spoken_data.py").write_text("def made(): return 'other'\n")
    assert call_function("spoken_data:made", Folder(str(tmp_path)), "SC606", help="") == "other"
    assert not (tmp_path / "__pycache__").exists()


def test_a_module_that_was_not_edited_stays_the_same(tmp_path: Path) -> None:
    (tmp_path / "counted_data.py").write_text("calls = []\ndef made():\n    calls.append(1)\n    return len(calls)\n")
    counts = [call_function("counted_data:made", Folder(str(tmp_path)), "SC606", help="") for _ in range(3)]
    assert counts == [1, 2, 3]


def test_numbers_of_another_run_are_those_of_the_edited_data(tmp_path: Path) -> None:
    from spec_compiler.trainer import train_spec

    text = (
        "spec: 1\nbase: {python: 'edited_data:base'}\ndata: {train: 'edited_data:train', batch_size: 4}\n"
        "compile: {optimizer: {SGD: 0.0}, loss: mse, jit_compile: false}\ntrain: [{phase: one, epochs: 1}]\n"
    )
    code = (
        "import numpy as np, keras\n"
        "def base():\n"
        "    inputs = keras.Input((2,))\n"
        "    return keras.Model(inputs, keras.layers.Dense(1, kernel_initializer='zeros')(inputs))\n"
        "def train(): return np.ones((8, 2), 'float32'), np.full((8, 1), {number}, 'float32')\n"
    )
    (tmp_path / "spec.yaml").write_text(text)
    losses = []
    for number in (2, 3):
        (tmp_path / "edited_data.py").write_text(code.format(number=number))
        run = train_spec(tmp_path / "spec.yaml", folder=str(tmp_path / str(number)), allow_code=True)
        losses.append(run.history.rows[0].metrics["loss"])
    assert losses == [4.0, 9.0]


@pytest.mark.parametrize("taken", ["", ", from: [mha, mha]", ", from: mha"])
def test_attention_that_takes_arguments_says_so_and_what_to_do(taken: str) -> None:
    """finding_W21's sister: of such a class it was said that it takes one tensor, and of one tensor nothing."""
    entry = "{MultiHeadAttention: {num_heads: 2, key_dim: 4}%s}"
    (found,) = check_spec(f"spec: 1\nhead: [{entry % taken}]\n", base=attention())
    assert (found.code, found.line, found.column) == ("SC401", 2, 63 if taken else 9)
    assert "takes a query and a value as two arguments" in found.message
    of = "mha" if taken else "above"
    assert f"write `from: {{query: {of}, value: {of}}}`" in (found.help or "")
    right = entry % f", from: {{query: {of}, value: {of}}}"
    assert check_spec(f"spec: 1\nhead: [{right}]\n", base=attention()) == ()
    assert check_spec("spec: 1\nhead: [{Attention: {}, from: [mha, mha]}]\n", base=attention()) == ()
    (found,) = check_spec("spec: 1\nhead: [{Attention: {}, from: mha}]\n", base=attention())
    assert found.help == "`Attention` takes several tensors: name them with `from: [a, b]`"
