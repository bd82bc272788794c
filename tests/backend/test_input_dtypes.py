"""`input: {dtype: …}`: whole numbers go only into layers that put out for them what they do for floats."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.edits.input_dtypes import CONVERT, HAND_ON
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized

PIXELS = np.random.default_rng(5).integers(0, 256, size=(2, 16, 16, 3)).astype("uint8")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Rescaling": {"scale": 1 / 127.5, "offset": -1.0},
    "Normalization": {"mean": 100.0, "variance": 50.0, "axis": None},
    "Dense": {"units": 3},
    "EinsumDense": {"equation": "...a,ab->...b", "output_shape": (3,)},
    "Embedding": {"input_dim": 256, "output_dim": 2},
    "Discretization": {"bin_boundaries": [10.0, 100.0]},
    "IntegerLookup": {"vocabulary": [1, 2, 3]},
    "Reshape": {"target_shape": (-1, 2)},
    "RepeatVector": {"n": 2},
}
SHAPES = {"1D": (6, 3), "2D": (6, 6, 3), "3D": (6, 6, 6, 3), "RepeatVector": (6,)}


def test_finding_W20_a_convolution_takes_no_whole_numbers() -> None:
    spec = {"spec": 1, "input": {"dtype": "uint8"}}
    (error,) = check_spec(spec, base=branching())
    assert (error.code, error.path) == ("SC401", ("input", "dtype"))
    assert error.message == "the kept layer `stem` (Conv2D) takes floats, it cannot take `uint8`"
    assert error.help == "convert them first: `insert: [{after: image, with: [{Rescaling: 1.0}]}]`"
    with pytest.raises(SpecError, match="SC401"):
        plan_spec(spec, base=branching())


def test_finding_W20_the_help_makes_a_model_that_runs() -> None:
    model = branching()
    insert = [{"after": "image", "with": [{"Rescaling": 1.0}]}]
    compiled = compile_spec({"spec": 1, "input": {"dtype": "uint8"}, "insert": insert}, base=model)
    assert str(compiled.model.inputs[0].dtype) == "uint8"
    assert_same_bits(outputs_of(compiled.model, PIXELS), outputs_of(model, PIXELS.astype("float32")))


@pytest.mark.parametrize("application", ["VGG16", "MobileNetV2", "DenseNet121"])
def test_finding_W20_preprocessing_converts(application: str) -> None:
    model = branching()
    spec = {"spec": 1, "input": {"dtype": "uint8", "preprocess": application}}
    floats = compile_spec({"spec": 1, "input": {"preprocess": application}}, base=model).model
    compiled = compile_spec(spec, base=model).model
    assert_same_bits(outputs_of(compiled, PIXELS), outputs_of(floats, PIXELS.astype("float32")))


def test_finding_W20_a_nested_model_converts_and_an_opened_one_does_not() -> None:
    image = keras.Input((16, 16, 3), name="outer_image")
    model = keras.Model(image, branching()(image))
    compiled = compile_spec({"spec": 1, "input": {"dtype": "uint8"}}, base=model)
    assert_same_bits(outputs_of(compiled.model, PIXELS), outputs_of(model, PIXELS.astype("float32")))
    opened = {
        "spec": 1,
        "input": {"dtype": "uint8"},
        "set": {"layers": "branching/stem", "to": {"kernel_regularizer": "l2"}},
    }
    assert [each.code for each in check_spec(opened, base=model)] == ["SC401"]


@pytest.mark.parametrize("name", [*CONVERT, *(each for each in HAND_ON if each != "Flip")])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_finding_W20_what_takes_whole_numbers_gives_the_same(name: str, dtype: str) -> None:
    """In place and behind a `Rescaling` that converts: the numbers agree, and where it hands on, the dtype is said."""
    shape = next((each for key, each in SHAPES.items() if key in name), (6, 2))
    layer = getattr(keras.layers, name)(**ARGUMENTS.get(name, {"dims": (2, 1)} if name == "Permute" else {}))
    numbers = np.random.default_rng(3).integers(0, 2 if dtype == "bool" else 200, size=(2, *shape)).astype(dtype)
    inputs = keras.Input(shape, name="in")
    model = randomized(keras.Model(inputs, keras.layers.Rescaling(1.0)(layer(inputs))))
    compiled = compile_spec({"spec": 1, "input": {"dtype": dtype}}, base=model)
    assert_same_bits(outputs_of(compiled.model, numbers), outputs_of(model, numbers.astype("float32")))


def test_finding_W20_floats_of_any_kind_are_cast() -> None:
    model = branching()
    for dtype in ("float16", "float64", "bfloat16"):
        compiled = compile_spec({"spec": 1, "input": {"dtype": dtype}}, base=model)
        found, wanted = outputs_of(compiled.model, PIXELS / 256), outputs_of(model, PIXELS / 256)
        np.testing.assert_allclose(found[0], wanted[0], rtol=0.1, atol=0.05)


@pytest.mark.parametrize(
    ("layer", "before", "given", "takes"),
    [
        ({"Embedding": {"input_dim": 9, "output_dim": 2}}, "int32", "string", "whole numbers"),
        ({"StringLookup": {"vocabulary": ["a", "b"]}}, "string", "int32", "text"),
    ],
)
def test_finding_W20_text_and_numbers(layer: dict[str, Any], before: str, given: str, takes: str) -> None:
    ((name, arguments),) = layer.items()
    inputs = keras.Input((3,), dtype=before)
    base = keras.Model(inputs, getattr(keras.layers, name)(**arguments, name="first")(inputs))
    with pytest.raises(SpecError) as error:
        compile_spec({"spec": 1, "input": {"dtype": given}}, base=base)
    (found,) = error.value.diagnostics
    assert found.code == "SC401"
    assert found.message == f"the kept layer `first` ({name}) takes {takes}, it cannot take `{given}`"


def test_finding_W20_hashing_takes_text_and_numbers() -> None:
    inputs = keras.Input((3,), dtype="int32")
    base = keras.Model(inputs, keras.layers.Hashing(5)(inputs))
    model = compile_spec({"spec": 1, "input": {"dtype": "string"}}, base=base).model
    numbers = keras.ops.convert_to_tensor([[1, 2, 3]])
    texts = tensorflow.constant([["1", "2", "3"]])
    assert np.array_equal(np.asarray(model(texts)), np.asarray(base(numbers)))
