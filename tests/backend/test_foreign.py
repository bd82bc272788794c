"""Layers that nobody here wrote: of classes whose configs cannot rebuild them, or that share variables.

Each kind was seen in a published model. The result must put out what the base does, bit for bit, be independent of it,
and load again from a file where the base's own class lets it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec
from spec_compiler.backend.models.copying import CannotCopy, Copier
from spec_compiler.backend.models.symbolic import symbolic
from tests.backend.conftest import assert_same_bits, outputs_of, randomized

registered = keras.saving.register_keras_serializable(package="foreign")


@registered
class SaysTooMuch(keras.layers.Layer):  # type: ignore[misc]
    """As KerasHub's ViT: the config has what `__init__` does not take."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units, name="dense")

    def build(self, shape: Any) -> None:
        self.width = shape[-1]
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "width": self.width}


@registered
class SaysTooLittle(keras.layers.Layer):  # type: ignore[misc]
    """As KerasHub's Qwen3: the config lacks what `__init__` needs."""

    def __init__(self, units: int, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self._factor = units, factor
        self.dense = keras.layers.Dense(units)

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        return self._factor * self.dense(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@registered
class ForgetsSilently(SaysTooLittle):
    """The config lacks what `__init__` has a default for: plain Keras loads another layer without a word."""

    def __init__(self, units: int, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(units, factor, **kwargs)


@registered
class Fails(SaysTooLittle):
    """As KerasHub's Llama: `get_config` asks for an attribute that is not there."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scaling": self.scaling}


@registered
class NoName(keras.layers.Layer):  # type: ignore[misc]
    """It takes no `name`, which every config has."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def get_config(self) -> dict[str, Any]:
        return {"units": self.dense.units, **super().get_config()}


@registered
class HoldsALayer(keras.layers.Layer):  # type: ignore[misc]
    """It is given a layer and has no config of its own."""

    def __init__(self, inner: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def build(self, shape: Any) -> None:
        self.inner.build(shape)

    def call(self, x: Any) -> Any:
        return 2 * self.inner(x)


@registered
class HoldsMany(keras.layers.Layer):  # type: ignore[misc]
    """It is given layers, keeps them in a list, a dict and a model inside, and forgets what it was given."""

    def __init__(self, layers: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chain = list(layers)
        self.named = {"last": keras.layers.Dense(4), "norm": keras.layers.BatchNormalization()}
        self.model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(4)])
        self.scaled: Any = lambda x: x * self.scale

    def build(self, shape: Any) -> None:
        for each in (*self.chain, *self.named.values(), self.model):
            each.build((*shape[:-1], 4))
        self.scale = self.add_weight(shape=(4,), name="scale")

    def call(self, x: Any, training: bool = False) -> Any:
        for each in self.chain:
            x = each(x)
        return self.scaled(self.named["norm"](self.named["last"](self.model(x)), training=training))


@registered
class WrappedInitializer(keras.layers.Layer):  # type: ignore[misc]
    """As deeplc's: an initializer object as an argument, which no config says."""

    def __init__(self, start: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._start = start

    def build(self, shape: Any) -> None:
        self.shift = self.add_weight(shape=(shape[-1],), initializer=self._start, name="shift")

    def call(self, x: Any) -> Any:
        return x + self.shift


@registered
class Reversible(keras.layers.Embedding):  # type: ignore[misc]
    """As KerasHub's: an embedding that also goes the other way."""

    def call(self, x: Any, reverse: bool = False) -> Any:
        return keras.ops.matmul(x, keras.ops.transpose(self.embeddings)) if reverse else super().call(x)


@registered
class Logits(keras.layers.Layer):  # type: ignore[misc]
    """It holds an embedding that the model uses as well."""

    def __init__(self, words: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words

    def call(self, x: Any) -> Any:
        return self.words(x, reverse=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "words": keras.saving.serialize_keras_object(self.words)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{**config, "words": keras.saving.deserialize_keras_object(config["words"])})


def bent(x: Any) -> Any:
    """An activation that nobody registered."""
    return keras.ops.tanh(x) * x


def model_of(layer: Any) -> Any:
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(4, name="first")(inputs)
    x = layer(x)
    return randomized(keras.Model(inputs, keras.layers.Dense(3, name="last")(x), name="base"))


def dense(units: int = 4) -> Any:
    return keras.layers.Dense(units, activation="tanh", name="inner")


def changed_inside() -> Any:
    """A layer that is otherwise than its own arguments say, as its user changed it."""
    layer = HoldsALayer(dense(), name="foreign")
    layer.inner.trainable = False
    return layer


FOREIGN: dict[str, tuple[Callable[[], Any], str]] = {
    "says too much": (lambda: SaysTooMuch(5, name="foreign"), "made from its arguments"),
    "says too little": (lambda: SaysTooLittle(5, 0.3, name="foreign"), "made from its arguments"),
    "forgets silently": (lambda: ForgetsSilently(5, factor=0.3, name="foreign"), "made from its arguments"),
    "fails": (lambda: Fails(5, 0.3, name="foreign"), "made from its arguments"),
    "takes no name": (lambda: NoName(5), "made from its arguments"),
    "holds a layer": (lambda: HoldsALayer(dense(), name="foreign"), "copied as it is"),
    "holds many": (lambda: HoldsMany([dense(), keras.layers.ReLU()], name="foreign"), "copied as it is"),
    "wrapped initializer": (
        lambda: WrappedInitializer(keras.initializers.RandomNormal(seed=3), name="foreign"),
        "copied as it is",
    ),
    "changed inside": (changed_inside, "copied as it is"),
    "unregistered activation": (lambda: keras.layers.Dense(5, bent, name="foreign"), "made from its arguments"),
    "unregistered activation inside": (
        lambda: keras.layers.TimeDistributed(keras.layers.Dense(5, bent), name="foreign"),
        "made from its arguments",
    ),
    "a lambda as activation": (lambda: keras.layers.Dense(5, lambda x: x * x, name="foreign"), ""),
    "no class of its name": (lambda: local_class()(name="foreign"), ""),
}


def local_class() -> Any:
    class Local(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return 3 * x

    return Local


NUMBERS = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def base_of(kind: str) -> Any:
    layer = FOREIGN[kind][0]()
    if isinstance(layer, keras.layers.TimeDistributed):
        inputs = keras.Input((4,), name="numbers")
        x = layer(keras.layers.Reshape((2, 2))(inputs))
        return randomized(keras.Model(inputs, keras.layers.Dense(3, name="last")(x)))
    return model_of(layer)


@pytest.mark.parametrize("kind", FOREIGN)
def test_finding_F6_a_foreign_layer_is_kept(kind: str) -> None:
    base = base_of(kind)
    before = [np.array(variable) for variable in base.variables]
    compiled = compile_spec({"spec": 1}, base=base)
    assert_same_bits(outputs_of(compiled.model, NUMBERS), outputs_of(base, NUMBERS))
    assert [each.trainable for each in compiled.model.variables] == [each.trainable for each in base.variables]
    assert not {id(each) for each in compiled.model.variables} & {id(each) for each in base.variables}
    name = base.layers[2].name if kind == "takes no name" else "foreign"
    (reason,) = {row.reason for row in compiled.weights if row.layer == name} or {f"kept layer, {FOREIGN[kind][1]}"}
    assert reason.startswith("kept layer")
    assert FOREIGN[kind][1] in reason
    head = {"spec": 1, "head": [{"Dense": {"units": 2, "name": "new"}}], "freeze": "base"}
    frozen = compile_spec(head, base=base).model
    assert {each.path.split("/")[0] for each in frozen.trainable_variables} == {"new"}
    fitted(compiled.model)
    assert_same_bits([np.array(variable) for variable in base.variables], before)
    assert_same_bits([np.array(each) for each in compiled.model.variables], [np.array(each) for each in fitted(base)])


def fitted(model: Any) -> list[Any]:
    """The variables after a step of training."""
    model.compile("sgd", "mse")
    model.fit(NUMBERS, np.ones_like(outputs_of(model, NUMBERS)[0]), verbose=0, shuffle=False)
    return list(model.variables)


@pytest.mark.parametrize(
    "kind", ["says too much", "says too little", "forgets silently", "fails", "takes no name"]
)  # fmt: skip
def test_finding_F6_a_saved_file_loads_again(kind: str, tmp_path: Path) -> None:
    base = base_of(kind)
    compiled = compile_spec({"spec": 1, "freeze": "first"}, base=base).model
    compiled.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_same_bits(outputs_of(again, NUMBERS), outputs_of(base, NUMBERS))
    assert type(again.layers[2]) is type(base.layers[2])
    twice = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "model.keras")}}).model
    assert_same_bits(outputs_of(twice, NUMBERS), outputs_of(base, NUMBERS))


def test_finding_F6_frozen_foreign_layers_train_again_when_they_are_told_to() -> None:
    base = base_of("holds many")
    base.trainable = False
    model = compile_spec({"spec": 1}, base=base).model
    assert model.trainable_variables == []
    for layer in (*base.layers, *model.layers):
        layer.trainable = True
    base.trainable = True
    assert_same_bits([np.array(each) for each in fitted(model)], [np.array(each) for each in fitted(base)])


def test_finding_W29_what_is_inside_of_a_frozen_layer_is_frozen() -> None:
    inputs = keras.Input((3, 4))
    base = keras.Model(inputs, keras.layers.MultiHeadAttention(2, 2)(inputs, inputs))
    for layer in base.layers:
        layer.trainable = False
    assert compile_spec({"spec": 1}, base=base).model.trainable_variables == []


def test_finding_F6_other_arguments_where_they_can_be_given() -> None:
    base = base_of("forgets silently")
    model = compile_spec({"spec": 1, "set": [{"layers": "foreign", "to": {"factor": 0.6}}]}, base=base).model
    by_hand = model_of(ForgetsSilently(5, factor=0.6, name="foreign"))
    by_hand.set_weights(base.get_weights())
    assert_same_bits(outputs_of(model, NUMBERS), outputs_of(by_hand, NUMBERS))
    text = "spec: 1\nset: [{layers: foreign, to: {layers: []}}]\n"
    (found,) = check_spec(text, base=base_of("changed inside"))
    assert (found.code, found.line) in (("SC317", 2), ("SC106", 2), ("SC403", 2))


def test_finding_F6_from_a_file_it_says_why(tmp_path: Path) -> None:
    base_of("says too little").save(tmp_path / "model.keras")
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: model.keras}\n", encoding="utf-8")
    (found,) = check_spec(tmp_path / "spec.yaml")
    assert (found.code, found.line, found.column) == ("SC502", 2, 14)
    assert "missing 1 required positional argument: 'factor'" in found.message
    assert "base=" in (found.help or "")


def test_finding_F6_inside_of_a_nested_model_and_of_another_spec(tmp_path: Path) -> None:
    inner = model_of(SaysTooLittle(5, 0.3, name="foreign"))
    inputs = keras.Input((4,), name="outer_numbers")
    base = keras.Model(inputs, keras.layers.Dense(2, name="top")(inner(inputs)))
    wanted = outputs_of(base, NUMBERS)
    assert_same_bits(outputs_of(compile_spec({"spec": 1}, base=base).model, NUMBERS), wanted)
    opened = compile_spec({"spec": 1, "freeze": "base/first"}, base=base).model
    assert_same_bits(outputs_of(opened, NUMBERS), wanted)
    again = compile_spec({"spec": 1}, base=compile_spec({"spec": 1}, base=base).model).model
    assert_same_bits(outputs_of(again, NUMBERS), wanted)


def test_a_class_that_assigns_while_it_saves() -> None:
    """As KerasHub's DINOV2: reading where a base keeps its variables changes none of them."""

    class Tidies(SaysTooMuch):
        def save_own_variables(self, store: Any) -> None:
            self.dense.kernel.assign(0 * self.dense.kernel)
            super().save_own_variables(store)

    base = model_of(Tidies(5, name="foreign"))
    wanted = outputs_of(base, NUMBERS)
    assert_same_bits(outputs_of(compile_spec({"spec": 1}, base=base).model, NUMBERS), wanted)
    assert_same_bits(outputs_of(base, NUMBERS), wanted)


class Encoder(keras.Model):  # type: ignore[misc]
    """As KerasHub's SigLIP: a model with a graph whose class says all, but for the names of what is inside."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        inputs = keras.Input((4,))
        name = kwargs.get("name", "plain")
        super().__init__(inputs, keras.layers.Dense(units, name=f"{name}_head")(inputs), **kwargs)
        self.units = units
        self.get_layer(f"{name}_head").name = "head"

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, "name": self.name}


def test_a_nested_model_of_its_own_class() -> None:
    inputs = keras.Input((4,))
    base = randomized(keras.Model(inputs, keras.layers.Dense(2)(Encoder(3, name="encoder")(inputs))))
    compiled = compile_spec({"spec": 1}, base=base)
    assert_same_bits(outputs_of(compiled.model, NUMBERS), outputs_of(base, NUMBERS))
    assert {row.reason for row in compiled.weights} == {"kept layer"}


def test_two_classes_of_one_name() -> None:
    """Keras finds a class by its name: another module's class of the same name is another layer."""

    def scaled(by: int) -> Any:
        class Scaled(keras.layers.Layer):  # type: ignore[misc]
            def call(self, x: Any) -> Any:
                return by * x

        return Scaled

    inputs = keras.Input((4,))
    base = keras.Model(inputs, scaled(2)(name="two")(scaled(3)(name="three")(inputs)))
    assert_same_bits(outputs_of(compile_spec({"spec": 1}, base=base).model, NUMBERS), [6 * NUMBERS])


def legacy(base: Any, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A legacy file as an older Keras wrote it: `change` makes each layer's config so."""
    base.save(path / "old.h5")
    with h5py.File(path / "old.h5", "r+") as store:
        config = json.loads(store.attrs["model_config"])
        for layer in config["config"]["layers"]:
            change(layer["config"])
        store.attrs["model_config"] = json.dumps(config)
    (path / "spec.yaml").write_text("spec: 1\nbase: {file: old.h5}\n", encoding="utf-8")
    return path / "spec.yaml"


def test_finding_F10_arguments_of_keras_2(tmp_path: Path) -> None:
    inputs = keras.Input((5, 4))
    x = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True, name="lstm"), name="both")(inputs)
    x = keras.layers.SimpleRNN(3, name="simple")(x)
    base = randomized(keras.Model(inputs, x))

    def as_keras_2(config: dict[str, Any]) -> None:
        if config["name"] == "simple":
            config |= {"time_major": False, "implementation": 2}
        if config["name"] == "both":
            config["layer"]["config"] |= {"time_major": False, "implementation": 2}

    steps = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    spec = legacy(base, tmp_path, as_keras_2)
    assert_same_bits(outputs_of(compile_spec(spec).model, steps), outputs_of(base, steps))
    (found,) = check_spec(legacy(base, tmp_path, lambda config: config.update(time_major=True)))
    assert (found.code, found.line, "time_major" in found.message) == ("SC502", 2, True)


@pytest.mark.parametrize(
    "activation", ["<lambda>", {"class_name": "__lambda__", "config": {"value": ["4wEA", None, None]}}]
)
def test_finding_F10_a_lambda_for_an_activation(activation: Any, tmp_path: Path) -> None:
    base = base_of("says too much")
    base = randomized(keras.Model(base.input, keras.layers.Dense(2, name="own")(base.get_layer("first").output)))
    spec = legacy(base, tmp_path, lambda each: each.update(activation=activation) if each["name"] == "own" else None)
    (found,) = check_spec(spec, allow_code=True)
    assert (found.code, found.line) == ("SC502", 2)
    assert "lambda" in found.message
    assert "build the model in Python" in (found.help or "")
    by_hand = keras.models.clone_model(base)
    by_hand.load_weights(tmp_path / "old.h5")  # as the help says
    assert_same_bits(outputs_of(compile_spec({"spec": 1}, base=by_hand).model, NUMBERS), outputs_of(base, NUMBERS))


def test_finding_F10_bytecode_of_another_python(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    base = keras.Model(inputs, keras.layers.Lambda(lambda x: 2 * x, output_shape=(4,), name="own")(inputs))
    old = {"function": ["4wEAAAAAAAAAAQAAAAIAAABTAAAA", None, None], "function_type": "lambda"}
    spec = legacy(base, tmp_path, lambda each: each.update(old) if each["name"] == "own" else None)
    (found,) = check_spec(spec, allow_code=True)
    assert (found.code, found.line) == ("SC502", 2)
    assert "another version of Python" in found.message


def tied() -> Any:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    words = Reversible(20, 4, name="words")
    x = keras.layers.Dense(4, name="body")(words(tokens))
    return randomized(keras.Model(tokens, Logits(words, name="logits")(x), name="tied"))


TOKENS = np.random.default_rng(0).integers(0, 20, (3, 6)).astype("int32")


def test_finding_F4_what_layers_share_stays_shared() -> None:
    base = tied()
    compiled = compile_spec({"spec": 1}, base=base)
    model = compiled.model
    assert len(model.variables) == len(base.variables) == 3
    assert model.get_layer("logits").words is model.get_layer("words") is not base.get_layer("words")
    assert_same_bits(outputs_of(model, TOKENS), outputs_of(base, TOKENS))
    before = np.array(base.get_layer("words").embeddings)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(TOKENS, TOKENS, verbose=0)
    assert_same_bits(np.array(base.get_layer("words").embeddings), before)
    frozen = compile_spec({"spec": 1, "freeze": "words"}, base=base).model
    assert [each.path for each in frozen.trainable_variables] == ["body/kernel", "body/bias"]
    reasons = {row.layer: row.reason for row in compiled.weights}
    assert "`logits`, which shares variables with it" in reasons["words"]


def test_finding_F4_one_of_the_tied_goes() -> None:
    base = tied()
    model = compile_spec({"spec": 1, "cut_at": "body"}, base=base).model
    assert_same_bits(
        outputs_of(model, TOKENS), outputs_of(keras.Model(base.input, base.get_layer("body").output), TOKENS)
    )


@pytest.mark.parametrize("file", ["model.keras", "model.weights.h5"])
def test_finding_F4_from_a_file(file: str, tmp_path: Path) -> None:
    base = tied()
    base.save(tmp_path / "model.keras")
    base.save_weights(tmp_path / "model.weights.h5")
    section = {"file": str(tmp_path / "model.keras")}
    if file != "model.keras":
        section["weights"] = str(tmp_path / file)
    model = compile_spec({"spec": 1, "base": section}).model
    assert len(model.variables) == 3
    assert_same_bits(outputs_of(model, TOKENS), outputs_of(base, TOKENS))
    model.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    assert len(again.variables) == 3
    assert_same_bits(outputs_of(again, TOKENS), outputs_of(base, TOKENS))


def test_a_copy_shares_nothing_and_refuses_what_exists_once() -> None:
    layer = base_of("holds many").get_layer("foreign")
    with symbolic():
        copy = Copier(id(each) for each in layer.variables).copied(layer)
    assert not {id(each) for each in copy._flatten_layers()} & {id(each) for each in layer._flatten_layers()}
    assert copy.chain[0] is copy._flatten_layers(include_self=False, recursive=False)[0]
    assert copy.scaled.__closure__[0].cell_contents is copy
    layer.numbers = itertools.count()
    with pytest.raises(CannotCopy), symbolic():
        Copier(id(each) for each in layer.variables).copied(layer)
