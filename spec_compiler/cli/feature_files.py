"""What a model puts out for images, as an `.npz` or a table that grows by the batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from spec_compiler.cli.unfinished import Unfinished
from spec_compiler.diagnostics import SpecError


def check_rows(arrays: Mapping[str, Any], count: int, state: dict[str, Any]) -> None:
    """Notes what the arrays are, and proves that they are so in each batch.

    Raises:
        SpecError: SC604.
    """
    for name, value in arrays.items():
        if value.shape[:1] != (count,):
            message = f"the model puts out `{name}` of shape {value.shape} for {count} images, not one row an image"
            raise SpecError.single("SC604", message)
        if value.dtype.hasobject:
            raise SpecError.single("SC604", f"the model puts out `{name}`, which is texts and no numbers")
    found = {name: [value.dtype.str, list(value.shape[1:])] for name, value in arrays.items()}
    if state.setdefault("arrays", found) != found:
        raise SpecError.single("SC604", "the model puts out rows of another shape for other images")


def npz_rows(
    part: Unfinished, files: Sequence[str], arrays: Mapping[str, Any], state: dict[str, Any], is_first: bool
) -> None:
    """Adds rows to the parts of an `.npz`, and notes what its header needs."""
    from spec_compiler.backend.array_files import row_bytes  # imports Keras, which `opened` has started

    if "files" in arrays:
        help = "`rename` it, or write a `.csv`"
        raise SpecError.single("SC604", "an output is called `files`, as the list of the images is", help=help)
    part.append("files", b"".join(each.encode("utf-8", "surrogateescape") + b"\0" for each in files))
    for number, value in enumerate(arrays.values()):
        part.append(f"array-{number}", row_bytes(value))
    state["longest"] = max(state.get("longest", 0), *map(len, files))


def csv_rows(
    part: Unfinished, files: Sequence[str], arrays: Mapping[str, Any], state: dict[str, Any], is_first: bool
) -> None:
    """Adds rows to a table; the first part names the columns."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    flat = {name: value.reshape(len(value), -1) for name, value in arrays.items()}
    if is_first and state["read"] == len(files):
        columns = (f"{name}_{index}" for name, value in flat.items() for index in range(value.shape[1]))
        writer.writerow(["file", *columns])
    for number, file in enumerate(files):
        # `repr` gives the shortest digits that read back as the same number.
        writer.writerow([file, *(repr(float(each)) for value in flat.values() for each in value[number])])
    part.append("rows", stream.getvalue().encode("utf-8", "surrogateescape"))


def finished(part: Unfinished, target: str) -> None:
    """Makes the file of its parts."""
    if part.output.endswith(".csv"):
        part.give("rows", target)
        return
    from spec_compiler.backend.array_files import Rows, write_npz  # as above

    part.close()
    arrays = [
        Rows(name, part.path(f"array-{number}"), dtype, tuple(shape))
        for number, (name, (dtype, shape)) in enumerate(part.state["arrays"].items())
    ]
    write_npz(target, part.state["read"], part.path("files"), part.state["longest"], arrays)
