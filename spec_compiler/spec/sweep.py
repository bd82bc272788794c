"""The `sweep` section: which variables of the spec are tried with which values, how often, and what is best."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, StrictFloat, StrictInt, StrictStr, model_validator

from spec_compiler.diagnostics import SpecError
from spec_compiler.language.section import Section
from spec_compiler.spec.pruner import Pruner
from spec_compiler.spec.swept_values import Values


class Sweep(Section):
    """A search: each trial trains the spec with other values of its variables, and the best one is kept."""

    vars: Annotated[dict[StrictStr, Values], Field(min_length=1)] = Field(
        description="Variables of the spec's `vars`, each with the values to try: a list, or a range of numbers.",
        examples=[{"units": [128, 256], "rate": {"log": [1.0e-5, 1.0e-2]}}],
    )
    trials: Annotated[StrictInt, Field(ge=1, lt=2**31)] | None = Field(
        default=None,
        description="How many trials there are, in all processes together. If left out, each combination once; "
        "that needs lists, or ranges with a step.",
        examples=[20],
    )
    monitor: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None,
        description="The metric by which trials are compared, at the best epoch of each. If left out: `val_loss`.",
        examples=["val_accuracy"],
    )
    mode: Literal["min", "max"] | None = Field(
        default=None,
        description="Whether less or more of `monitor` is better, for a metric of your own.",
        examples=["max"],
    )
    sampler: Literal["tpe", "random", "grid"] = Field(
        default="tpe",
        description="How values are chosen: `tpe` by what was good so far, `random` by chance, `grid` each "
        "combination once.",
        examples=["grid"],
    )
    seed: Annotated[StrictInt, Field(ge=0, lt=2**32)] | None = Field(
        default=None, description="The seed of that choice. If left out, the spec's own `seed`.", examples=[7]
    )
    prune: Pruner | None = Field(
        default=None,
        description="Which trials end early: `median` ends those that are worse than the median of the others "
        "at the same epoch.",
        examples=["median", {"median": {"n_startup_trials": 3, "n_warmup_steps": 2}}],
    )
    timeout: Annotated[StrictInt | StrictFloat, Field(gt=0)] | None = Field(
        default=None, description="After so many seconds no new trial begins.", examples=[3600]
    )

    @model_validator(mode="after")
    def _can_be_counted(self) -> Sweep:
        open_ = [name for name, each in self.vars.items() if each.count is None]
        if open_ and self.sampler == "grid":
            help = "give the range a step, write a list, or take another `sampler`"
            message = f"a grid has each combination of values, `{open_[0]}` is a range without a step"
            raise SpecError.single("SC108", message, path=("vars", open_[0]), help=help)
        if open_ and self.trials is None:
            message = f"`sweep` needs `trials`, as `{open_[0]}` is a range without a step"
            raise SpecError.single("SC102", message, help="for example `trials: 20`")
        return self

    @property
    def text(self) -> str:
        """What it tries, in a line.

        >>> Sweep(vars={"units": [8, 16], "rate": {"log": [0.001, 0.1]}}, trials=5).text
        '5 trials of units (8, 16) and rate (log 0.001 to 0.1)'
        """
        *first, last = (f"{name} ({values.text})" for name, values in self.vars.items())
        among = f", of {self.num_points:,} points" if self.num_points is not None else ""
        return f"{self.num_trials} trials of {', '.join(first)}{' and ' if first else ''}{last}{among}"

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        named = {"trials": self.num_trials, "points": self.num_points, "monitor": self.monitor}
        return {**named, "vars": {name: values.text for name, values in self.vars.items()}}

    @property
    def num_points(self) -> int | None:
        """How many points there are; None with a range without a step."""
        counts = [each.count for each in self.vars.values()]
        return None if None in counts else math.prod(each or 0 for each in counts)

    @property
    def num_trials(self) -> int:
        """How many trials there are at most: no point is tried twice where they can be counted."""
        points = self.num_points
        return min(self.trials or points or 1, points or self.trials or 1)
