"""The `fit` section: what Keras's `fit` takes, for all phases; a phase may say each of it for itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictInt, StrictStr

from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.section import Section
from spec_compiler.spec.keras_objects import Callback

_Count = Annotated[StrictInt, Field(ge=1, lt=2**31)]

Callbacks = Annotated[
    Annotated[tuple[Callback, ...], OneOrMore()] | None,
    Field(
        description="Callbacks of `keras.callbacks` by name; one that watches something and says no `monitor` of its "
        "own watches that of the run. What they write stands in the run's folder.",
        examples=[[{"EarlyStopping": {"patience": 3}}]],
    ),
]
Monitor = Annotated[
    Annotated[StrictStr, Field(min_length=1)] | None,
    Field(
        description="What the best epoch goes by: `best.keras`, the history, the curves, and callbacks that say "
        "nothing else. The loss of the validation if left out.",
        examples=["val_accuracy"],
    ),
]
Mode = Annotated[
    Literal["min", "max"] | None,
    Field(description="Whether less or more of `monitor` is better, where its name does not say it.", examples=["max"]),
]
StepsPerEpoch = Annotated[
    _Count | None,
    Field(description="How many batches make an epoch; the next one goes on where it ended.", examples=[100]),
]
ValidationSteps = Annotated[
    _Count | None, Field(description="How many batches are validated on, from the beginning.", examples=[10])
]
ValidationFreq = Annotated[
    _Count | None, Field(description="After every how many epochs of the run it is validated.", examples=[2])
]


class Fit(Section):
    """What Keras's `fit` takes, for all phases; what a phase says counts for it in place of this."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"monitor": "val_accuracy", "callbacks": [{"EarlyStopping": {"patience": 3}}]}]}
    )

    callbacks: Callbacks = None
    monitor: Monitor = None
    mode: Mode = None
    steps_per_epoch: StepsPerEpoch = None
    validation_steps: ValidationSteps = None
    validation_freq: ValidationFreq = None
