"""What `verify` found: of each layer what its weights are, and where the file is not what the spec makes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from spec_compiler.diagnostics import Diagnostic

State = Literal["kept", "adapted", "new", "trained", "not stored", "differs"]
"""What a variable is: the base's bit for bit; made of the base's as the spec says; as the spec initialised it, or not
to be compared; trained, which it may be; in no file, as Keras leaves it out; another one than the spec makes."""

FORMAT_VERSION = 1


@dataclass(frozen=True)
class VariableState:
    """A variable of the file, with the checksum that it has and the one that the spec makes."""

    name: str
    state: State
    parameters: int
    expected: str | None = None
    found: str | None = None


@dataclass(frozen=True)
class LayerState:
    """A layer of the spec's result or of the file; `drift` says what of its structure is otherwise.

    Attributes:
        name: of the layer.
        class_name: its class.
        variables: each with its state and checksums.
        drift: what of its structure is otherwise.
    """

    name: str
    class_name: str
    variables: tuple[VariableState, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def is_drifted(self) -> bool:
        """Whether anything of it is not as the spec makes it."""
        return bool(self.drift) or any(each.state == "differs" for each in self.variables)

    @property
    def states(self) -> tuple[State, ...]:
        """What its variables are, each once."""
        return tuple(dict.fromkeys(each.state for each in self.variables))


@dataclass(frozen=True, repr=False)
class Verification:
    """Whether a file is what a spec makes.

    Attributes:
        model: the path of the file.
        spec: that of the spec, or its name in the model's own provenance.
        layers: those that the spec makes, in order, then those that only the file has.
        drift: a diagnostic for each difference, at the line of the spec that it is of.
        notes: what is worth knowing, and no difference.
    """

    model: str
    spec: str
    layers: tuple[LayerState, ...]
    drift: tuple[Diagnostic, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Verification of {self.model}: {self.summary}>"

    def __bool__(self) -> bool:
        return self.is_as_specified

    def _repr_html_(self) -> str:
        """What a notebook shows: whether it is what the spec makes, and what is not."""
        from spec_compiler.diagnostics.cells import cell  # a command shows no cell
        from spec_compiler.reproducing.verification_cell import shown  # as above

        return cell(*shown(self))

    @property
    def is_as_specified(self) -> bool:
        """Whether the file is what the spec makes."""
        return not self.drift

    @property
    def counts(self) -> dict[State, int]:
        """How many variables are what."""
        found = Counter(each.state for layer in self.layers for each in layer.variables)
        return {state: found[state] for state in _WORDS if found[state]}

    @property
    def summary(self) -> str:
        """All of it in one line."""
        states = ", ".join(f"{count} {_WORDS[state]}" for state, count in self.counts.items()) or "no weights"
        drifted = sum(layer.is_drifted for layer in self.layers)
        structure = (
            f"{drifted} of {len(self.layers)} layers drifted" if drifted else f"{len(self.layers)} layers as made"
        )
        if self.drift and not drifted:
            structure = "the model as a whole drifted"
        return f"{structure}; variables: {states}"

    def to_json(self) -> dict[str, Any]:
        """It as plain data; its schema is `schemas/verification.schema.json`."""
        return {
            "format_version": FORMAT_VERSION,
            "model": self.model,
            "spec": self.spec,
            "is_as_specified": self.is_as_specified,
            "variables": {state: self.counts.get(state, 0) for state in _WORDS},
            "layers": [
                {
                    "name": layer.name,
                    "class": layer.class_name,
                    "drift": list(layer.drift),
                    "variables": [
                        {"name": each.name, "state": each.state, "expected": each.expected, "found": each.found}
                        for each in layer.variables
                    ],
                }
                for layer in self.layers
            ],
            "drift": [
                {
                    "code": each.code,
                    "message": each.message,
                    "path": list(each.path),
                    "file": each.file,
                    "line": each.line,
                    "notes": list(each.notes),
                }
                for each in self.drift
            ],
            "notes": list(self.notes),
        }


_WORDS: dict[State, str] = {
    "kept": "kept bit for bit",
    "adapted": "adapted as the spec says",
    "new": "new",
    "trained": "trained",
    "not stored": "not in the file",
    "differs": "not what the spec makes",
}
