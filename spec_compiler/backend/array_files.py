"""Rows of arrays, written to an `.npz` from files that hold their bytes, in pieces: never is an array in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from spec_compiler.backend.images import Array

_PIECE = 1 << 20


@dataclass(frozen=True)
class Rows:
    """An array whose rows lie one after the other in a file: its name, the type of its values, the shape of a row."""

    name: str
    path: str
    dtype: Any
    shape: tuple[int, ...]


def write_npz(target: str, num_rows: int, names: str, longest: int, arrays: Sequence[Rows]) -> None:
    """Writes an `.npz`: `files`, from the file `names` with a zero behind each name, and the arrays.

    `longest` is how many characters the longest name has. The file is what `np.savez_compressed` makes of such arrays.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        text = np.dtype(f"<U{max(1, longest)}")
        with archive.open("files.npy", "w", force_zip64=True) as member, open(names, "rb") as stream:
            member.write(_header(text, (num_rows,)))
            for each in _names(stream):
                member.write(np.array(each, dtype=text).tobytes())
        for rows in arrays:
            with archive.open(f"{rows.name}.npy", "w", force_zip64=True) as member, open(rows.path, "rb") as stream:
                member.write(_header(rows.dtype, (num_rows, *rows.shape)))
                while piece := stream.read(_PIECE):
                    member.write(piece)


def row_bytes(value: Array) -> bytes:
    """The bytes of an array's rows, as `write_npz` takes them."""
    return np.ascontiguousarray(value).tobytes()


def _header(dtype: Any, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    said = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, said)
    return stream.getvalue()


def _names(stream: IO[bytes]) -> Iterator[list[str]]:
    """The names in a file, some at a time."""
    rest = b""
    while piece := stream.read(_PIECE // 16):
        *whole, rest = (rest + piece).split(b"\0")
        yield [each.decode("utf-8", "surrogateescape") for each in whole]
