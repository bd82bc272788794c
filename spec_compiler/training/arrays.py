"""A file of arrays that a spec names: which array is for what, known from the heads of the arrays alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spec_compiler.diagnostics import SpecError, did_you_mean, quoted
from spec_compiler.files import Folder
from spec_compiler.reading import Damaged
from spec_compiler.reading.arrays import Head, npz_heads

_SUFFIXES = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
_WEIGHTS = ("w", "sample_weight")


@dataclass(frozen=True)
class Chosen:
    """The names of the arrays that one part is made of: by input, by output, and of the weights, if there are any."""

    inputs: Mapping[str, str]
    targets: Mapping[str, str]
    weights: str | None


@dataclass(frozen=True)
class ArrayFile:
    """A `.npz` file as a spec names it, the path to read it by, and shape and dtype of each array in it."""

    name: str
    path: str
    heads: Mapping[str, Head]

    def chosen(self, part: str, inputs: Sequence[str], outputs: Sequence[str]) -> Chosen:
        """The arrays for a part: called as inputs and outputs are, or `x` and `y`; `x_train` where parts share a file.

        Raises:
            SpecError: SC620 for one that is not there, or of which there are other numbers of samples.
        """
        taken = {name: self._one(part, name, "x", len(inputs), "input") for name in inputs}
        wanted = {name: self._one(part, name, "y", len(outputs), "output") for name in outputs}
        weights = next((found for name in _WEIGHTS if (found := self._named(part, name)) is not None), None)
        used = [*taken.values(), *wanted.values(), *([weights] if weights is not None else [])]
        counts = {name: self.heads[name].shape[0] if self.heads[name].shape else 0 for name in used}
        first = used[0]
        for name, count in counts.items():
            if count != counts[first]:
                message = f"`{self.name}` has {counts[first]} samples in `{first}`, and {count} in `{name}`"
                raise SpecError.single("SC620", message, help="save as many of each")
        if not counts[first]:
            raise SpecError.single("SC620", f"`{self.name}` has no samples", help="save arrays with samples in them")
        return Chosen(taken, wanted, weights)

    def _named(self, part: str, name: str) -> str | None:
        names = [f"{name}_{suffix}" for suffix in _SUFFIXES[part]] + [name]
        return next((each for each in names if each in self.heads), None)

    def _one(self, part: str, name: str, short: str, count: int, what: str) -> str:
        found = self._named(part, name)
        if found is None and count == 1:
            found = self._named(part, short)
        if found is not None:
            return found
        want = f"`{short}` or `{name}`" if count == 1 else f"`{name}`"
        message = f"`{self.name}` has no array {want} for the {what}"
        help = did_you_mean(name, [*self.heads], f"its arrays are {quoted([*self.heads][:12])}")
        raise SpecError.single("SC620", message, help=help)


def read_heads(given: str, start: Folder) -> ArrayFile:
    """What a file of arrays holds; no array is read.

    Raises:
        SpecError: SC501, SC510, SC620.
    """
    path = start.file(given, "file of arrays")
    try:
        return ArrayFile(given, path, npz_heads(path))
    except Damaged as error:
        message = f"`{given}` cannot be read as arrays: {error}"
        help = error.help if error.code == "SC502" else None
        raise SpecError.single("SC620", message, help=help or "save it with `numpy.savez`, arrays of numbers") from None
