"""Near files: which file beside it a user may have meant by one that is not there."""

from __future__ import annotations

import os
from collections.abc import Iterable

from spec_compiler.diagnostics.near import MOST, near, num_slips, offered
from spec_compiler.files.suffixes import SPEC_SUFFIXES

_KINDS = (SPEC_SUFFIXES, (".keras", ".h5", ".hdf5"))
_LISTED = 2000  # files of a folder that are looked at
MOST_SLIPS = 2  # another file has other contents: one that only looks alike is offered, and not written by itself


def did_you_mean_file(name: str, path: str | None = None, otherwise: str | None = None) -> str | None:
    """The help line for a file that is not there: files beside it of nearly its name, its missing folder, `otherwise`.

    Args:
        name: the file as the user wrote it; what is offered is written in the same way.
        path: where it would be, if not there.
        otherwise: what to say where the folder holds nothing near.
    """
    folder = os.path.dirname(path or name) or "."
    try:
        beside = sorted(os.listdir(folder))[:_LISTED]
    except (OSError, ValueError):  # a name with a null character is no name
        return f"there is no folder `{os.path.dirname(name) or folder}`"
    prefix = name[: len(name) - len(os.path.basename(name))]
    found = near_files(name, [prefix + each for each in beside])
    said = offered(found)
    surely = said and num_slips(name.casefold(), found[0].casefold(), MOST_SLIPS) <= MOST_SLIPS
    return (said if surely else said and str(said)) or otherwise


def near_files(name: str, candidates: Iterable[str]) -> list[str]:
    """Up to four files of the same kind that the user may have meant; what is before the suffix must be near.

    >>> near_files("nope.yaml", ["56py.yaml", "a.yaml"]), near_files("modle.h5", ["model.keras", "nodes.h5"])
    ([], ['model.keras'])
    """
    by_stem: dict[str, list[str]] = {}
    stem, suffix = os.path.splitext(name)
    kind = next((each for each in _KINDS if suffix in each), None)
    for each in candidates:
        if kind is None or each.endswith(kind):
            by_stem.setdefault(os.path.splitext(each)[0], []).append(each)
    stems = [stem] if stem in by_stem else near(stem, by_stem)
    files = [file for stem in stems for file in by_stem[stem]]
    return sorted(files, key=lambda file: not file.endswith(suffix))[:MOST]
