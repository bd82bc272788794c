"""The `expect` section: what a spec promises of its result, and of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.diagnostics.near import num_slips, offered
from spec_compiler.language.bounds import Bounds, MetricBounds
from spec_compiler.language.output_shapes import OutputShapes
from spec_compiler.language.section import Section
from spec_compiler.language.selectors import Selector

_COUNTS = [{"at_most": "25M"}, {"at_least": "1k", "at_most": "100k"}, 5130]
MOST_SLIPS = 2  # from a key of ours to a key that is no metric but that one misspelt


class Expect(Section):
    """What must hold of the result, checked on the plan.

    Beside it metrics by name, which the training must reach.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, MetricBounds] = Field(init=False)

    output: OutputShapes | None = Field(
        default=None,
        description="The output's shape with its batch axis, or a mapping from the outputs' names to shapes. "
        "`null` is any size.",
        examples=[[None, 10], {"mask": [None, 224, 224, 1]}],
    )
    parameters: Bounds | None = Field(
        default=None, description="How many parameters the result has, as `model.count_params()`.", examples=_COUNTS
    )
    trainable: Bounds | None = Field(
        default=None, description="How many parameters train. With `train`, in each of its phases.", examples=_COUNTS
    )
    multiply_adds: Bounds | None = Field(
        default=None, description="Multiply-adds for one example, as the report counts them.", examples=_COUNTS
    )
    layers: Bounds | None = Field(
        default=None, description="How many layers the result has, as `len(model.layers)`.", examples=[23]
    )
    frozen: Selector | None = Field(
        default=None,
        description="Layers with weights that must be frozen. With `train`, in every phase.",
        examples=["..block4_pool"],
    )
    trains: Selector | None = Field(
        default=None,
        description="Layers with weights that must train. With `train`, each of them in at least one phase.",
        examples=["head"],
    )
    absent: Selector | None = Field(
        default=None,
        description="Layers that the result must not have, also not inside of nested models.",
        examples=["type:Lambda"],
    )
    present: Selector | None = Field(
        default=None,
        description="Layers that the result must have, perhaps inside of a nested model. Each element of a list "
        "must match.",
        examples=["type:BatchNormalization"],
    )

    @property
    def metrics(self) -> Mapping[str, MetricBounds]:
        """What the training must reach, by the names that it reports."""
        return self.__pydantic_extra__ or {}

    @property
    def promises(self) -> Mapping[str, Any]:
        """What is said of the result, by key."""
        values = ((key, getattr(self, key)) for key in KEYS)
        return {key: value for key, value in values if value is not None}

    @model_validator(mode="before")
    @classmethod
    def _meant(cls, raw: Any) -> Any:
        """What was written, no key of it misspelt: it would be taken for a metric."""
        if not isinstance(raw, Mapping):
            return raw
        problems = []
        for key in raw:
            near = [each for each in KEYS if key not in KEYS and num_slips(str(key), each, MOST_SLIPS) <= MOST_SLIPS]
            if near:
                help = offered(near[:1])
                problems.append(
                    Diagnostic("SC101", f"`expect` has no key `{key}`", (str(key),), at_key=True, help=help)
                )
        for key in ("absent", "present"):
            if isinstance(raw.get(key), Mapping) and "expect" in raw[key]:
                message = f"`{key}` counts no layers"
                problems.append(Diagnostic("SC101", message, (key, "expect"), at_key=True, help="leave it out"))
        if problems:
            raise SpecError(problems)
        return raw


KEYS = tuple(Expect.model_fields)
