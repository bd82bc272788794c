"""Values of a spec and of layers as JSON data that is the same wherever it is made, and as text that diffs well."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

_WIDTH = 120


def plain(value: Any) -> Any:
    """The value as JSON gives it back: lists for tuples, texts for keys, in the order of the keys.

    >>> plain({"b": (1, None), 3: {"x": 0.5}})
    {'3': {'x': 0.5}, 'b': [1, None]}
    """
    if isinstance(value, dict):
        return {key: plain(each) for key, each in sorted((str(key), each) for key, each in value.items())}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no number for it
    return value if isinstance(value, str | int | float | None) else plain(_named(value))


def _named(value: Any) -> Any:
    """What YAML has no word for, and an object in a dict: neither may be said by where it lies in memory."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    kind = value if hasattr(value, "__qualname__") else type(value)
    return f"{kind.__module__}:{kind.__qualname__}"


def digest(value: Any) -> str:
    """SHA-256 of a value as JSON.

    >>> digest({"a": 1})[:8] == digest({"a": 1})[:8] != digest({"a": 2})[:8]
    True
    """
    return hashlib.sha256(json.dumps(plain(value), separators=(",", ":")).encode()).hexdigest()


def written(value: Any, depth: int = 0) -> str:
    """JSON with a line for each part, and with what is short in one line.

    >>> print(written({"a": [1, 2], "b": {"c": None}}))
    {
     "a": [1, 2],
     "b": {"c": null}
    }
    """
    line = json.dumps(value, ensure_ascii=False)
    if (depth and len(line) + depth <= _WIDTH) or not isinstance(value, dict | list) or not value:
        return line
    pad = " " * (depth + 1)
    if isinstance(value, dict):
        keys = (json.dumps(key, ensure_ascii=False) for key in value)
        parts = [f"{pad}{key}: {written(each, depth + 1)}" for key, each in zip(keys, value.values(), strict=True)]
        return "{\n" + ",\n".join(parts) + "\n" + " " * depth + "}"
    return "[\n" + ",\n".join(pad + written(each, depth + 1) for each in value) + "\n" + " " * depth + "]"
