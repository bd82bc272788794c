"""Keras's own settings, without Keras: as a loaded one has them, else as it would read them."""

from __future__ import annotations

import json
import os
import sys


def settings_file() -> str:
    """The file that Keras reads its settings from, which need not be there."""
    home = os.environ.get("KERAS_HOME", os.path.join(os.path.expanduser("~"), ".keras"))
    return os.path.join(home, "keras.json")


def image_data_format() -> str:
    """`channels_last`, or `channels_first`."""
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "config"):
        return str(keras.config.image_data_format())
    try:
        with open(settings_file(), encoding="utf-8") as stream:
            return str(json.load(stream).get("image_data_format", "channels_last"))
    except (OSError, ValueError, AttributeError):
        return "channels_last"
