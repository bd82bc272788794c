"""The safetensors format: how long the header is, the header in JSON, and the arrays, one right behind the other.

It is described in the README of https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import math
import os
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spec_compiler.reading.damage import Damaged, Hostile, reading, regular_file
from spec_compiler.reading.hdf5 import Array, ArrayInfo
from spec_compiler.reading.pieces import fill
from spec_compiler.reading.text import MAX_BYTES, parsed_json

METADATA = "__metadata__"
LENGTH = struct.Struct("<Q")
DTYPES = {
    "BOOL": "bool",
    "BF16": "V2",  # NumPy knows none: its two bytes
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"{sign}{bits}": f"{word}{bits}" for bits in (8, 16, 32, 64) for sign, word in (("I", "int"), ("U", "uint"))},
}


@dataclass(frozen=True)
class Safetensors:
    """An open file, of which every place was compared with its size; the same as `Hdf5` says."""

    file: int
    arrays: Mapping[str, ArrayInfo]
    places: Mapping[str, tuple[int, int]]  # of each array: where its bytes begin, and how many they are

    @cached_property
    def groups(self) -> Mapping[str, Any]:
        """Whatever stands before a slash or a dot of a name."""
        return {
            "": None,
            **{name[:end]: None for name in self.arrays for end in range(1, len(name)) if name[end] in "/."},
        }

    def __contains__(self, name: str) -> bool:
        return name in self.arrays or name in self.groups

    def arrays_in(self, group: str) -> list[str]:
        """The names of the arrays right in a group."""
        names = [name[len(group) + 1 :] for name in self.arrays if name.startswith((f"{group}/", f"{group}."))]
        return [name for name in names if "/" not in name and "." not in name]

    def part_of(self, name: str) -> int:
        """As `Hdf5.part_of`."""
        return 0

    def stretch(self, name: str) -> tuple[int, int] | None:
        """As `Hdf5.stretch`."""
        return self.places[name] if sys.byteorder == "little" else None

    def read(self, name: str, empty: Callable[[tuple[int, ...], Any], Array] = np.empty) -> Array:
        """As `Hdf5.read`.

        Raises:
            Damaged: the file has become shorter.
        """
        info, (start, _) = self.arrays[name], self.places[name]
        array = empty(info.shape, info.dtype)
        with reading(f"its `{name}`"):
            fill(self.file, array.reshape(-1).view(np.uint8).data, start)
        if info.dtype.kind == "V":
            import ml_dtypes  # few models need it

            return array.view(ml_dtypes.bfloat16)
        return array if sys.byteorder == "little" else array.byteswap()

    def attribute(self, group: str, name: str, *, only_one: bool = False) -> Any:
        """None: there are no attributes."""
        return None


def open_safetensors(path: str, file: int) -> Safetensors:
    """What is in an open file.

    Raises:
        Damaged: it is none of this format.
        Hostile: it is made to lead a reader astray.
    """
    regular_file(path)
    size = os.fstat(file).st_size
    with reading():
        (length,) = LENGTH.unpack(os.pread(file, LENGTH.size, 0).ljust(LENGTH.size, b"\0"))
    if not 2 <= length <= size - LENGTH.size:
        raise Damaged(f"its header is to have {length:,} bytes, the file has {size:,}")
    if length > MAX_BYTES:
        raise Hostile(f"its header has {length:,} bytes, and {MAX_BYTES:,} are the most")
    with reading():
        header = parsed_json(os.pread(file, length, LENGTH.size))
    if not isinstance(header, dict):
        raise Damaged("its header is no mapping")
    arrays, places = {}, {}
    for name, said in header.items():
        if name != METADATA:
            info, start, end = _array(name, said)
            arrays[name], places[name] = info, (LENGTH.size + length + start, end - start)
    at = LENGTH.size + length
    for name in sorted(places, key=places.__getitem__):
        if places[name][0] != at:
            raise Hostile(f"its `{name}` does not begin where the array before ends")
        at += places[name][1]
    if at != size:
        raise Damaged(f"its arrays end at {at:,}, the file has {size:,} bytes")
    return Safetensors(file, arrays, places)


def _array(name: str, said: Any) -> tuple[ArrayInfo, int, int]:
    """What the header says of an array: what it is, where its bytes begin and where they end."""
    said = said if isinstance(said, dict) else {}
    kind, shape, offsets = said.get("dtype"), said.get("shape"), said.get("data_offsets")
    if not name or not _is_numbers(shape) or not _is_numbers(offsets) or len(offsets) != 2:
        raise Damaged(f"what its header says of `{name}` is no array")
    if not isinstance(kind, str) or kind not in DTYPES:
        raise Damaged(f"its `{name}` is of the type {kind}", help="save it in one that Keras has")
    dtype = np.dtype(DTYPES[kind])
    if len(shape) > 32 or math.prod(shape) * dtype.itemsize != offsets[1] - offsets[0]:
        raise Damaged(f"its `{name}` of {tuple(shape)} has {offsets[1] - offsets[0]:,} bytes")
    return ArrayInfo(tuple(shape), dtype, False, None), offsets[0], offsets[1]


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < 1 << 63 for each in value)
