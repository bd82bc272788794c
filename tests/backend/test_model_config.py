"""The config of a graph, and the groups of its layers in a file, beside what Keras makes of the same model."""

from __future__ import annotations

import json
from typing import Any

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.models.store import layer_groups
from spec_compiler.backend.models.symbolic import symbolic
from spec_compiler.graph.model_config import model_config, store_groups
from tests.backend.random_models import draw_model
from tests.backend.test_pruned_applications import ALL
from tests.backend.test_streamed import nested, plain

FAST = ("MobileNetV3Small", "VGG16", "ConvNeXtTiny", "EfficientNetV2B0")


serialize = keras.saving.serialize_keras_object


def assert_as_keras(model: Any) -> None:
    graph = read_graph(model)
    ours, wanted = (json.loads(json.dumps(each)) for each in (model_config(graph), serialize(model)))
    assert plain(ours) == plain(wanted)
    groups = layer_groups(model)
    assert {layer.name: group for layer, group in store_groups(graph)} == {
        layer.name: groups[id(layer)] for layer in model.layers
    }


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in ALL])
def test_an_application(name: str) -> None:
    with symbolic():
        assert_as_keras(getattr(keras.applications, name)(weights=None))


def test_a_nested_model() -> None:
    assert_as_keras(nested())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_random_model(data: Any) -> None:
    model = draw_model(data.draw)
    assert_as_keras(model[0] if isinstance(model, tuple) else model)
