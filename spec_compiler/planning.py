"""The one way from a spec to its plan, whoever answers: Keras (`backend/answers`), or what it said before (`Memory`).

base   -> Graph    Answers.base      the model that it starts from, without its weights; several are joined
Graph  -> Graph    opened_for        nested models that the spec reaches into, opened
files  -> lists    read_names        the names that `weights` says by files, as edits read nothing
Graph  -> Graph    apply_edits       the sections in their order, each result checked
Graph  -> shapes   Answers.shaped    every layer on what it takes; with Keras, a model without weights
shapes -> Plan     check_training    what the phases of training need
                   kept_promises     what `expect` and the policy promise, and then the plan
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.language.base import Base
from spec_compiler.plan import Plan
from spec_compiler.plan.editing import NotShaped, apply_edits, opened_for, size_of
from spec_compiler.plan.promises import check_named, kept_promises
from spec_compiler.plan.tried_fixes import mended
from spec_compiler.plan.warnings import lint
from spec_compiler.spec import Spec
from spec_compiler.spec.name_files import read_adapters, read_names
from spec_compiler.spec.others import Inside, Tier, followed, inside
from spec_compiler.spec.permissions import Permissions
from spec_compiler.training.check import check_sections, check_training, planned_phases
from spec_compiler.training.groups import planned_groups


class HasGraph(Protocol):
    """A base, or a result with every shape, as far as planning goes; who answers knows more of it."""

    @property
    def graph(self) -> Graph:
        """Its graph."""
        ...


BaseT = TypeVar("BaseT", bound=HasGraph)
ShapedT = TypeVar("ShapedT", bound=HasGraph)


@dataclass(frozen=True)
class Planned(Generic[BaseT, ShapedT]):
    """How far a spec was followed, and its plan where that was all the way to the shapes."""

    spec: Spec
    around: Inside
    tier: Tier
    base: BaseT | None = None
    shaped: ShapedT | None = None
    plan: Plan | None = None


class Answers(Protocol[BaseT, ShapedT]):
    """Who says what Keras says. None means that only Keras itself can tell; Keras never answers so."""

    def imported(self, spec: Spec) -> None:
        """Imports the modules that the spec names, before anything is made."""
        ...

    def passed(self, spec: Spec) -> BaseT | None:
        """The model that the caller passes in place of the spec's base; None where the spec is to be asked."""
        ...

    def base(self, base: Base, folder: Folder, path: Path) -> BaseT | None:
        """An application, a saved model or a function's result, at `path` in the spec; errors relative to that."""
        ...

    def result(self, planned: Planned[BaseT, ShapedT], path: Path) -> BaseT | None:
        """The result of another spec as the base at `path`."""
        ...

    def joined(self, bases: Mapping[str, BaseT]) -> BaseT | None:
        """Several bases as one."""
        ...

    def nested(self, base: BaseT, name: str | None) -> BaseT | None:
        """A base as the one layer of a model, called as the base is, or by its name among several."""
        ...

    def resized(self, base: BaseT, size: Shape) -> Graph | None:
        """What an application's constructor makes at another size; None where it makes nothing, or is not known."""
        ...

    def shaped(self, spec: Spec, graph: Graph, before: Graph, base: BaseT) -> ShapedT | None:
        """The edited graph with the shapes that Keras gives."""
        ...


def planned(
    spec: Spec, answers: Answers[BaseT, ShapedT], allowed: Permissions, around: Inside | None = None
) -> Planned[BaseT, ShapedT]:
    """A spec followed as far as the answers go. `around` are the spec files that are being followed around it.

    Raises:
        SpecError: the first section that does not fit, or all layers that do not; located.
    """
    around = inside(spec) if around is None else around
    reached = around.reached
    with spec.source.locating():
        reached.tier = "names"
        answers.imported(spec)
        base = _base(spec, answers, allowed, around)
        if base is None:
            check_sections(spec)
            return Planned(spec, around, "fields")
        before = opened_for(spec, base.graph)

        def edited(spec: Spec) -> ShapedT | None:
            reached.tier = "names"
            size = size_of(spec)
            resized = answers.resized(base, size) if size is not None else None

            def shapes(graph: Graph) -> Graph | None:
                shaped = answers.shaped(spec, graph, before, base)
                return shaped.graph if shaped is not None else None

            try:
                graph = apply_edits(spec, before, resized, read_names(spec), shapes, read_adapters(spec))
            except NotShaped:
                return None
            reached.tier = "shapes"
            shaped = answers.shaped(spec, graph, before, base)
            if shaped is None:
                reached.tier = "names"
                check_named(spec, graph)
            return shaped

        try:
            shaped = edited(spec)
        except SpecError as error:
            with reached.kept():  # while fixes are tried
                tried = mended(error, spec, edited)
            raise tried from None
        if shaped is None:
            check_sections(spec)
            return Planned(spec, around, "names", base)
        check_training(spec, shaped.graph)
        phases, promises = planned_phases(spec, shaped.graph), kept_promises(spec, shaped.graph)
        compilation = spec.compile if not spec.train else None
        groups = planned_groups(spec, shaped.graph, shaped.graph) if compilation is not None else ()
        plan = Plan(shaped.graph.name, before, shaped.graph, phases, promises, compilation, spec.sweep, groups)
    return Planned(spec, around, "shapes", base, shaped, plan)


def _base(spec: Spec, answers: Answers[BaseT, ShapedT], allowed: Permissions, around: Inside) -> BaseT | None:
    """The base of a spec, or its bases joined."""
    passed = answers.passed(spec)
    if passed is not None:
        return passed
    if spec.bases is None:
        return _single(spec.base, ("base",), spec, answers, allowed, around) if spec.base is not None else None
    bases: dict[str, BaseT] = {}
    for name, each in spec.bases.items():
        found = _single(each, ("bases", name), spec, answers, allowed, around)
        if found is None:  # Keras is to say what is wrong with the first that is, so no later one is looked at
            return None
        bases[name] = found
    return answers.joined(bases)


def _single(
    base: Base,
    path: Path,
    spec: Spec,
    answers: Answers[BaseT, ShapedT],
    allowed: Permissions,
    around: Inside,
) -> BaseT | None:
    """The base, which stays one layer where it says so."""
    folder = spec.source.folder

    def follow(other: Spec, further: Inside) -> Planned[BaseT, ShapedT]:
        return planned(other, answers, allowed, further)

    with under(*path):
        if base.spec is None:
            found = answers.base(base, folder, path)
        else:
            result = followed(base.spec, folder, allowed, around, follow)
            around.reached.tier = "names"
            found = answers.result(result, path)
        if found is None or not base.is_layer:
            return found
        return answers.nested(found, str(path[1]) if len(path) > 1 else None)


def inner_warnings(around: Inside) -> tuple[Diagnostic, ...]:
    """The warnings of the specs that were followed on the way, each in its own file."""
    return tuple(
        each.spec.source.locate(warning) for each in around.results() for warning in lint(each.spec, each.plan)
    )
