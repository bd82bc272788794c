"""Weights alone, in several files and as safetensors: what Keras and the library of that format read of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.numpy

from spec_compiler import SpecError, build_spec, compile_spec, verify_model
from tests.backend.conftest import branching, randomized
from tests.backend.test_streamed import CASES, HEAD, mobile, nested, spec_of

GB = 1 << 30
QUICK = ("cut, with a head", "bfloat16", "frozen inside")
NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CASES if name != "as a layer"]
EDITS: dict[str, Any] = {"cut_at": "block2_add", "head": HEAD}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def largest(model: Any) -> int:
    return max(map(nbytes, model.weights))


def nbytes(variable: Any) -> int:
    return int(variable.numpy().nbytes)


def arrays_in(folder: Path, index: str) -> dict[str, dict[str, Any]]:
    """For each file that an index names its arrays, as h5py has them."""
    files = json.loads((folder / index).read_text())["weight_map"].values()
    names = {name for each in files for name in (each if isinstance(each, list) else [each])}
    found: dict[str, dict[str, Any]] = {name: {} for name in sorted(names)}
    for name, arrays in found.items():
        with h5py.File(folder / name) as file:
            file.visititems(
                lambda at, item, arrays=arrays: (
                    arrays.update({at: item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
    return found


@pytest.mark.parametrize("name", NAMES)
def test_several_files_are_those_of_keras(name: str, here: Path) -> None:
    make, edits = CASES[name]
    spec = spec_of(make(), edits)
    model = compile_spec(spec).model
    size = max(largest(model), sum(map(nbytes, model.weights)) // 3) / GB
    (here / "wanted").mkdir()
    model.save_weights("wanted/many.weights.json", max_shard_size=size)
    build_spec(spec, "many.weights.json", max_shard_size=size)
    wanted, ours = arrays_in(here / "wanted", "many.weights.json"), arrays_in(here, "many.weights.json")
    assert len(wanted) > 1
    if make is not nested:  # Keras saves the layers in a layer by their attributes' names, which we do not know
        indices = [json.loads(Path(at, "many.weights.json").read_text()) for at in ("wanted", ".")]
        assert indices[0] == indices[1]
        assert {file: list(each) for file, each in wanted.items()} == {file: list(each) for file, each in ours.items()}
    there = {at: array for arrays in ours.values() for at, array in arrays.items()}
    for at, array in ((at, array) for arrays in wanted.values() for at, array in arrays.items()):
        assert (array.dtype, array.tobytes()) == (there[at].dtype, there[at].tobytes()), at
    sizes = [sum(array.nbytes for array in arrays.values()) / GB for arrays in ours.values()]
    assert max(sizes) <= size
    other = compile_spec(spec | {"seed": 9}).model
    other.load_weights("many.weights.json")
    for one, another in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("name", NAMES)
def test_safetensors_are_read_by_their_library_and_by_us(name: str, here: Path) -> None:
    make, edits = CASES[name]
    spec = spec_of(make(), edits)
    model = compile_spec(spec).model
    build_spec(spec, "built.safetensors")
    if "bfloat16" not in name:  # of which NumPy knows nothing
        tensors = safetensors.numpy.load_file("built.safetensors")
        assert len(tensors) == len(model.weights)
        for layer in model.layers:
            for variable in layer.weights:
                if layer.weights and not hasattr(layer, "layers"):
                    found = [value for key, value in tensors.items() if key.startswith(f"{layer.name}/")]
                    assert any(np.array_equal(each, variable) for each in found), variable.path
    model.save("result.keras")
    again = compile_spec({"spec": 1, "base": {"file": "result.keras", "weights": "built.safetensors"}})
    for one, another in zip(model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(one, another)


def test_an_application_with_them_is_proven_beside_it(here: Path) -> None:
    base: dict[str, Any] = {"application": "MobileNetV3Small", "include_top": False, "input_shape": [32, 32, 3]}
    build_spec(spec_of(mobile(), {}), "built.safetensors")
    for one in (base, {"file": "base.keras"}):
        spec = {"spec": 1, "base": {**one, "weights": "built.safetensors"}, "cut_at": "expanded_conv_project"}
        compiled = compile_spec(spec, prove=True)
        assert compiled.weights.proof is not None
        for ours, theirs in zip(compiled.model.weights, mobile().weights, strict=False):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("output", ["built.safetensors", "many.weights.json"])
def test_a_model_that_is_made_in_memory(output: str, here: Path) -> None:
    spec = spec_of(branching(), EDITS)
    built = build_spec(spec, output, prove=True)
    model = compile_spec(spec).model
    assert {row.result_checksum for row in built.weights.rows if row.parameters} == {
        row.result_checksum for row in compile_spec(spec).weights.rows if row.parameters
    }
    model.save("result.keras")
    again = compile_spec({"spec": 1, "base": {"file": "result.keras", "weights": output}}).model
    for one, another in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, another)


def test_the_library_s_own_files_are_read_by_name(here: Path) -> None:
    model = randomized(branching(), 5)
    model.save("base.keras")
    tensors = {f"{layer.name}/{each.name}": each.numpy() for layer in model.layers for each in layer.weights}
    safetensors.numpy.save_file({key: value + 1 for key, value in tensors.items()}, "other.safetensors")
    compiled = compile_spec({"spec": 1, "base": {"file": "base.keras", "weights": "other.safetensors"}}).model
    for one, other in zip(model.weights, compiled.weights, strict=True):
        np.testing.assert_array_equal(one + 1, other)
    (first, *_) = [layer.name for layer in model.layers if layer.weights]
    named = {key.replace(f"{first}/", "stem.conv."): value + 2 for key, value in tensors.items()}
    safetensors.numpy.save_file(named, "named.safetensors")
    base = {"file": "base.keras", "weights": {"file": "named.safetensors", "map": {first: "stem.conv"}}}
    mapped = compile_spec({"spec": 1, "base": base}).model.get_layer(first)
    for one, other in zip(model.get_layer(first).weights, mapped.weights, strict=True):
        np.testing.assert_array_equal(one + 2, other)


def test_names_that_are_others_are_told(here: Path) -> None:
    model = branching()
    model.save("base.keras")
    (first, *_) = [layer.name for layer in model.layers if layer.weights]
    torch_like = {f"{first}.weight": np.zeros(3, "float32"), f"{first}.bias": np.zeros(3, "float32")}
    safetensors.numpy.save_file(torch_like, "torch.safetensors")
    weights: dict[str, Any] = {"file": "torch.safetensors", "map": {first: first}}
    with pytest.raises(SpecError, match="SC506") as caught:
        compile_spec({"spec": 1, "base": {"file": "base.keras", "weights": weights}})
    assert "`weight`" in str(caught.value)
    assert "found by their names" in str(caught.value)
    with pytest.raises(SpecError, match="SC503"):
        compile_spec({"spec": 1, "base": {"file": "base.keras", "weights": "torch.safetensors"}})


def test_a_variable_that_fits_into_no_file(here: Path) -> None:
    spec = spec_of(branching(), EDITS)
    for edits in ({}, {"compile": {"optimizer": "adam", "loss": "mse"}}):
        with pytest.raises(SpecError, match="SC508") as caught:
            build_spec(spec | edits, "many.weights.json", max_shard_size=1e-7)
        assert "--max-shard-size 0.00" in str(caught.value)
    assert sorted(os.listdir()) == ["base.keras"]


@pytest.mark.parametrize(("output", "size"), [("one.keras", 1.0), ("one.weights.h5", 1.0), ("m.weights.json", 0.0)])
def test_sizes_that_mean_nothing(output: str, size: float, here: Path) -> None:
    with pytest.raises(SpecError, match="SC508"):
        build_spec(spec_of(branching(), {}), output, max_shard_size=size)


def test_old_files_go_with_their_index_and_no_other(here: Path) -> None:
    spec = spec_of(branching(), EDITS)
    size = largest(compile_spec(spec).model) / GB
    build_spec(spec, "many.weights.json", max_shard_size=size)
    many = set(here.glob("many_*.weights.h5"))
    stranger = here / "many_99999.weights.h5"  # as a checkpoint of an epoch may be called
    stranger.write_bytes(b"mine")
    with pytest.raises(SpecError, match="already exists"):
        build_spec(spec, "many.weights.json")
    build_spec(spec, "many.weights.json", force=True)
    assert len(many) > 2
    assert sorted(here.glob("many_*.weights.h5")) == [here / "many_00000.weights.h5", stranger]
    assert stranger.read_bytes() == b"mine"


def test_a_file_of_another_is_not_taken(here: Path) -> None:
    spec = spec_of(branching(), EDITS)
    Path("many_00000.weights.h5").write_bytes(b"mine")
    with pytest.raises(SpecError, match="SC508") as caught:
        build_spec(spec, "many.weights.json")
    assert "many_00000.weights.h5" in str(caught.value)
    assert sorted(os.listdir()) == ["base.keras", "many_00000.weights.h5"]
    branching().save_weights("many_00000.weights.h5")
    spec["base"]["weights"] = "many_00000.weights.h5"
    with pytest.raises(SpecError, match="SC508"):
        build_spec(spec, "many.weights.json", force=True)  # it is read


@pytest.mark.parametrize("output", ["built.safetensors", "many.weights.json"])
def test_they_are_verified(output: str, here: Path) -> None:
    spec = spec_of(branching(), EDITS)
    build_spec(spec, output, max_shard_size=1 if output.endswith("json") else None)
    assert verify_model(output, spec).is_as_specified
    file = Path(output if output.endswith("safetensors") else "many_00000.weights.h5")
    data, kept = bytearray(file.read_bytes()), branching().layers[1].kernel.numpy().tobytes()
    data[data.index(kept) + 9] ^= 1
    file.write_bytes(data)
    assert not verify_model(output, spec).is_as_specified


def test_the_command_also_in_the_sandbox(here: Path) -> None:
    spec = spec_of(branching(), EDITS)
    Path("spec.json").write_text(json.dumps(spec))
    size = f"{largest(compile_spec(spec).model) / GB:.9f}"
    words = [sys.executable, "-m", "spec_compiler", "build", "spec.json", "-o", "many.weights.json"]
    for more in ((), ("--force", "--sandbox-best-effort")):
        done = subprocess.run([*words, "--max-shard-size", size, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(list(here.glob("many_*.weights.h5"))) > 2
    other = compile_spec(spec | {"seed": 9}).model
    other.load_weights("many.weights.json")
    for one, another in zip(compile_spec(spec).model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one, another)
    done = subprocess.run([*words, "--max-shard-size", "-1", "--force"], capture_output=True, text=True, check=False)
    assert (done.returncode, "SC508" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "shorter": lambda data: data[:-7],
    "longer": lambda data: data + b"more",
    "no header": lambda data: data[:5],
    "a header longer than the file": lambda data: (1 << 40).to_bytes(8, "little") + data[8:],
    "a header that is no JSON": lambda data: data[:8] + b"!" + data[9:],
    "a list": lambda data: (2).to_bytes(8, "little") + b"[]",
    "HDF5": lambda data: b"\x89HDF\r\n\x1a\n" + data,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_told(damage: str, here: Path) -> None:
    branching().save("base.keras")
    spec = {"spec": 1, "base": {"file": "base.keras"}}
    build_spec(spec, "w.safetensors")
    Path("w.safetensors").write_bytes(DAMAGES[damage](Path("w.safetensors").read_bytes()))
    with pytest.raises(SpecError, match=r"SC502|SC514"):
        compile_spec({"spec": 1, "base": {"file": "base.keras", "weights": "w.safetensors"}})


def header_of(arrays: dict[str, Any], size: int) -> bytes:
    header = json.dumps(arrays).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("arrays", "size"),
    [
        ({"a": ONE, "b": ONE}, 8),  # one over the other
        ({"a": {**ONE, "data_offsets": [4, 12]}}, 12),  # a hole
        ({"a": {**ONE, "shape": [3]}}, 8),
        ({"a": {**ONE, "shape": [-1, -2]}}, 8),
        ({"a": {**ONE, "shape": [2.0]}}, 8),
        ({"a": {**ONE, "shape": [True, 2]}}, 8),
        ({"a": {**ONE, "shape": [1] * 33 + [2]}}, 8),
        ({"a": {**ONE, "dtype": "F8_E4M3"}}, 8),
        ({"a": {**ONE, "dtype": ["F32"]}}, 8),
        ({"a": {**ONE, "data_offsets": [8, 0]}}, 8),
        ({"a": {**ONE, "data_offsets": [0]}}, 8),
        ({"a": 3}, 8),
        ({"": ONE}, 8),
        ({"a": {**ONE, "shape": [1 << 62, 1 << 62], "data_offsets": [0, 1 << 62]}}, 8),
    ],
)
def test_headers_that_lie_are_told(arrays: dict[str, Any], size: int, here: Path) -> None:
    branching().save("base.keras")
    Path("w.safetensors").write_bytes(header_of(arrays, size))
    with pytest.raises(SpecError, match=r"SC502|SC514"):
        compile_spec({"spec": 1, "base": {"file": "base.keras", "weights": "w.safetensors"}})
