"""Ways in which disks and people damage a model file, each case from a seed and a number alone."""

from __future__ import annotations

import functools
import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SUFFIXES = (".keras", ".weights.h5", ".h5")
Random = random.Random


@dataclass(frozen=True)
class Case:
    """A damaged file: its bytes, how it was damaged, and whether its checksums were made again after that."""

    suffix: str
    data: bytes
    damage: str
    is_sealed: bool


def originals(folder: Path) -> dict[str, bytes]:
    """The three files undamaged, the same bytes each time; in `folder` the model whose weights the second holds."""
    import keras

    from tests.backend.conftest import randomized

    words = keras.Input((3,), dtype="string", name="words")
    image = keras.Input((8, 8, 3), name="image")
    y = keras.layers.StringLookup(vocabulary=["red", "green"], name="lookup")(words)
    y = keras.layers.Flatten(name="flatten")(keras.layers.Embedding(3, 2, name="embedding")(y))
    x = keras.layers.Conv2D(4, 3, name="conv")(keras.layers.Rescaling(1 / 255, name="scale")(image))
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="inside", activation="relu")], name="inner")
    x = keras.layers.Concatenate(name="both")([inner(x), y])
    model = randomized(keras.Model([image, words], keras.layers.Dense(3, name="answer")(x), name="fuzzed"))
    plain = randomized(keras.Model(image, inner(model.get_layer("pool").output), name="plain"))
    found: dict[str, bytes] = {}
    for suffix in SUFFIXES:
        path = folder / f"original{suffix}"
        if suffix == ".weights.h5":
            model.save_weights(path)
        else:
            (plain if suffix == ".h5" else model).save(path)
        found[suffix] = path.read_bytes()
    members = _members(found[".keras"])
    members["metadata.json"] = json.dumps({"keras_version": keras.__version__, "date_saved": "2025-01-01@00:00:00"})
    found[".keras"] = _zipped(members)
    (folder / "model.keras").write_bytes(found[".keras"])
    return found


def damaged(number: int, seed: int, files: dict[str, bytes]) -> Case:
    """The case of this number."""
    chance = Random(f"{seed}:{number}")
    suffix = chance.choice((".keras", ".keras", ".weights.h5", ".h5"))
    data = files[suffix]
    ways: list[tuple[str, Callable[[bytes, Random], bytes], bool]] = [(name, way, False) for name, way in _RAW.items()]
    inside = _ARCHIVE if suffix == ".keras" else {}
    ways += [(name, way, True) for name, way in (*inside.items(), *_HDF5.items(), *_JSON.items())]
    if suffix == ".weights.h5":
        ways = [each for each in ways if each[1] not in _JSON.values()]
    name, way, is_sealed = chance.choice(ways[: len(_RAW)] if chance.random() < 0.5 else ways)
    for _ in range(20):
        try:
            made = way(data, chance)
        except (ValueError, KeyError, TypeError, OSError, IndexError, RuntimeError):  # this damage cannot be made here
            continue
        if made != data:
            return Case(suffix, made, name, is_sealed)
    return Case(suffix, data[: len(data) // 2], "truncated", False)


# Bytes


def _flip(data: bytes, chance: Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8, 64))):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def _truncate(data: bytes, chance: Random) -> bytes:
    return data[: chance.choice((0, 1, 7, 8, len(data) - 1, chance.randrange(len(data)), chance.randrange(len(data))))]


def _overwrite(data: bytes, chance: Random) -> bytes:
    size = chance.choice((1, 2, 4, 8, 16, 512, 4096))
    start = chance.randrange(len(data))
    block = chance.choice((b"\0" * size, b"\xff" * size, chance.randbytes(size)))
    return data[:start] + block[: len(data) - start] + data[start + size :]


def _drop(data: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.choice((1, 8, 512)) :]


def _double(data: bytes, chance: Random) -> bytes:
    start, size = chance.randrange(len(data)), chance.choice((1, 8, 512))
    return data[: start + size] + data[start:]


def _early(data: bytes, chance: Random) -> bytes:
    """Flips among the first bytes and the last, where both formats say what they are."""
    made = bytearray(data)
    place = chance.randrange(min(600, len(made)))
    made[place if chance.random() < 0.5 else -1 - place] ^= 1 << chance.randrange(8)
    return bytes(made)


_RAW = {
    "bits flipped": _flip,
    "truncated": _truncate,
    "overwritten": _overwrite,
    "bytes dropped": _drop,
    "bytes doubled": _double,
    "a bit of the header flipped": _early,
}


# Archives


def _members(data: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(members: dict[str, str | bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), data, method)
    return target.getvalue()


def _without_member(data: bytes, chance: Random) -> bytes:
    members = _members(data)
    del members[chance.choice(list(members))]
    return _zipped(members)


def _renamed_member(data: bytes, chance: Random) -> bytes:
    members = _members(data)
    old = chance.choice(list(members))
    new = chance.choice(("", "a", f"../{old}", f"/{old}", old.upper(), f"{old}\0", "ü", *members))
    return _zipped({(new if name == old else name): each for name, each in members.items()})


def _doubled_member(data: bytes, chance: Random) -> bytes:
    target, members = io.BytesIO(data), _members(data)
    with zipfile.ZipFile(target, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the name
        name = chance.choice(list(members))
        archive.writestr(name.replace(".json", ".jsom"), members[name][: chance.randrange(len(members[name]) + 1)])
    return target.getvalue().replace(b".jsom", b".json")


def _packed(data: bytes, chance: Random) -> bytes:
    packed = _zipped(_members(data), zipfile.ZIP_DEFLATED)
    return packed if chance.random() < 0.3 else _flip(packed, chance)


def _wrong_field(data: bytes, chance: Random) -> bytes:
    """A number in the list of members that says something else."""
    made, start = bytearray(data), data.index(b"PK\x01\x02")
    place = start + chance.randrange(46)
    made[place : place + 4] = chance.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0", chance.randbytes(4)))
    return bytes(made)


_ARCHIVE = {
    "a member left out": _without_member,
    "a member renamed": _renamed_member,
    "a member there twice": _doubled_member,
    "members packed": _packed,
    "a field of the list of members": _wrong_field,
}


# HDF5, whole or in an archive


def _edited(data: bytes, chance: Random, edit: Callable[[Any, list[str], Random], None]) -> bytes:
    is_archive = data.startswith(b"PK")
    members = _members(data) if is_archive else {}
    target = io.BytesIO(members["model.weights.h5"] if is_archive else data)  # type: ignore[arg-type]
    with h5py.File(target, "r+") as store:
        names: list[str] = []
        store.visit(names.append)
        edit(store, names, chance)
    members["model.weights.h5"] = target.getvalue()
    return _zipped(members) if is_archive else target.getvalue()


def _reshaped(store: Any, names: list[str], chance: Random) -> None:
    name = chance.choice([each for each in names if isinstance(store[each], h5py.Dataset)])
    array = np.asarray(store[name][()])
    del store[name]
    shapes: tuple[Any, ...] = (
        (),
        (0,),
        (1,),
        array.shape[::-1],
        (*array.shape, 1),
        (2**20, 2**20),
        array.reshape(-1).shape,
    )
    shape = chance.choice(shapes)
    data = array.reshape(shape) if np.prod(shape) == array.size else None
    store.create_dataset(name, shape, array.dtype, data=data, chunks=True if shape == (2**20, 2**20) else None)


def _retyped(store: Any, names: list[str], chance: Random) -> None:
    name = chance.choice([each for each in names if isinstance(store[each], h5py.Dataset)])
    array = np.asarray(store[name][()])
    del store[name]
    kind = chance.choice(("f2", "f8", ">f4", "i1", "u8", "S4", "V2", "c8", "bool", "O", "record"))
    if kind == "O":
        store.create_dataset(name, array.shape, h5py.string_dtype())
    elif kind == "record":
        store.create_dataset(name, array.shape, np.dtype([("a", "f4"), ("b", "i4")]))
    elif kind == "V2":
        store[name] = np.zeros(array.shape, "V2")
    else:
        store[name] = array.astype(kind)


def _removed(store: Any, names: list[str], chance: Random) -> None:
    del store[chance.choice(names)]


def _moved(store: Any, names: list[str], chance: Random) -> None:
    store.move(
        chance.choice(names), chance.choice((*names, "elsewhere", "layers/elsewhere")) + chance.choice(("", "x"))
    )


def _linked(store: Any, names: list[str], chance: Random) -> None:
    name = chance.choice(names)
    del store[name]
    other = chance.choice(names)
    links: tuple[Any, ...] = (h5py.SoftLink(f"/{other}"), h5py.ExternalLink("other.h5", "/x"), np.dtype("f4"))
    store[name] = chance.choice((*links, store[other] if other in store else links[0]))


def _attribute(store: Any, names: list[str], chance: Random) -> None:
    """An attribute taken away, or with another value."""
    owners = [store, *(store[each] for each in names)]
    owner = chance.choice([each for each in owners if len(each.attrs)] or owners)
    name = chance.choice(list(owner.attrs) or ["dtype"])
    if name in owner.attrs:
        del owner.attrs[name]
    values = (
        None,
        b"\xff\xfe",
        "bfloat16",
        7,
        1.5,
        [b"a", b"b"],
        [b"\xff"],
        np.zeros((2, 2)),
        "",
        ["a", "ü"],
        store.ref,
    )
    value = chance.choice(values)
    if value is not None:
        owner.attrs[name] = value


_HDF5: dict[str, Callable[[bytes, Random], bytes]] = {
    name: functools.partial(_edited, edit=edit)
    for name, edit in {
        "another shape": _reshaped,
        "another dtype": _retyped,
        "an array or a group left out": _removed,
        "an array or a group moved": _moved,
        "an array or a group linked": _linked,
        "an attribute": _attribute,
    }.items()
}


# Configs

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 10**6, 10**30, 1.5, float("nan"), "", "a", "ü", "\ud800", "a\0b", "x" * 5000),
    *([], {}, [1], {"a": 1}, [[]], "relu", "float16", "InputLayer", "Dense", "keras.layers"),
)


def _mutated(data: bytes, chance: Random) -> bytes:
    config = json.loads(_config(data))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places: list[tuple[Any, Any]] = []
        todo = [config]
        while todo:
            here = todo.pop()
            keys = list(here) if isinstance(here, dict) else range(len(here))
            places += [(here, key) for key in keys]
            todo += [here[key] for key in keys if isinstance(here[key], dict | list)]
        here, key = chance.choice(places)
        if chance.random() < 0.3:
            del here[key]
        elif chance.random() < 0.3:
            other, place = chance.choice(places)
            here[key] = json.loads(json.dumps(other[place])) if place in other or isinstance(other, list) else None
        else:
            here[key] = chance.choice(_VALUES)
    return _with_config(data, json.dumps(config))


def _garbled(data: bytes, chance: Random) -> bytes:
    """The config's text damaged, not its values."""
    text = _config(data)
    garbled = chance.choice((_flip, _truncate, _overwrite, _drop, _double))(text.encode(), chance)
    return _with_config(data, chance.choice((garbled, b"[" * 100_000, b"null", b"[]", b'"text"', b"\xff\xfe{}")))


def _config(data: bytes) -> str:
    if data.startswith(b"PK"):
        config = _members(data)["config.json"]
        return config.decode() if isinstance(config, bytes) else config
    with h5py.File(io.BytesIO(data), "r") as store:
        return str(store.attrs["model_config"])


def _with_config(data: bytes, config: str | bytes) -> bytes:
    if data.startswith(b"PK"):
        return _zipped(_members(data) | {"config.json": config})
    target = io.BytesIO(data)
    with h5py.File(target, "r+") as store:
        store.attrs["model_config"] = config
    return target.getvalue()


_JSON = {"the values of the config": _mutated, "the text of the config": _garbled}


# Running
