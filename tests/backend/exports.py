"""Artefacts run as a user would, by the runtimes alone: nothing of the compiler's own is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def run(path: Path, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """What an artefact puts out, by its own names; `feeds` are by the artefact's names too."""
    return {".onnx": _onnx, ".tflite": _litert, ".xml": _openvino, "": _saved_model}[path.suffix](path, feeds)


def _onnx(path: Path, feeds: Mapping[str, Array]) -> dict[str, Array]:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _litert(path: Path, feeds: Mapping[str, Array]) -> dict[str, Array]:
    from ai_edge_litert.interpreter import Interpreter

    found: dict[str, Array] = Interpreter(model_path=str(path)).get_signature_runner()(**feeds)
    return found


def _openvino(path: Path, feeds: Mapping[str, Array]) -> dict[str, Array]:
    import openvino

    compiled = openvino.compile_model(openvino.Core().read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(dict(feeds))
    return {name: np.array(found[port]) for port in compiled.outputs for name in port.get_names()}


def _saved_model(path: Path, feeds: Mapping[str, Array]) -> dict[str, Array]:
    import tensorflow as tf

    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    return {name: each.numpy() for name, each in serve(**{k: tf.constant(v) for k, v in feeds.items()}).items()}
