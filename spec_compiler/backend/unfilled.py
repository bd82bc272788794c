"""The model that a spec makes before it has its weights, and how it gets them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.training.check import check_objects
from spec_compiler.backend.training.compiling import compile_arguments, fitted_optimizer
from spec_compiler.backend.weights.sources import WeightSource
from spec_compiler.backend.weights.transfer import transfer
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, dotted
from spec_compiler.graph import Graph
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.memory_needed import enough_memory
from spec_compiler.plan.proof import Proof
from spec_compiler.planning import Planned
from spec_compiler.spec import Spec
from spec_compiler.spec.others import Tier
from spec_compiler.training.groups import grouping

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
            folder = self.spec.source.folder
            arguments = compile_arguments(self.plan.compilation, len(self.built.model.outputs), folder)
            found = grouping(self.plan.compilation, self.plan.after)
            optimizer = fitted_optimizer(arguments["optimizer"], self.built.model, self.plan.after, found)
            return arguments | {"optimizer": optimizer}

    @contextlib.contextmanager
    def _of_the_base(self) -> Iterator[None]:
        """Places at the base what no other place of the spec caused."""
        try:
            yield
        except SpecError as error:
            base: Path = next(((key,) for key in ("base", "bases") if getattr(self.spec, key) is not None), ())
            raise SpecError(replace(each, path=each.path or base) for each in error.diagnostics) from None


def unmapped_warnings(unmapped: Iterable[str], spec: Spec, graph: Graph) -> tuple[Diagnostic, ...]:
    """SC507 for each layer that the result keeps and the base's weight map leaves out; of an opened model all at once.

    `unmapped` are names of the base, as `bases` prefixes them.
    """
    places = (place for layer in graph.layers.values() if not layer.is_new for place in layer.all_places())
    kept = {place[0] for place in places if place is not None}
    warnings = []
    is_below = spec.bases is not None or (spec.base is not None and spec.base.is_layer)
    for name in unmapped:
        prefix, _, layer = name.partition("/") if is_below else ("", "", name)
        if name not in kept and prefix not in kept:  # of a base that is one layer, that keeps all of it
            continue
        path: Path = ("bases", prefix, "weights", "map") if spec.bases is not None else ("base", "weights", "map")
        message = f"`{dotted(path)}` leaves out `{layer}`, which is kept and will be initialised"
        help = f"add `{layer}: GROUP`, or take the layer out"
        warnings.append(Diagnostic("SC507", message, path, at_key=True, help=help))
    return tuple(warnings)
