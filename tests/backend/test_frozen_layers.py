"""Whether frozen layers are still frozen once a saved model is loaded: of every class of the catalogue, tried."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from spec_compiler import check_spec, compile_spec
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.weights import freezing
from spec_compiler.edits.freezing import Freezing
from spec_compiler.keras_facts import catalogue
from spec_compiler.plan.warnings.forgotten_freezing import FORGET_FREEZING

ARGUMENTS: dict[str, Any] = {
    "units": 3,
    "filters": 2,
    "kernel_size": 2,
    "key_dim": 2,
    "num_heads": 2,
    "input_dim": 5,
    "output_dim": 3,
    "head_dim": 2,
    "num_query_heads": 2,
    "num_key_value_heads": 1,
    "equation": "abc,cd->abd",
    "output_shape": (None, 3),
    "groups": 1,
}
INNER: dict[str, tuple[Callable[[], Any], ...]] = {
    "layer": (
        lambda: keras.layers.Dense(3),
        lambda: keras.layers.LSTM(3, return_sequences=True),
        lambda: keras.layers.Conv2D(2, 2),
        lambda: keras.layers.ConvLSTM1D(2, 2, return_sequences=True),
    ),
    "cell": (lambda: keras.layers.LSTMCell(3), lambda: [keras.layers.LSTMCell(3), keras.layers.GRUCell(3)]),
}
SHAPES = ((4,), (6, 4), (8, 8, 3), (6, 8, 8, 3), (4, 6, 6, 6, 2))


def variants(name: str) -> list[dict[str, Callable[[], Any]]]:
    """Arguments that the class needs; with wrappers each of the layers that may stand inside."""
    cls = getattr(keras.layers, name)
    needed = [key for key, each in inspect.signature(cls.__init__).parameters.items() if each.default is each.empty]
    keys = [key for key in needed if key in {**ARGUMENTS, **INNER}]
    choices = [INNER.get(key, (functools.partial(ARGUMENTS.get, key),)) for key in keys]
    return [dict(zip(keys, each, strict=True)) for each in itertools.product(*choices)]


def built(name: str, made: dict[str, Callable[[], Any]]) -> Any:
    """A model of one such layer with weights, None where no input fits."""
    for shape, count in itertools.product(SHAPES, (1, 2)):
        try:
            layer = getattr(keras.layers, name)(**{key: make() for key, make in made.items()}, name="it")
            inputs = keras.Input(shape)
            outputs = layer(*[inputs] * count)
            if layer.trainable_variables:
                return keras.Model(inputs, outputs)
        except Exception:
            continue
    return None


def forgets(model: Any, file: Path) -> bool:
    model.get_layer("it").trainable = False
    assert not model.trainable_variables
    model.save(file)
    return bool(keras.saving.load_model(file).trainable_variables)


def test_the_classes_that_forget_finding_W29(tmp_path: Path) -> None:
    tried, found = set(), set()
    for name in catalogue.catalogue()["layers"]:
        for made in variants(name) if hasattr(keras.layers, name) else ():
            model = built(name, made)
            if model is not None:
                tried.add(name)
                wrapped = any(type(make()).__name__ in FORGET_FREEZING for make in made.values())
                if forgets(model, tmp_path / "model.keras") and not wrapped:
                    found |= {name, type(model.get_layer("it")).__name__}
    assert found == set(FORGET_FREEZING)
    assert {"LSTM", "Bidirectional", "TimeDistributed", "SpectralNormalization", "RNN", "EinsumDense"} <= tried
    assert len(tried) > 30


ATTENTION = """
spec: 1
head:
  - GlobalAveragePooling1D
  - {Dense: {units: 2, name: answer}}
freeze: it
"""


def steps() -> Any:
    inputs = keras.Input((6, 4), name="steps")
    attended = keras.layers.MultiHeadAttention(2, 4, name="it")(inputs, inputs)
    return keras.Model(inputs, keras.layers.Dense(4, name="body")(attended))


def test_a_warning_where_it_is_frozen_finding_W29(tmp_path: Path) -> None:
    (found,) = check_spec(ATTENTION, base=steps())
    assert (found.code, found.severity, found.line) == ("SC611", "warning", 6)
    model = compile_spec(ATTENTION, base=steps()).model
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert (
        len(again.trainable_variables) == len(model.trainable_variables) + 8
    )  # Keras's own: if this fails, it is mended
    for value in (True, False):  # what the help says
        again.get_layer("it").trainable = value
    assert len(again.trainable_variables) == len(model.trainable_variables)
    assert check_spec(ATTENTION.replace("freeze: it", "freeze: answer"), base=steps()) == ()


def test_no_warning_for_what_stays_frozen() -> None:
    assert check_spec(ATTENTION.replace("freeze: it", "freeze: body"), base=steps()) == ()
    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(3), name="it")
    model = keras.Sequential([keras.Input((6, 4)), wrapped])
    assert check_spec(ATTENTION, base=model) == ()


def test_what_is_frozen_in_the_plan_is_frozen_in_the_result_finding_W29(tmp_path: Path) -> None:
    """From a file, from memory, and for a new layer that says it itself."""
    model = steps()
    model.get_layer("it").trainable = False
    model.save(tmp_path / "model.keras")
    spec = {"spec": 1, "base": {"file": str(tmp_path / "model.keras")}}
    for compiled in (compile_spec(spec), compile_spec({"spec": 1}, base=model)):
        assert compiled.plan.num_frozen
        assert {each.path.split("/")[0] for each in compiled.model.trainable_variables} == {"body"}
    new = "spec: 1\nhead: [{ConvLSTM1D: {filters: 2, kernel_size: 1, name: rows, trainable: false}}]\n"
    base = keras.Sequential([keras.Input((4, 6, 3)), keras.layers.Dense(3, name="body")])
    result = compile_spec(new, base=base)
    assert {each.path.split("/")[0] for each in result.model.trainable_variables} == {"body"}


def test_a_phase_trains_all_that_an_earlier_one_froze_inside_of_a_model() -> None:
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="bn")], name="inner")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="answer")(inner(inputs)))
    graph = read_graph(model)
    layers = freezing.layers_of(model, graph)
    for freeze, num_trained in (({"batch_norm": "all"}, 2), ("inner/bn", 2), ("answer", 2), ("inner", 2)):
        freezing.set_trainable(layers, Freezing.parse(freeze).apply(graph))
        assert len(model.trainable_variables) == num_trained
        freezing.set_trainable(layers, graph)
        assert len(model.trainable_variables) == 4
