"""What a layer knows beside its variables is carried over: outputs are compared, with nothing at its default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec
from tests.backend.conftest import outputs_of, randomized

L = keras.layers
_RANDOM = np.random.default_rng(3)


def numbers(*shape: int) -> Any:
    """A batch of numbers with neither mean 0 nor variance 1."""
    return (_RANDOM.normal(size=shape) * 7 + 3).astype("float32")


def words(*rows: list[str]) -> Any:
    """A batch of words."""
    import tensorflow

    return tensorflow.constant(rows)


def normalized() -> tuple[Any, Any]:
    """Numbers that are normalised by what the layer has seen."""
    norm = L.Normalization(name="norm")
    norm.adapt(numbers(50, 4))
    inputs = keras.Input((4,))
    return randomized_but(keras.Model(inputs, L.Dense(3, name="dense")(norm(inputs)))), numbers(5, 4)


def randomized_but(model: Any) -> Any:
    """The model with every trainable weight random."""
    for variable in model.trainable_weights:
        variable.assign(_RANDOM.normal(size=tuple(variable.shape)))
    return model


def looked_up(output_mode: str = "int") -> tuple[Any, Any]:
    """Words that are looked up in a vocabulary that the layer has learnt."""
    lookup = L.StringLookup(output_mode=output_mode, name="lookup")
    lookup.adapt(np.array([["red", "green"], ["blue", "red"]]))
    inputs = keras.Input((2,), dtype="string")
    x = lookup(inputs)
    end = L.Embedding(4, 3, name="embedding") if output_mode == "int" else L.Dense(3, name="dense")
    return randomized_but(keras.Model(inputs, end(x))), words(["red", "unknown"], ["blue", "green"])


def integers() -> tuple[Any, Any]:
    """Integers that are looked up."""
    lookup = L.IntegerLookup(name="lookup")
    lookup.adapt(np.array([[10, 20], [30, 10]]))
    inputs = keras.Input((2,), dtype="int64")
    return randomized_but(keras.Model(inputs, L.Embedding(4, 3)(lookup(inputs)))), np.array([[10, 99], [30, 20]])


def texts() -> tuple[Any, Any]:
    """Sentences that are split and looked up."""
    text = L.TextVectorization(output_sequence_length=4, name="text")
    text.adapt(np.array(["hello world", "foo bar world"]))
    inputs = keras.Input((1,), dtype="string")
    return randomized_but(keras.Model(inputs, L.Embedding(7, 3)(text(inputs)))), words(["hello foo"], ["bar baz"])


def binned() -> tuple[Any, Any]:
    """Numbers in bins whose limits the layer has learnt."""
    bins = L.Discretization(num_bins=4, name="bins")
    bins.adapt(numbers(40, 3))
    inputs = keras.Input((3,))
    return randomized_but(keras.Model(inputs, L.Embedding(4, 3)(bins(inputs)))), numbers(6, 3)


def low_rank() -> tuple[Any, Any]:
    """A kernel with trained LoRA matrices."""
    inputs, dense = keras.Input((8,)), L.Dense(6, name="dense")
    model = keras.Model(inputs, dense(inputs))
    dense.enable_lora(2)
    return randomized(model), numbers(2, 8)


def float8() -> tuple[Any, Any]:
    """A quantised layer, whose variables stand in another order when it is made anew."""
    inputs = keras.Input((8,), name="numbers")
    model = keras.Model(inputs, L.Dense(6, name="dense")(inputs))
    model.get_layer("dense").quantize("float8")
    return model, numbers(2, 8)


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "Normalization": normalized,
    "StringLookup": looked_up,
    "StringLookup tf_idf": lambda: looked_up("tf_idf"),
    "IntegerLookup": integers,
    "TextVectorization": texts,
    "Discretization": binned,
    "LoRA": low_rank,
    "float8": float8,
}


def outputs(model: Any, inputs: Any) -> Any:
    """What the model puts out, as an array."""
    return np.asarray(keras.ops.convert_to_numpy(model(inputs, training=False)))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_memory_finding_F1_F2_F8(name: str, tmp_path: Path) -> None:
    model, inputs = MODELS[name]()
    compiled = compile_spec({"spec": 1}, base=model, prove=True)
    np.testing.assert_array_equal(outputs(compiled.model, inputs), outputs(model, inputs))
    compiled.model.save(tmp_path / "result.keras")  # as deployed
    loaded = keras.models.load_model(tmp_path / "result.keras")
    expected = outputs(model, inputs)
    if name == "LoRA":  # Keras saves one kernel, merged
        np.testing.assert_allclose(outputs(loaded, inputs), expected, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(outputs(loaded, inputs), expected)


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_finding_F1_F2_W28(name: str, tmp_path: Path) -> None:
    model, inputs = MODELS[name]()
    model.save(tmp_path / "base.keras")
    expected = outputs(keras.models.load_model(tmp_path / "base.keras"), inputs)
    spec = {"spec": 1, "base": {"file": str(tmp_path / "base.keras")}}
    compiled = compile_spec(spec, prove=True)
    np.testing.assert_array_equal(outputs(compiled.model, inputs), expected)
    if name == "LoRA":
        rows = {row.variable: row for row in compiled.weights}
        assert rows["kernel"].action == "copied"
        assert rows["lora_kernel_a"].action == "initialized"
        assert "as Keras loads" in rows["lora_kernel_a"].reason


@pytest.mark.parametrize("name", ["Normalization", "Discretization"])
def test_legacy_hdf5_finding_F1(name: str, tmp_path: Path) -> None:
    model, inputs = MODELS[name]()
    model.save(tmp_path / "base.h5")
    compiled = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "base.h5")}})
    np.testing.assert_array_equal(outputs(compiled.model, inputs), outputs(model, inputs))


@pytest.mark.parametrize("name", ["StringLookup", "StringLookup tf_idf", "IntegerLookup", "TextVectorization"])
def test_a_vocabulary_that_a_file_does_not_hold_finding_F2(name: str, tmp_path: Path) -> None:
    model, _ = MODELS[name]()
    model.save(tmp_path / "base.h5")
    with pytest.raises(SpecError, match="SC512"):
        compile_spec({"spec": 1, "base": {"file": str(tmp_path / "base.h5")}})


def test_a_vocabulary_in_the_config_finding_F2(tmp_path: Path) -> None:
    inputs = keras.Input((2,), dtype="string")
    lookup = L.StringLookup(vocabulary=["red", "green"], name="lookup")
    model, x = keras.Model(inputs, L.Embedding(3, 2)(lookup(inputs))), words(["red", "unknown"], ["green", "green"])
    model.save(tmp_path / "base.h5")
    for spec, base in ({"spec": 1}, model), ({"spec": 1, "base": {"file": str(tmp_path / "base.h5")}}, None):
        np.testing.assert_array_equal(outputs(compile_spec(spec, base=base).model, x), outputs(model, x))


def test_a_term_with_a_line_break_is_refused_finding_F2() -> None:
    lookup = L.StringLookup(name="lookup")
    lookup.adapt(np.array(["one\ntwo", "three"]))
    inputs = keras.Input((), dtype="string")
    with pytest.raises(SpecError, match="SC512") as caught:
        compile_spec({"spec": 1}, base=keras.Model(inputs, lookup(inputs)))
    assert "line break" in caught.value.diagnostics[0].notes[0]


@pytest.mark.parametrize("where", ["memory", "file"])
@pytest.mark.parametrize("opened", [False, True])
def test_inside_of_a_nested_model_finding_F1(where: str, opened: bool, tmp_path: Path) -> None:
    inner, x = normalized()
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.Sequential([keras.Input((4,)), *inner.layers[1:]], name="inner")(inputs))
    spec: dict[str, Any] = {"spec": 1}
    if opened:
        spec["insert"] = [{"before": "inner/norm", "with": ["Identity"]}]
    if where == "file":
        model.save(tmp_path / "base.keras")
        spec["base"] = {"file": str(tmp_path / "base.keras")}
    compiled = compile_spec(spec, base=model if where == "memory" else None, prove=True)
    np.testing.assert_array_equal(outputs(compiled.model, x), outputs(model, x))


def test_of_one_of_several_bases_finding_F1(tmp_path: Path) -> None:
    model, x = normalized()
    model.save(tmp_path / "base.keras")
    file = {"file": str(tmp_path / "base.keras")}
    spec = {"spec": 1, "bases": {"a": file, "b": file}, "head": [{"Subtract": {}, "from": ["a/dense", "b/dense"]}]}
    compiled = compile_spec(spec, prove=True)
    assert compiled.weights.proof is not None
    assert compiled.weights.proof.tensors == 2
    np.testing.assert_array_equal(outputs(compiled.model, [x, 2 * x]), outputs(model, x) - outputs(model, 2 * x))


def test_the_states_of_recurrent_layers_finding_F13() -> None:
    inputs = keras.Input(batch_shape=(2, 3, 4))
    model = keras.Model(inputs, L.Bidirectional(L.GRU(5, stateful=True), name="both")(inputs))
    x = numbers(2, 3, 4)
    model(x)
    result = compile_spec({"spec": 1}, base=model, prove=True).model
    np.testing.assert_array_equal(outputs(result, x), outputs(model, x))  # the second call of each
    np.testing.assert_array_equal(outputs(result, x), outputs(model, x))  # the third


def test_a_new_argument_that_brings_a_variable_finding_W8() -> None:
    inputs = keras.Input((5, 8))
    model = randomized(keras.Model(inputs, L.MultiHeadAttention(2, 4, name="mha")(inputs, inputs)))
    compiled = compile_spec({"spec": 1, "set": [{"layers": "mha", "to": {"dropout": 0.1}}]}, base=model)
    x = numbers(2, 5, 8)
    np.testing.assert_array_equal(outputs(compiled.model, x), outputs(model, x))
    assert len(compiled.weights.of("copied")) == 8


def test_lora_for_a_kept_layer_finding_W27() -> None:
    inputs = keras.Input((8,))
    model = randomized(keras.Model(inputs, L.Dense(6, name="fc1")(inputs)))
    compiled = compile_spec({"spec": 1, "set": [{"layers": "fc1", "to": {"lora_rank": 2}}]}, base=model)
    x = numbers(2, 8)
    np.testing.assert_array_equal(outputs(compiled.model, x), outputs(model, x))
    assert {row.variable for row in compiled.weights.of("initialized")} == {"lora_kernel_a", "lora_kernel_b"}


def test_a_bias_that_new_arguments_take_away() -> None:
    inputs = keras.Input((8,))
    model = randomized(keras.Model(inputs, L.Dense(6, name="fc1")(inputs)))
    compiled = compile_spec({"spec": 1, "set": [{"layers": "fc1", "to": {"use_bias": False}}]}, base=model)
    x = numbers(2, 8)
    bias = keras.ops.convert_to_numpy(model.get_layer("fc1").bias)
    np.testing.assert_allclose(outputs(compiled.model, x) + bias, outputs(model, x), rtol=1e-5, atol=1e-5)
    (dropped,) = compiled.weights.of("dropped")
    assert (dropped.variable, dropped.reason) == ("bias", "new arguments, given by `set`")


@keras.saving.register_keras_serializable("test_state")
class Table(keras.layers.Layer):  # type: ignore[misc]
    """A layer with a table that is no variable, which it saves and loads itself."""

    table: Any = None

    def save_own_variables(self, store: Any) -> None:
        store["table"] = self.table

    def load_own_variables(self, store: Any) -> None:
        self.table = np.asarray(store["table"])

    def call(self, inputs: Any) -> Any:
        return inputs if self.table is None else inputs * self.table


def test_a_class_of_ones_own_that_loads_itself(tmp_path: Path) -> None:
    table, inputs, x = Table(name="table"), keras.Input((4,)), numbers(2, 4)
    table.table = numbers(4)
    model = randomized_but(keras.Model(inputs, L.Dense(3)(table(inputs))))
    model.save(tmp_path / "base.keras")
    for spec, base in ({"spec": 1}, model), ({"spec": 1, "base": {"file": str(tmp_path / "base.keras")}}, None):
        compiled = compile_spec(spec, base=base, prove=True)
        np.testing.assert_array_equal(outputs(compiled.model, x), outputs(model, x))


def test_single_variables_that_are_frozen_finding_W27(tmp_path: Path) -> None:
    inputs = keras.Input((8,))
    model = keras.Model(inputs, L.Dense(4, name="fc1", lora_rank=2)(inputs))
    model.save(tmp_path / "base.keras")
    by_hand = keras.Model(inputs, L.Dense(4, name="fc1")(inputs))
    by_hand.get_layer("fc1").kernel.trainable = False
    file = {"spec": 1, "base": {"file": str(tmp_path / "base.keras")}}
    for spec, base, names in (
        ({"spec": 1}, model, ["bias", "lora_kernel_a", "lora_kernel_b"]),
        (file, None, ["bias", "lora_kernel_a", "lora_kernel_b"]),
        ({"spec": 1}, by_hand, ["bias"]),
    ):
        result = compile_spec(spec, base=base).model
        assert sorted(each.name for each in result.trainable_variables) == names


def test_lora_is_not_taken_away_unmerged_finding_W28() -> None:
    model, _ = low_rank()
    with pytest.raises(SpecError, match="SC402"):
        compile_spec({"spec": 1, "set": [{"layers": "dense", "to": {"lora_rank": None}}]}, base=model)


def test_a_normalization_computes_with_the_mean_that_set_gives_it() -> None:
    layer = keras.layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 1.0], name="norm")
    base = keras.Sequential([keras.Input((2,)), layer])
    told = {"layers": "norm", "to": {"mean": [3.0, 5.0], "variance": [1.0, 4.0]}}
    model = compile_spec({"spec": 1, "set": [told]}, base=base).model
    (found,) = outputs_of(model, np.array([[4.0, 9.0]], "float32"))
    np.testing.assert_allclose(found, [[1.0, 2.0]])
