"""Files of adapters: what is written is read, what is none says so, and nothing in one is run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest

from spec_compiler.reading import Damaged
from spec_compiler.reading.lora_file import Learned, array_name, kernel_checksum, lora_bytes, parsed_lora

RANDOM = np.random.default_rng(3)
ARRAYS = {
    "fc:a": RANDOM.normal(size=(5, 2)).astype("float32"),
    "fc:b": RANDOM.normal(size=(2, 4)).astype("float32"),
    "answer:kernel": RANDOM.normal(size=(4, 3)).astype("float32"),
}
LAYERS = {"fc": Learned(2, 6.0, "0" * 32)}


def stored(header: Any, **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **({"header": header} if header is not None else {}), **arrays)
    return buffer.getvalue()


def header(**changes: Any) -> Any:
    said = {"format": "spec_compiler adapters", "format_version": 1, "layers": {}}
    return np.array(json.dumps(said | changes))


def test_what_is_written_is_read() -> None:
    file = parsed_lora("a.npz", lora_bytes("model", LAYERS, ARRAYS))
    assert file.layers == LAYERS
    assert file.others == ("answer:kernel",)
    assert all(np.array_equal(file.arrays[name], array) for name, array in ARRAYS.items())
    with np.load(io.BytesIO(lora_bytes("model", LAYERS, ARRAYS)), allow_pickle=False) as plain:
        assert json.loads(plain["header"].item())["layers"]["fc"] == {"rank": 2, "alpha": 6.0, "kernel": "0" * 32}


ONE = {"fc": {"rank": 2, "alpha": 6, "kernel": ""}}
BROKEN = {
    "no header": (stored(None, a=np.zeros(3)), "no header of adapters"),
    "a number as the header": (stored(np.zeros(3)), "no header of adapters"),
    "another format": (stored(header(format="other")), "no header of adapters"),
    "no JSON": (stored(np.array("{")), "JSON"),
    "a later version": (stored(header(format_version=2)), "format version 2"),
    "no layers": (stored(header(layers=[])), "rank, alpha and kernel"),
    "a rank that is none": (stored(header(layers={"fc": {**ONE["fc"], "rank": True}})), "rank, alpha and kernel"),
    "an alpha without end": (
        stored(header(layers={"fc": {**ONE["fc"], "alpha": float("inf")}})),
        "rank, alpha and kernel",
    ),
    "an alpha of 400 digits": (
        stored(header(layers={"fc": {**ONE["fc"], "alpha": 10**400}})),
        "rank, alpha and kernel",
    ),
    "a matrix is missing": (stored(header(layers=ONE), **{"fc:a": np.zeros((5, 2))}), "no two matrices for `fc`"),
    "another rank": (
        stored(header(layers=ONE), **{"fc:a": np.zeros((5, 3)), "fc:b": np.zeros((3, 4))}),
        "not of the rank 2",
    ),
    "an array of nothing": (stored(header(), other=np.zeros(2)), "`other` is no variable"),
    "texts": (stored(header(), **{"fc:kernel": np.array(["x"])}), "no variable of a layer"),
    "no adapters": (stored(header(), **{"fc:kernel": np.zeros(2)}), "adapters for no layer"),
    "no zip file": (b"nothing", "truncated"),
    "half a file": (lora_bytes("m", LAYERS, ARRAYS)[:-40], "truncated"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_none_says_why(name: str) -> None:
    data, text = BROKEN[name]
    with pytest.raises(Damaged, match=text):
        parsed_lora("a.npz", data)


def test_python_objects_are_refused() -> None:
    """A pickle that would run code stands where an array should."""

    class Evil:
        def __reduce__(self) -> Any:
            return print, ("run",)

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("header.npy", _npy(header()))
        archive.writestr("fc:kernel.npy", _npy(np.zeros(0), "|O") + pickle.dumps(Evil()))
    with pytest.raises(Damaged):
        parsed_lora("a.npz", buffer.getvalue())


def _npy(array: Any, dtype: str = "") -> bytes:
    buffer = io.BytesIO()
    if not dtype:
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": (1,)})
    return buffer.getvalue()


def test_a_kernel_is_known_by_its_bytes_dtype_and_shape() -> None:
    kernel = RANDOM.normal(size=(3, 4)).astype("float32")
    others = (kernel.reshape(4, 3), kernel.astype("float64"), kernel + np.float32(1e-3))
    assert kernel_checksum(kernel) == kernel_checksum(kernel.copy(order="F"))
    assert all(kernel_checksum(other) != kernel_checksum(kernel) for other in others)
    assert array_name("a", "b/lora_embeddings_b") == "a/b:b"
