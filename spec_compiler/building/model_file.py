"""A spec built into a file, by the cheapest way that there is for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spec_compiler.building.built_file import Beside, BuiltFile
from spec_compiler.building.without_keras import without_keras
from spec_compiler.compiler import SpecLike, filled, keras_itself
from spec_compiler.diagnostics import SpecError
from spec_compiler.files.outputs import ledger_name, ready, together
from spec_compiler.files.parts import INDEX, MAX_SHARD_SIZE, parts_beside
from spec_compiler.locking.held import Locked, held
from spec_compiler.locking.provenance import MEMBER, provenance_of
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.memory_needed import check_first_values
from spec_compiler.planning import inner_warnings
from spec_compiler.reading.index import parts_of
from spec_compiler.reading.model import SAFETENSORS
from spec_compiler.reproducing.locking_specs import lock_now
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.others import inside
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike

SUFFIXES = (".keras", ".h5", INDEX, SAFETENSORS)
_STREAMED = (".keras", ".weights.h5", INDEX, SAFETENSORS)


def build_spec(
    spec: SpecLike,
    output: str | os.PathLike[str],
    *,
    ledger: str | os.PathLike[str] | None = None,
    adapters: str | os.PathLike[str] | None = None,
    max_shard_size: float | None = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    prove: bool = False,
    probe: str | os.PathLike[str] | None = None,
    force: bool = False,
    locked: Locked = False,
) -> BuiltFile:
    """Builds a spec into a model file without holding the model: the way for models that are larger than the memory.

    Weights that are kept go from file to file, in pieces; where nothing needs Keras, it is not started. The same spec
    makes the same bytes. What only Keras can save is compiled in memory, as `compile_spec` does it: layers with a
    vocabulary, LoRA, classes of one's own, `prove`.

    Args:
        spec: as `compile_spec` takes it, with a `base` of its own.
        output: the file: `.keras`, a whole model in the legacy format, `.h5`, or weights alone as `.weights.h5`,
            `.safetensors`, or in several files as `.weights.json`.
        ledger: where the ledger of the weights goes as JSON, beside `output` as `.ledger.json` if not said.
        adapters: also what LoRA holds, by itself, to this `.npz` file.
        max_shard_size: what each of several files has at most, in GB (2^30 bytes), 5 if not said.
        overrides: as those of `compile_spec`, like what follows but for `force`.
        force: whether files that are there are overwritten, and a model is made in memory though that may not suffice.
        locked: as that of `compile_spec`.

    Raises:
        SpecError: the spec is at fault; SC508 where a file cannot be written. Then none is.

    Example:
        >>> build_spec("birds.yaml", "birds.keras").weights.summary  # doctest: +SKIP
        'copied 22 of 26 variables, 14,675,968 parameters; initialized 2; dropped 4'
    """
    path = os.fspath(output)
    outputs = (path, os.fspath(ledger or ledger_name(path)), *([os.fspath(adapters)] if adapters else []))
    ready_all(outputs, force)
    check_shard_size(path, max_shard_size)
    allowed, said = Permissions(allow_code, not restrict_paths), tuple(overrides)
    changes = () if isinstance(spec, Spec) else said  # of one that is loaded they only say where the model comes from
    loaded = load_spec(spec, overrides=changes, allowed=allowed, policy=policy)
    check_outputs((*outputs, *parts_beside(path)), spec=loaded)
    missing_files(loaded)

    def beside(plan: Plan, weights: WeightLedger) -> Mapping[str, bytes]:
        lock = lock_now(loaded, plan, allowed, data=False, remembered=True)
        return {MEMBER: provenance_of(loaded, lock, ledger_content(weights), overrides=said)}

    with together(outputs, force, parts_of) as (for_model, for_ledger, *for_adapters):
        built = _written(
            loaded, for_model, allowed, locked, beside,
            prove=prove, probe=os.fspath(probe) if probe is not None else None, force=force,
            adapters=adapters is not None, max_shard_size=max_shard_size or MAX_SHARD_SIZE,
        )  # fmt: skip
        Path(for_ledger).write_bytes(ledger_content(built.weights))
        for each in for_adapters:
            Path(each).write_bytes(built.learned or b"")
    return built


def ready_all(outputs: Sequence[str], force: bool) -> None:
    """Checks, before any work, that the files of a build may be written: the model's, the ledger's, the adapters'.

    Raises:
        SpecError: SC508.
    """
    for each, suffixes in zip(outputs, (SUFFIXES, (".json",), (".npz",)), strict=False):
        ready(each, force, suffixes)


def check_shard_size(output: str, size: float | None) -> None:
    """Checks that a size of files is one, and said of a model that goes into several.

    Raises:
        SpecError: SC508.
    """
    if size is None:
        return
    if not size > 0:
        raise SpecError.single("SC508", f"files of {size:g} GB hold nothing", help="`--max-shard-size 5`, for example")
    if not output.endswith(INDEX):
        start = output.removesuffix(".weights.h5").removesuffix(".keras").removesuffix(".h5")
        message = f"`{output}` is one file, and `--max-shard-size` is for several"
        raise SpecError.single("SC508", message, help=f"name the index of several: `{start}{INDEX}`")


def ledger_content(ledger: WeightLedger) -> bytes:
    """What the file of a ledger holds."""
    return (json.dumps(ledger.to_json(), indent=1) + "\n").encode()


def _written(
    spec: Spec,
    path: str,
    allowed: Permissions,
    locked: Locked,
    beside: Beside,
    *,
    prove: bool,
    probe: str | None,
    force: bool,
    adapters: bool,
    max_shard_size: float,
) -> BuiltFile:
    """Builds a spec into the file at a path, which is there for it alone."""
    lock = held(spec, locked, allowed)
    if lock is not None:
        lock.inputs()
    is_streamed = path.endswith(_STREAMED) and not (prove or probe or adapters)
    if is_streamed:
        built = without_keras(spec, path, allowed, lock, beside, force=force, max_shard_size=max_shard_size)
        if built is not None:
            return built
    keras, around = keras_itself(None, allowed), inside(spec)
    unfilled = keras.unfilled(spec, around)
    plan = unfilled.plan
    if lock is not None:
        lock.result(plan)
        unfilled.find_weights()
        lock.downloads()
    warnings = (*inner_warnings(around), *keras.file_warnings(unfilled))
    if is_streamed and not force:
        with spec.source.locating():
            check_first_values(plan.after)
    ledger = None
    if is_streamed:
        ledger = unfilled.streamed(path, lambda ledger: beside(plan, ledger), max_shard_size)
    if ledger is not None:
        if lock is not None:
            lock.downloads()  # of specs that it starts from, whose weights were looked for just now
        return BuiltFile(spec, plan, ledger, warnings)
    compiled = filled(unfilled, lock, prove=prove, probe=probe, force=force)
    from spec_compiler.backend.models.saving import save  # imports Keras, which runs by now

    learned = _adapters_of(compiled.model) if adapters else None
    save(compiled.model, path, beside(plan, compiled.weights), max_shard_size)
    return BuiltFile(spec, plan, compiled.weights, warnings, learned)


def _adapters_of(model: Any) -> bytes:
    from spec_compiler.backend.weights.lora_files import content, trainable_names  # imports Keras

    return content(model, trainable_names(model))
