"""Configs of layers inside of others, which Keras builds for the shape that they say when it makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unbuilt(value: Any) -> Any:
    """A layer's argument; of a layer inside, as a wrapper has them, without the shape that it was built for."""
    if not isinstance(value, Mapping) or "class_name" not in value:
        return value
    inside = value.get("config")
    kept = {key: each for key, each in value.items() if key != "build_config"}
    return {**kept, "config": {key: unbuilt(each) for key, each in inside.items()}} if inside else kept
