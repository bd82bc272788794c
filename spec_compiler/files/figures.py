"""Pictures that matplotlib draws, as the bytes of PNG and SVG files: drawn twice they are the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

_METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None}}


def drawn(draw: Callable[[Any], object]) -> dict[str, bytes]:
    """What `draw` makes of an empty `Figure`, by the format: `png`, `svg`. Empty without matplotlib, which is optional.

    Names are shown as they are: a `$` in one begins no formula.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    # without a salt and with dates, two drawings would be two files
    settings: Any = {"svg.hashsalt": "spec_compiler", "font.size": 10, "svg.fonttype": "none", "text.parse_math": False}
    found = {}
    with rc_context(settings):
        figure = Figure(layout="constrained")
        draw(figure)
        for kind, metadata in _METADATA.items():
            stream = io.BytesIO()
            figure.savefig(stream, format=kind, dpi=150, metadata=metadata)
            found[kind] = stream.getvalue()
    return found
