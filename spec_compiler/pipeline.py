"""What `check`, `plan` and `compile` do once Keras is needed, readable as a table of contents.

base   -> Graph         backend/bases    the model it starts from, without its weights
Graph  -> Graph         editing          the sections in their fixed order, each result checked
Graph  -> keras.Model   backend/writer   fresh layers, shapes proven, still without weights
weights                 backend/weights  kept ones copied, new ones initialised, all in the ledger
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spec_compiler.backend.bases import LoadedBase, from_built, load
from spec_compiler.backend.weights import transfer
from spec_compiler.backend.writer import Built, build
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.editing import apply_edits, opened_for
from spec_compiler.graph import Graph
from spec_compiler.known_calls import learn
from spec_compiler.ledger import WeightLedger
from spec_compiler.mending import mended
from spec_compiler.other_specs import Inside, inside, other_spec
from spec_compiler.permissions import Permissions
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec
from spec_compiler.training.check import check_training, planned_phases

log = logging.getLogger("spec_compiler")


@dataclass(frozen=True)
class Planned:
    """Everything but the weights."""

    spec: Spec
    base: LoadedBase
    built: Built
    plan: Plan

    def fill(self) -> WeightLedger:
        """Gives the built model its weights.

        Raises:
            SpecError: SC501 to SC508, a weights file that is not there or does not fit; located.
        """
        log.info("copying weights")
        with self.spec.source.locating():
            return transfer(self.base.graph, self.built, self.base.weights(self.built.graph))


def planned(spec: Spec, model: Any, allowed: Permissions, around: Inside | None = None) -> Planned:
    """A spec followed to the skeleton of its result. `around` are the spec files that are being followed around it.

    Raises:
        SpecError: the first section that does not fit, or all layers that do not; located.
    """
    around = inside(spec) if around is None else around
    with spec.source.locating():
        log.info("reading the base")
        base = load(spec, model, lambda path: _other(path, allowed, around), allowed.code)
        log.info("applying the edits")
        before = opened_for(spec, base.graph)

        def edited(spec: Spec) -> tuple[Graph, Built]:
            graph = apply_edits(spec, before)
            return graph, build(graph, before, seed=spec.seed, custom=base.custom, folder=spec.source.folder)

        try:
            graph, built = edited(spec)
        except SpecError as error:
            raise mended(error, spec, edited) from None
        if base.key is not None:
            learn(graph, before, built.graph, base.key)
        check_training(spec, built.graph)
    plan = Plan(built.graph.name, before, built.graph, planned_phases(spec, built.graph))
    return Planned(spec, base, built, plan)


def file_warnings(planned: Planned) -> tuple[Diagnostic, ...]:
    """What is legal in the base's weights but worth saying; SC507 for layers that a weight map leaves out.

    Raises:
        SpecError: SC501 to SC508; located.
    """
    if planned.base.is_remote:
        return ()
    with planned.spec.source.locating():
        source = planned.base.weights(planned.built.graph)
    return unmapped_warnings(source.unmapped, planned.plan.after)


def _other(path: str, allowed: Permissions, around: Inside) -> LoadedBase:
    """The result of another spec as a base.

    Raises:
        SpecError: the other spec's own mistakes, located in its file; SC304 where specs go round in a circle.
    """
    other, around = other_spec(path, allowed, around)
    result = planned(other, None, allowed, around)
    return from_built(result.built, result.base, result.fill)


def unmapped_warnings(unmapped: Iterable[str], graph: Graph) -> tuple[Diagnostic, ...]:
    """SC507 for each layer that the result keeps and the base's weight map leaves out."""
    return tuple(
        Diagnostic(
            "SC507",
            f"`base.weights.map` leaves out `{name}`, which is kept and will be initialised",
            ("base", "weights", "map"),
            at_key=True,
            help=f"add `{name}: GROUP`, or take the layer out",
        )
        for name in unmapped
        if name in graph.layers and not graph.layers[name].is_new
    )
