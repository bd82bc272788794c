"""Tables and arrays that a stranger wrote: what they name stays where names may lead, and no more is read than fits."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder
from spec_compiler.reading import Damaged
from spec_compiler.reading.arrays import npz_heads, read_arrays
from spec_compiler.spec.data_columns import Column
from spec_compiler.training.arrays import read_heads
from spec_compiler.training.cells import series_of
from spec_compiler.training.kinds import End
from spec_compiler.training.tables import read_table

PICTURE = End("picture", (None, 8, 8, 3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "specs" / "data").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"")
    (tmp_path / "specs" / "data" / "a.png").write_bytes(b"")
    (tmp_path / "specs" / "b.png").write_bytes(b"")
    (tmp_path / "specs" / "data" / "link.png").symlink_to(tmp_path / "secret.png")
    return tmp_path / "specs"


@pytest.mark.parametrize(
    ("name", "confined", "free"),
    [
        ("a.png", None, None),
        ("../b.png", None, None),  # still below the spec's folder
        ("../../secret.png", "leaves the spec's folder", None),
        ("link.png", "leaves the spec's folder through a link", None),
        ("{root}/secret.png", "is an absolute path outside of the spec's folder", None),
        ("c.png", "no file `c.png`", "no file `c.png`"),
        ("../data", "is a folder", "is a folder"),
    ],
)
def test_what_a_table_names_stays_where_the_spec_may_lead(
    name: str, confined: str | None, free: str | None, folder: Path
) -> None:
    name = name.replace("{root}", str(folder.parent))
    (folder / "data" / "labels.csv").write_text(f"file,label\na.png,x\n{name},y\n")
    for root, expected in ((str(folder), confined), (None, free)):
        table = read_table("data/labels.csv", Folder(str(folder), root=root))
        column = Column(("file",), path=("inputs",))
        if expected is None:
            assert series_of(column, "image", PICTURE, table, ("inputs",), None).values.shape == (2,)
            continue
        with pytest.raises(SpecError) as caught:
            series_of(column, "image", PICTURE, table, ("inputs",), None)
        (found,) = caught.value.diagnostics
        assert found.notes[0].startswith("data/labels.csv:3: ")
        assert expected in found.notes[0]
        assert found.code == ("SC603" if free else "SC510")


@pytest.mark.parametrize("reader", [read_table, read_heads])
@pytest.mark.parametrize("name", ["../labels.csv", "/etc/passwd.csv", "link.csv"])
def test_no_table_is_read_from_outside(reader: object, name: str, folder: Path) -> None:
    (folder.parent / "labels.csv").write_text("file\n1\n")
    (folder / "link.csv").symlink_to(folder.parent / "labels.csv")
    with pytest.raises(SpecError) as caught:
        reader(name, Folder(str(folder), root=str(folder)))  # type: ignore[operator]
    assert [each.code for each in caught.value.diagnostics] == ["SC510"]


@pytest.mark.parametrize(
    ("content", "names", "cells"),
    [
        ("a,b\n1,x\n2,y\n", ("a", "b"), ["x", "y"]),
        ("\ufeffa;b\n1;x\n\n2;'y, z'\n", ("a", "b"), ["x", "'y, z'"]),
        ('a\tb\n1\t"two\nlines"\n2\ty\n', ("a", "b"), ["two\nlines", "y"]),
        ("b\nx\ny\n", ("b",), ["x", "y"]),
    ],
)
def test_tables_as_programs_write_them(content: str, names: tuple[str, ...], cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    table = read_table("t.csv", Folder(str(tmp_path)))
    assert (table.names, table.column("b", ())) == (names, cells)
    last = content.rstrip("\n").count("\n") + 1
    assert table.place(len(table) - 1) == f"t.csv:{last}"


def _npz(arrays: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)
    return stream.getvalue()


def _npy(shape: tuple[int, ...], data: bytes, dtype: str = "<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (_npz({"x": _npy((10**12,), bytes(16))}), "has other bytes"),
        (_npz({"x": _npy((4,), bytes(16), "|O")}), "holds Python objects"),
        (_npz({"x": b"no array"}), "its `x`"),
        (b"PK\x03\x04", "truncated"),
    ],
)
def test_arrays_that_lie_about_themselves(content: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(Damaged, match=text):
        npz_heads(str(path))


def test_arrays_are_what_numpy_saved(tmp_path: Path) -> None:
    arrays = {"x": np.arange(24, dtype="float32").reshape(2, 3, 4), "names": np.asarray(["a", "bc"])}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
        heads = npz_heads(str(tmp_path / "a.npz"))
        assert {name: head.shape for name, head in heads.items()} == {"x": (2, 3, 4), "names": (2,)}
        for name, array in read_arrays(str(tmp_path / "a.npz"), arrays).items():
            np.testing.assert_array_equal(array, arrays[name])
