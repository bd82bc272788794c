"""The `compile` section: what Keras's `compile` takes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.section import Section
from spec_compiler.spec.keras_objects import Loss, Metric, Optimizer


class Compile(Section):
    """Optimizer, loss and metrics by their Keras names; a phase may have an optimizer of its own."""

    optimizer: Optimizer = Field(
        description="The optimizer, made anew at the start of each phase.",
        examples=["adam", {"Adam": {"learning_rate": 2.0e-5}}],
    )
    loss: Loss = Field(
        description="The loss; for several outputs the one of all, or a mapping from their names to one each.",
        examples=["categorical_crossentropy", {"age": "mse", "sex": "binary_crossentropy"}],
    )
    loss_weights: Annotated[dict[str, float], Field(min_length=1)] | None = Field(
        default=None,
        description="By the names of the outputs: what each loss is multiplied by in the sum.",
        examples=[{"sex": 0.2}],
    )
    metrics: Annotated[tuple[Metric, ...], OneOrMore()] = Field(
        default=(), description="What is measured beside the loss.", examples=[["accuracy"]]
    )
    jit_compile: bool | None = Field(
        default=None, description="Whether the backend compiles the training step with XLA; Keras decides if left out."
    )

    def to_json(self) -> dict[str, Any]:
        """What a plan says of it."""
        metrics = [metric.text for metric in self.metrics]
        said = {"optimizer": self.optimizer.text, "loss": self.loss.text, "metrics": metrics}
        return said | ({"loss_weights": self.loss_weights} if self.loss_weights is not None else {})
