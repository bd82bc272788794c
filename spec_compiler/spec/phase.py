"""One phase of the `train` section: what is frozen, for how many epochs, with which optimizer."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field, StrictInt, StrictStr

from spec_compiler.edits.freezing import Freezing
from spec_compiler.language.section import Section
from spec_compiler.language.selectors import Selector
from spec_compiler.spec.fit import Callbacks, Mode, Monitor, StepsPerEpoch, ValidationFreq, ValidationSteps
from spec_compiler.spec.keras_objects import Optimizer
from spec_compiler.spec.rates import Group


class Phase(Section):
    """A phase of training: Keras compiles the model anew, and `fit` runs.

    It begins with the layers frozen that the sections leave frozen.
    """

    phase: Annotated[StrictStr, Field(min_length=1, pattern=r"^[A-Za-z0-9_.\- ]+$")] = Field(
        description="The phase's name, in the history and the curves.", examples=["feature_extraction", "fine_tune"]
    )
    epochs: Annotated[StrictInt, Field(ge=1, lt=2**31)] = Field(
        description="How many passes over the data.", examples=[5]
    )
    freeze: Freezing | None = Field(
        default=None,
        description="Layers to freeze in this phase, beside those that the base and the sections freeze.",
        examples=["base", "..block4_pool", {"layers": "..block4_pool", "batch_norm": "all"}],
    )
    unfreeze: Selector | None = Field(
        default=None,
        description="Layers to train in this phase, although the base, the sections or the phase's `freeze` "
        "freeze them.",
        examples=["block5_*", {"layers": "base", "except": "..block4_pool"}],
    )
    unfreeze_every: Annotated[StrictInt, Field(ge=1, lt=2**31)] | None = Field(
        default=None,
        description="After every so many epochs one more stage of the frozen layers trains, beginning at the "
        "output. A stage ends where the images get smaller and the whole model flows through one "
        "tensor.",
        examples=[2],
    )
    optimizer: Optimizer | None = Field(
        default=None,
        description="The optimizer of this phase, in place of the one in `compile`.",
        examples=[{"Adam": {"learning_rate": 1.0e-5}}],
    )
    callbacks: Callbacks = None
    monitor: Monitor = None
    mode: Mode = None
    steps_per_epoch: StepsPerEpoch = None
    validation_steps: ValidationSteps = None
    validation_freq: ValidationFreq = None


class PlannedStage(NamedTuple):
    """What a phase unfreezes, before which of its epochs, and how many parameters train from there on."""

    epoch: int
    layers: tuple[str, ...]
    num_trained: int


class PlannedPhase(NamedTuple):
    """A phase of training: its epochs, how many parameters of the result train when it begins, and which of all how.

    Attributes:
        name: of the phase.
        epochs: how many.
        num_trained: how many parameters train when it begins.
        groups: which variables learn how.
        unfreezes: of gradual unfreezing, what trains from which epoch on.
    """

    name: str
    epochs: int
    num_trained: int
    groups: tuple[Group, ...] = ()
    unfreezes: tuple[PlannedStage, ...] = ()
