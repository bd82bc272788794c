"""How fast layers learn, and which variables the weight decay leaves alone: fields of the section `compile`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from spec_compiler.language.parsed import OneOrMore, Parsed
from spec_compiler.language.section import Section
from spec_compiler.language.selectors import Selector

ROLES = ("biases", "normalization")


class LearningRate(Section):
    """Layers that learn faster or slower than the optimizer's learning rate says."""

    layers: Selector = Field(description="The layers. A layer may stand in one entry only.", examples=["..block3_pool"])
    times: Annotated[float, Field(gt=0, le=1e6)] = Field(
        description="What the optimizer's learning rate of the moment is multiplied by.", examples=[0.1]
    )


@dataclass(frozen=True, slots=True)
class Undecayed(Parsed):
    """What the weight decay leaves alone: a role of variables, or layers with all of theirs."""

    definition: ClassVar[str] = "undecayed"
    definitions: ClassVar[Mapping[str, Any]] = {
        "undecayed": {
            "title": "Undecayed",
            "description": "`biases`: every variable that is a bias. `normalization`: all variables of every "
            "normalization. Or a selector: all variables of its layers.",
            "anyOf": [{"enum": list(ROLES)}, {"$ref": "#/definitions/selector"}],
        }
    }

    role: str | None
    selector: Selector | None = None

    @classmethod
    def _parsed(cls, raw: Any) -> Undecayed:
        """A role, or what `Selector.parse` makes of it.

        >>> Undecayed.parse("biases").role, Undecayed.parse("stem").selector.text
        ('biases', 'stem')
        """
        if isinstance(raw, str) and raw.strip() in ROLES:
            return cls(raw.strip())
        return cls(None, Selector.parse(raw))

    @property
    def text(self) -> str:
        """It as it is written."""
        return self.role or (self.selector.text if self.selector is not None else "")


class Group(NamedTuple):
    """Variables that train alike: by what their learning rate is multiplied, and whether they decay.

    Attributes:
        times: by what their learning rate is multiplied.
        decays: whether the optimizer's weight decay reaches them.
        layers: whose variables they are.
        num_variables: how many variables.
        num_parameters: how many numbers.
    """

    times: float
    decays: bool
    layers: tuple[str, ...]
    num_variables: int
    num_parameters: int

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        counts = {"variables": self.num_variables, "parameters": self.num_parameters}
        return {"times": self.times, "weight_decay": self.decays, **counts, "layers": list(self.layers)}


LearningRates = Annotated[
    Annotated[tuple[LearningRate, ...], OneOrMore()],
    Field(
        description="Layers that learn faster or slower than the others: what their learning rate is multiplied by.",
        examples=[[{"layers": "..block3_pool", "times": 0.1}, {"layers": "head", "times": 10}]],
    ),
]
DecayByDepth = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | None,
    Field(
        description="Multiplies the learning rate once for each layer with weights between a layer and the "
        "output, on the longest way. It stands in place of `learning_rates`.",
        examples=[0.9],
    ),
]
NoWeightDecay = Annotated[
    Annotated[tuple[Undecayed, ...], OneOrMore()],
    Field(
        description="What the optimizer's weight decay leaves alone: `biases`, `normalization`, or layers.",
        examples=[["biases", "normalization"]],
    ),
]
