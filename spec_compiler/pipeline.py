"""What `check`, `plan` and `compile` do once Keras is needed, readable as a table of contents.

base   -> Graph         backend/bases    the model it starts from, without its weights
Graph  -> Graph         editing          the sections in their fixed order, each result checked
Graph  -> keras.Model   backend/writer   fresh layers, shapes proven, still without weights
weights                 backend/weights  kept ones copied, new ones initialised, all in the ledger
proof                   backend/proof    where it is asked for: base and result, layer by layer
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from spec_compiler.backend.bases import LoadedBase, from_built, load
from spec_compiler.backend.rebuilding import Originals
from spec_compiler.backend.sources import WeightSource
from spec_compiler.backend.weights import transfer
from spec_compiler.backend.writer import Built, build
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, dotted
from spec_compiler.editing import apply_edits, opened_for, size_of
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.known_calls import learn
from spec_compiler.ledger import WeightLedger
from spec_compiler.memory import enough_memory
from spec_compiler.mending import mended
from spec_compiler.other_specs import Inside, followed, inside
from spec_compiler.permissions import Permissions
from spec_compiler.plan import Plan
from spec_compiler.proof import Proof
from spec_compiler.spec import Spec
from spec_compiler.training.check import check_training, planned_phases
from spec_compiler.warnings import lint

log = logging.getLogger("spec_compiler")


@dataclass(frozen=True)
class Planned:
    """Everything but the weights."""

    spec: Spec
    base: LoadedBase
    built: Built
    plan: Plan
    around: Inside = field(default_factory=Inside)

    def fill(self) -> WeightLedger:
        """Gives the built model its weights.

        Raises:
            SpecError: SC501 to SC508, a weights file that is not there or does not fit, SC114; located.
        """
        log.info("copying weights")
        with self.spec.source.locating(), self._of_the_base(), enough_memory(self.plan.after):
            return transfer(self.base.graph, self.built, self.source)

    @cached_property
    def source(self) -> WeightSource:
        """Where the base's weights are: looked for once, as that may download a file or fill another model."""
        return self.base.weights(self.built.graph)

    def proof(self, ledger: WeightLedger, folder: str | None = None) -> Proof:
        """Runs base and result, filled as `ledger` says, side by side; on the images in `folder`, or on seeded inputs.

        Raises:
            SpecError: SC513 a kept layer computes something else; SC501, SC603, SC604, SC609; located.
        """
        from spec_compiler.backend.proof import prove  # only where it is asked for

        log.info("proving")
        with self.spec.source.locating(), self._of_the_base():
            return prove(self.plan.before, self.built, self.base.references, folder, ledger.without_weights)

    @contextlib.contextmanager
    def _of_the_base(self) -> Iterator[None]:
        """Places at the base what no other place of the spec caused."""
        try:
            yield
        except SpecError as error:
            base: Path = next(((key,) for key in ("base", "bases") if getattr(self.spec, key) is not None), ())
            raise SpecError(replace(each, path=each.path or base) for each in error.diagnostics) from None


def planned(spec: Spec, model: Any, allowed: Permissions, around: Inside | None = None) -> Planned:
    """A spec followed to the skeleton of its result. `around` are the spec files that are being followed around it.

    Raises:
        SpecError: the first section that does not fit, or all layers that do not; located.
    """
    around = inside(spec) if around is None else around
    with spec.source.locating():
        log.info("reading the base")
        base = load(spec, model, lambda path, folder: _other(path, folder, allowed, around), allowed.code)
        log.info("applying the edits")
        before = opened_for(spec, base.graph)

        def edited(spec: Spec) -> tuple[Graph, Built]:
            size = size_of(spec)
            graph = apply_edits(spec, before, base.resized(size) if size is not None else None)
            return graph, build(graph, before, seed=spec.seed, custom=base.custom, folder=spec.source.folder)

        try:
            graph, built = edited(spec)
        except SpecError as error:
            raise mended(error, spec, edited) from None
        if base.key is not None:
            learn(graph, before, built.graph, base.key)
        check_training(spec, built.graph)
    plan = Plan(built.graph.name, before, built.graph, planned_phases(spec, built.graph))
    return Planned(spec, base, built, plan, around)


def file_warnings(planned: Planned) -> tuple[Diagnostic, ...]:
    """What is legal in the base's weights but worth saying: SC507 for layers that a weight map leaves out, SC511.

    Raises:
        SpecError: SC501 to SC508; located.
    """
    others = (found for each in planned.around.results(_Other) for found in _file_warnings(each.planned))
    return (*others, *_file_warnings(planned))


def _file_warnings(planned: Planned) -> tuple[Diagnostic, ...]:
    if planned.base.is_remote:
        return ()
    with planned.spec.source.locating():
        found = unmapped_warnings(planned.source.unmapped, planned.spec, planned.plan.after)
        return tuple(planned.spec.source.locate(each) for each in (*found, *planned.base.traps()))


def inner_warnings(planned: Planned) -> tuple[Diagnostic, ...]:
    """The warnings of the specs that this one starts from, each in its own file."""
    return tuple(
        each.planned.spec.source.locate(found)
        for each in planned.around.results(_Other)
        for found in lint(each.planned.spec, each.planned.plan)
    )


class _Other(NamedTuple):
    planned: Planned
    base: LoadedBase


def _other(path: str, folder: Folder, allowed: Permissions, around: Inside) -> LoadedBase:
    """The result of another spec as a base.

    Raises:
        SpecError: the other spec's own mistakes, located in its file; SC304 where specs go round in a circle.
    """

    def made(spec: Spec, around: Inside) -> _Other:
        result = planned(spec, None, allowed, around)
        return _Other(result, from_built(result.built, result.base, functools.cache(result.fill)))

    before = set(around.made)
    found = followed(path, folder, allowed, around, made)
    if os.path.abspath(path) not in before:
        return found.base
    if found.base.custom.originals.are_needed:  # two bases must not share what a layer is made from
        return made(found.planned.spec, found.planned.around).base
    return replace(found.base, custom=replace(found.base.custom, originals=Originals()))


def unmapped_warnings(unmapped: Iterable[str], spec: Spec, graph: Graph) -> tuple[Diagnostic, ...]:
    """SC507 for each layer that the result keeps and the base's weight map leaves out; of an opened model all at once.

    `unmapped` are names of the base, as `bases` prefixes them.
    """
    places = (place for layer in graph.layers.values() if not layer.is_new for place in layer.all_places())
    kept = {place[0] for place in places if place is not None}
    found = []
    for name in unmapped:
        if name not in kept:
            continue
        prefix, _, layer = name.partition("/") if spec.bases is not None else ("", "", name)
        path: Path = ("bases", prefix, "weights", "map") if spec.bases is not None else ("base", "weights", "map")
        message = f"`{dotted(path)}` leaves out `{layer}`, which is kept and will be initialised"
        help = f"add `{layer}: GROUP`, or take the layer out"
        found.append(Diagnostic("SC507", message, path, at_key=True, help=help))
    return tuple(found)
