"""What came of running an artefact beside the model that it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spec_compiler.exporting.card import Card
from spec_compiler.exporting.formats import Format, Precision

FORMAT_VERSION = 1
HEAD = ("output", "largest difference", "tolerance", "holds")


@dataclass(frozen=True)
class Compared:
    """One output of an artefact beside Keras's.

    `difference` is the largest of two numbers, and `largest` the largest number that Keras puts out there; `tolerance`
    is a part of that. `same_class` says of how many probes the largest score is of the same class, where it is scores.

    Attributes:
        output: which one.
        difference: the largest difference of two numbers.
        largest: the largest number that Keras puts out there.
        tolerance: how large the difference may be, as a part of that.
        same_class: of how many probes the largest score is of the same class, and of how many it is scores.
    """

    output: str
    difference: float
    largest: float
    tolerance: float
    same_class: tuple[int, int] | None = None

    @property
    def relative(self) -> float:
        """The difference as a part of the largest number."""
        if self.difference == 0:
            return 0.0
        return self.difference / self.largest if self.largest else float("inf")

    @property
    def holds(self) -> bool:
        """Whether it lies within the tolerance; a NaN does not."""
        return self.relative <= self.tolerance

    @property
    def row(self) -> tuple[str, str, str, str]:
        """It as `HEAD` names the columns."""
        return self.output, f"{self.relative:.2g}", f"{self.tolerance:.2g}", "yes" if self.holds else "no"

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        return {
            "output": self.output,
            "largest_difference": self.relative,
            "absolute_difference": self.difference,
            "largest_number": self.largest,
            "tolerance": self.tolerance,
            "holds": self.holds,
            "same_class": list(self.same_class) if self.same_class else None,
        }


@dataclass(frozen=True, repr=False)
class Exported:
    """An artefact that computes what its model does.

    Attributes:
        files: what was written, the artefact first.
        format: which of the formats it is.
        precision: in which precision its weights are stored.
        num_bytes: how large it is.
        runtime: what it was run in, with the version.
        probes: what it was run on.
        outputs: how far each output lies from Keras's.
        card: what the file beside it says.
        notes: what else there is to know.
    """

    files: tuple[str, ...]
    format: Format
    precision: Precision
    num_bytes: int
    runtime: str
    probes: str
    outputs: tuple[Compared, ...]
    card: Card
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Exported {self.files[0]}: {self.format.name}, {self.worst:.2g} of the largest number at most>"

    @property
    def worst(self) -> float:
        """The largest difference of all outputs, as a part of the largest number."""
        return max((each.relative for each in self.outputs), default=0.0)

    @property
    def of(self) -> Mapping[str, Compared]:
        """The outputs by their names."""
        return {each.output: each for each in self.outputs}

    @property
    def title(self) -> str:
        """In which runtime it was run beside Keras, and on what."""
        return f"{self.runtime} beside Keras, on {self.probes}"

    def lines(self) -> Iterator[str]:
        """What is said below the table."""
        for each in self.outputs:
            if each.same_class is not None and each.same_class[0] != each.same_class[1]:
                same, total = each.same_class
                yield f"{each.output}: the highest score is of the same class on {same} of {total} probes"
        yield from self.notes

    def to_json(self) -> dict[str, Any]:
        """It as plain data, with a `format_version`."""
        return {
            "format_version": FORMAT_VERSION,
            "files": list(self.files),
            "format": self.format.key,
            "precision": self.precision,
            "bytes": self.num_bytes,
            "runtime": self.runtime,
            "probes": self.probes,
            "outputs": [each.to_json() for each in self.outputs],
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """What a notebook shows: the table of outputs."""
        from spec_compiler.diagnostics.cells import badge, cell, element, heading, table  # a command shows no cell

        holds = all(each.holds for each in self.outputs)
        word = badge("as Keras", "good") if holds else badge("not as Keras", "bad")
        title = heading(self.files[0], element("span", f"{self.format.name}, {self.num_bytes:,} bytes"), word)
        rows = [each.row for each in self.outputs]
        notes = (element("p", each, kind="muted") for each in self.lines())
        return cell(title, element("p", self.title, kind="muted"), table(HEAD, rows, numbers=(1, 2)), *notes)
