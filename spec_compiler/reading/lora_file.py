"""Files of adapters: what LoRA has learned, in an npz file of plain arrays with a header in JSON.

`fc:a` and `fc:b` are the matrices of the layer `fc`, `att/query:a` of a layer inside of another; `answer:kernel` is the
variable of a layer that trained as a whole. `header` is a text: JSON with rank, alpha and the checksum of the kernel
beside which each pair of matrices was learned. `numpy.load` reads all of it without pickle.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xxhash

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.reading.arrays import read_npz
from spec_compiler.reading.damage import Damaged, reading, said_of
from spec_compiler.reading.text import parsed_json

FORMAT, FORMAT_VERSION, HEADER = "spec_compiler adapters", 1, "header"
MAX_BYTES = 2 << 30
MAX_HEADER = 16 << 20

Array = np.ndarray[Any, Any]


class Learned(NamedTuple):
    """What a header says of one layer's matrices: the kernel is that of the base, by its checksum."""

    rank: int
    alpha: float
    kernel: str


@dataclass(frozen=True, eq=False)
class LoraFile:
    """A file of adapters, read: what the header says of each layer, and every array by its name."""

    name: str
    layers: Mapping[str, Learned]
    arrays: Mapping[str, Array]

    @property
    def others(self) -> tuple[str, ...]:
        """The names of the arrays that are variables as a whole, no matrices."""
        return tuple(each for each in self.arrays if each.rpartition(":")[0] not in self.layers or not is_matrix(each))


def read_lora(path: str) -> LoraFile:
    """The file of adapters at a path.

    Raises:
        SpecError: SC501 there is none, SC502 it is none, SC514.
    """
    if not os.path.isfile(path):
        help = did_you_mean_file(path, otherwise=_HELP)
        raise SpecError.single("SC501", f"no file of adapters `{path}`", help=help)
    with said(path), reading(), open(path, "rb") as stream:
        return parsed_lora(os.path.basename(path), stream.read(MAX_BYTES + 1))


def said(path: str) -> AbstractContextManager[None]:
    """Says of which file it is that it is none of adapters, or damaged.

    Raises:
        SpecError: SC502, SC514.
    """
    return said_of(path, "a file of adapters", _HELP)


def kernel_checksum(kernel: Array) -> str:
    """What tells one kernel from another: XXH3 of its dtype, shape and bytes, 128 bits in hexadecimal."""
    said = f"{kernel.dtype} {kernel.shape}".encode()
    data = np.ascontiguousarray(kernel).reshape(-1).view(np.uint8)
    return xxhash.xxh3_128(said + data.tobytes()).hexdigest()


def is_matrix(name: str) -> bool:
    """Whether an array is one of the two matrices of a layer."""
    return name.endswith((":a", ":b"))


def array_name(layer: str, variable: str) -> str:
    """The name of a layer's variable in a file, by the variable's path in the layer.

    >>> array_name("fc", "lora_kernel_a"), array_name("att", "query/lora_kernel_b"), array_name("tower", "in/bias")
    ('fc:a', 'att/query:b', 'tower/in:bias')
    """
    inside, _, name = variable.rpartition("/")
    if name.startswith("lora_"):
        name = name[-1]
    return f"{layer}/{inside}:{name}" if inside else f"{layer}:{name}"


def lora_bytes(model: str, layers: Mapping[str, Learned], arrays: Mapping[str, Array]) -> bytes:
    """The content of a file of adapters; `model` is the model's name."""
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": model,
        "layers": {name: each._asdict() for name, each in layers.items()},
    }
    buffer = io.BytesIO()
    stored = {name: each if each.dtype.kind in "fiub" else each.astype("float32") for name, each in arrays.items()}
    np.savez(buffer, allow_pickle=False, **{HEADER: np.array(json.dumps(header)), **stored})
    return buffer.getvalue()


def parsed_lora(name: str, data: bytes) -> LoraFile:
    """The file of adapters with this content; `name` is what messages call it.

    Raises:
        Damaged: it is none.
    """
    if len(data) > MAX_BYTES:
        raise Damaged(f"it is larger than {MAX_BYTES >> 30} GB")
    arrays = read_npz(data)
    text = arrays.pop(HEADER, None)
    if text is None or text.dtype.kind != "U" or text.ndim or text.nbytes > MAX_HEADER:
        raise Damaged("it has no header of adapters", _HELP)
    header = parsed_json(str(text.item()).encode())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise Damaged("it has no header of adapters", _HELP)
    if header.get("format_version") != FORMAT_VERSION:
        raise Damaged(f"it has the format version {header.get('format_version')}, this reads {FORMAT_VERSION}")
    layers = header.get("layers")
    if not isinstance(layers, dict) or not all(map(_is_learned, layers.values())):
        raise Damaged("its header does not say rank, alpha and kernel of each layer")
    found = {each: Learned(said["rank"], float(said["alpha"]), said["kernel"]) for each, said in layers.items()}
    for layer, said in found.items():
        pair = [arrays.get(f"{layer}:{key}") for key in "ab"]
        if any(each is None or each.dtype.kind != "f" or each.ndim < 2 for each in pair):
            raise Damaged(f"it has no two matrices for `{layer}`")
        a, b = pair
        if a is not None and b is not None and (a.shape[-1] != said.rank or b.shape[0] != said.rank or b.ndim != 2):
            raise Damaged(f"the matrices of `{layer}` are not of the rank {said.rank}")
    strangers = [each for each, array in arrays.items() if ":" not in each or array.dtype.kind not in "fiub"]
    if strangers:
        raise Damaged(f"its array `{strangers[0]}` is no variable of a layer")
    if not found:
        raise Damaged("it has adapters for no layer")
    return LoraFile(name, found, arrays)


_HELP = "name a file that `save_adapters`, `train` or `build --adapters` wrote"


def _is_learned(said: Any) -> bool:
    return (
        isinstance(said, dict)
        and said.keys() == {"rank", "alpha", "kernel"}
        and type(said["rank"]) is int
        and said["rank"] > 0
        and type(said["alpha"]) in (int, float)
        and 0 < said["alpha"] <= sys.float_info.max  # a whole number may be larger, and JSON here knows `Infinity`
        and isinstance(said["kernel"], str)
    )
