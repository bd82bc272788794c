"""The model that a spec makes before it has its weights, and how it gets them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import keras

from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.compiled import compiled_with
from spec_compiler.backend.models.symbolic import initial_value, quick_protocols
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.training.check import check_objects
from spec_compiler.backend.training.compiling import compile_arguments, fitted_optimizer
from spec_compiler.backend.weights.transfer import transfer
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.memory_needed import enough_memory
from spec_compiler.plan.proof import Proof
from spec_compiler.planning import Planned
from spec_compiler.spec import Spec
from spec_compiler.spec.others import Tier
from spec_compiler.training.groups import Grouping, grouping
from spec_compiler.weights.plain_results import NotStreamed, check_streamed
from spec_compiler.weights.sources import WeightSource
from spec_compiler.weights.streamed import write_streamed
from spec_compiler.weights.unmapped import unmapped_warnings

log = logging.getLogger("spec_compiler")


@dataclass(frozen=True)
class Unfilled:
    """Everything but the weights."""

    spec: Spec
    base: LoadedBase
    built: Built
    plan: Plan

    @classmethod
    def of(cls, planned: Planned[LoadedBase, Built]) -> Unfilled:
        """What Keras made of a spec, which is always all of it: what it does not know is an error."""
        assert planned.base is not None
        assert planned.shaped is not None
        assert planned.plan is not None
        return cls(planned.spec, planned.base, planned.shaped, planned.plan)

    def fill(self) -> WeightLedger:
        """Gives the built model its weights.

        Raises:
            SpecError: SC501 to SC508, a weights file that is not there or does not fit, SC114; located.
        """
        log.info("copying weights")
        with self.spec.source.locating(), self._of_the_base(), enough_memory(self.plan.after):
            return transfer(self.base.graph, self.built, self._source)

    def streamed(
        self, path: str, beside: Callable[[WeightLedger], Mapping[str, bytes]], max_shard_size: float
    ) -> WeightLedger | None:
        """Writes the model to a file with its weights, which it itself is not given; as `write_streamed`.

        None where only a model that is in memory can be saved as it is.

        Raises:
            SpecError: as `fill`.
        """
        custom = self.base.custom
        if custom.objects or custom.factories or custom.has_lambdas or custom.originals.are_needed:
            return None  # Keras must find all classes by their names
        log.info("writing weights")

        def initial(layer: LayerSpec, variable: VariableSpec, shape: tuple[int, ...]) -> Callable[[], Any]:
            at = (layer.variables or ()).index(variable)
            return partial(initial_value, self.built.layers[layer.name].variables[at], shape)

        try:
            check_streamed(self.plan.after)
            arguments, compiled = self.compile_arguments(), None
            if arguments is not None:  # no file says by how much which weight moves
                compiled = compiled_with(self.built.model, self._fitted(arguments, None), path)
            with self.spec.source.locating(), self._of_the_base(), quick_protocols():
                base, result = self.base.graph, self.built.graph
                version = keras.__version__
                return write_streamed(
                    path, base, result, self._source, initial, version, beside, max_shard_size, compiled
                )
        except NotStreamed:
            return None

    def find_weights(self) -> None:
        """Looks for the base's weights, and downloads them where they are to be; none is read.

        Raises:
            SpecError: SC501 to SC508; located.
        """
        with self.spec.source.locating(), self._of_the_base():
            _ = self._source

    @cached_property
    def _source(self) -> WeightSource:
        """Where the base's weights are: looked for once, as that may download a file or fill another model."""
        return self.base.weights(self.built.graph)

    def proof(self, ledger: WeightLedger, folder: str | None = None) -> Proof:
        """Runs base and result, filled as `ledger` says, side by side; on the images in `folder`, or on seeded inputs.

        Raises:
            SpecError: SC513 a kept layer computes something else; SC501, SC603, SC604, SC609; located.
        """
        from spec_compiler.backend.weights.proof import prove  # only where it is asked for

        log.info("proving")
        with self.spec.source.locating(), self._of_the_base():
            return prove(self.plan.before, self.built, self.base.references, folder, ledger.without_weights)

    def file_warnings(self) -> tuple[Diagnostic, ...]:
        """What is legal in the base's weights but worth saying: SC507 for layers that a weight map leaves out, SC511.

        Raises:
            SpecError: SC501 to SC508; located.
        """
        if self.base.is_remote:
            return ()
        with self.spec.source.locating():
            unmapped = unmapped_warnings(self._source.unmapped, self.spec, self.plan.after)
            return tuple(self.spec.source.locate(each) for each in (*unmapped, *self.base.traps()))

    @property
    def tier(self) -> Tier:
        """How far a check goes that asks for `file_warnings`: those of weights that must be downloaded are not read."""
        return "shapes" if self.base.is_remote else "files"

    def check_objects(self) -> None:
        """Proves that Keras makes what the spec's sections of training name.

        Raises:
            SpecError: SC601, SC604, SC609, every one; located.
        """
        with self.spec.source.locating():
            check_objects(self.spec, self.plan.after)

    def compile_arguments(self) -> dict[str, Any] | None:
        """What Keras's `compile` is to be given; None where the spec does not say it, or its phases do it.

        Raises:
            SpecError: SC601, SC609; located.
        """
        if self.plan.compilation is None:
            return None
        with self.spec.source.locating():
            return compile_arguments(self.plan.compilation, len(self.built.model.outputs), self.spec.source.folder)

    def compile(self, arguments: Mapping[str, Any]) -> None:
        """Compiles the model, which has its weights, as `compile_arguments` says."""
        assert self.plan.compilation is not None
        found = grouping(self.plan.compilation, self.plan.after)
        self.built.model.compile(**self._fitted(arguments, found))

    def _fitted(self, arguments: Mapping[str, Any], found: Grouping | None) -> dict[str, Any]:
        optimizer = fitted_optimizer(arguments["optimizer"], self.built.model, self.plan.after, found)
        return {**arguments, "optimizer": optimizer}

    @contextlib.contextmanager
    def _of_the_base(self) -> Iterator[None]:
        """Places at the base what no other place of the spec caused."""
        try:
            yield
        except SpecError as error:
            base: Path = next(((key,) for key in ("base", "bases") if getattr(self.spec, key) is not None), ())
            raise SpecError(replace(each, path=each.path or base) for each in error.diagnostics) from None
