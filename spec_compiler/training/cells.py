"""Columns of a table -> values: every cell judged, each mistake told with its row."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, quoted
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.regular import kind_at
from spec_compiler.spec.data_columns import Column, Kind, class_name
from spec_compiler.training.kinds import End, in_order, separator_of
from spec_compiler.training.samples import Array, Series
from spec_compiler.training.tables import Table, counted, is_empty, number, said_of_rows

_FILL = ("fill it, or take the row out", "fill them, or take the rows out")


def series_of(column: Column, kind: Kind, end: End, table: Table, path: Path, known: tuple[str, ...] | None) -> Series:
    """The values of one input or target; `known` are the classes of the table that trains, where this is another.

    Raises:
        SpecError: SC603, SC604, SC510, SC620, paths relative to `data`.
    """
    if len(column.names) > 1 and kind != "number":
        message = f"several columns hold numbers, the kind of {column.text} is `{kind}`"
        raise SpecError.single("SC620", message, path=path, help="name one column")
    cells = [table.column(name, path) for name in column.names]
    empty = [(table.place(row), f"`{name}` is empty") for name, its in zip(column.names, cells, strict=True)
             for row, cell in enumerate(its) if is_empty(cell) and kind != "labels"]  # fmt: skip
    if empty:
        message = f"{counted(len(empty), 'cell')} of {column.text} {'is' if len(empty) == 1 else 'are'} empty"
        if len(empty) == len(table):
            message = f"the column {column.text} of `{table.name}` is empty"
        raise SpecError([said_of_rows("SC620", message, path, empty, _FILL[len(empty) > 1])])
    full = ("data", *path)
    if kind == "number":
        return Series(end.name, kind, _numbers(column, cells, end, table, path), path=full)
    if kind == "text":
        return Series(end.name, kind, np.asarray([str(cell) for cell in cells[0]], object), path=full)
    if kind in ("image", "mask"):
        return Series(end.name, kind, _paths(column, kind, cells[0], table, path), column.classes, full)
    separator = separator_of(column, cells[0]) if kind == "labels" else None
    texts = [_labels(cell, separator) for cell in cells[0]]
    names = known or column.classes or in_order([name for each in texts for name in each])
    numbers = {name: position for position, name in enumerate(names)}
    wrong = [(table.place(row), f"`{name}`") for row, each in enumerate(texts) for name in each if name not in numbers]
    if wrong:
        unknown = sorted({what.strip("`") for _, what in wrong})
        what = "class" if len(unknown) == 1 else "classes"
        message = f"`{table.name}` has the {what} {quoted(unknown[:4])}, which {_whence(known, column)}"
        help = str(did_you_mean(unknown[0], names) or "") or f"the classes are {quoted(names[:8])}"
        raise SpecError([said_of_rows("SC620", message, path, wrong, help)])
    if kind == "labels":
        values = np.zeros((len(texts), len(names)), "float32")
        for row, each in enumerate(texts):
            values[row, [numbers[name] for name in each]] = 1
        return Series(end.name, kind, values, names, full)
    return Series(end.name, kind, np.asarray([numbers[each[0]] for each in texts], "int64"), names, full)


def _whence(known: tuple[str, ...] | None, column: Column) -> str:
    return "`classes` does not name" if column.classes or known is None else "the table to train on has not"


def _labels(cell: Any, separator: str | None) -> list[str]:
    if isinstance(cell, list):
        return [class_name(each) for each in cell if not is_empty(each)]
    if separator is None or is_empty(cell):
        return [] if is_empty(cell) else [class_name(cell)]
    return [each.strip() for each in class_name(cell).split(separator) if each.strip()]


def _numbers(column: Column, cells: Sequence[Sequence[Any]], end: End, table: Table, path: Path) -> Array:
    values = np.zeros((len(table), len(column.names)), "float64")
    wrong: list[tuple[str, str]] = []
    for index, (name, its) in enumerate(zip(column.names, cells, strict=True)):
        for row, cell in enumerate(its):
            value = number(cell)
            if value is None or not math.isfinite(value):
                wrong.append((table.place(row), f"`{name}` is `{cell}`"))
            else:
                values[row, index] = value
    if wrong:
        message = (
            f"{counted(len(wrong), 'cell')} of {column.text} {'is no number' if len(wrong) == 1 else 'are no numbers'}"
        )
        help = "write a number, or take the row out"
        if len(wrong) == len(table) * len(column.names):
            help = "name another column, or write `kind: class` for names of classes"
        raise SpecError([said_of_rows("SC620", message, path, wrong, help)])
    if end.shape is not None and len(end.shape) <= 2:
        units = end.units if len(end.shape) == 2 else 1
        if units not in (None, len(column.names)):
            count = len(column.names)
            have = f"{column.text} {'is' if count == 1 else 'are'} {'one number' if count == 1 else f'{count} numbers'}"
            message = f"{have}, `{end.name}` has {units}"
            help = "name one column" if units == 1 else f"name {units} columns, in a list"
            if path[:1] == ("targets",):
                help += f", or write `units: {count}` in the last layer"
            raise SpecError.single("SC604", message, path=path, help=help)
    return values.astype("float32")


def sample_weights(name: str, table: Table, path: Path) -> Array:
    """How much each row counts.

    Raises:
        SpecError: SC620, paths relative to `data`.
    """
    cells = table.column(name, path)
    values = [number(cell) for cell in cells]
    wrong = [(table.place(row), f"`{name}` is `{cells[row] if not is_empty(cells[row]) else 'empty'}`")
             for row, value in enumerate(values) if value is None or not 0 <= value < math.inf]  # fmt: skip
    if wrong:
        verb = "is no weight" if len(wrong) == 1 else "are no weights"
        message = f"{counted(len(wrong), 'cell')} of `{name}` {verb}"
        raise SpecError([said_of_rows("SC620", message, path, wrong, "a weight is a number from 0 on")])
    if not any(values):
        message = f"every weight in `{name}` is 0, the model would learn nothing"
        raise SpecError.single("SC620", message, path=path, help="leave `sample_weight` out, or give weights above 0")
    return np.asarray(values, "float32")


def _paths(column: Column, kind: Kind, cells: Sequence[Any], table: Table, path: Path) -> Array:
    """Where the files of a column are, each proven to be one that may be read.

    Raises:
        SpecError: SC510, SC603.
    """
    paths: list[str] = []
    missing: list[tuple[str, str]] = []
    left: list[tuple[str, str]] = []
    help = None
    for row, cell in enumerate(cells):
        name = str(cell)
        if (how := table.folder.escape(name)) is not None:
            left.append((table.place(row), f"`{name}` {how}"))
            continue
        place = table.folder.place(name)
        here = kind_at(place)
        if here != "a file":
            missing.append((table.place(row), f"no file `{name}`" if here is None else f"`{name}` is {here}"))
            if help is None:
                help = did_you_mean_file(name, place, f"paths start from the folder of `{table.name}`")
        paths.append(os.path.normpath(place))
    what = kind
    if left:
        message = (
            f"{counted(len(left), 'file')} of {column.text} {'leaves' if len(left) == 1 else 'leave'} the spec's folder"
        )
        beside = "the caller restricts paths (`--restrict-paths`): put the files beside the spec"
        raise SpecError([said_of_rows("SC510", message, path, left, beside)])
    if missing:
        verb = "is not there" if len(missing) == 1 else "are not there"
        message = f"{counted(len(missing), what)} of {column.text} {verb}"
        raise SpecError([said_of_rows("SC603", message, path, missing, str(help) if help else None)])
    return np.asarray(paths, object)
