"""What `predict` says of images, one after the other, in each of its formats."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from spec_compiler.cli.labelled import Right
from spec_compiler.cli.terminal import NEWLINE, joined, shown, style

Row = Mapping[str, Any]  # of an image: its file, and its best classes


class Text:
    """For people."""

    tells_accuracy = True

    def begin(self) -> str:
        """What stands before the first image."""
        return shown("")

    def rows(self, rows: Sequence[Row], first: bool) -> str:
        """Some images; `first` where none was before."""
        lines: list[str] = []
        for row in rows:
            lines.append(style(row["image"], bold=True))
            for each in row["classes"]:
                name = each["name"] if each["name"] is not None else f"class {each['index']}"
                lines.append(f"  {each['score']:7.2%}  {name}")
        return joined(lines) + NEWLINE

    def end(self, right: Right) -> str:
        """What stands behind the last image."""
        return joined(["", right.text]) + NEWLINE if right.total else shown("")


class Csv(Text):
    """A table with a row for each class of an image."""

    tells_accuracy = False  # a table has no line beside its rows

    def begin(self) -> str:
        """The names of its columns."""
        return "image,rank,index,name,score\n"

    def rows(self, rows: Sequence[Row], first: bool) -> str:
        """Rows of it."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        for row in rows:
            for rank, each in enumerate(row["classes"], start=1):
                writer.writerow([row["image"], rank, each["index"], each["name"] or "", repr(each["score"])])
        return stream.getvalue()

    def end(self, right: Right) -> str:
        """Nothing."""
        return ""


class JsonLines(Csv):
    """An object a line, one for each image."""

    def begin(self) -> str:
        """Nothing."""
        return ""

    def rows(self, rows: Sequence[Row], first: bool) -> str:
        """Lines of it."""
        return "".join(f"{json.dumps(row)}\n" for row in rows)


class Json(Text):
    """One document, as `json.dumps` indents it."""

    def begin(self) -> str:
        """Its beginning."""
        return '{\n  "format_version": 1,\n  "images": [\n'

    def rows(self, rows: Sequence[Row], first: bool) -> str:
        """Items of its list."""
        text = ",\n".join(textwrap.indent(json.dumps(row, indent=2), "    ") for row in rows)
        return text if first else f",\n{text}"

    def end(self, right: Right) -> str:
        """Its end."""
        said = json.dumps({"accuracy": right.to_json()}, indent=2)[1:-2] if right.total else ""
        return f"\n  ]{',' if said else ''}{said}\n}}\n"


FORMATS: dict[str, Text] = {"text": Text(), "json": Json(), "jsonl": JsonLines(), "csv": Csv()}
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".json": "json", ".txt": "text"}
