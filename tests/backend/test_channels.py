"""The axis of the channels is the one that the layers say, wherever it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.backend.inference import open_model
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.graph.channels import channel_axis
from tests.backend.conftest import randomized


def convolutions(data_format: str, nested: bool = False, size: int = 8) -> Any:
    """Two convolutions and a top, channels where `data_format` says."""
    shape = (3, size, size + 1) if data_format == "channels_first" else (size, size + 1, 3)
    image = keras.Input(shape, name="image")
    x = keras.layers.BatchNormalization(axis=1 if data_format == "channels_first" else -1, name="norm")(image)
    x = keras.layers.ZeroPadding2D(1, data_format=data_format, name="pad")(x)
    x = keras.layers.Conv2D(4, 3, data_format=data_format, name="one")(x)
    x = keras.layers.Conv2D(5, 3, data_format=data_format, name="two")(x)
    x = keras.layers.GlobalAveragePooling2D(data_format=data_format, name="pool")(x)
    model = keras.Model(image, keras.layers.Dense(2, name="top")(x), name="net")
    if nested:
        outer = keras.Input(shape, name="outer_image")
        model = keras.Model(outer, model(outer), name="outer")
    return randomized(model)


@pytest.mark.parametrize("nested", [False, True])
def test_finding_W5_the_number_of_channels(nested: bool) -> None:
    for data_format, wanted in (("channels_first", (None, 7, 8, 9)), ("channels_last", (None, 8, 9, 7))):
        model = convolutions(data_format, nested)
        layer = model.layers[0].name
        graph = read_graph(model)
        assert channel_axis(graph, layer) == (1 if data_format == "channels_first" else -1)
        edits: dict[str, Any] = {"replace": [{"layers": "norm..one", "with": [{"Conv2D": ONE[data_format]}]}]}
        if nested:
            edits = {"insert": [{"after": layer, "with": [{"Conv2D": THREE[data_format]}]}]}
        compiled = compile_spec({"spec": 1, "input": {"channels": 7}, **edits}, base=model)
        assert compiled.model.input_shape == wanted


ONE = {each: {"filters": 4, "kernel_size": 3, "padding": "same", "data_format": each} for each in
       ("channels_first", "channels_last")}  # fmt: skip
THREE = {key: {**arguments, "filters": 3} for key, arguments in ONE.items()}


def test_finding_W5_without_a_layer_that_says_it_keras_is_set_so() -> None:
    image = keras.Input((3, 8, 9), name="image")
    model = keras.Model(image, keras.layers.Rescaling(2.0, name="scale")(image))
    spec = {"spec": 1, "input": {"channels": 7}}
    assert plan_spec(spec, base=model).after.nodes["image"].outputs[0].shape == (None, 3, 8, 7)
    keras.config.set_image_data_format("channels_first")
    try:
        assert plan_spec(spec, base=model).after.nodes["image"].outputs[0].shape == (None, 7, 8, 9)
    finally:
        keras.config.set_image_data_format("channels_last")


def test_finding_W5_the_settings_are_read_as_keras_reads_them(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"image_data_format": "channels_first"}', encoding="utf-8")
    for module in ("spec_compiler.keras_facts.settings", "keras.config"):
        code = f"from {module} import image_data_format as f"
        command = [sys.executable, "-c", f"{code}; print(f())"]
        said = subprocess.run(
            command, env={**os.environ, "KERAS_HOME": str(tmp_path)}, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == "channels_first"


def test_finding_W5_a_width_is_offered_in_channels() -> None:
    replace = [{"layers": "one", "with": [{"Conv2D": {**ONE["channels_first"], "filters": 6, "padding": "valid"}}]}]
    found = check_spec({"spec": 1, "replace": replace}, base=convolutions("channels_first"))
    assert [each.code for each in found] == ["SC402"]
    assert "set `filters: 4` in `conv2d`" in str(found[0].help)


def test_finding_W5_images_are_read_with_their_channels_last(tmp_path: Path) -> None:
    model = convolutions("channels_first")
    model.save(tmp_path / "model.keras")
    with pytest.raises(SpecError, match="has its channels first, images are read with theirs last"):
        open_model(str(tmp_path / "model.keras"))
    turned = {
        "spec": 1,
        "input": {"shape": [8, 9, 3]},
        "insert": [{"after": "image", "with": [{"Permute": [3, 1, 2]}]}],
    }
    compiled = compile_spec(turned, base=model)
    compiled.model.save(tmp_path / "turned.keras")
    opened = open_model(str(tmp_path / "turned.keras"))
    assert (opened.reader.size, opened.reader.channels) == ((8, 9), 3)
    first = np.random.default_rng(3).normal(size=(2, 3, 8, 9)).astype("float32")
    inner = keras.Model(
        model.input, model.get_layer("norm").output
    )  # no convolution: a CPU has none with channels first
    turned_inner = keras.Model(compiled.model.input, compiled.model.get_layer("norm").output)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(inner(first)), keras.ops.convert_to_numpy(turned_inner(first.transpose(0, 2, 3, 1)))
    )
