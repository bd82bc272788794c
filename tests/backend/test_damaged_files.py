"""Damaged model files: a located diagnostic, or the model with the right values; silence only without a checksum."""

from __future__ import annotations

import collections
import gzip
import io
from pathlib import Path

import h5py
import keras
import pytest

from spec_compiler import SpecError, check_spec, compile_spec
from spec_compiler.reading.archive import _PROVEN
from tests.backend import hostile
from tests.fuzz import damage, model_files

NUM_CASES = 150


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> model_files.Bench:
    return model_files.Bench(tmp_path_factory.mktemp("bench"))


def flipped(data: bytes, place: int) -> bytes:
    """The file with one bit of one byte the other way round."""
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def place_of(data: bytes, bench: model_files.Bench, suffix: str) -> int:
    """Where in a file the third number of a kernel is."""
    kernel = next(each for each in bench.right[suffix][0] if each.ndim == 4)
    place = data.index(kernel.tobytes()) + 8
    assert place > 8
    return place


def test_finding_S8_damaged_files(bench: model_files.Bench) -> None:
    counts: collections.Counter[str] = collections.Counter()
    for number in range(NUM_CASES):
        case = damage.damaged(number, 11, bench.files)
        try:
            counts[bench.outcome(case)] += 1
        except model_files.Failure as failure:
            pytest.fail(f"`python -m tests.fuzz.model_files --seed 11 --only {number}` ({case.damage}): {failure}")
    assert counts["error"] > NUM_CASES / 3
    assert counts["right"] > 10  # damage to what nobody reads


@pytest.mark.parametrize("path", sorted(model_files.CORPUS.glob("*5.gz")), ids=lambda path: path.name)
def test_finding_S8_files_that_once_failed(path: Path, bench: model_files.Bench) -> None:
    """Each was a traceback, hung, or another model without a word; how it was damaged is in no name any more."""
    check_corpus(path, bench)


@pytest.mark.parametrize("path", sorted(model_files.CORPUS.glob("*.keras.gz")), ids=lambda path: path.name)
def test_finding_S7_archives_that_once_failed(path: Path, bench: model_files.Bench) -> None:
    check_corpus(path, bench)


def check_corpus(path: Path, bench: model_files.Bench) -> None:
    suffix = next(each for each in damage.SUFFIXES if path.name.endswith(f"{each}.gz"))
    data = gzip.decompress(path.read_bytes())
    assert bench.outcome(damage.Case(suffix, data, path.name, True)) in ("error", "right")


def test_the_corpus_is_kept() -> None:
    assert len(list(model_files.CORPUS.iterdir())) >= 10


def test_cases_are_the_same_each_time(bench: model_files.Bench) -> None:
    for number in range(40):
        one, other = (damage.damaged(number, 5, bench.files) for _ in range(2))
        assert one == other
    assert len({damage.damaged(number, 5, bench.files).data for number in range(40)}) > 35


@pytest.mark.parametrize("is_packed", [False, True])
def test_finding_S7_a_flipped_bit_of_a_weight_in_an_archive(is_packed: bool, bench: model_files.Bench) -> None:
    data = bench.files[".keras"]
    if is_packed:
        data = damage._zipped(damage._members(data), 8)
    place = len(data) // 2 if is_packed else place_of(data, bench, ".keras")
    spec = bench._written(".keras", flipped(data, place))
    with pytest.raises(SpecError) as caught:
        compile_spec(spec)
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("SC502", 4, 9)
    assert is_packed or "the checksum of its `model.weights.h5` differs" in found.message


def test_finding_S7_a_cut_that_needs_little_of_the_file_is_told_as_well(bench: model_files.Bench) -> None:
    data = bench.files[".keras"]
    spec = bench._written(".keras", flipped(data, place_of(data, bench, ".keras")))
    spec.write_text(spec.read_text() + "cut_at: scale\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        compile_spec(spec)
    assert [each.code for each in caught.value.diagnostics] == ["SC502"]


def test_a_file_is_proven_once_while_it_stays_as_it_is(bench: model_files.Bench) -> None:
    spec = bench._written(".keras", bench.files[".keras"])
    compile_spec(spec)
    known = set(_PROVEN)
    compile_spec(spec)
    assert known == _PROVEN
    compile_spec(bench._written(".keras", bench.files[".keras"]))  # written anew
    assert known != _PROVEN


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_finding_S7_the_ledger_names_a_file_without_a_checksum(suffix: str, bench: model_files.Bench) -> None:
    data = bench.files[suffix]
    compiled = compile_spec(bench._written(suffix, flipped(data, place_of(data, bench, suffix))))
    assert compiled.weights.unverified == (f"damaged{suffix}",)
    assert compiled.weights.to_json()["unverified"] == [f"damaged{suffix}"]
    whole = compile_spec(bench._written(".keras", bench.files[".keras"]))
    assert whole.weights.unverified == ()


def test_finding_S7_hdf5_with_checksums_of_its_own(bench: model_files.Bench) -> None:
    target = io.BytesIO(bench.files[".weights.h5"])
    with h5py.File(target, "r+") as store:
        for name in model_names(store):
            array = store[name][()]
            del store[name]
            if array.ndim:
                store.create_dataset(name, data=array, fletcher32=True, chunks=array.shape)
            else:
                store[name] = array
    data = target.getvalue()
    compiled = compile_spec(bench._written(".weights.h5", data))
    assert compiled.weights.unverified == ()
    with pytest.raises(SpecError) as caught:
        compile_spec(bench._written(".weights.h5", flipped(data, data.index(place_bytes(bench)) + 8)))
    (found,) = caught.value.diagnostics
    assert (found.code, found.line) == ("SC502", 5)


def model_names(store: h5py.File) -> list[str]:
    """The datasets of a file."""
    names: list[str] = []
    store.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def place_bytes(bench: model_files.Bench) -> bytes:
    """The bytes of a kernel."""
    return bytes(next(each for each in bench.right[".weights.h5"][0] if each.ndim == 4).tobytes())


def test_a_heap_of_texts_that_holds_hdf5_for_ever(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(tmp_path / "model.h5")
    data = bytearray((tmp_path / "model.h5").read_bytes())
    start = data.index(b"GCOL") + 16
    data[start : start + 16] = bytes(16)  # an object of no size: the next one is where this one is
    spec = hostile.write(tmp_path, bytes(data), ".h5")
    for static in (True, False):
        (found,) = check_spec(spec, static=static)
        assert (found.code, found.line) == ("SC502", 4)
        assert "the heap of its texts is damaged" in found.message
