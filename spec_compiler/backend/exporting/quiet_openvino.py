"""OpenVINO, which sends no word of being used to its makers.

Its package tells them of each import and conversion where `openvino_telemetry` is installed, which pip brings along;
where it is not, it goes on without. Whoever exports a model has not asked for a connection.
"""

from __future__ import annotations

import sys

if "openvino" in sys.modules:  # the caller's own program has decided
    import openvino
else:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as Python marks what cannot be imported
    try:
        import openvino
    finally:
        del sys.modules["openvino_telemetry"]

__all__ = ["openvino"]
