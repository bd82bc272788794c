"""The committed catalogue against the Keras that is installed: fresh, complete, and never stricter than Keras."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import pytest

from spec_compiler.backend.catalogue.write import default_sizes, document
from spec_compiler.keras_facts.argument_checks import check_application, check_arguments
from spec_compiler.keras_facts.catalogue import (
    application,
    application_names,
    argument_names,
    catalogue,
    class_record,
    layer_names,
)

same_keras = pytest.mark.skipif(
    catalogue()["keras"].split(".")[:2] != keras.__version__.split(".")[:2],
    reason=f"the committed catalogue is of Keras {catalogue()['keras']}",
)

# What the samples below cannot make: layers of Python objects, files, and other frameworks.
NOT_MADE = {"Lambda", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer"}
REQUIRED: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"},
    "Bidirectional": {"layer": keras.layers.LSTM(2)},
    "Discretization": {"num_bins": 3},
    "Dot": {"axes": 1},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 3},
    "InputLayer": {"shape": [3]},
    "Permute": {"dims": [2, 1]},
    "Pipeline": {"layers": [keras.layers.Rescaling(2.0)]},
    "RandomPosterization": {"factor": 2},
    "Rescaling": {"scale": 2.0},
    "Reshape": {"target_shape": [-1]},
    "RNN": {"cell": keras.layers.LSTMCell(2)},
    "SpectralNormalization": {"layer": keras.layers.Dense(2)},
    "StackedRNNCells": {"cells": [keras.layers.LSTMCell(2)]},
    "TimeDistributed": {"layer": keras.layers.Dense(2)},
}
# One of each way of writing a network: plain, residual, dense, inception, separable, squeezing, nested with raw
# operations, searched, and with preprocessing inside.
APPLICATIONS = (
    "VGG16",
    "ResNet50V2",
    "DenseNet121",
    "InceptionV3",
    "InceptionResNetV2",
    "Xception",
    "MobileNetV2",
    "MobileNetV3Small",
    "EfficientNetV2B0",
    "ConvNeXtTiny",
    "NASNetMobile",
)


def required(name: str) -> dict[str, Any]:
    """Sample values for the arguments of a layer class that have no default."""
    if name in REQUIRED:
        return REQUIRED[name]
    records: Mapping[str, Any] = (class_record(name) or {})["arguments"]
    missing = {key: str(record["schema"]) for key, record in records.items() if record.get("required")}
    return {key: 2 if "integer" in schema else 0.5 for key, schema in missing.items()}


def made_layers() -> Iterator[tuple[str, Any]]:
    """A layer of every class that can be made from plain values."""
    for name in layer_names():
        if name not in NOT_MADE:
            yield name, getattr(keras.layers, name)(**required(name))


def nested_layers(model: Any) -> Iterator[Any]:
    """Every layer of a model, those of the models inside it among them."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from nested_layers(layer)


@same_keras
def test_is_fresh() -> None:
    sizes = {name: application(name)["default_size"] for name in application_names()}
    assert document(sizes) | {"keras": catalogue()["keras"]} == catalogue()


@same_keras
@pytest.mark.slow
def test_default_sizes_are_fresh() -> None:
    assert default_sizes() == {name: application(name)["default_size"] for name in application_names()}


def test_takes_the_config_of_every_layer() -> None:
    refused = {name: check_arguments(name, layer.get_config()) for name, layer in made_layers()}
    assert {name: [each.message for each in found] for name, found in refused.items() if found} == {}


def test_keras_knows_every_argument() -> None:
    """Arguments that a class inherits are read from the source of Keras, so each is tried."""
    for name, layer in made_layers():
        records: Mapping[str, Any] = (class_record(name) or {})["arguments"]
        for argument, record in records.items():
            if "default" in record and argument not in required(name):
                value = record["default"]
                value = tuple(value) if isinstance(value, list) else value
                assert type(layer)(**{**required(name), argument: value}), f"{name}.{argument}"


def test_keras_knows_every_word() -> None:
    """Each value that a schema enumerates is tried, with what it needs beside it."""
    beside = {"sparse": False, "renorm": False}
    for name, layer in made_layers():
        records: Mapping[str, Any] = (class_record(name) or {})["arguments"]
        for argument, record in records.items():
            branches = record["schema"].get("anyOf", [record["schema"]])
            for value in [each for branch in branches for each in branch.get("enum", ())]:
                arguments = {**required(name), **{key: each for key, each in beside.items() if key in records}}
                assert type(layer)(**{**arguments, argument: value}), f"{name}.{argument}"


@pytest.mark.parametrize("kind", ["initializer", "regularizer", "constraint", "activation"])
def test_keras_knows_every_name(kind: str) -> None:
    get = getattr(keras, f"{kind}s").get
    for name in catalogue()[f"{kind}s"]:
        if name.casefold() == "constant":  # Keras takes the class, and not its name alone
            assert [each.code for each in check_arguments(name, {})] == ["SC102"]
        else:
            assert callable(get(name)), name


def test_no_public_class_is_left_out() -> None:
    abstract = {"Layer", "Wrapper"}
    for name, each in vars(keras.layers).items():
        if inspect.isclass(each) and issubclass(each, keras.Layer) and name not in abstract:
            assert name in layer_names()
    for kind, base in (("initializers", keras.Initializer), ("constraints", keras.constraints.Constraint)):
        for name, each in vars(getattr(keras, kind)).items():
            if inspect.isclass(each) and issubclass(each, base) and each is not base:
                assert name in catalogue()[kind]


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_takes_every_layer_of_real_models(name: str) -> None:
    assert check_application(name, {"input_shape": None, "pooling": None, "classes": 10}) == ()
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(keras.applications, name)(weights=None)
    checked = 0
    for layer in nested_layers(model):
        if argument_names(type(layer).__name__):
            config = json.loads(json.dumps(layer.get_config()))  # tuples as lists, as a spec has them
            assert check_arguments(type(layer).__name__, config) == (), layer.name
            checked += 1
    assert checked > 20
