"""Keras's own settings, without Keras: as a loaded one has them, else as it would read them."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from spec_compiler.keras_facts.backends import backend_for

_DEFAULTS = {"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow", "image_data_format": "channels_last"}


def settings() -> dict[str, Any]:
    """All that a graph may depend on: dtypes, the order of axes, the backend."""
    keras = _loaded()
    if keras is None:
        written = {**_DEFAULTS, **_written()}
        named = {"backend": backend_to_start(), "dtype_policy": written["floatx"]}
        return {**{key: written[key] for key in _DEFAULTS}, **named}
    config = keras.config
    return {
        "floatx": config.floatx(),
        "epsilon": config.epsilon(),
        "backend": config.backend(),
        "image_data_format": config.image_data_format(),
        "dtype_policy": config.dtype_policy().name,
    }


def backend_to_start() -> str:
    """The backend that Keras is started on: the one of `KERAS_BACKEND`, else of its settings, if that is installed."""
    return os.environ.get("KERAS_BACKEND") or backend_for(written_backend())


def written_backend() -> str:
    """The backend in Keras's settings, or its default."""
    return str({**_DEFAULTS, **_written()}["backend"])


def keras_home() -> str:
    """The folder of Keras's settings, and of the weights that it has downloaded."""
    return os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")


def image_data_format() -> str:
    """`channels_last`, or `channels_first`."""
    return str(settings()["image_data_format"])


def has_own_objects() -> bool:
    """Whether classes are known to a loaded Keras under names without a package, as those of Keras are."""
    keras = _loaded()
    return keras is not None and any(">" not in name for name in keras.saving.get_custom_objects())


def _loaded() -> Any:
    """Keras, where the caller or we have loaded it to its end."""
    # In `sys.modules` it stands from its first line on, and another thread may be importing it just now.
    keras = sys.modules.get("keras")
    return keras if hasattr(keras, "config") and hasattr(keras, "saving") else None


def _written() -> dict[str, Any]:
    """What stands in the file that Keras reads its settings from, which need not be there."""
    # As `keras/src/backend/config.py`, which reads it when it is imported.
    try:
        with open(os.path.join(keras_home(), "keras.json"), encoding="utf-8") as stream:
            written = json.load(stream)
    except (OSError, ValueError):
        return {}
    return written if isinstance(written, dict) else {}
