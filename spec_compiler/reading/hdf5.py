"""HDF5: groups and datasets of numbers that lie in the file itself, proven before a byte of them is read.

HDF5 can do much more: links into other files, datasets whose bytes or parts are elsewhere, filters that are code loaded
from the disk. No model file needs any of it, so each is refused when it is met, without following it.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

import h5py
import numpy as np
from h5py import h5d, h5g, h5l, h5o, h5s, h5t, h5z

from spec_compiler.reading.damage import Damaged, Hostile, megabytes, reading, regular_file
from spec_compiler.reading.heaps import Partly, Region, heaps

Array = np.ndarray[Any, Any]

_MAX_OBJECTS = 100_000  # a network of 10,000 layers with its optimizer has 80,000 or so
_MAX_DEPTH = 100  # a model in a model is 2 or 4 deeper
_MAX_TEXT = 64 << 20  # all attributes that are read, together; one is the model's config
_MAX_TEXTS = 256 << 20  # what an attribute may have at the very most, by a bound that is far from what it has
_MAX_HEAP = 1 << 16
# Weights become 1.1 times smaller, pruned ones 10 or 20 times; two filters one after another can do a million.
_MAX_RATIO = 100
_FREE = 16 << 20
_FILTERS = frozenset((h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF))
_NUMBERS = (h5t.INTEGER, h5t.FLOAT, h5t.ENUM)  # h5py saves booleans as an enumeration
_CLASSES = {
    h5t.STRING: "texts",
    h5t.COMPOUND: "records",
    h5t.REFERENCE: "references",
    h5t.VLEN: "lists of any length",
    h5t.ARRAY: "arrays",
    h5t.OPAQUE: "bytes without a type",
    h5t.BITFIELD: "bits",
    h5t.TIME: "times",
}


@dataclass(frozen=True)
class ArrayInfo:
    """What a dataset holds; `has_checksum` where HDF5 itself would find a flipped bit in it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    has_checksum: bool
    dataset: Any = field(repr=False, compare=False)


@dataclass(frozen=True)
class Hdf5:
    """An open file, of which every group and dataset was proven; names are paths without a slash at their ends."""

    arrays: Mapping[str, ArrayInfo]
    groups: Mapping[str, Any]  # the root is ""
    _texts: _Texts = field(repr=False, compare=False)

    def __contains__(self, name: str) -> bool:
        return name in self.arrays or name in self.groups

    def arrays_in(self, group: str) -> list[str]:
        """The names of the datasets right in a group."""
        start = f"{group}/" if group else ""
        names = (each.removeprefix(start) for each in self.arrays if each.startswith(start))
        return [each for each in names if "/" not in each]

    def read(self, name: str, empty: Callable[[tuple[int, ...], Any], Array] = np.empty) -> Array:
        """A dataset as an array that `empty` makes room for; bfloat16, which HDF5 does not know, where Keras marks it.

        Raises:
            Damaged: it is damaged.
        """
        info = self.arrays[name]
        dataset = h5py.Dataset(info.dataset)
        with reading(f"its `{name}`"):
            mark = self._texts.read(dataset, name, "dtype", only_one=True)
            if mark == "bfloat16" or info.dtype == "V2":
                import ml_dtypes

                if info.dtype.kind == "V":
                    return np.asarray(dataset[()]).view(ml_dtypes.bfloat16)
                return np.array(dataset, dtype=ml_dtypes.bfloat16)
            array = empty(info.shape, info.dtype)
            if array.size:
                dataset.read_direct(array)
            return array

    def part_of(self, name: str) -> int:
        """Which file has an array, of a file that is whole the only one."""
        return 0

    def stretch(self, name: str) -> tuple[int, int] | None:
        """Where in the HDF5 file the bytes of a dataset begin, and how many they are; None where they are not as NumPy
        has them in memory: in one piece, unpacked, in this machine's order of bytes.
        """
        info = self.arrays[name]
        count = math.prod(info.shape) * info.dtype.itemsize
        creation = info.dataset.get_create_plist()
        if creation.get_layout() != h5d.CONTIGUOUS or creation.get_nfilters() or not info.dtype.isnative:
            return None
        start = info.dataset.get_offset()
        return (start, count) if start is not None else ((0, 0) if not count else None)

    def attribute(self, group: str, name: str, *, only_one: bool = False) -> Any:
        """A text, a number or, but for `only_one`, a list of them; None where there is none of the name.

        Raises:
            Damaged: it is none of these.
            Hostile: it is larger than any that Keras writes.
        """
        return self._texts.read(h5py.Group(self.groups[group]), group, name, only_one=only_one)


@dataclass
class _Texts:
    """The attributes that are read, through a view of the file in which HDF5 finds no heap that was not looked at.

    How long a text of any length is shows only when it is read, and many may be one and the same. HDF5 itself never
    makes a heap of several texts larger than 64 KB, so larger ones are not there when a list is read.
    """

    source: str | BinaryIO
    regions: list[Region]  # the bytes of datasets
    stack: contextlib.ExitStack
    left: int = _MAX_TEXT

    def read(self, owner: Any, place: str, name: str, *, only_one: bool = False) -> Any:
        with reading(f"its attribute `{name}`"):
            if name not in owner.attrs:
                return None
            owner = (self._for_one if only_one else self._for_lists)[f"/{place}"]
            attribute = owner.attrs.get_id(name)
            kind, space = attribute.get_type(), attribute.get_space()
            count = space.get_simple_extent_npoints()
            is_text = kind.get_class() == h5t.STRING
        if not (is_text or kind.get_class() in _NUMBERS) or (only_one and count != 1):
            raise Hostile(f"its attribute `{name}` is neither text nor numbers")
        size = _MAX_HEAP if is_text and kind.is_variable_str() and not only_one else kind.get_size()
        if count * size > _MAX_TEXTS:
            raise Hostile(f"its attribute `{name}` may have {megabytes(count * size)}")
        with reading(f"its attribute `{name}`"):
            value = owner.attrs[name]
            value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            inside = value if isinstance(value, list) else [value]
            self.left -= sum(len(each) if isinstance(each, str | bytes) else 8 for each in inside)
            texts = [_text(each) for each in inside]
        if self.left < 0:
            raise Hostile(f"its attributes have more than {megabytes(_MAX_TEXT)}")
        return texts if isinstance(value, list) else texts[0]

    @cached_property
    def _for_one(self) -> Any:
        _ = self._heaps  # goes through them, and raises where one of them has no end
        return self._view(self.regions)

    @cached_property
    def _for_lists(self) -> Any:
        return self._view([*self.regions, *((start, end) for start, end in self._heaps if end - start > _MAX_HEAP)])

    @cached_property
    def _heaps(self) -> list[Region]:
        return heaps(self._stream, self.regions)

    @cached_property
    def _stream(self) -> BinaryIO:
        source = self.source
        return self.stack.enter_context(open(source, "rb")) if isinstance(source, str) else source

    def _view(self, hidden: list[Region]) -> Any:
        return self.stack.enter_context(h5py.File(Partly(self._stream, hidden), "r"))


def _text(value: Any) -> Any:
    text = value.decode("utf-8") if isinstance(value, bytes) else value
    if isinstance(text, str):
        text.encode("utf-8")  # h5py hands on what is no UTF-8, as half characters
    return text


@contextlib.contextmanager
def open_hdf5(source: str | BinaryIO) -> Iterator[Hdf5]:
    """An HDF5 file, by its path or open, of which every object was proven.

    Raises:
        Damaged: it is damaged.
        Hostile: it holds what no weights file needs.
    """
    with _opened(source) as (root, size), contextlib.ExitStack() as stack:
        walk = _Walk(size)
        walk.through(root, "", 0)
        yield Hdf5(walk.arrays, walk.groups, _Texts(source, walk.regions, stack))


@contextlib.contextmanager
def _opened(source: str | BinaryIO) -> Iterator[tuple[Any, int]]:
    size = regular_file(source).st_size if isinstance(source, str) else source.seek(0, os.SEEK_END)
    with reading():
        store = h5py.File(source, "r")
    try:
        with reading():
            root = h5g.open(store.id, b"/")
        yield root, size
    finally:
        with reading():
            store.close()


@dataclass
class _Walk:
    """All groups and datasets of a file, and the sum of what they take."""

    size: int
    arrays: dict[str, ArrayInfo] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)  # addresses
    regions: list[Region] = field(default_factory=list)  # the bytes of datasets, where they lie in one piece
    stored: int = 0
    declared: int = 0

    def through(self, group: Any, name: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise Hostile(f"its groups are more than {_MAX_DEPTH} deep")
        with reading():
            links: list[tuple[bytes, int]] = []
            address = h5o.get_info(group).addr

            def listed(link: bytes, info: Any) -> bool:
                links.append((link, info.type))
                return self._is_full(links)  # True ends `iterate`, before the list has millions

            group.links.iterate(listed, info=True)
        if self._is_full(links):
            raise Hostile(f"it has more than {_MAX_OBJECTS:,} groups and datasets")
        if address in self.seen:  # every name of a group is a hard link to it: a circle shows in addresses alone
            raise Hostile(f"its group `{name or '/'}` is inside of itself, or at two places")
        self.seen.add(address)
        self.groups[name] = group
        for link, kind in links:
            with reading():
                place = f"{name}/{link.decode('utf-8')}" if name else link.decode("utf-8")
            if kind != h5l.TYPE_HARD:
                raise Hostile(f"its `{place}` is {_LINKS.get(kind, 'a link of an unknown kind')}")
            with reading(f"its `{place}`"):
                item = h5o.open(group, link)
            if isinstance(item, h5g.GroupID):
                self.through(item, place, depth + 1)
            elif isinstance(item, h5d.DatasetID):
                self.arrays[place] = self._array(item, place)
            else:
                raise Hostile(f"its `{place}` is neither a group nor a dataset")

    def _is_full(self, links: list[tuple[bytes, int]]) -> bool:
        return len(links) + len(self.arrays) + len(self.groups) > _MAX_OBJECTS

    def _array(self, item: Any, place: str) -> ArrayInfo:
        with reading(f"its `{place}`"):
            creation = item.get_create_plist()
            layout, elsewhere = creation.get_layout(), creation.get_external_count()
            filters = [creation.get_filter(index)[0] for index in range(creation.get_nfilters())]
            kind = item.get_type()
            # two bytes without a type are bfloat16, as `keras/src/saving/saving_lib.py` saves it
            of_numbers = kind.get_class() in _NUMBERS or (kind.get_class() == h5t.OPAQUE and kind.get_size() <= 2)
        if layout == h5d.VIRTUAL:
            raise Hostile(f"its `{place}` is put together from other datasets")
        if elsewhere:
            raise Hostile(f"its `{place}` has its bytes in another file")
        if not _FILTERS.issuperset(filters) or len(set(filters)) < len(filters):
            raise Hostile(f"its `{place}` is packed by a filter that no model file needs")
        if not of_numbers:
            raise Hostile(f"its `{place}` holds {_CLASSES.get(kind.get_class(), 'no numbers')}")
        with reading(f"its `{place}`"):
            if item.get_space().get_simple_extent_type() == h5s.NULL:
                raise Damaged(f"its `{place}` has no shape")
            shape, dtype = tuple(map(int, item.shape)), item.dtype
            declared, stored = math.prod(shape) * dtype.itemsize, item.get_storage_size()
            chunk = math.prod(creation.get_chunk()) * dtype.itemsize if layout == h5d.CHUNKED else 0
            start = (item.get_offset() or 0) if layout == h5d.CONTIGUOUS and stored else 0
            end = start + stored if start else 0
            address = h5o.get_info(item).addr
        if address not in self.seen:  # it may have two names
            self.seen.add(address)
            self.stored += stored
            self.regions += [(start, end)] if start else []
        # HDF5 reads zeros where a dataset has no bytes, so that half a file would give wrong weights without a sign
        if (layout != h5d.CHUNKED and stored != declared) or end > self.size:
            raise Damaged(f"its `{place}` of {megabytes(declared)} is not complete")
        self.declared += declared
        if declared > max(_FREE, _MAX_RATIO * stored) or chunk > max(_FREE, declared):
            raise Hostile(f"its `{place}` unpacks to {megabytes(declared)}, and {megabytes(stored)} are in the file")
        if self.stored > self.size or self.declared > _MAX_RATIO * self.size + 4 * _FREE:
            raise Hostile(f"its datasets have {megabytes(self.declared)}, and it has {megabytes(self.size)}")
        return ArrayInfo(shape, dtype, h5z.FILTER_FLETCHER32 in filters, item)


_LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link into another file"}
