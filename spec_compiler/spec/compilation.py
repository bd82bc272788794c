"""The `compile` section: what Keras's `compile` takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.language.section import Section
from spec_compiler.spec.keras_objects import KerasObject, Loss, Metrics, NamedMetrics, Optimizer
from spec_compiler.spec.rates import DecayByDepth, LearningRates, NoWeightDecay


class Compile(Section):
    """Optimizer, loss and metrics, by their Keras names.

    A phase may have an optimizer of its own.
    """

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["learning_rates", "decay_by_depth"]}})

    optimizer: Optimizer = Field(
        description="The optimizer. Each phase begins with a new one.",
        examples=["adam", {"Adam": {"learning_rate": 2.0e-5}}],
    )
    loss: Loss = Field(
        description="The loss. With several outputs: one loss for all of them, or a mapping from their names to "
        "losses.",
        examples=["categorical_crossentropy", {"age": "mse", "sex": "binary_crossentropy"}],
    )
    loss_weights: Annotated[dict[str, float], Field(min_length=1)] | None = Field(
        default=None,
        description="What each output's loss is multiplied by in the sum, by the outputs' names.",
        examples=[{"sex": 0.2}],
    )
    metrics: Metrics = Field(
        default=(),
        description="What is measured beside the loss. With several outputs: metrics for all of them, or a "
        "mapping from their names to metrics.",
        examples=[["accuracy"], {"age": ["mae"], "sex": ["accuracy"]}],
    )
    learning_rates: LearningRates = ()
    decay_by_depth: DecayByDepth = None
    no_weight_decay: NoWeightDecay = ()
    jit_compile: bool | None = Field(
        default=None,
        description="Whether the backend compiles the training step with XLA. Keras decides if you leave it out.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _one_way(self) -> Compile:
        if self.learning_rates and self.decay_by_depth is not None:
            message = "`learning_rates` and `decay_by_depth` exclude each other"
            raise SpecError.single("SC108", message, path=("decay_by_depth",), at_key=True, help="keep one of the two")
        return self

    @property
    def has_groups(self) -> bool:
        """Whether it tells variables apart: by how fast they learn, or by their weight decay."""
        return bool(self.learning_rates or self.decay_by_depth is not None or self.no_weight_decay)

    def metrics_of(self, output: str) -> tuple[KerasObject, ...]:
        """The metrics of an output, whichever it is where they are those of all."""
        return self.metrics.named.get(output, ()) if isinstance(self.metrics, NamedMetrics) else self.metrics

    def all_metrics(self) -> Iterator[tuple[Path, KerasObject]]:
        """Every metric as it is written, with its place in the spec."""
        place: Path = ("compile", "metrics")
        named = (
            {(*place, each): said for each, said in self.metrics.named.items()}
            if isinstance(self.metrics, NamedMetrics)
            else {place: self.metrics}
        )
        for path, metrics in named.items():
            yield from (((*path, at), metric) for at, metric in enumerate(metrics))

    def to_json(self) -> dict[str, Any]:
        """What a plan says of it."""
        said = {"optimizer": self.optimizer.text, "loss": self.loss.text, "metrics": self._metric_texts()}
        return said | ({"loss_weights": self.loss_weights} if self.loss_weights is not None else {})

    def _metric_texts(self) -> list[str]:
        if not isinstance(self.metrics, NamedMetrics):
            return [metric.text for metric in self.metrics]
        return [f"{output}: {metric.text}" for output, each in self.metrics.named.items() for metric in each]
