"""The public functions. What needs no Keras is in `static`, the rest in `pipeline`, which is loaded when it is needed.

Source -> Spec         spec                        what the user wrote, every mistake in it located
base   -> Graph        known_bases, backend/bases  the model it starts from, without its weights
Graph  -> Graph        editing, edits/             the sections in their fixed order, each result checked
Graph  -> shapes       known_calls                 what Keras said of the same calls before
Graph  -> keras.Model  backend/writer              fresh layers, shapes proven, still without weights
weights                backend/weights             kept ones copied, new ones initialised, all in the ledger
proof                  backend/proof               where it is asked for: base and result, layer by layer
the result             compiled                    what the caller gets: model, plan, ledger, pictures

Files of strangers go through gates on the way: `permissions` (what a spec may do), `files` (where its names lead),
`reading/` (zip, HDF5, JSON), `backend/allowed_configs` (what a saved model may name). `whole` writes what comes out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from spec_compiler.collection import uncollected
from spec_compiler.diagnostics import Diagnostic, Diagnostics, SpecError
from spec_compiler.location import missing_files
from spec_compiler.memory import check_memory
from spec_compiler.near import sparing
from spec_compiler.other_specs import inside
from spec_compiler.permissions import Permissions
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec, load_spec
from spec_compiler.static import Tier, inner_warnings, static_plan
from spec_compiler.training.sources import check_data
from spec_compiler.warnings import lint

if TYPE_CHECKING:
    from spec_compiler.compiled import CompiledSpec

SpecLike = str | os.PathLike[str] | Mapping[str, Any] | Spec


class Checked(NamedTuple):
    """How far a spec was checked, and what was found: errors, or warnings where there are none."""

    tier: Tier
    diagnostics: tuple[Diagnostic, ...]


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
    allowed = Permissions(allow_code, not restrict_paths)
    return checked(spec, allowed, base=base, static=static, overrides=overrides).diagnostics


@uncollected()
@sparing()
def checked(
    spec: SpecLike, allowed: Permissions, *, base: Any = None, static: bool = False, overrides: Iterable[str] = ()
) -> Checked:
    """As `check_spec`, with how far it came: an error ends a check at the tier that it is in."""
    tier: Tier = "fields"
    try:
        loaded = load_spec(spec, overrides=overrides, allowed=allowed)
        missing_files(loaded)
        if static:
            around = inside(loaded)
            tier, plan = static_plan(loaded, allowed, around) if base is None else (tier, None)
            check_data(loaded, plan.after if plan is not None else None)
            found = (*inner_warnings(around), *lint(loaded, plan))
        else:
            _start()
            from spec_compiler import pipeline
            from spec_compiler.backend.training_check import check_objects

            planned = pipeline.planned(loaded, base, allowed)
            tier = "shapes" if planned.base.is_remote else "files"
            found = (*pipeline.inner_warnings(planned), *lint(loaded, planned.plan), *pipeline.file_warnings(planned))
            with loaded.source.locating():
                check_objects(loaded, planned.plan.after)
            check_data(loaded, planned.plan.after)
        return Checked(tier, Diagnostics(loaded.source.locate(each) for each in found))
    except SpecError as error:
        code = error.diagnostics[0].code
        return Checked(_TIER_OF.get(code, _TIER_OF.get(code[:3], tier)), error.diagnostics)


_TIER_OF: Mapping[str, Tier] = {
    "SC2": "names",
    "SC3": "names",
    "SC4": "shapes",
    "SC6": "shapes",
    "SC602": "files",
    "SC603": "files",
    "SC606": "files",
}


@uncollected()
def plan_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
) -> Plan:
    """What a spec would change. Reads no weights, and does without Keras what Keras was asked before.

    Raises:
        SpecError: the spec is at fault.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed)
    missing_files(loaded, weights=False)
    if base is None and "keras" not in sys.modules:  # a Keras that is loaded may have other settings than the files say
        _, plan = static_plan(loaded, allowed)
        if plan is not None:
            return plan
    _start()
    from spec_compiler.pipeline import planned

    return planned(loaded, base, allowed).plan


@uncollected()
def compile_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    prove: bool = False,
    probe: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> CompiledSpec:
    """The edited model with its weights, its plan and its ledger.

    Args:
        spec: a path, a YAML text with a line break, a plain dict, or a `Spec`.
        base: a `keras.Model` to start from, in place of the spec's own `base`; it is not touched.
        overrides: texts such as `base.weights=null`, or one such text, applied to the spec first.
        allow_code: whether the spec may run code: `python:` bases, `Lambda` layers.
        restrict_paths: whether files that the spec names must lie in its folder.
        prove: whether base and result are run side by side, every kept layer compared bit for bit; the ledger's
            `proof` then says what was compared with what. Holds the base in memory as well.
        probe: a folder with images to prove it on, in place of seeded inputs.
        force: whether a model is made though its plan needs more memory than is left.

    Raises:
        SpecError: the spec is at fault; SC513 where a kept layer computes something else than in the base.

    Example:
        >>> compiled = compile_spec({"spec": 1, "cut_at": "hidden"}, base=model)  # doctest: +SKIP
        >>> compiled.model.output_shape  # doctest: +SKIP
        (None, 8)
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed)
    missing_files(loaded)
    _start()
    from spec_compiler import pipeline
    from spec_compiler.compiled import CompiledSpec

    result = pipeline.planned(loaded, base, allowed)
    if not force:
        with loaded.source.locating():
            check_memory(result.plan.after)
    ledger = result.fill()
    if prove or probe is not None:
        ledger = replace(ledger, proof=result.proof(ledger, os.fspath(probe) if probe is not None else None))
    warnings = (*pipeline.inner_warnings(result), *pipeline.file_warnings(result))
    return CompiledSpec(result.built.model, loaded, result.plan, ledger, warnings)


def _start() -> None:
    """Loads Keras. Until here nothing has, and `pipeline` must not be imported before."""
    if "keras" not in sys.modules:
        import logging  # where Keras is loaded its time does not show, in a static check it does

        logging.getLogger("spec_compiler").info("starting Keras")
    from spec_compiler.backend.startup import start

    start()
