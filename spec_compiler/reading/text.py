"""JSON from elsewhere: as long, as deep and as rich as such a file may be, and text that can be written again."""

from __future__ import annotations

import json
from typing import Any

from spec_compiler.reading.damage import Hostile, megabytes, reading, regular_file

# The config of the largest application (EfficientNetV2L, 1,029 layers) has 1.3 MB and 50,000 values; of a network of
# 20,000 layers it would be some 30 MB and a million values. Each value is an object of 50 to 100 bytes in memory.
MAX_BYTES = 64 << 20
_MAX_VALUES = 2_000_000
_MAX_DEPTH = 200  # a model in a model is 4 deeper


def parsed_json(data: str | bytes, limit: int = MAX_BYTES) -> Any:
    """JSON as Python values.

    Raises:
        Damaged: it is no JSON, or holds what is no text.
        Hostile: it is larger or deeper than such a file is.
    """
    with reading("its JSON"):
        data = data.encode("utf-8") if isinstance(data, str) else bytes(data)
    if len(data) > limit:
        raise Hostile(f"its JSON has {megabytes(len(data))}, and {megabytes(limit)} are the most")
    # counted in the text, as objects by the million would be there before they could be counted
    if data.count(b",") + data.count(b"[") + data.count(b"{") > _MAX_VALUES:
        raise Hostile(f"its JSON has more than {_MAX_VALUES:,} values")
    with reading("its JSON"):
        value = json.loads(data)
    if _depth(value) > _MAX_DEPTH:
        raise Hostile(f"its JSON is nested more than {_MAX_DEPTH} deep")
    if b"\\u" in data:  # half a character can be written so, and then nowhere else
        with reading("its JSON"):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def read_json(path: str) -> Any:
    """The JSON in a file.

    Raises:
        Damaged: it holds none.
        Hostile: it is larger or deeper than such a file is.
    """
    regular_file(path)
    with reading(), open(path, "rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    return parsed_json(data)


def _depth(value: Any) -> int:
    """How deep lists and mappings are in one another, level by level, as a recursion could run out."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth
