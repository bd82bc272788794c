"""What `--prove` found: that a result computes what its base computes."""

from __future__ import annotations

from dataclasses import dataclass

from spec_compiler.diagnostics import quoted


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
    """

    reference: str
    probes: str
    layers: int
    tensors: int
    inexact: tuple[str, ...] = ()
    initialized: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The proof in a sentence or two."""
        if not self.layers:
            kept = "no layer is kept as the base has it" if self.probes else self.reference
            kept = "the base has no weights for the layers that are kept" if self.initialized else kept
            return f"Nothing to prove: {kept}."
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
