"""Tables in CSV and Parquet files: texts and numbers by the names of their columns, no more of them than fit."""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Any

from spec_compiler.reading.damage import Damaged, Hostile, megabytes, reading

_MOST = 1 << 30  # bytes of a file, or of what it unpacks to: a thousand times what names and labels usually take
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Rows:
    """The columns of a table, and where each row stands: at which line, or in which place of a file without lines.

    `other` has what stands in the columns that hold neither texts nor numbers.
    """

    columns: dict[str, list[Any]]
    lines: list[int]
    other: dict[str, str] = field(default_factory=dict)


def read_csv(stream: IO[bytes], *, tabs: bool = False) -> Rows:
    """A CSV file in UTF-8, its first line the names of its columns; separated by what stands in that most often.

    Raises:
        Damaged: it is no such file.
        Hostile: it is too large.
    """
    _check_size(os.fstat(stream.fileno()).st_size)
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        try:
            first = text.readline(1 << 20)
            separator = "\t" if tabs else max(_SEPARATORS, key=first.count)
            reader = csv.reader(itertools.chain([first], text), delimiter=separator, strict=True)
            names = [each.strip() for each in next(reader, [])]
            _check_names(names)
            columns: list[list[Any]] = [[] for _ in names]
            lines: list[int] = []
            line = reader.line_num + 1
            for cells in reader:
                if cells and cells != [""]:  # an empty line
                    if len(cells) != len(names):
                        raise Damaged(f"line {line} has {len(cells)} cells, and its first line names {len(names)}")
                    for column, cell in zip(columns, cells, strict=True):
                        column.append(cell.strip())
                    lines.append(line)
                line = reader.line_num + 1
        except csv.Error as error:
            raise Damaged(f"line {reader.line_num}: {error}") from None
        except UnicodeDecodeError:
            raise Damaged("it is not in UTF-8", "save it as CSV in UTF-8") from None
    return Rows(dict(zip(names, columns, strict=True)), lines)


def read_parquet(stream: IO[bytes]) -> Rows:
    """A Parquet file; what is no text, number or list of texts is left out.

    Raises:
        Damaged: it is no such file.
        Hostile: it unpacks to too much.
    """
    import pyarrow as arrow  # an optional package, which takes 0.2 s
    import pyarrow.parquet as parquet

    with reading():
        file = parquet.ParquetFile(stream)
        groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        names, types = list(file.schema_arrow.names), list(file.schema_arrow.types)
    _check_names(names)
    other = {name: str(kind) for name, kind in zip(names, types, strict=True) if not _is_plain(kind, arrow)}
    wanted = [name for name in names if name not in other]
    sizes = Counter[str]()
    for group in groups:
        for index in range(group.num_columns):
            chunk = group.column(index)
            sizes[chunk.path_in_schema.partition(".")[0]] += chunk.total_uncompressed_size
    _check_size(sum(sizes[name] for name in wanted))
    with reading():
        data = file.read(columns=wanted)
        columns = {name: data.column(name).to_pylist() for name in wanted}
    return Rows(columns, list(range(1, file.metadata.num_rows + 1)), other)


def _is_plain(kind: Any, arrow: Any) -> bool:
    types = arrow.types
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type, arrow)
    if types.is_list(kind) or types.is_large_list(kind):
        return bool(types.is_string(kind.value_type) or types.is_large_string(kind.value_type))
    return any(
        is_one(kind)
        for is_one in (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    )


def _check_names(names: list[str]) -> None:
    if not any(names):
        raise Damaged("its first line names no columns")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        what = f"`{twice[0]}`" if twice[0] else "without a name"
        raise Damaged(f"it has {Counter(names)[twice[0]]} columns {what}")


def _check_size(size: int) -> None:
    if size > _MOST:
        raise Hostile(f"it has {megabytes(size)}, tables of up to {megabytes(_MOST)} are read")
