"""A disk that becomes full while HDF5 writes its frame is said as the system says it, whenever that is."""

import errno
from pathlib import Path

import pytest

from spec_compiler.writing import hdf5
from spec_compiler.writing.archive import write_at
from spec_compiler.writing.hdf5 import ArrayRoom, write_frame

ROOMS = [ArrayRoom(f"layers/dense_{number}/vars/0", (40, 50), "float32") for number in range(30)]


@pytest.mark.parametrize("writes", [0, 1, 2, 5, 8])
def test_the_reason_comes_out(writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = 0

    def full(file: int, data: memoryview, place: int) -> None:
        nonlocal done
        done += 1
        if done > writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_at(file, data, place)

    monkeypatch.setattr(hdf5, "write_at", full)
    with open(tmp_path / "file", "wb+") as stream, pytest.raises(OSError, match="No space left") as caught:
        write_frame(stream.fileno(), 0, {}, ROOMS)
    assert caught.value.errno == errno.ENOSPC
    assert done == writes + 1, "nothing is tried any more"
