"""The inputs or the outputs of a model as data for it is given: by name, in order, or alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras

from spec_compiler.diagnostics import did_you_mean, quoted

Shape = tuple[int | None, ...]


class Misfit(Exception):
    """What is wrong with what a function gave, and what helps."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.help = message, help


@dataclass(frozen=True)
class Ends:
    """The tensors at one side of a model: their names and shapes, and how they are held together."""

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    form: Literal["one", "several", "named"]

    @classmethod
    def of(cls, structure: Any, names: Sequence[str]) -> Ends:
        """Those in a model's own structure; `names` are for tensors that are not in a mapping."""
        shapes = tuple(tuple(each.shape) for each in keras.tree.flatten(structure))
        if isinstance(structure, Mapping):
            return cls(tuple(sorted(structure)), shapes, "named")
        return cls(tuple(names), shapes, "several" if isinstance(structure, list | tuple) else "one")

    def leaves(self, data: Any, what: str) -> list[Any]:
        """The arrays for these tensors, in their order.

        Raises:
            Misfit: names or numbers of arrays that the model does not have.
        """
        if isinstance(data, Mapping):
            missing = [name for name in self.names if name not in data]
            extra = [str(key) for key in data if key not in self.names]
            if missing or extra:
                wrong = f"no {what} for {quoted(missing)}" if missing else f"{what}s for {quoted(extra)}"
                kind = "inputs" if what == "input" else "outputs"
                otherwise = f"the model's {kind} are {quoted(self.names)}"
                raise Misfit(wrong, did_you_mean(extra[0], self.names, otherwise) if extra else otherwise)
            return [data[name] for name in self.names]
        if self.form == "named" and len(self.names) > 1:
            example = ", ".join(f'"{name}": …' for name in self.names)
            raise Misfit(f"{what}s without names, the model has them by name", f"return `{{{example}}}`")
        if len(self.names) == 1:
            alone = self.form != "one" and isinstance(data, list | tuple) and len(data) == 1 and is_array(data[0])
            return [data[0] if alone else data]
        if not isinstance(data, list | tuple) or len(data) != len(self.names):
            count = len(data) if isinstance(data, list | tuple) else 1
            help = f"give an array for each of {quoted(self.names)}, in a tuple or by name"
            raise Misfit(f"{count} {what}{'s' if count != 1 else ''}, the model has {len(self.names)}", help)
        return list(data)

    def packed(self, leaves: Sequence[Any]) -> Any:
        """Arrays in the structure that the model has."""
        if self.form == "named":
            return dict(zip(self.names, leaves, strict=True))
        return leaves[0] if self.form == "one" else tuple(leaves)


def is_array(value: Any) -> bool:
    """Whether something is an array of whatever kind."""
    return hasattr(value, "shape") and hasattr(value, "dtype")
