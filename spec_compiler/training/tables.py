"""A table that a spec names: its columns, where each row stands, and what cannot be used of it, told with its rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, quoted
from spec_compiler.files import Folder, gone
from spec_compiler.files.regular import Left
from spec_compiler.reading import Damaged
from spec_compiler.reading.tables import Rows, read_csv, read_parquet

_MOST = 5  # rows that one mistake names


@dataclass(frozen=True)
class Table:
    """A table as a spec names it; the paths in it start from `folder`."""

    name: str
    folder: Folder
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows.lines)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return (*self.rows.columns, *self.rows.other)

    def column(self, name: str, path: Path) -> list[Any]:
        """The cells of a column; `path` leads to its name in the spec.

        Raises:
            SpecError: SC620.
        """
        if name in self.rows.columns:
            return self.rows.columns[name]
        if name in self.rows.other:
            message = f"the column `{name}` of `{self.name}` holds {self.rows.other[name]}, no texts and no numbers"
            raise SpecError.single("SC620", message, path=path, help="name another column")
        help = did_you_mean(name, self.names, f"its columns are {quoted(self.names[:12])}")
        raise SpecError.single("SC620", f"`{self.name}` has no column `{name}`", path=path, help=help)

    def place(self, row: int) -> str:
        """Where a row stands.

        >>> Table("labels.csv", Folder(), Rows({"file": ["a.png"]}, [2])).place(0)
        'labels.csv:2'
        """
        line = self.rows.lines[row]
        return f"{self.name}, row {line}" if self.name.lower().endswith(".parquet") else f"{self.name}:{line}"


def read_table(given: str, start: Folder) -> Table:
    """The table of this name, read as a whole.

    Raises:
        SpecError: SC501 for one that is not there, SC510, SC620 for one that cannot be read.
    """
    path = start.find(given, "table")
    is_parquet = given.lower().endswith(".parquet")
    if is_parquet and importlib.util.find_spec("pyarrow") is None:
        help = "install it: `pip install spec-compiler[tables]`, or save the table as CSV"
        raise SpecError.single("SC620", "Parquet is read with pyarrow, which is not installed", help=help)
    try:
        with start.open(path) as stream:
            rows = read_parquet(stream) if is_parquet else read_csv(stream, tabs=given.lower().endswith(".tsv"))
    except Left:
        raise gone(given) from None
    except OSError as error:
        raise SpecError.single("SC620", f"`{given}` cannot be read: {error.strerror or error}") from None
    except Damaged as error:
        what = "Parquet" if is_parquet else "CSV"
        message = f"`{given}` cannot be read as {what}: {error}"
        mend = error.help if error.code == "SC502" else None
        raise SpecError.single("SC620", message, help=mend or "mend it, or write it anew") from None
    if not rows.lines:
        raise SpecError.single("SC620", f"`{given}` has no rows", help="a row for each sample follows the names")
    return Table(given, start.beside(given), rows)


def said_of_rows(
    code: str, message: str, path: Path, rows: Iterable[tuple[str, str]], help: str | None = None
) -> Diagnostic:
    """A mistake in cells of a table, at the place in the spec that asks for them; each row with what is wrong there."""
    found = list(rows)
    notes = [f"{place}: {what}" for place, what in found[:_MOST]]
    more = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return Diagnostic(code, message, path, notes=(*notes, *more), help=help)


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """A number of things as a message begins with it.

    >>> counted(1, "cell"), counted(3, "cell")
    ('a cell', '3 cells')
    """
    return (
        f"{'an' if singular[0] in 'aeiou' else 'a'} {singular}" if count == 1 else f"{count} {plural or singular + 's'}"
    )


def is_empty(cell: Any) -> bool:
    """Whether nothing stands in a cell."""
    return cell is None or cell == "" or cell == []


def are_numbers(cells: Sequence[Any]) -> bool:
    """Whether every cell that is not empty is a number."""
    return all(is_empty(cell) or number(cell) is not None for cell in cells)


def number(cell: Any) -> float | None:
    """The number in a cell, also one that is not finite; None where there is none."""
    if isinstance(cell, bool | list):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
