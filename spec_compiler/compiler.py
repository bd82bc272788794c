"""The pipeline, readable as a table of contents.

Source -> Spec          spec.py        what the user wrote, every mistake in it located
base   -> Graph         backend/bases  the model it starts from, without its weights
Graph  -> Graph         edits/         the sections in their fixed order, each result checked
Graph  -> keras.Model   backend/writer fresh layers, shapes proven, still without weights
weights                 backend/weights  kept ones copied, new ones initialised, all in the ledger
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spec_compiler.cache import base_key, recall
from spec_compiler.check import check_graph, check_used
from spec_compiler.collection import uncollected
from spec_compiler.diagnostics import Diagnostic, SpecError, dotted
from spec_compiler.graph import Graph
from spec_compiler.ledger import WeightLedger
from spec_compiler.lint import lint, unused_variables
from spec_compiler.mending import mended
from spec_compiler.opening import opened
from spec_compiler.permissions import Permissions
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec, load_spec
from spec_compiler.training.check import check_training

if TYPE_CHECKING:
    from spec_compiler.backend.bases import LoadedBase
    from spec_compiler.backend.writer import Built

log = logging.getLogger("spec_compiler")

SpecLike = str | os.PathLike[str] | Mapping[str, Any] | Spec


@dataclass(frozen=True)
class CompiledSpec:
    """The result of a spec: the model, and everything that says how it came about.

    Attributes:
        model: a fresh `keras.Model`; it shares no layer with the base. Not compiled in Keras's sense.
        spec: what the user wrote.
        plan: what changed.
        weights: what became of every variable.
    """

    model: Any
    spec: Spec
    plan: Plan
    weights: WeightLedger

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is legal in the spec and its base but worth saying."""
        return tuple(self.spec.source.locate(each) for each in warnings_of(self.spec, self.plan))

    def diagram(self, view: str = "side-by-side") -> str:
        """The change as DOT text; `view` is one of `before`, `after`, `side-by-side` and `diff`."""
        from spec_compiler.diagram import to_dot

        return to_dot(self.plan, view)

    def report(self) -> str:
        """The report as an HTML page that needs nothing else: picture, spec, tables, and the ledger's checksums."""
        from spec_compiler.diagram import to_html

        return to_html(self.plan, source=self.spec.source, ledger=self.weights)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the `diff` as SVG and as text, and the ledger's totals."""
        from spec_compiler.diagram.notebook import mimebundle

        return mimebundle(self.plan, note=self.weights.summary)


@uncollected()
def check_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    static: bool = False,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a spec and can be known without building: fields, names, topology, shapes, files.

    Errors, or warnings where there are none. With `static` only what needs no Keras. Empty when all is well; never
    raises for a mistake in the spec. What else it takes, `compile_spec` says.
    """
    try:
        allowed = Permissions(allow_code, not restrict_paths)
        loaded = load_spec(spec, overrides=overrides, allowed=allowed)
        if static:
            check_remembered(loaded)
            return tuple(loaded.source.locate(each) for each in unused_variables(loaded))
        planned = _plan(loaded, base, allowed, _here(loaded))
        warnings = warnings_of(loaded, planned.plan)
        if not planned.base.is_remote:
            with _located(loaded):
                source = planned.base.weights(planned.built.graph)
            warnings += unmapped_warnings(source.unmapped, planned.plan.after)
        return tuple(loaded.source.locate(each) for each in warnings)
    except SpecError as error:
        return error.diagnostics


@uncollected()
def plan_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
) -> Plan:
    """What a spec would change. Reads no weights.

    Raises:
        SpecError: the spec is at fault.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed)
    return _plan(loaded, base, allowed, _here(loaded)).plan


@uncollected()
def compile_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
) -> CompiledSpec:
    """The edited model with its weights, its plan and its ledger.

    Args:
        spec: a path, a YAML text with a line break, a plain dict, or a `Spec`.
        base: a `keras.Model` to start from, in place of the spec's own `base`; it is not touched.
        overrides: texts such as `base.weights=null`, applied to the spec first.
        allow_code: whether the spec may run code: `python:` bases, `Lambda` layers.
        restrict_paths: whether files that the spec names must lie in its folder.

    Raises:
        SpecError: the spec is at fault.

    Example:
        >>> compiled = compile_spec({"spec": 1, "cut_at": "hidden"}, base=model)  # doctest: +SKIP
        >>> compiled.model.output_shape  # doctest: +SKIP
        (None, 8)
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed)
    planned = _plan(loaded, base, allowed, _here(loaded))
    from spec_compiler.backend.weights import transfer

    log.info("copying weights")
    with _located(loaded):
        source = planned.base.weights(planned.built.graph)
        ledger = transfer(planned.base.graph, planned.built, source)
    return CompiledSpec(planned.built.model, loaded, planned.plan, ledger)


def warnings_of(spec: Spec, plan: Plan) -> tuple[Diagnostic, ...]:
    """What is legal but worth saying, SC509 for layers that a file can hold only as code among it."""
    return (
        *plan.after.warnings,
        *lint(spec, plan),
        *(
            Diagnostic(
                "SC509",
                f"`{layer.name}` is a Lambda layer: a saved file carries its code, and loading it asks for trust",
                layer.origin.path or ("base" if spec.base is not None else "bases",),
                help="load it with `keras.models.load_model(file, safe_mode=False)`, or replace it by a named layer",
            )
            for layer in plan.after.layers.values()
            if layer.class_name == "Lambda"
        ),
    )


def check_remembered(spec: Spec) -> bool:
    """Checks names and topology without Keras, where the base's graph was read before; says whether it was.

    Raises:
        SpecError: the first section that does not fit.
    """
    if spec.base is None:
        return False
    graph = recall(base_key(spec.base, spec.source.folder))
    if graph is None:
        return False
    with _located(spec):
        apply_edits(spec, opened(graph, spec.texts()))
    return True


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


def _shown(path: str) -> str:
    """A path as messages say it: from the folder that the caller is in, if it is below that."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _here(spec: Spec) -> tuple[str, ...]:
    return (os.path.realpath(spec.source.file),) if spec.source.file else ()


def apply_edits(spec: Spec, graph: Graph) -> Graph:
    """The base's graph after every section of the spec, in their fixed order.

    Raises:
        SpecError: the first section that does not fit, with its path in the spec.
    """
    check_graph(graph, "the base")
    for path, edit in spec.edits():
        try:
            graph = edit.apply(graph, path)
        except SpecError as error:
            raise error.under(*path) from None
        check_graph(graph, dotted(path))
    return check_used(graph)


@dataclass(frozen=True)
class _Planned:
    base: LoadedBase
    built: Built
    plan: Plan


def _plan(spec: Spec, model: Any, allowed: Permissions, inside: tuple[str, ...] = ()) -> _Planned:
    """Everything but the weights. `inside` are the spec files that are being compiled around this one."""
    log.info("starting Keras")
    from spec_compiler.backend.startup import start

    start()
    from spec_compiler.backend.bases import load
    from spec_compiler.backend.writer import build

    with _located(spec):
        log.info("reading the base")
        base = load(spec, model, lambda path: _other(path, allowed, inside))
        log.info("applying the edits")
        before = opened(base.graph, spec.texts())

        def edited(spec: Spec) -> Built:
            graph = replace(apply_edits(spec, before), name=spec.name or before.name)
            return build(graph, before, seed=spec.seed, custom=base.custom)

        try:
            built = edited(spec)
        except SpecError as error:
            raise mended(error, spec, edited) from None
        check_training(spec, built.graph)
    return _Planned(base, built, Plan(built.graph.name, before, built.graph))


def _other(path: str, allowed: Permissions, inside: tuple[str, ...]) -> LoadedBase:
    """The result of another spec as a base.

    Raises:
        SpecError: the other spec's own mistakes, located in its file; SC304 where specs go round in a circle.
    """
    from spec_compiler.backend.bases import from_built
    from spec_compiler.backend.weights import transfer

    here = os.path.realpath(path)
    if here in inside:
        chain = " → ".join(os.path.basename(each) for each in (*inside, here))
        help = "let one of them start from an `application` or a `file`"
        raise SpecError.single("SC304", f"specs that are each other's base: {chain}", path=("spec",), help=help)
    spec = load_spec(_shown(path), allowed=allowed)
    planned = _plan(spec, None, allowed, (*inside, here))

    def fill() -> None:
        with _located(spec):
            transfer(planned.base.graph, planned.built, planned.base.weights(planned.built.graph))

    return from_built(planned.built, planned.base, fill)


class _located:
    """Gives the errors raised inside their places in the spec's text."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, SpecError):
            raise self.spec.source.located(error) from None
