"""Slices of an array that stays in its file are what NumPy takes of the whole, whatever the axis and the order."""

import os
from pathlib import Path

import numpy as np
import pytest

from spec_compiler.reading.damage import Damaged
from spec_compiler.weights import stretches
from spec_compiler.weights.checksum import checksum
from spec_compiler.weights.stretches import Stretch, Unread, pieces

RANDOM = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "PIECE", 500)  # four rows of the array below, and some more


@pytest.mark.parametrize(
    "indices",
    [
        np.arange(0, 23, 2),
        np.flatnonzero(RANDOM.random(23) < 0.5),
        RANDOM.permutation(23),
        np.repeat([0, 7, 22, 7], 3),
        np.array([5]),
        np.array([], dtype=np.intp),
    ],
    ids=["every other", "some", "in another order", "copies", "one", "none"],
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_of_the_whole(tmp_path: Path, axis: int, indices: np.ndarray) -> None:
    array = RANDOM.normal(size=(23, 5, 6)).astype("float32") if axis == 0 else RANDOM.normal(size=(9, 23, 23))
    (tmp_path / "file").write_bytes(b"before" + array.tobytes() + b"behind")
    told: list[str] = []
    with open(tmp_path / "file", "rb") as file:
        unread = Unread(Stretch(file.fileno(), 6, array.nbytes, array.dtype, array.shape), told.append)
        shape = (*array.shape[:axis], len(indices), *array.shape[axis + 1 :])
        taken = unread.take(indices, axis, np.full(shape, np.nan, array.dtype), "clip")
    np.testing.assert_array_equal(taken, array.take(indices, axis))
    assert told == [checksum(array)], "the ledger says what was in the file, all of it"


def test_a_file_that_becomes_shorter_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1_000))
    with open(tmp_path / "file", "rb") as file:
        read = pieces(file.fileno(), 0, 1_000, 300)
        assert len(next(read)) == 300
        os.truncate(tmp_path / "file", 500)
        with pytest.raises(Damaged, match="shorter"):
            list(read)
