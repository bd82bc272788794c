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
        description="Callbacks of `keras.callbacks` by name. Those that watch something, and have no `monitor` "
        "of their own, watch the `monitor` of the run. They write only into the run's folder.",
        examples=[[{"EarlyStopping": {"patience": 3}}]],
    ),
]
Monitor = Annotated[
    Annotated[StrictStr, Field(min_length=1)] | None,
    Field(
        description="The metric by which an epoch is best, for `best.keras`, the history, the curves and "
        "callbacks. If left out: `val_loss`, or `loss` without validation.",
        examples=["val_accuracy"],
    ),
]
Mode = Annotated[
    Literal["min", "max"] | None,
    Field(description="Whether less or more of `monitor` is better, for a metric of your own.", examples=["max"]),
]
StepsPerEpoch = Annotated[
    _Count | None,
    Field(description="How many batches make an epoch. The next epoch goes on where this one ended.", examples=[100]),
]
ValidationSteps = Annotated[
    _Count | None, Field(description="How many batches to validate on, beginning with the first.", examples=[10])
]
ValidationFreq = Annotated[
    _Count | None, Field(description="Validate after every so many epochs of the run.", examples=[2])
]


class Fit(Section):
    """Arguments of Keras's `fit`, for all phases.

    What a phase says counts there in place of this.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"monitor": "val_accuracy", "callbacks": [{"EarlyStopping": {"patience": 3}}]}]}
    )

    callbacks: Callbacks = None
    monitor: Monitor = None
    mode: Mode = None
    steps_per_epoch: StepsPerEpoch = None
    validation_steps: ValidationSteps = None
    validation_freq: ValidationFreq = None
