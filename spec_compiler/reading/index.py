"""What an index of weights in several files names."""

from __future__ import annotations

import os
from collections.abc import Sequence

from spec_compiler.files.parts import INDEX, is_part
from spec_compiler.reading.damage import Damaged, Hostile
from spec_compiler.reading.text import read_json

_MOST = 10_000  # of 5 GB, as Keras makes them, they hold 50 TB


def shards_of(path: str) -> list[str]:
    """The files beside an index that it names, by their names.

    Raises:
        Damaged: it is no index.
        Hostile: it leads elsewhere.
    """
    data = read_json(path)
    listed = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(listed, dict) or not listed:
        raise Damaged("it has no `weight_map`, as Keras writes it for weights in several files")
    names: dict[str, None] = {}
    for value in listed.values():
        names.update(dict.fromkeys(value if isinstance(value, list) else [value]))
    for name in names:
        if not isinstance(name, str):
            raise Damaged("its `weight_map` names what is no file")
        if name != os.path.basename(name) or "\\" in name or not name.endswith(".h5"):
            raise Hostile(f"its `weight_map` names `{name}`, which is no `.h5` file beside it")
    if len(names) > _MOST:
        raise Hostile(f"it names more than {_MOST:,} files")
    return sorted(names)


def parts_of(path: str) -> Sequence[str]:
    """The names of those files beside an index that belong to it: named by it, called as its own, and there."""
    if not path.endswith(INDEX):
        return ()
    try:
        names = shards_of(path)
    except (Damaged, OSError):
        return ()
    places = [(name, os.path.join(os.path.dirname(path), name)) for name in names]
    return [name for name, place in places if is_part(path, place) and os.path.isfile(place)]
