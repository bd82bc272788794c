"""Model files made to lead a reader astray: HDF5 that reaches out of itself, archives that are not what they say."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

Edit = Callable[[Any], None]
SECRET = "secret.h5"  # a pipe: whatever opens it waits for ever


def hdf5(data: bytes, edit: Edit) -> bytes:
    """An HDF5 file edited in memory."""
    target = io.BytesIO(data)
    with h5py.File(target, "r+") as store:
        edit(store)
    return _all_one(target.getvalue()) if edit is _texts else target.getvalue()


def first_array(store: Any) -> str:
    """The name of a dataset of the file, which an attack takes the place of."""
    names: list[str] = []
    store.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return next(name for name in names if "optimizer" not in name)


def _instead(make: Callable[[Any, str, Any], None]) -> Edit:
    """Takes a dataset away and makes something else of the same name; it is told the array that was there."""

    def edit(store: Any) -> None:
        name = first_array(store)
        array = store[name][()]
        del store[name]
        make(store, name, array)

    return edit


def _put(link: Any) -> Edit:
    return _instead(lambda store, name, array: store.__setitem__(name, link))


def _external_group(store: Any) -> None:
    name = first_array(store).split("/")[0]
    del store[name]
    store[name] = h5py.ExternalLink(SECRET, f"/{name}")


def _soft(store: Any, name: str, array: Any) -> None:
    store["real"] = array
    store[name] = h5py.SoftLink("/real")


def _virtual(store: Any, name: str, array: Any, maxshape: Any = None) -> None:
    layout = h5py.VirtualLayout(array.shape, array.dtype, maxshape=maxshape)
    layout[...] = h5py.VirtualSource(SECRET, "x", array.shape, maxshape=maxshape)
    store.create_virtual_dataset(name, layout)


def _own_parts(store: Any, name: str, array: Any) -> None:
    """A virtual dataset whose parts are in the same file."""
    store["real"] = array
    layout = h5py.VirtualLayout(array.shape, array.dtype)
    layout[...] = h5py.VirtualSource(".", "real", array.shape)
    store.create_virtual_dataset(name, layout)


def _filtered(*filters: tuple[int, tuple[int, ...]]) -> Edit:
    def make(store: Any, name: str, array: Any) -> None:
        made = h5p.create(h5p.DATASET_CREATE)
        made.set_chunk(tuple(max(1, each) for each in array.shape))
        for code, values in filters:
            made.set_filter(code, h5z.FLAG_OPTIONAL, values)
        kind = h5t.py_create(array.dtype)
        dataset = h5d.create(store.id, name.encode(), kind, h5s.create_simple(array.shape), made, _through())
        dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(array))

    return _instead(make)


def _through() -> Any:
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    return links


def _deep(store: Any) -> None:
    for _ in range(300):
        store = store.create_group("a")


def _many(store: Any) -> None:
    for index in range(1100):
        store.create_group(f"g{index}")


def _cycle(store: Any) -> None:
    store["a/b/c"] = store["a"] if "a" in store else store.create_group("a")


def _texts(store: Any) -> None:
    for each in (store, store.get("model_weights", store)):
        each.attrs.pop("layer_names", None)
        each.attrs["layer_names"] = ["q" * 777] * 4000
    store.attrs["notes"] = "x" * 2_000_000


def _all_one(data: bytes) -> bytes:
    """Makes each of the names the one text of two megabytes: a name is its length, a place, and a number there."""
    name, text = struct.pack("<I", 777), struct.pack("<I", 2_000_000)
    start, made = data.index(text), bytearray(data)
    place = data.find(name)
    while place >= 0:
        made[place : place + 16] = data[start : start + 16]
        place = data.find(name, place + 16)
    return bytes(made)


def _attribute(name: str, value: Any) -> Edit:
    def edit(store: Any) -> None:
        for each in (store, store.get("model_weights", store)):
            each.attrs.pop(name, None)
            each.attrs[name] = each.ref if value is None else value

    return edit


HDF5: dict[str, Edit] = {
    "a dataset in another file": _put(h5py.ExternalLink(SECRET, "/x")),
    "a group in another file": _external_group,
    "a soft link": _instead(_soft),
    "a soft link to nothing": _put(h5py.SoftLink("/nothing")),
    "a soft link to itself": _instead(lambda store, name, _: store.__setitem__(name, h5py.SoftLink(f"/{name}"))),
    "bytes in another file": _instead(
        lambda store, name, a: store.create_dataset(name, a.shape, a.dtype, external=[(SECRET, 0, a.nbytes)])
    ),
    "parts in another file": _instead(_virtual),
    "parts in another file, of any number": _instead(
        lambda store, name, array: _virtual(store, name, array, (None,) * array.ndim)
    ),
    "parts in the file itself": _instead(_own_parts),
    "a group inside of itself": _cycle,
    "a group at two places": lambda store: store.__setitem__("again", store[first_array(store).split("/")[0]]),
    "a type in the place of an array": _put(np.dtype("f4")),
    "references": _instead(lambda store, name, array: store.create_dataset(name, array.shape, h5py.ref_dtype)),
    "regions": _instead(lambda store, name, array: store.create_dataset(name, array.shape, h5py.regionref_dtype)),
    "lists of any length": _instead(
        lambda store, name, array: store.create_dataset(name, array.shape, h5py.vlen_dtype("f4"))
    ),
    "texts": _instead(lambda store, name, array: store.create_dataset(name, array.shape, h5py.string_dtype())),
    "records": _instead(lambda store, name, a: store.create_dataset(name, a.shape, [("a", "f4"), ("b", "f4")])),
    "no shape": _put(h5py.Empty("f4")),
    "a filter that is loaded from the disk": _filtered((40_000, (1, 2, 3))),
    "a filter that loses digits": _instead(
        lambda store, name, array: store.create_dataset(name, data=array.astype("i4"), scaleoffset=4, chunks=True)
    ),
    "packed twice": _filtered((h5z.FILTER_DEFLATE, (9,)), (h5z.FILTER_DEFLATE, (9,))),
    "terabytes that are not there": _instead(lambda store, name, _: store.create_dataset(name, (1 << 40,), "f4")),
    "terabytes in chunks that are not there": _instead(
        lambda store, name, _: store.create_dataset(name, (1 << 40,), "f4", chunks=(1 << 20,))
    ),
    "zeros packed to a thousandth": _instead(
        lambda store, name, _: store.create_dataset(name, data=np.zeros(1 << 23), compression="gzip", chunks=(1 << 23,))
    ),
    "groups too deep": _deep,
    "groups without number": _many,
    "a list of texts that are all one": _texts,
}
ATTRIBUTES: dict[str, Edit] = {
    "a config that is a reference": _attribute("model_config", None),
    "a config that is a list": _attribute("model_config", ["{}"] * 3),
    "a config that is a number": _attribute("model_config", 3),
    "a config that is no UTF-8": _attribute("model_config", b"\xff\xfe{}"),
    "a config with half a character": _attribute("model_config", '{"class_name": "\\ud800"}'),
    "a config that is deep": _attribute("model_config", "[" * 50_000 + "]" * 50_000),
}


# Archives


def members(data: bytes) -> dict[str, bytes]:
    """What is in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(inside: dict[str, bytes], more: Callable[[zipfile.ZipFile], None] = lambda archive: None) -> bytes:
    """An archive of members as Keras writes it, and what `more` adds to it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in inside.items():
            archive.writestr(name, data)
        more(archive)
    return target.getvalue()


def _named(name: str) -> Callable[[bytes], bytes]:
    return lambda data: zipped({**members(data), name: b"red\n"})


def _mode(mode: int) -> Callable[[bytes], bytes]:
    info = zipfile.ZipInfo("assets/link")
    info.external_attr, info.create_system = mode << 16, 3
    return lambda data: zipped(members(data), lambda archive: archive.writestr(info, "/etc/passwd"))


def _packed(name: str, method: int) -> Callable[[bytes], bytes]:
    inside: Callable[[bytes], dict[str, bytes]] = members
    return lambda data: zipped(
        {key: each for key, each in inside(data).items() if key != name},
        lambda archive: archive.writestr(name, inside(data)[name], method),
    )


def _bomb(name: str, size: int, packed_with: Callable[[], Any] = lambda: zlib.compressobj(9, wbits=-15)) -> bytes:
    """A deflated member of zeros, made without the zeros in memory: its bytes and what the list says of them."""
    packer, made, check = packed_with(), [], 0
    block = b"\0" * (1 << 22)
    for _ in range(size // len(block)):
        made.append(packer.compress(block))
        check = zlib.crc32(block, check)
    return raw_archive({name: (b"".join([*made, packer.flush()]), 8, check, size)})


def raw_archive(
    inside: dict[str, tuple[bytes, int, int, int]], listed: dict[str, dict[str, int]] | None = None, flags: int = 0
) -> bytes:
    """An archive of members that are packed already: bytes, method, checksum, size. `listed` says otherwise of some."""
    made, directory = b"", b""
    for name, (data, method, check, size) in inside.items():
        said = {"offset": len(made), "packed": len(data), "size": size, "check": check, "flags": flags}
        said |= (listed or {}).get(name, {})
        sizes = (said["check"], said["packed"], said["size"], len(name), 0)
        made += struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, said["flags"], method, 0, 33, *sizes) + name.encode() + data
        rest = (0, 0, 0, 0, said["offset"])
        directory += struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, said["flags"], method, 0, 33, *sizes, *rest)
        directory += name.encode()
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(inside), len(inside), len(directory), len(made), 0)
    return made + directory + end


def _stored(data: bytes) -> dict[str, tuple[bytes, int, int, int]]:
    return {name: (each, 0, zlib.crc32(each), len(each)) for name, each in members(data).items()}


def _lying(**said: int) -> Callable[[bytes], bytes]:
    """The list says something else of the weights."""
    return lambda data: raw_archive(_stored(data), {"model.weights.h5": said})


def _short(data: bytes) -> bytes:
    """The config says that it has 100 bytes and unpacks to more."""
    packer, text = zlib.compressobj(9, wbits=-15), members(data)["config.json"] + b" " * 50_000_000
    packed = packer.compress(text) + packer.flush()
    return raw_archive({**_stored(data), "config.json": (packed, 8, zlib.crc32(text[:100]), 100)})


def _overlapping(data: bytes) -> bytes:
    """Two members in one stretch of the file."""
    stored = _stored(data)
    return raw_archive({**stored, "assets/again": stored["config.json"]}, {"assets/again": {"offset": 0}})


def _config(text: bytes) -> Callable[[bytes], bytes]:
    return lambda data: zipped({**members(data), "config.json": text})


def _zip64(data: bytes) -> bytes:
    """A size of 2 to the power of 60 in the field for large files."""
    made = bytearray(zipped(members(data)))
    start = made.index(b"PK\1\2")
    extra = struct.pack("<HHQQ", 1, 16, 1 << 60, 1 << 60)
    made[start + 20 : start + 28] = b"\xff" * 8
    made[start + 30 : start + 32] = struct.pack("<H", len(extra))
    name = struct.unpack("<H", made[start + 28 : start + 30])[0]
    made[start + 46 + name : start + 46 + name] = extra
    end = made.rindex(b"PK\5\6")
    made[end + 12 : end + 16] = struct.pack("<I", struct.unpack("<I", made[end + 12 : end + 16])[0] + len(extra))
    return bytes(made)


def _two_configs(data: bytes) -> bytes:
    return zipped(members(data), lambda archive: archive.writestr("config.json", "{}"))


ARCHIVES: dict[str, Callable[[bytes], bytes]] = {
    "a member that is there twice": _two_configs,
    "members that overlap": _overlapping,
    "encrypted": lambda data: raw_archive(_stored(data), flags=1),
    "strongly encrypted": lambda data: raw_archive(_stored(data), flags=0x41),
    "a name that leads out": _named("assets/../../x"),
    "a name from the root": _named("/x"),
    "a name of another system": _named("assets\\..\\x"),
    "a name with a drive": _named("C:/x"),
    "a name without end": lambda data: _named("assets/xyz")(data).replace(b"assets/xyz", b"assets/x\0z"),
    "a symbolic link": _mode(0o120777),
    "a device": _mode(0o020666),
    "a pipe": _mode(0o010666),
    "packed with bzip2": _packed("config.json", zipfile.ZIP_BZIP2),
    "packed with LZMA": _packed("config.json", zipfile.ZIP_LZMA),
    "a config of zeros by the hundred megabytes": lambda data: _bomb("config.json", 200 << 20),
    "weights of zeros by the hundred megabytes": lambda data: _bomb("model.weights.h5", 200 << 20),
    "a config that is longer than it says": _short,
    "weights that are longer than the file": _lying(packed=1 << 30, size=1 << 30),
    "weights with two sizes": _lying(size=10),
    "weights behind the end": _lying(offset=1 << 30),
    "weights at another place": _lying(offset=3),
    "a size of exabytes": _zip64,
    "too many members": lambda data: zipped({**members(data), **{f"assets/{each}": b"" for each in range(12_000)}}),
    "a list of members of megabytes": lambda data: zipped({f"{each:060000}": b"" for each in range(100)}),
    "another name in front of the member": lambda data: zipped(members(data)).replace(
        b"config.json", b"confiX.json", 1
    ),
    "something before the archive": lambda data: b"#!/bin/sh\n" + data,
    "a config that is deep": _config(b"[" * 100_000 + b"]" * 100_000),
    "a config that is deep and whole": _config(b'{"a":' * 300 + b"1" + b"}" * 300),
    "a config of millions of values": _config(b"[" + b"[]," * 3_000_000 + b"[]]"),
    "a config with half a character": _config(
        json.dumps({"class_name": "Functional", "config": {"name": "\ud800"}}).encode()
    ),
    "a config that is no mapping": _config(b"[1, 2]"),
    "a config that is no text": _config(b"\xff\xfe\x00"),
    "no config": lambda data: zipped({name: each for name, each in members(data).items() if name != "config.json"}),
}


def write(folder: Path, data: bytes, suffix: str) -> Path:
    """A spec in a folder whose base, or whose base's weights, is this file."""
    (folder / f"theirs{suffix}").write_bytes(data)
    base = f"file: theirs{suffix}" if suffix != ".weights.h5" else f"file: model.keras\n  weights: theirs{suffix}"
    path = folder / "spec.yaml"
    path.write_text(f"spec: 1\nname: result\nbase:\n  {base}\n", encoding="utf-8")
    return path
