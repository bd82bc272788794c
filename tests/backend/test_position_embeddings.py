"""Tables of positions over another grid: what Keras's own resizing of images makes of them, tokens as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import SpecError, compile_spec
from tests.backend.base_forms import FORMS, actions, compiled, filled, promised
from tests.backend.conftest import assert_same_bits


def net(rows: int) -> Any:
    places = keras.Input((3,), dtype="int32")
    return filled(keras.Model(places, layers.Embedding(rows, 6, name="positions")(places)))


def spec(rows: int, weights: Any) -> dict[str, Any]:
    return {"set": {"layers": "positions", "to": {"input_dim": rows}, "weights": weights}}


def table_of(model: Any) -> Any:
    return model.get_layer("positions").get_weights()[0]


@pytest.mark.parametrize("how", ["bicubic", "bilinear"])
@pytest.mark.parametrize("tokens", [0, 1, 2])
@pytest.mark.parametrize(("old", "new"), [((5, 5), (8, 8)), ((7, 7), (4, 4)), ((4, 6), (6, 5)), ((3, 3), (3, 3))])
def test_a_grid_as_keras_resizes_an_image(old: tuple[int, int], new: tuple[int, int], tokens: int, how: str) -> None:
    base = net(tokens + old[0] * old[1])
    said = how if old[0] == old[1] else {how: {"old_grid": [*old], "grid": [*new]}}
    rows = tokens + new[0] * new[1]
    found = table_of(compile_spec({"spec": 1, **spec(rows, said)}, base=base).model)
    table = table_of(base)
    assert_same_bits(found[:tokens], table[:tokens])
    image = keras.ops.image.resize(table[tokens:].reshape(1, *old, 6), new, interpolation=how, antialias=False)
    # TensorFlow looks its cubic kernel up in a table of 1024 places
    np.testing.assert_allclose(found[tokens:], keras.ops.convert_to_numpy(image).reshape(-1, 6), atol=2e-3)


def test_one_number_by_hand() -> None:
    """The first of 6 places is at -0.25 of 3: 0.25, 1.25 and 2.25 away from them, where Keys's kernel ends at 2."""
    base = net(9)
    found = table_of(compile_spec({"spec": 1, **spec(36, "bicubic")}, base=base).model)
    near = 1.5 * 0.25**3 - 2.5 * 0.25**2 + 1
    beyond = -0.5 * 1.25**3 + 2.5 * 1.25**2 - 4 * 1.25 + 2
    first = np.array([near, beyond, 0]) / (near + beyond)
    wanted = np.einsum("i,j,ijd->d", first, first, table_of(base).reshape(3, 3, 6))
    np.testing.assert_allclose(found[0], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_in_every_form_of_a_base(form: str, tmp_path: Path) -> None:
    base = net(17)
    result = compiled(spec(26, "bilinear"), base, form, tmp_path)
    assert table_of(result.model).shape == (26, 6)
    assert_same_bits(table_of(result.model)[0], table_of(base)[0])
    assert actions(result, "positions") == {"embeddings": "adapted"}
    assert promised(result) == ("not", "the function: positions in between are estimated")


@pytest.mark.parametrize(
    ("rows", "weights", "says"),
    [
        (30, "bicubic", "17 and 30 rows are not a square and a square behind as many tokens"),
        (26, {"bicubic": {"grid": [6, 5]}}, "17 and 26 rows are not a square and 6 x 5 behind"),
    ],
)
def test_rows_that_are_no_grid(rows: int, weights: Any, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, **spec(rows, weights)}, base=net(17))
    (found,) = caught.value.diagnostics
    assert found.code == "SC407"
    assert says in found.message
    assert found.help == "say both as `bicubic: {old_grid: [rows, columns], grid: [rows, columns]}`"
