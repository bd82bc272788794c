"""Damaged model files, made by the thousand: each gives a located diagnostic, or the model with the right values.

Small files of three formats with values that no initializer makes are damaged as disks and people do it, then checked
and compiled in this process. Another result without a word passes only where the format has no checksum and the ledger
says so; how often that happened is counted. A case is made from its seed and its number alone::

    python -m tests.fuzz.model_files --count 10000 --seed 1
    python -m tests.fuzz.model_files --seed 1 --only 1234    # this one again, with its traceback

A file that fails is put into `tests/fuzz/corpus`, where the tests find it from then on.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import functools
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

CORPUS = Path(__file__).parent / "corpus"
SUFFIXES = (".keras", ".weights.h5", ".h5")
Outcome = Literal["error", "right", "unverified", "another model"]
Random = random.Random


class Failure(Exception):
    """A case that is none of the outcomes there should be."""


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


class Bench:
    """A folder in which cases are run, and what the undamaged files give there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = originals(folder)
        self.right = {suffix: self._compiled(suffix, data) for suffix, data in self.files.items()}

    def outcome(self, case: Case) -> Outcome:
        """What comes of a case.

        Raises:
            Failure: it is a traceback, a diagnostic without a place, or another model without a word.
        """
        from spec_compiler import SpecError, check_spec

        spec = self._written(case.suffix, case.data)
        try:
            found = [each for each in check_spec(spec) if each.severity == "error"]
            compiled = None if found else self._compiled(case.suffix, case.data)
        except SpecError as error:
            found, compiled = list(error.diagnostics), None
        except Exception as error:
            raise Failure(f"{type(error).__name__}: {error}") from error
        if compiled is None:
            lost = [each for each in found if not (each.line and each.column)]
            if lost or not found:
                raise Failure(f"a diagnostic without a place: {lost}")
            return "error"
        (weights, unverified), (right, _) = compiled, self.right[case.suffix]
        if len(weights) == len(right) and all(map(_same, weights, right)):
            return "right"
        if case.is_sealed:  # whole again after it was changed: then it is another file, not a damaged one
            return "another model"
        if case.suffix == ".keras" or not unverified:
            raise Failure("another model without a word")
        return "unverified"

    def _written(self, suffix: str, data: bytes) -> Path:
        file = self.folder / f"damaged{suffix}"
        file.write_bytes(data)
        text = f"file: {file.name}" if suffix != ".weights.h5" else f"file: model.keras\n  weights: {file.name}"
        spec = self.folder / f"spec{suffix}.yaml"
        spec.write_text(f"spec: 1\nname: damaged\nbase:\n  {text}\n", encoding="utf-8")
        return spec

    def _compiled(self, suffix: str, data: bytes) -> tuple[list[Any], tuple[str, ...]]:
        from spec_compiler import compile_spec

        compiled = compile_spec(self._written(suffix, data))
        return [np.asarray(each) for each in compiled.model.get_weights()], compiled.weights.unverified


def _same(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--here", action="store_true", help="in this process, which a crash of HDF5 then ends")
    options = parser.parse_args()
    if options.only is not None:
        return _run(range(options.only, options.only + 1), options.seed)[1]
    if options.here:
        counts, failed = _run(range(options.first, options.count), options.seed)
        print(json.dumps({"counts": counts, "failed": failed}))
        return 1 if failed else 0
    return _in_children(options.count, options.seed)


_EACH = 1000  # cases to a process, as Keras keeps something of each model


def _in_children(count: int, seed: int) -> int:
    """Runs cases in processes of their own: HDF5 is written in C, and a damaged file may crash it or hold it."""
    counts: collections.Counter[str] = collections.Counter()
    failed, first, start = 0, 0, time.monotonic()
    while first < count:
        until = min(count, first + _EACH)
        command = [sys.executable, "-m", "tests.fuzz.model_files", "--here", "--seed", str(seed), "--first", str(first)]
        at = first
        with subprocess.Popen([*command, "--count", str(until)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith("at "):
                    at = int(line.split()[1])
                elif line.startswith("{"):
                    found = json.loads(line)
                    counts.update(found["counts"])
                    failed += found["failed"]
                    at = until
                else:
                    print(line, end="", flush=True)
        if at < until:
            counts.update({"before a crash": at - first})
            failed += 1
            print(f"case {at} of seed {seed}: the process ended with {child.returncode}", flush=True)
        first = min(at + 1, until) if at < until else until
    listed = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    print(f"{count} damaged files of seed {seed} in {time.monotonic() - start:.0f} s: {listed}; {failed} failed")
    return 1 if failed else 0


def _run(numbers: range, seed: int) -> tuple[dict[str, int], int]:
    """How many cases came to what, and how many failed; a failed one is named and kept."""
    os.environ.setdefault("SPEC_COMPILER_CACHE", tempfile.mkdtemp(prefix="spec-compiler-fuzz-"))
    import keras

    counts: collections.Counter[str] = collections.Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number in numbers:
            print(f"at {number}", flush=True)
            case = damaged(number, seed, bench.files)
            text = f"case {number} of seed {seed}, {case.suffix}, {case.damage}"
            kept = CORPUS / f"{seed}-{number}{case.suffix}.gz"
            kept.write_bytes(
                gzip.compress(case.data, mtime=0)
            )  # before it is run, so that it is there where that ends the process
            faulthandler.dump_traceback_later(_LONGEST, exit=True)
            before = time.monotonic()
            try:
                counts[bench.outcome(case)] += 1
                kept.unlink()
            except Failure as failure:
                failed += 1
                print(f"{text}: {failure}", flush=True)
                if len(numbers) == 1:
                    raise
            took = time.monotonic() - before
            if took > _SLOW:
                print(f"{text}: {took:.1f} s", flush=True)
            faulthandler.cancel_dump_traceback_later()
            if number % 50 == 49:
                keras.utils.clear_session(free_memory=False)
    return dict(counts), failed


_SLOW, _LONGEST = 5, 60  # seconds


if __name__ == "__main__":
    sys.exit(main())
