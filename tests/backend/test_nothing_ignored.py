"""What a spec says has an effect, or a diagnostic says that it has none: results against plain Keras by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import SpecError, check_spec, compile_spec
from spec_compiler.spec.schema import spec_schema
from tests.backend.conftest import Array, assert_same_bits, outputs_of, randomized


def codes(spec: dict[str, Any], base: Any = None) -> list[str]:
    return [each.code for each in check_spec({"spec": 1, **spec}, base=base)]


def test_finding_W1_the_schema_has_from_where_layers_are_joined() -> None:
    from jsonschema import Draft7Validator

    validator = Draft7Validator(spec_schema())
    joined = {"Dense": {"units": 2}, "from": "a"}
    for section in (
        {"head": [joined]},
        {"insert": [{"after": "a", "with": [joined]}]},
        {"replace": [{"layers": "a", "with": [joined]}]},
    ):
        assert validator.is_valid({"spec": 1, **section})
    for wrong in (
        {"data": {"train": "images", "augment": [joined]}},
        {"head": [{"TimeDistributed": {"layer": joined}}]},
    ):
        assert not validator.is_valid({"spec": 1, **wrong})


@pytest.mark.parametrize(
    ("section", "made"),
    [
        ({"insert": [{"after": "stem", "with": [{"ReLU": {"name": "{name}_relu"}}]}]}, "stem_relu"),
        ({"insert": [{"before": "pool", "with": [{"ReLU": {"name": "in_front_of_{name}"}}]}]}, "in_front_of_pool"),
        (
            {"insert": [{"between": ["stem", "block1_add"], "with": [{"ReLU": {"name": "{name}_in"}}]}]},
            "block1_add_in",
        ),
        ({"replace": [{"layers": "drop", "with": [{"ReLU": {"name": "{name}"}}]}]}, "drop"),
        ({"replace": [{"layers": "drop", "with": [{"ReLU": {"name": "new_{name}"}}]}]}, "new_drop"),
    ],
)
def test_finding_W4_a_single_match_fills_in_its_name(section: dict[str, Any], made: str, branching_model: Any) -> None:
    model = compile_spec({"spec": 1, **section}, base=branching_model).model
    assert isinstance(model.get_layer(made), keras.layers.ReLU)
    assert not [layer.name for layer in model.layers if "{" in layer.name]


def test_finding_W4_the_named_result_computes_what_keras_does_by_hand(branching_model: Any, images: Array) -> None:
    spec = {"spec": 1, "replace": [{"layers": "drop", "with": [{"ReLU": {"name": "{name}", "negative_slope": 0.5}}]}]}
    result = compile_spec(spec, base=branching_model).model
    pooled = keras.Model(branching_model.input, branching_model.get_layer("pool").output)(images)
    by_hand = branching_model.get_layer("predictions")(keras.layers.ReLU(negative_slope=0.5)(pooled))
    assert_same_bits(outputs_of(result, images), [keras.ops.convert_to_numpy(by_hand)])


def activated() -> Any:
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, strides=2, activation="swish", kernel_regularizer="l2", name="a")(inputs)
    x = keras.layers.ZeroPadding2D(1, name="pad")(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="he_normal", name="b")(x)
    x = keras.layers.Activation("silu", name="c")(x)
    return randomized(keras.Model(inputs, keras.layers.Flatten(name="flat")(x)))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"activation": "swish"}, {"a", "c"}),
        ({"activation": "silu"}, {"a", "c"}),
        ({"strides": 2}, {"a"}),
        ({"strides": [2, 2]}, {"a"}),
        ({"kernel_initializer": "he_normal"}, {"b"}),
        ({"kernel_initializer": "HeNormal"}, {"b"}),
        ({"kernel_initializer": {"HeNormal": {"seed": None}}}, {"b"}),
        ({"kernel_initializer": "glorot_uniform"}, {"a"}),
        ({"kernel_regularizer": {"L2": 0.01}}, {"a"}),
        ({"kernel_regularizer": {"l2": {"l2": 0.01}}}, {"a"}),
        ({"kernel_regularizer": None}, {"b"}),
        ({"padding": "VALID"}, {"a", "b"}),
        ({"dtype": "float32", "activation": "relu"}, {"b"}),
    ],
)
def test_finding_W16_where_compares_as_keras_does(where: dict[str, Any], found: set[str]) -> None:
    spec = {"spec": 1, "freeze": {"layers": "all", "where": where}}
    model = compile_spec(spec, base=activated()).model
    assert {layer.name for layer in model.layers if not layer.trainable} == found


def test_finding_W16_where_compares_numbers_of_layers_without_weights() -> None:
    wider = {"layers": {"layers": "all", "where": {"padding": 1}}, "to": {"padding": 2}}
    assert compile_spec({"spec": 1, "set": [wider], "outputs": "pad"}, base=activated()).model.get_layer("pad").padding[
        0
    ] == (2, 2)


def test_finding_W16_where_knows_what_set_and_new_layers_say() -> None:
    spec = {
        "spec": 1,
        "set": [{"layers": "b", "to": {"activation": "gelu"}}],
        "head": [{"Dense": {"units": 3, "name": "top"}}],
        "freeze": [{"layers": "all"}],
    }
    for where, found in (({"activation": "gelu"}, {"b"}), ({"activation": None}, {"top"}), ({"units": 3}, {"top"})):
        model = compile_spec({**spec, "freeze": {"layers": "all", "where": where}}, base=activated()).model
        assert {layer.name for layer in model.layers if not layer.trainable} == found


def test_finding_W16_setting_what_is_there_is_said() -> None:
    assert codes({"set": [{"layers": "a", "to": {"activation": "silu"}}]}, activated()) == ["SC313"]
    assert codes({"set": [{"layers": ["a", "b"], "to": {"activation": "silu"}}]}, activated()) == []
    assert codes({"set": [{"layers": "b", "to": {"kernel_size": 3}}]}, activated()) == ["SC313"]


def test_finding_W13_a_base_that_no_output_needs(tmp_path: Any) -> None:
    activated().save(tmp_path / "m.keras")
    bases = {name: {"file": str(tmp_path / "m.keras")} for name in ("a", "b")}
    for rest in ({"head": [{"Dense": 2, "from": "a/flat"}]}, {"cut_at": "a/flat"}, {"outputs": ["a/flat", "a/c"]}):
        assert codes({"bases": bases, **rest}) == ["SC311"]
    joined = {"bases": bases, "head": [{"Concatenate": {}, "from": ["a/flat", "b/flat"]}]}
    assert codes(joined) == []
    with pytest.raises(SpecError, match="SC311"):
        compile_spec({"spec": 1, "bases": bases, "outputs": "b/flat"})


def recurrent(**arguments: Any) -> Any:
    inputs = keras.Input((4, 3), name="words")
    found = keras.layers.LSTM(5, name="lstm", **arguments)(inputs)
    outputs = keras.layers.Concatenate(name="all")(found) if isinstance(found, list | tuple) else found
    return randomized(keras.Model(inputs, keras.layers.Dense(2, name="top")(outputs)))


def test_finding_W21_a_layer_with_several_outputs() -> None:
    several = recurrent(return_state=True)
    plain = recurrent()
    gru = {"GRU": {"units": 3, "return_state": True}}
    for base, spec in (
        (several, {"cut_at": "lstm"}),
        (several, {"outputs": ["lstm"]}),
        (several, {"insert": [{"after": "lstm", "with": ["ReLU"]}]}),
        (several, {"head": [{"Dense": 2, "from": "lstm"}]}),
        (several, {"replace": [{"layers": {"each": "lstm"}, "with": [{"LSTM": 5}]}]}),
        (several, {"set": [{"layers": "lstm", "to": {"return_state": False}}]}),
        (plain, {"set": [{"layers": "lstm", "to": {"return_state": True}}]}),
        (plain, {"head": [{"Reshape": [1, 2]}, gru, {"Dense": 2}]}),
        (plain, {"insert": [{"after": "words", "with": [gru]}]}),
        (plain, {"replace": [{"layers": "lstm", "with": [gru]}]}),
        (plain, {"head": [{"Reshape": [1, 2]}, {"RNN": {"cell": {"LSTMCell": 3}, "return_state": True}}]}),
    ):
        assert codes(spec, base) == ["SC303"], spec


@keras.saving.register_keras_serializable("nothing_ignored")
class Halves(keras.layers.Layer):  # type: ignore[misc]
    """A layer of somebody's own with two outputs."""

    def call(self, inputs: Any) -> Any:
        return inputs, -inputs


def test_finding_W21_a_new_layer_of_ones_own_with_several_outputs() -> None:
    assert codes({"head": ["nothing_ignored>Halves", {"Dense": 2}]}, recurrent()) == ["SC303"]
    assert codes({"head": ["nothing_ignored>Halves"]}, recurrent()) == ["SC303"]


HELP = re.compile(r"write `(.+)`$")


@pytest.mark.parametrize(
    "written",
    [
        "head:\n  - X\n",
        "head: [GlobalAveragePooling2D, X]\n",
        "insert:\n- after: block1_pool\n  with: [X]\n",
        "head: [{TimeDistributed: {layer: X}}]\n",
    ],
)
@pytest.mark.parametrize(
    "python",
    [
        "Dropout(0.5)",
        "keras.layers.Dropout(rate=0.5, seed=3)",
        "layers.Dense(10, activation='softmax')",
        "tf.keras.layers.Dense(10, activation=tf.nn.relu, kernel_regularizer=regularizers.l2(1e-3))(x)",
        "Conv2D(64, (3, 3), padding='same', name='new')",
        "keras.layers.ReLU()",
        "keras.layers.ReLU",
    ],
)
def test_finding_N9_what_the_help_says_for_python_is_taken(python: str, written: str) -> None:
    text = f"spec: 1\nbase: {{application: VGG16, weights: null, include_top: false}}\n{written}"
    found = check_spec(text.replace("X", python), static=True)
    said = [HELP.search(each.help or "") for each in found]
    assert len(found) == 1
    assert said[0] is not None
    mended = check_spec(text.replace("X", said[0][1]), static=True)
    assert mended == ()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("optimizer: Adam(1e-3), loss: mse", "optimizer: {Adam: 0.001}, loss: mse"),
        (
            "optimizer: Adam(1e-3, beta_1=0.8), loss: mse",
            "optimizer: {Adam: {learning_rate: 0.001, beta_1: 0.8}}, loss: mse",
        ),
    ],
)
def test_finding_N9_calls_in_compile(wrong: str, right: str) -> None:
    text = "spec: 1\nbase: {application: VGG16, weights: null}\ncompile: {%s}\ntrain: [{phase: a, epochs: 1}]\n"
    (found,) = check_spec(text % wrong, static=True)
    said = HELP.search(found.help or "")
    assert said is not None
    assert said[1] in right
    assert [each.code for each in check_spec(text % right, static=True)] == ["SC102"]  # there is no `data`


def test_finding_N8_a_text_in_brackets_that_is_no_python_stays() -> None:
    text = "{spec: 1, description: 'a (b, c)', base: {application: VGG16, weights: null}, name: a(b}"
    assert [each.code for each in check_spec(text + "\n", static=True)] == []


def test_finding_W17_channels_first_are_named() -> None:
    inputs = keras.Input((3, 8, 8), name="image")
    base = keras.Model(inputs, keras.layers.Flatten()(inputs))
    (found,) = check_spec({"spec": 1, "input": {"preprocess": "VGG16"}}, base=base)
    assert found.code == "SC604"
    assert "(None, 3, 8, 8) has its three first" in found.message
    assert "three channels" not in (found.help or "")
    assert "channels_last" in (found.help or "")


def test_finding_W3_an_entry_that_another_replaces() -> None:
    def replaced(old: str, new: str) -> dict[str, Any]:
        return {"layers": old, "with": [{"Activation": {"activation": "gelu", "name": new}}]}

    for names in (("c", "x"), ("c", "c")):  # the second takes what the first made, under its name or another
        spec = {"replace": [replaced(*names), replaced(names[1], names[1])]}
        (found,) = check_spec({"spec": 1, **spec}, base=activated())
        assert (found.code, found.path) == ("SC310", ("replace", 0))


def test_finding_W3_what_a_head_joins_is_kept(branching_model: Any) -> None:
    head = [{"Dense": {"units": 2, "name": "a"}, "from": "pool"}, {"Dense": {"units": 3, "name": "b"}, "from": "pool"}]
    assert codes({"head": head}, branching_model) == ["SC306"]
    assert codes({"head": head, "outputs": ["a", "b"]}, branching_model) == []
    assert codes({"head": head, "outputs": {"first": "b"}}, branching_model) == ["SC306"]


def test_finding_W14_the_names_of_later_sections(branching_model: Any) -> None:
    head = {"head": [{"Dense": {"units": 2, "name": "top"}}]}
    for section, order in (
        ({"set": [{"layers": "new", "to": {"units": 3}}]}, True),
        ({"set": [{"layers": "to*", "to": {"units": 3}}]}, True),
        ({"remove": ["stem..top"]}, True),
        ({"cut_at": "top"}, True),
        ({"insert": [{"before": "tops", "with": ["ReLU"]}]}, False),
        (
            {"insert": [{"after": "b", "with": ["ReLU"]}, {"after": "stem", "with": [{"ReLU": {"name": "b"}}]}]},
            True,
        ),
    ):
        (found,) = check_spec({"spec": 1, **section, **head}, base=branching_model)
        assert found.code == "SC201"
        assert any("applied" in note for note in found.notes) is order, section
    assert codes({**head, "outputs": "top", "freeze": "top", "cut_at": "pool"}, branching_model) == []


def test_finding_W15_positions_that_are_partly_left(branching_model: Any) -> None:
    result = compile_spec({"spec": 1, "cut_at": "pool", "freeze": "[-5:]"}, base=branching_model).model
    assert [layer.name for layer in result.layers if not layer.trainable] == ["block2_conv2", "block2_add", "pool"]
    assert codes({"cut_at": "stem", "freeze": "[-2:]"}, branching_model) == ["SC206"]


FIXTURES = Path(__file__).parents[1] / "fixtures" / "invalid"
MARKED = sorted(path for path in FIXTURES.glob("SC*.yaml") if "# finding_" in path.read_bytes()[:20].decode("latin-1"))


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_what_is_found_without_keras_is_what_is_found_with_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    found = check_spec(path)  # remembers the base
    assert found
    assert check_spec(path, static=True) == found
