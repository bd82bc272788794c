"""The public functions, readable as a table of contents.

Source -> Spec         spec/                     what the user wrote, every mistake in it located
Spec   -> Plan         planning                  base, edits, shapes: the one way, whether Keras answers or the memory
Plan   -> keras.Model  backend/models/writer     fresh layers, shapes proven, still without weights
weights                backend/weights/transfer  kept ones copied, new ones initialised, all in the ledger
proof                  backend/weights/proof     where it is asked for: base and result, layer by layer
the result             result                    what the caller gets: model, plan, ledger, pictures

Files of strangers go through gates on the way: `spec/permissions` (what a spec may do), `files/folder` (where its names
lead), `reading/` (zip, HDF5, JSON), `backend/models/allowed_configs` (what a saved model may name). `files/whole`
writes what comes out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from spec_compiler.collection import uncollected
from spec_compiler.diagnostics import Diagnostic, Diagnostics, SpecError
from spec_compiler.diagnostics.near import sparing
from spec_compiler.memory.answers import Memory
from spec_compiler.plan import Plan
from spec_compiler.plan.warnings import lint
from spec_compiler.planning import inner_warnings, planned
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.others import Reached, Tier, inside
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.training.schedules import schedule_warnings

if TYPE_CHECKING:
    from spec_compiler.backend.answers import Keras
    from spec_compiler.backend.unfilled import Unfilled
    from spec_compiler.locking.held import Held, Locked
    from spec_compiler.result import CompiledSpec


def _display(plan: Plan) -> dict[str, str]:
    from spec_compiler.diagram.notebook import mimebundle  # who plans on the command line sees no notebook

    return mimebundle(plan)


Plan.display = _display
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
    policy: PolicyLike | None = None,
    locked: Locked = False,
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a spec and can be known without building: fields, names, topology, shapes, files.

    Errors, or warnings where there are none. Empty when all is well; never raises for a mistake in the spec. What else
    it takes, `compile_spec` says.

    Args:
        static: whether only what needs no Keras is checked.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    found = checked(spec, allowed, base=base, static=static, overrides=overrides, policy=policy, locked=locked)
    return found.diagnostics


@uncollected()
@sparing()
def checked(
    spec: SpecLike,
    allowed: Permissions,
    *,
    base: Any = None,
    static: bool = False,
    overrides: Iterable[str] = (),
    policy: PolicyLike | None = None,
    file: str | None = None,
    locked: Locked = False,
    memory: Memory | None = None,
    look: bool = True,
    told: Callable[[Plan], object] | None = None,
) -> Checked:
    """As `check_spec`, with how far it came: an error ends a check at the tier that it is in.

    `file` names a text; `memory` answers a static check. Without `look` no file that the spec names is looked for:
    there is no place where it could be. `told` is given the plan of a spec without errors.
    """
    reached = Reached()
    try:
        loaded = load_spec(spec, overrides=overrides, file=file, allowed=allowed, policy=policy)
        if look:
            missing_files(loaded)
        lock = _held(loaded, locked, allowed)
        if lock is not None:
            lock.inputs(data=True)
        around = inside(loaded, reached)
        of_files: tuple[Diagnostic, ...] = ()
        if static:
            result = planned(loaded, memory or Memory(), allowed, around)
            plan, reached.tier = result.plan, result.tier
        else:
            try:
                keras = keras_itself(base, allowed)
            except SpecError:
                planned(loaded, Memory(), allowed, around)  # what is wrong with the spec can be said without a Keras
                raise
            unfilled = keras.unfilled(loaded, around)
            plan, reached.tier = unfilled.plan, unfilled.tier
            of_files = keras.file_warnings(unfilled)
            unfilled.check_objects()
        if lock is not None and plan is not None:
            lock.result(plan)
        found = (*inner_warnings(around), *lint(loaded, plan), *of_files)
        tier, reached.tier = reached.tier, "files"
        if loaded.data is not None and look:
            # NumPy, which this imports, takes as long to load as many a check in all
            from spec_compiler.training.sources import check_data, num_batches

            source = check_data(loaded, plan.after if plan is not None else None)
            found = (*found, *schedule_warnings(loaded, num_batches(loaded, source)))
        if told is not None and plan is not None:
            told(plan)
        return Checked(tier, Diagnostics(loaded.source.locate(each) for each in found))
    except SpecError as error:
        return Checked(reached.tier, error.diagnostics)


@uncollected()
def plan_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    locked: Locked = False,
) -> Plan:
    """What a spec would change. Reads no weights, and does without Keras what Keras was asked before.

    Raises:
        SpecError: the spec is at fault.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    missing_files(loaded, weights=False)
    lock = _held(loaded, locked, allowed)
    if lock is not None:
        lock.inputs()
    known = planned(loaded, Memory(), allowed).plan if base is None else None
    plan = known or keras_itself(base, allowed).unfilled(loaded).plan
    if lock is not None:
        lock.result(plan)
    return plan


@uncollected()
def compile_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    prove: bool = False,
    probe: str | os.PathLike[str] | None = None,
    force: bool = False,
    locked: Locked = False,
) -> CompiledSpec:
    """The edited model with its weights, its plan and its ledger; compiled where the spec says `compile` alone.

    Args:
        spec: a path, a YAML text with a line break, a plain dict, or a `Spec`.
        base: a `keras.Model` to start from, in place of the spec's own `base`; it is not touched.
        overrides: texts such as `base.weights=null`, or one such text, applied to the spec first.
        allow_code: whether the spec may run code: `python:` bases, `Lambda` layers.
        restrict_paths: whether files that the spec names must lie in its folder.
        policy: a file, YAML text or dict with an `expect` of its own, which the result must keep beside the spec's.
        prove: whether base and result are run side by side, every kept layer compared bit for bit, and what is
            promised of adapted weights tried; the ledger's `proof` then says what was compared with what. Holds the
            base in memory as well.
        probe: a folder with images to prove it on, in place of seeded inputs.
        force: whether a model is made though its plan needs more memory than is left.
        locked: whether the spec is held to the lock beside it, to that in a file, or to one that was read: SC517 says
            each thing that differs, before any weight is read.

    Raises:
        SpecError: the spec is at fault; SC513 where a kept layer computes something else than in the base, SC515 where
            adapted weights break their promise.

    Example:
        >>> compiled = compile_spec({"spec": 1, "cut_at": "hidden"}, base=model)  # doctest: +SKIP
        >>> compiled.model.output_shape  # doctest: +SKIP
        (None, 8)
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    missing_files(loaded)
    lock = _held(loaded, locked, allowed)
    if lock is not None:
        lock.inputs()

    keras, around = keras_itself(base, allowed), inside(loaded)
    unfilled = keras.unfilled(loaded, around)
    if lock is not None:
        lock.result(unfilled.plan)
    probe = os.fspath(probe) if probe is not None else None
    return filled(unfilled, lock, prove=prove, probe=probe, force=force).with_warnings(
        (*inner_warnings(around), *keras.file_warnings(unfilled))
    )


def filled(
    unfilled: Unfilled, lock: Held | None, *, prove: bool = False, probe: str | None = None, force: bool = False
) -> CompiledSpec:
    """What a spec makes that Keras has built without its weights, given them; as `compile_spec`.

    Raises:
        SpecError: as `compile_spec`.
    """
    # A check needs neither, and is to start soon.
    from spec_compiler.plan.memory_needed import check_memory
    from spec_compiler.result import CompiledSpec

    if lock is not None:
        unfilled.find_weights()
        lock.downloads()
    if not force:
        with unfilled.spec.source.locating():
            check_memory(unfilled.plan.after)
    to_compile = unfilled.compile_arguments()
    ledger = unfilled.fill()
    if lock is not None:
        lock.downloads()  # of specs that it starts from, whose weights are looked for just now
    if to_compile is not None:
        unfilled.compile(to_compile)
    if prove or probe is not None:
        ledger = replace(ledger, proof=unfilled.proof(ledger, probe))
    return CompiledSpec(unfilled.built.model, unfilled.spec, unfilled.plan, ledger)


def keras_itself(base: Any, allowed: Permissions) -> Keras:
    """Keras itself, which is loaded now.

    Raises:
        SpecError: SC522 it is not installed.
    """
    # Until here nothing has imported it: what can be said without Keras, 3 to 7 seconds to load, is said at once.
    if "keras" not in sys.modules:
        import logging  # where Keras is loaded its time does not show, in a static check it does

        logging.getLogger("spec_compiler").info("starting Keras")
    from spec_compiler.backend.startup import start  # the only module of `backend` that imports no Keras itself

    start()
    from spec_compiler.backend.answers import Keras  # imports Keras

    return Keras(base, allowed)


def _held(spec: Spec, locked: Locked, allowed: Permissions) -> Held | None:
    """As `held`, which one who asks for no lock does not load."""
    if locked is False:
        return None
    from spec_compiler.locking.held import held  # nobody else needs its room

    return held(spec, locked, allowed)
