"""What stands in a column, where the spec does not say: by what the model takes or puts out, its loss, its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from spec_compiler.spec.data_columns import INPUT_KINDS, TARGET_KINDS, Column, Columns, Kind
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.folder import FORMATS
from spec_compiler.training.image_data import CHANNELS
from spec_compiler.training.tables import Table, are_numbers, is_empty, number

SEPARATORS = (";", "|")
_OF_CLASSES = ("Categorical", "SparseCategorical")
_OF_LABELS = ("BinaryCrossentropy", "BinaryFocalCrossentropy", "Hinge", "SquaredHinge")
_OF_NUMBERS = ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
               "Huber", "LogCosh", "Poisson", "CosineSimilarity")  # fmt: skip


@dataclass(frozen=True)
class End:
    """One input or output of a model, as far as its graph knows it: the shape has the batch axis first."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str = "float32"

    @property
    def units(self) -> int | None:
        """The size of its last axis."""
        return self.shape[-1] if self.shape else None

    @property
    def is_image(self) -> bool:
        """Whether image files fit it."""
        return self.shape is not None and len(self.shape) == 4 and self.shape[-1] in CHANNELS


def ends(graph: Graph, names: Sequence[str], refs: Sequence[ValueRef]) -> tuple[End, ...]:
    """The inputs or the outputs of a graph."""
    found = []
    for name, ref in zip(names, refs, strict=True):
        spec = graph.spec_of(ref)
        found.append(End(name, None if spec is None else tuple(spec.shape), "" if spec is None else spec.dtype))
    return tuple(found)


def input_kind(column: Column, end: End, table: Table) -> Kind:
    """What a column holds that an input takes.

    Raises:
        SpecError: SC620 for a kind that an input does not take.
    """
    if column.kind is not None:
        return _allowed(column, INPUT_KINDS, "an input takes")
    if end.dtype == "string":
        return "text"
    cells = [cell for name in column.names for cell in table.column(name, column.place)]
    if end.is_image or (end.shape is not None and len(end.shape) == 4):
        return "image"
    return "number" if len(column.names) > 1 or are_numbers(cells) else "class"


def target_kind(column: Column, end: End, loss: KerasObject | None, table: Table) -> Kind:
    """What a column holds that an output is compared with.

    Raises:
        SpecError: SC620 for a kind that no output is compared with.
    """
    if column.kind is not None:
        return _allowed(column, TARGET_KINDS, "an output is compared with")
    if end.shape is not None and len(end.shape) == 4:
        return "mask"
    if column.separator is not None:
        return "labels"
    if len(column.names) > 1:
        return "number"
    cells = table.column(column.names[0], column.place)
    name = "" if loss is None or loss.is_own else loss.class_name
    if name in _OF_NUMBERS:
        return "number"
    if name in _OF_LABELS:
        parts = any(isinstance(cell, float) and not cell.is_integer() for cell in cells)
        if end.units not in (None, 1):
            return "labels"
        return "number" if parts else "class"
    if name.startswith(_OF_CLASSES) or column.classes:
        return "class"
    if any(isinstance(cell, list) for cell in cells):
        return "labels"
    return "number" if are_numbers(cells) else "class"


def _allowed(column: Column, kinds: Sequence[Kind], what: str) -> Kind:
    assert column.kind is not None
    if column.kind not in kinds:
        message = f"{what} no column of the kind `{column.kind}`"
        path = (*column.path, "kind")
        raise SpecError.single("SC620", message, path=path, help=f"{what} {quoted(kinds)}")
    return column.kind


def separator_of(column: Column, cells: Sequence[Any]) -> str:
    """What stands between the labels of a column: as it is said, else the first of the usual ones that occurs."""
    if column.separator is not None:
        return column.separator
    texts = [cell for cell in cells if isinstance(cell, str)]
    return next((each for each in SEPARATORS if any(each in text for text in texts)), SEPARATORS[0])


def chosen_columns(
    columns: Columns | None, ends: Sequence[End], table: Table, key: str, taken: Sequence[str]
) -> list[Column]:
    """The column for each input or output, in order; `taken` are the columns that something else uses.

    Raises:
        SpecError: SC102, SC620, paths relative to `data`.
    """
    names = [end.name for end in ends]
    what = "input" if key == "inputs" else "output"
    if columns is None:
        return _guessed(ends, table, key, taken)
    columns = columns.under(key)
    if columns.alone is not None:
        if len(ends) > 1:
            message = f"the model has the {what}s {quoted(names)}, one column is named"
            help = f"write `{key}: {{{', '.join(f'{name}: COLUMN' for name in names)}}}`"
            raise SpecError.single("SC620", message, path=(key,), help=help)
        return [columns.alone]
    problems: list[Diagnostic] = []
    for name in columns.named:
        if name not in names:
            near = did_you_mean(name, names, f"its {what}s are {quoted(names)}")
            message = f"the model has no {what} `{name}`"
            problems.append(Diagnostic("SC620", message, (key, name), help=near, at_key=True))
    missing = [name for name in names if name not in columns.named]
    if missing and not problems:
        message = f"no column is named for the {what} {quoted(missing)}"
        problems.append(Diagnostic("SC102", message, (key,), at_key=True, help=f"add `{missing[0]}: COLUMN`"))
    if problems:
        raise SpecError(problems)
    return [columns.named[name] for name in names]


def _guessed(ends: Sequence[End], table: Table, key: str, taken: Sequence[str]) -> list[Column]:
    """Columns called as inputs or outputs are; the one that holds image files; the one that is left over."""
    free = [name for name in table.names if name not in taken]
    named = [end.name for end in ends if end.name in free]
    if len(named) == len(ends):
        return [Column((name,), path=("train",)) for name in named]
    if len(ends) == 1 and key == "inputs" and ends[0].is_image:
        free = [name for name in free if name_images(table.rows.columns.get(name, []))]
    if len(ends) == 1 and len(free) == 1:
        return [Column((free[0],), path=("train",))]
    what = "model takes" if key == "inputs" else "model's outputs are compared with"
    message = f"which columns of `{table.name}` the {what} is not said"
    names = [end.name for end in ends]
    example = "COLUMN" if len(ends) == 1 else f"{{{', '.join(f'{name}: COLUMN' for name in names)}}}"
    help = f"add `{key}: {example}` to `data`; its columns are {quoted(table.names[:12])}"
    raise SpecError.single("SC102", message, path=("train",), help=help)


def name_images(cells: Sequence[Any]) -> bool:
    """Whether cells are the names of image files, by the first of them."""
    texts = [cell for cell in cells[:100] if not is_empty(cell)]
    return bool(texts) and all(isinstance(cell, str) and cell.lower().endswith(FORMATS) for cell in texts)


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Names of classes as they are numbered: as numbers where all are, else by the alphabet.

    >>> in_order(["10", "9", "1"]), in_order(["dog", "cat"])
    (('1', '9', '10'), ('cat', 'dog'))
    """
    distinct = sorted(set(names))
    if all(number(name) is not None for name in distinct):
        distinct.sort(key=lambda name: (float(name), name))
    return tuple(distinct)
