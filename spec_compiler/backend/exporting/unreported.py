"""Runtimes that send no word of being used to their makers: who exports a model has not asked for a connection."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from spec_compiler.backend.startup import uninterrupted


def onnxruntime() -> Any:
    """ONNX Runtime. From 1.32 on it reports its use, and keeps a file for that among the temporary ones.

    Where the caller's own environment says something of it, that holds.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with uninterrupted():
        return importlib.import_module("onnxruntime")


def openvino() -> Any:
    """OpenVINO. It tells of each import and conversion where `openvino_telemetry` is installed, which pip brings along.

    Without that it works as well. Where the caller's own program has imported it, that program has decided.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as Python marks what cannot be imported
        try:
            with uninterrupted():
                importlib.import_module("openvino")
        finally:
            del sys.modules["openvino_telemetry"]
    return sys.modules["openvino"]
