"""What an export takes of the memory: said before it is tried, and less than the converter to ONNX would take."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import SpecError, export_model
from spec_compiler.backend.exporting import artefact, exporters
from spec_compiler.exporting.formats import format_of
from spec_compiler.plan import memory_needed
from tests.backend.conftest import randomized
from tests.markdown import ROOT

ABOVE = 400_000_000  # what a converter and a runtime take by themselves


def all_kinds() -> Any:
    """What converters treat in a way of its own: convolutions with and without batch statistics, loops, tables."""
    pixels, words = keras.Input((16, 16, 3), name="pixels"), keras.Input((5,), dtype="int32", name="words")
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(pixels)
    x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))
    x = keras.layers.SeparableConv2D(12, 3, strides=2)(x)
    x = keras.layers.Conv2DTranspose(6, 3, strides=2)(x)
    x = keras.layers.LayerNormalization()(keras.layers.GlobalAveragePooling2D()(x))
    y = keras.layers.Embedding(20, 6)(words)
    y = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(y)
    y = keras.layers.MultiHeadAttention(2, 3)(y, y)
    y = keras.layers.RNN([keras.layers.SimpleRNNCell(3), keras.layers.GRUCell(4)], return_sequences=True)(y)
    y = keras.layers.GRU(5)(y)
    z = keras.layers.Dense(7, activation="gelu")(keras.layers.Concatenate()([x, y]))
    return randomized(keras.Model([pixels, words], keras.layers.Dense(3)(z), name="kinds"))


def graph_of(file: Path) -> Any:
    """The operations of an ONNX file with what they are told, and its arrays; without the names, which are counted."""
    import onnx

    return _graph(onnx.load(file).graph)


def _graph(graph: Any) -> Any:
    from onnx.numpy_helper import to_array

    told = [
        (
            each.op_type,
            sorted((said.name, _graph(said.g) if said.HasField("g") else str(said)) for said in each.attribute),
        )
        for each in graph.node
    ]
    arrays = [to_array(each) for each in graph.initializer]
    return sorted(told, key=str), sorted((each.shape, each.tobytes()) for each in arrays)


def test_with_fewer_copies_the_file_is_what_the_converter_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = all_kinds()
    export_model(model, tmp_path / "fewer.onnx")
    monkeypatch.setattr(exporters, "few_copies", contextlib.nullcontext)
    export_model(model, tmp_path / "plain.onnx")
    (fewer, arrays), (plain, expected) = graph_of(tmp_path / "fewer.onnx"), graph_of(tmp_path / "plain.onnx")
    assert len(expected) > 20
    assert {"Conv", "LSTM", "Loop", "Gather"} <= {name for name, _ in plain}
    assert arrays == expected
    assert fewer == plain


def test_the_converter_is_left_as_it_was(tmp_path: Path) -> None:
    from tf2onnx import tf_loader
    from tf2onnx.graph import Node

    before = (Node.update_proto, tf_loader.from_function)
    inputs = keras.Input((4,))
    export_model(keras.Model(inputs, keras.layers.Dense(2)(inputs)), tmp_path / "model.onnx")
    assert (Node.update_proto, tf_loader.from_function) == before
    assert not hasattr(Node, "__deepcopy__")


WIDE = """
import resource, sys
import keras, numpy as np
from spec_compiler import export_model
inputs = keras.Input((5000,))
model = keras.Model(inputs, keras.layers.Dense(5000)(inputs))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
more = {"quantize": "int8", "calibration": np.random.default_rng(0).normal(size=(20, 5000)).astype("float32")}
export_model(model, sys.argv[1], force=True, **(more if sys.argv[2] == "int8" else {}))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "float32") for name in ("model.onnx", "model.tflite", "model.xml", "saved")), ("small.tflite", "int8")],
)
def test_no_more_than_is_said(name: str, precision: str, tmp_path: Path) -> None:
    call = [sys.executable, "-c", WIDE, str(tmp_path / name), precision]
    done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=ROOT, env=dict(os.environ))
    taken = int(done.stdout.split()[-1])
    assert taken < format_of(name).copies * 100e6 + ABOVE


def dense() -> Any:
    inputs = keras.Input((100,), name="numbers")
    return randomized(keras.Model(inputs, keras.layers.Dense(100, name="wide")(inputs)))


def test_memory_that_will_not_do_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_needed, "available_bytes", lambda: 500_000)
    with pytest.raises(SpecError, match="SC114") as caught:
        export_model(dense(), tmp_path / "model.onnx")
    message = "an export of this model to ONNX takes about 525.2 KB, and 500.0 KB are left"
    assert caught.value.diagnostics[0].message == message
    assert not list(tmp_path.iterdir())
    assert export_model(dense(), tmp_path / "model.tflite").worst < 1e-4  # which takes less
    assert export_model(dense(), tmp_path / "model.onnx", force=True).worst < 1e-4


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: out of memory")])
def test_memory_that_runs_out_is_no_fault_of_the_model(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(*_: Any, **__: Any) -> None:
        raise error

    model = dense()
    monkeypatch.setattr(model, "export", export)
    with pytest.raises(SpecError, match=r"SC114.*memory ran out while the model was exported to ONNX") as caught:
        export_model(model, tmp_path / "model.onnx", force=True)
    assert "--force" not in str(caught.value.diagnostics[0].help)  # it was tried
    assert not list(tmp_path.iterdir())


def test_what_a_file_cannot_hold_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "graph_bytes", lambda graph: 3_000_000_000)
    for name in ("model.onnx", "model.tflite"):
        with pytest.raises(SpecError, match=r"take 3\.0 GB, a file of \w+ holds 2\.1 GB at most"):
            export_model(dense(), tmp_path / name, force=True)
    assert export_model(dense(), tmp_path / "model.xml", force=True).worst < 1e-4
