"""A build by what the memory knows, while Keras is not even loaded."""

from __future__ import annotations

from functools import partial

from spec_compiler.building.built_file import Beside, BuiltFile
from spec_compiler.files.parts import MAX_SHARD_SIZE
from spec_compiler.locking.held import Held
from spec_compiler.memory.answers import Memory
from spec_compiler.memory.bases import keras_version
from spec_compiler.plan.memory_needed import check_first_values
from spec_compiler.planning import inner_warnings, planned
from spec_compiler.spec import Spec
from spec_compiler.spec.others import inside
from spec_compiler.spec.permissions import Permissions


def without_keras(
    spec: Spec,
    path: str,
    allowed: Permissions,
    lock: Held | None,
    beside: Beside,
    *,
    force: bool = False,
    max_shard_size: float = MAX_SHARD_SIZE,
) -> BuiltFile | None:
    """Builds a spec into a file; None where Keras is needed, and then nothing is in it that anybody may use.

    Raises:
        SpecError: the spec or a file is at fault, SC517; SC114 where first values do not fit, unless `force`.
        OSError: the file cannot be written.
    """
    around = inside(spec)
    result = planned(spec, Memory(), allowed, around)
    plan = result.plan
    if plan is None or result.base is None or plan.compilation is not None:
        return None
    if lock is not None:
        lock.result(plan)
    if not force:
        with spec.source.locating():
            check_first_values(plan.after)
    # NumPy and HDF5 take longer to load than many a plan
    from spec_compiler.weights.initials import Unknown, initial
    from spec_compiler.weights.known import is_trap, known_source
    from spec_compiler.weights.plain_results import NotStreamed, check_streamed
    from spec_compiler.weights.streamed import write_streamed
    from spec_compiler.weights.unmapped import unmapped_warnings

    try:
        check_streamed(plan.after)
        with spec.source.locating():
            source = known_source(spec, result.base.graph, plan.after)
            if source is None or is_trap(spec):
                return None
            drawn, members = partial(initial, spec.seed), partial(beside, plan)
            ledger = write_streamed(
                path, result.base.graph, plan.after, source, drawn, keras_version(), members, max_shard_size
            )
            unmapped = unmapped_warnings(source.unmapped, spec, plan.after)
    except (NotStreamed, Unknown):
        return None
    warnings = (*inner_warnings(around), *(spec.source.locate(each) for each in unmapped))
    return BuiltFile(spec, plan, ledger, warnings)
