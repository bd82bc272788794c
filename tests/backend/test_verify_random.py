"""What random specs make of random models is what they make; one bit of any weight of the base's is found."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_compiler import SpecError, compile_spec, verify_model
from tests.backend.random_models import draw_model
from tests.backend.test_random import drawn
from tests.random_specs import specs


def check_one(data: Any, folder: Path) -> None:
    base = draw_model(data.draw)
    spec = data.draw(specs([*(layer.name for layer in base.layers), "dense", "l9"]))
    try:
        model = compile_spec(spec, base=base).model
    except SpecError:
        return
    file = os.fspath(folder / "model.keras")
    model.save(file)
    found = verify_model(file, spec, base=base)
    assert found, found.drift
    of_base = [
        (layer.name, at)
        for layer in found.layers
        for at, each in enumerate(layer.variables)
        if each.state in ("kept", "adapted") and each.parameters
    ]
    if not of_base:
        return
    name, at = of_base[data.draw(st.integers(0, len(of_base) - 1))]
    weight = model.get_layer(name).weights[at]
    value = keras.ops.convert_to_numpy(weight).copy()
    value.reshape(-1).view(np.uint8)[0] ^= 1
    weight.assign(value)
    model.save(file)
    drifted = verify_model(file, spec, base=base)
    assert [(layer.name, [each.state for each in layer.variables].index("differs")) for layer in drifted.layers if
            layer.is_drifted] == [(name, at)]  # fmt: skip


@drawn(12)
@given(st.data())
def test_random_specs(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_one(data, Path(folder))


@pytest.mark.slow
@drawn(400)
@given(st.data())
def test_many_random_specs(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_one(data, Path(folder))
