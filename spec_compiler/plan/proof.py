"""What `--prove` found: that a result computes what its base computes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from spec_compiler.diagnostics import quoted
from spec_compiler.graph.adapter import Contract
from spec_compiler.plan.contracted import in_columns, said, whose

BOUND = 1e-5  # of the largest number: what float32 rounds in the weights, which is all that is rounded in float64


@dataclass(frozen=True)
class ProvenContract:
    """A contract, and how far what was compared lies apart.

    Attributes:
        contract: what was promised.
        deviation: the largest difference of two numbers, as a part of the largest number; None: nothing was compared.
        bound: how much of it is rounding.
        dtype: in which the models were run.
        at: the calls whose outputs were compared with those of the base's own run.
    """

    contract: Contract
    deviation: float | None = None
    bound: float = BOUND
    dtype: str = "float64"
    at: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        found = {"deviation": self.deviation, "bound": self.bound, "dtype": self.dtype, "at": list(self.at)}
        return self.contract.to_json() | found

    @property
    def found(self) -> str:
        """What was found, as in `deviation 2.1e-7 of the largest output (at most 1e-5)`."""
        if self.deviation is None:
            return "nothing to prove" if self.contract.preserves == "not" else "not compared"
        text = "no deviation" if not self.deviation else f"deviation {short(self.deviation)} of the largest output"
        text += f" (at most {short(self.bound)})" if self.deviation else ""
        more = ", …" if len(self.at) > 3 else ""
        return f"{text}, from the inputs to {quoted(self.at[:3])}{more}" if self.at else text


def short(number: float) -> str:
    """A number with two digits at most.

    >>> short(2.13e-7)
    '2.1e-7'
    """
    digits, _, exponent = f"{number:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


@dataclass(frozen=True)
class Proof:
    """That base and result compute the same, each kept layer compared bit for bit on probe inputs.

    Attributes:
        reference: what the result was compared with, such as `vgg16.keras as Keras loads it`.
        probes: what the inputs were.
        layers: kept layers that, on the tensors that they take in the result, put out what the base's layer puts out.
        tensors: tensors before the first edits that equal those of the base's own run.
        inexact: kept layers that do not put out the same bits twice themselves, compared within rounding.
        initialized: kept layers that the base's weights leave out, and that are not counted.
        contracts: what was promised of weights that are made of the base's, and what was found.
    """

    reference: str
    probes: str
    layers: int
    tensors: int
    inexact: tuple[str, ...] = ()
    initialized: tuple[str, ...] = ()
    contracts: tuple[ProvenContract, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The proof as plain data."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        contracts = [each.to_json() for each in self.contracts]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()} | {
            "contracts": contracts
        }

    @property
    def text(self) -> str:
        """The proof in a sentence or two, and a line for each contract."""
        lines = [self._of_kept_layers]
        if self.contracts:
            dtypes = {each.dtype for each in self.contracts if each.deviation is not None}
            lines.append(f"Promises of adapted weights{f', tried in {dtypes.pop()}' if dtypes else ''}:")
            made = [each.contract for each in self.contracts]
            rows = [(whose(each), each.strategy, said(each)) for each in made]
            found = (each.found for each in self.contracts)
            lines += [f"  {row}  {text}" for row, text in zip(in_columns(rows), found, strict=True)]
        return "\n".join(lines)

    @property
    def _of_kept_layers(self) -> str:
        if not self.layers:
            kept = "no layer is kept as the base has it" if self.probes else self.reference
            kept = "the base has no weights for the layers that are kept" if self.initialized else kept
            return f"Nothing to prove{' of kept layers' if self.contracts else ''}: {kept}."
        text = f"Proven on {self.probes}: {self.layers} kept "
        text += "layer computes what it computes" if self.layers == 1 else "layers compute what they compute"
        text += f" in {self.reference}"
        text += ", bit for bit" if not self.inexact else f", bit for bit but for {len(self.inexact)} inexact ones"
        if self.initialized:
            more = ", …" if len(self.initialized) > 3 else ""
            text += f".\nNot counted, as the base has no weights for them: {quoted(self.initialized[:3])}{more}"
        if not self.tensors:
            return f"{text}.\nThe edits change what each of them takes, so that each was compared by itself."
        tensors, equal = ("tensor", "equals that") if self.tensors == 1 else ("tensors", "equal those")
        return f"{text}.\n{self.tensors} {tensors} that no edit reaches {equal} of the base's own run."
