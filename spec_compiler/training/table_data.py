"""The tables of a spec -> samples: which column is for what, and which rows are for which part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, quoted, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.data import HELD, Data
from spec_compiler.spec.data_columns import Column, Kind
from spec_compiler.training.cells import sample_weights, series_of
from spec_compiler.training.kinds import End, chosen_columns, ends, input_kind, target_kind
from spec_compiler.training.reported import input_names, output_names
from spec_compiler.training.samples import Array, Parts, Samples, Series
from spec_compiler.training.split import split_rows
from spec_compiler.training.tables import Table, counted, read_table, said_of_rows

_SPLITS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation",
           "val": "validation", "dev": "validation", "test": "test", "testing": "test"}  # fmt: skip


class Tables(NamedTuple):
    """The tables that a spec names: the one to train on, and those of the parts that have one of their own."""

    train: Table
    own: Mapping[str, Table]


def read_tables(data: Data, start: Folder) -> Tables:
    """The tables that the section names, each with the columns that it names.

    Raises:
        SpecError: SC501, SC510, SC620, paths relative to the spec.
    """
    with under("data", "train"):
        train = read_table(data.train, start)
    own: dict[str, Table] = {}
    for key in HELD:
        if isinstance(given := getattr(data, key), str):
            with under("data", key):
                own[key] = read_table(given, start)
    problems: list[Diagnostic] = []
    for path, names in _named(data):
        for index, name in enumerate(names):
            with collected(problems, "data"):
                train.column(name, path if len(names) == 1 else (*path, index))
    if problems:
        raise SpecError(problems)
    return Tables(train, own)


def _named(data: Data) -> list[tuple[Path, tuple[str, ...]]]:
    """Every column that the section names, and where."""
    found: list[tuple[Path, tuple[str, ...]]] = []
    for key in ("inputs", "targets"):
        columns = getattr(data, key)
        if columns is not None:
            columns = columns.under(key)
            each = [columns.alone] if columns.alone is not None else [*columns.named.values()]
            found += [(column.place, column.names) for column in each]
    found += [((key,), (name,)) for key in ("sample_weight", "split") if (name := getattr(data, key)) is not None]
    return found


def table_parts(spec: Spec, graph: Graph, tables: Tables) -> Parts:
    """The samples of the tables, as the inputs and outputs of the edited model want them.

    Raises:
        SpecError: SC102, SC602, SC603, SC604, SC510, SC620, paths relative to the spec.
    """
    data = spec.data
    assert data is not None
    with under("data"):
        maker = _Maker.of(spec, graph, tables.train)
        whole = maker.samples(tables.train, "train", None)
        known = {each.name: each.class_names for each in (*whole.inputs, *whole.targets)}
        own = {key: maker.samples(table, key, known) for key, table in tables.own.items()}
        rows = _rows_of_parts(data, tables.train, whole, spec.seed)
        for each in whole.strata:
            _check_present(each, whole, rows["train"])
        parts = {key: whole.of(indices) for key, indices in rows.items()} | own
        return Parts(parts["train"], parts.get("validation"), parts.get("test"))


class _Maker(NamedTuple):
    """Which column each input and each target is made of, and of which kind."""

    inputs: tuple[tuple[Column, End], ...]
    targets: tuple[tuple[Column, End], ...]
    kinds: Mapping[tuple[str, str], Kind]
    data: Data

    @classmethod
    def of(cls, spec: Spec, graph: Graph, table: Table) -> _Maker:
        data = spec.data
        assert data is not None
        sides = {
            "inputs": ends(graph, input_names(graph), graph.input_refs),
            "targets": ends(graph, output_names(graph), graph.output_refs),
        }
        taken = [each for each in (data.sample_weight, data.split) if each is not None]
        chosen: dict[str, list[Column]] = {}
        problems: list[Diagnostic] = []
        for key, its in sides.items():
            said = getattr(data, "targets" if key == "inputs" else "inputs")
            other = said.under("-") if said is not None else None
            others = [] if other is None else [other.alone] if other.alone is not None else [*other.named.values()]
            used = [*taken, *(name for each in (*others, *chosen.get("inputs", [])) for name in each.names)]
            with collected(problems):
                chosen[key] = chosen_columns(getattr(data, key), its, table, key, used)
        if problems:
            raise SpecError(problems)
        kinds: dict[tuple[str, str], Kind] = {}
        for key, its in sides.items():
            for column, end in zip(chosen[key], its, strict=True):
                with collected(problems):
                    if key == "inputs":
                        kinds[key, end.name] = input_kind(column, end, table)
                    else:
                        loss = spec.compile.loss.of(end.name) if spec.compile is not None else None
                        kinds[key, end.name] = target_kind(column, end, loss, table)
        if problems:
            raise SpecError(problems)
        pairs = {key: tuple(zip(chosen[key], its, strict=True)) for key, its in sides.items()}
        return cls(pairs["inputs"], pairs["targets"], kinds, data)

    def samples(self, table: Table, key: str, known: Mapping[str, tuple[str, ...]] | None) -> Samples:
        """All rows of a table; `known` are the classes of the one that trains, where this is another."""
        problems: list[Diagnostic] = []
        made: dict[str, list[Series]] = {"inputs": [], "targets": []}
        for side, pairs in (("inputs", self.inputs), ("targets", self.targets)):
            for column, end in pairs:
                with collected(problems):
                    here = column.place if key == "train" else (key,)
                    kind = self.kinds[side, end.name]
                    made[side].append(
                        series_of(column, kind, end, table, here, None if known is None else known[end.name])
                    )
        weights = None
        if self.data.sample_weight is not None:
            with collected(problems):
                path = ("sample_weight",) if key == "train" else (key,)
                weights = sample_weights(self.data.sample_weight, table, path)
        if problems:
            raise SpecError(problems)
        rows = np.arange(len(table))
        return Samples(tuple(made["inputs"]), tuple(made["targets"]), table.place, weights, rows, key)


def _rows_of_parts(data: Data, table: Table, whole: Samples, seed: int) -> dict[str, Array]:
    """Which rows of the table each part has, by its column `split` and by shares."""
    rows: dict[str, Array] = {"train": np.arange(len(table))}
    if data.split is not None:
        cells = ["" if cell is None else str(cell).strip().lower() for cell in table.column(data.split, ("split",))]
        wrong = [
            (table.place(row), f"`{data.split}` is {f'`{cell}`' if cell else 'empty'}")
            for row, cell in enumerate(cells)
            if cell not in _SPLITS
        ]
        if wrong:
            message = (
                f"{counted(len(wrong), 'cell')} of `{data.split}` {'names' if len(wrong) == 1 else 'name'} no part"
            )
            help = "write `train`, `validation` or `test`"
            raise SpecError([said_of_rows("SC620", message, ("split",), wrong, help)])
        parts = np.asarray([_SPLITS[cell] for cell in cells])
        rows = {key: np.flatnonzero(parts == key) for key in ("train", *HELD) if key == "train" or (parts == key).any()}
        _check_split(data, table, rows)
    shares = data.shares
    if shares:
        within = rows["train"]
        chosen = split_rows(whole.of(within), shares, seed)
        rows |= {key: within[indices] for key, indices in chosen.items()}
    return rows


def _check_split(data: Data, table: Table, rows: Mapping[str, Array]) -> None:
    if not len(rows["train"]):
        message = f"no row of `{table.name}` is to train on"
        raise SpecError.single("SC620", message, path=("split",), help=f"write `train` in the column `{data.split}`")
    for key in HELD:
        if key in rows and key in data.shares:
            message = f"`{data.split}` has {len(rows[key])} rows for the {key}, so no share of the others is held back"
            raise SpecError.single("SC620", message, path=(key,), at_key=True, help="leave it out")
    if "validation" not in rows and data.validation is None:
        message = f"no row of `{table.name}` is to validate on"
        help = f"write `validation` in the column `{data.split}`, or hold back a share: add `validation: 0.2`"
        raise SpecError.single("SC620", message, path=("split",), help=help)


def _check_present(series: Series, whole: Samples, rows: Array) -> None:
    """Proves that of each class that there is something trains."""
    all_counts = Counter(series.values.tolist())
    counts = Counter(series.values[rows].tolist())
    lacking = [series.class_names[label] for label in sorted(all_counts) if not counts[label]]
    if lacking:
        message = f"no row with the class {quoted(lacking[:4])} is to train on"
        raise SpecError.single("SC620", message, path=series.path[1:], help="add rows, or take those of the class out")
