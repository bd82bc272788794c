"""The training pipeline, readable as a table of contents.

Spec   -> Source        training/sources            which images, rows or arrays there are, in which classes
Spec   -> CompiledSpec  compiler                    the edited model with its weights
both   -> LoadedData    backend/training/data       batches that fit the model, every image proven readable
       -> History       backend/training/fitting    the phases, each Keras's own compile and fit
       -> files         backend/training/run_files  curves, history, models, summary
       -> Evaluation    evaluation                  what the kept model says of what tests it
the result             result                      what the caller gets: model, history, folder, evaluation
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from spec_compiler.compiler import SpecLike, compile_spec
from spec_compiler.diagnostics import Diagnostics, SpecError
from spec_compiler.files.run_folder import EVALUATION, check_run_folder, files_of_a_run
from spec_compiler.graph.low_rank import parts_with_lora
from spec_compiler.locking import Locked, held
from spec_compiler.locking.provenance import MEMBER, provenance_of
from spec_compiler.plan.memory_needed import check_gradients
from spec_compiler.reproducing.locking_specs import lock_now
from spec_compiler.result import CompiledSpec, TrainedSpec
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.training.best import measure_of
from spec_compiler.training.groups import grouping
from spec_compiler.training.identity import identity
from spec_compiler.training.metric_promises import broken_metrics
from spec_compiler.training.phase_fit import fit_of_phase
from spec_compiler.training.schedules import schedule_warnings
from spec_compiler.training.sources import Source, check_data
from spec_compiler.training.unfreezing import stages_of_phase
from spec_compiler.training.watcher import Watcher

if TYPE_CHECKING:
    from spec_compiler.backend.training.job import Job
    from spec_compiler.backend.training.loaded import LoadedData
    from spec_compiler.backend.training.progress import Progress
    from spec_compiler.backend.training.strategies import Placement
    from spec_compiler.evaluation import Evaluation

log = logging.getLogger("spec_compiler")


def train_spec(
    spec: SpecLike,
    folder: str,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    resume: bool = False,
    force: bool = False,
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    locked: Locked = False,
    strategy: str | None = None,
    tensorboard: bool = True,
    evaluates: bool = True,
    watcher: Watcher | None = None,
) -> TrainedSpec:
    """Compiles a spec and trains the model through its phases; everything is written to a folder.

    Args:
        spec: as `compile_spec` takes it.
        folder: where history, curves, models and logs go; made if it is missing.
        base: a `keras.Model` to start from.
        overrides: texts such as `train[0].epochs=1`.
        resume: go on with the run in the folder, if there is one.
        force: begin anew where the folder holds a run, and try what needs more memory than is left.
        allow_code: whether the spec may run code: `module:function` in `data`, `python:` bases, `Lambda` layers.
        restrict_paths: refuse files outside of the spec's folder.
        policy: as `compile_spec` takes it; its metrics count as the spec's own.
        locked: as `compile_spec` takes it; the data is held to the lock as well.
        strategy: `mirrored` or `multi_worker_mirrored`.
        tensorboard: whether to write logs for TensorBoard.
        evaluates: whether the kept model is evaluated at the end, on what tests or else validates it.
        watcher: who is told how far the run is.

    Raises:
        SpecError: the spec, the data or the folder is at fault; nearly always before the first epoch.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    overrides = (overrides,) if isinstance(overrides, str) else tuple(overrides)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    watcher = watcher or Watcher()
    call = _Call(folder, base, resume, force, allowed, strategy, tensorboard, evaluates, watcher, locked, overrides)
    try:
        with ExitStack() as ends:
            return _train(loaded, call, ends)
    except SpecError as error:
        if all(each.code in ("SC508", "SC522", "SC608") and not each.path for each in error.diagnostics):
            raise  # the call is at fault, no place in the spec
        raise loaded.source.located(error) from None


@dataclass(frozen=True)
class _Call:
    """What `train_spec` was told beside the spec."""

    folder: str
    base: Any
    resume: bool
    force: bool
    allowed: Permissions
    strategy: str | None
    tensorboard: bool
    evaluates: bool
    watcher: Watcher
    locked: Locked
    overrides: tuple[str, ...]


def _train(spec: Spec, call: _Call, ends: ExitStack) -> TrainedSpec:
    source = _checked(spec, call)
    # Until here nothing has loaded Keras, so that a mistake in the spec is told at once.
    log.info("starting Keras")
    from spec_compiler.backend.startup import start  # see above

    start()
    from spec_compiler.backend.training import run_files
    from spec_compiler.backend.training.fitting import fit_phases
    from spec_compiler.backend.training.strategies import distribute

    placement = distribute(call.strategy)
    place = placement.folder(call.folder)
    ends.enter_context(run_files.claimed(place, resume=call.resume, force=call.force))
    compiled = _compiled(spec, call)
    data = _loaded(spec, call, compiled, source)
    job = _job(spec, call, compiled, data, placement)
    progress = _progress(spec, call, job)
    with placement.scope():
        history = fit_phases(job, progress)
    summary = run_files.finish(place, spec, compiled, data, history, progress)
    evaluation = _evaluated(spec, call, place, data, summary) if placement.is_chief else None
    broken = Diagnostics(broken_metrics(spec, history))
    return TrainedSpec(job.model, compiled, history, place, summary, broken, evaluation)


def _checked(spec: Spec, call: _Call) -> Source:
    """Where the data is, with all proven that can be before Keras is loaded."""
    if not spec.train or spec.data is None or spec.compile is None:
        missing = next(name for name in ("train", "data", "compile") if not getattr(spec, name))
        message = f"the spec has no `{missing}`, training needs `data`, `compile` and `train`"
        raise SpecError.single("SC102", message, help=f"add `{_EXAMPLES[missing]}`")
    missing_files(spec)
    lock = held(spec, call.locked, call.allowed)
    if lock is not None:
        lock.inputs(data=True)
    source = check_data(spec, None)
    assert source is not None
    check_outputs(files_of_a_run(call.folder), spec=spec)
    if call.strategy is None:  # under a strategy, which folder it is depends on the worker
        check_run_folder(call.folder, resume=call.resume, force=call.force)
    return source


def _compiled(spec: Spec, call: _Call) -> CompiledSpec:
    allowed = call.allowed
    compiled = compile_spec(
        spec,
        base=call.base,
        allow_code=allowed.code,
        restrict_paths=not allowed.paths,
        force=call.force,
        locked=call.locked,
    )
    call.watcher.compiled(compiled)
    if not call.force:
        check_gradients(compiled.plan.after)
    return compiled


def _loaded(spec: Spec, call: _Call, compiled: CompiledSpec, source: Source) -> LoadedData:
    """The data, with the warnings that only its size gives reason for."""
    from spec_compiler.backend.training.data import load_data  # loads Keras

    code, seen = call.allowed.code, call.watcher.image
    data = load_data(spec, compiled.plan.after, compiled.model, source, allow_code=code, seen=seen)
    warnings = (*data.warnings, *schedule_warnings(spec, data.num_batches))
    data = replace(data, warnings=Diagnostics(map(spec.source.locate, warnings)))
    call.watcher.data(data)
    return data


def _job(spec: Spec, call: _Call, compiled: CompiledSpec, data: LoadedData, placement: Placement) -> Job:
    """What the phases have to do, with the room that it takes proven."""
    from spec_compiler.backend.training import run_files  # loads Keras
    from spec_compiler.backend.training.job import Job
    from spec_compiler.backend.weights import lora_files

    assert spec.compile is not None
    graph, place = compiled.plan.after, placement.folder(call.folder)
    anew = call.force and not call.resume
    run_files.check_room(place, graph, cleared=anew)
    has_lora = any(parts_with_lora(layer.variables or ()) for layer in graph.layers.values())
    measure = measure_of(spec, graph)
    stages = tuple(stages_of_phase(spec, graph, index) for index in range(len(spec.train)))
    graphs = tuple(each[-1].graph for each in stages)  # with all that a phase trains at some time
    return Job(
        model=placement.place(compiled.model),
        phases=spec.train,
        compile=spec.compile,
        stages=stages,
        fits=tuple(fit_of_phase(spec, index, measure) for index in range(len(spec.train))),
        measure=measure,
        grouping=grouping(spec.compile, graph),
        data=data.train,
        validation=data.validation,
        folder=place,
        resume_from=call.folder,
        code_folder=spec.source.folder,
        seed=spec.seed,
        said=identity(spec, data.fingerprint),
        images=data.images,
        class_names=data.class_names,
        class_weight=data.class_weight,
        tensorboard=call.tensorboard and placement.is_chief,
        begins=partial(run_files.clear, place) if anew else lambda: None,
        watcher=call.watcher,
        synchronize=placement.synchronize,
        adapters=partial(lora_files.content, others=lora_files.trained_names(graphs)) if has_lora else None,
        beside={MEMBER: _provenance(compiled, call)},
    )


def _provenance(compiled: CompiledSpec, call: _Call) -> bytes:
    """What every saved model says of where it comes from."""
    lock = lock_now(compiled.spec, compiled.plan, call.allowed)
    return provenance_of(compiled.spec, lock, None, overrides=call.overrides, made="trained")


def _progress(spec: Spec, call: _Call, job: Job) -> Progress:
    """How far the run is: at its beginning, or where the one in the folder stands, its best model proven whole."""
    from spec_compiler.backend.training import run_files  # loads Keras
    from spec_compiler.backend.training.progress import Progress, load_progress

    if not call.resume:
        return Progress()
    progress = load_progress(call.folder, job.said, spec.train)
    if progress is None:
        call.watcher.anew()
        return Progress()
    call.watcher.resumed(progress.changes)
    if run_files.mend_best(call.folder, progress):
        call.watcher.mended(progress.best_epoch or 0)
    return progress


def _evaluated(spec: Spec, call: _Call, place: str, data: LoadedData, summary: dict[str, Any]) -> Evaluation | None:
    """What the kept model says of what tests it, its files written; None where nothing does, or none is wanted."""
    from spec_compiler.backend.training import run_files  # loads Keras
    from spec_compiler.evaluation import files
    from spec_compiler.evaluation.trained import evaluate_run, part_to_evaluate

    part = part_to_evaluate(data) if call.evaluates else None
    if part is None:
        return None
    call.watcher.evaluating(part.name)
    evaluation = evaluate_run(place, spec, part, call.allowed)
    files.written(evaluation, os.path.join(place, EVALUATION))
    run_files.note_evaluation(place, summary, part.name, evaluation.to_json())
    return evaluation


_EXAMPLES = {
    "train": "train: [{phase: feature_extraction, freeze: base, epochs: 5}]",
    "data": "data: {train: FOLDER, validation: 0.2}",
    "compile": "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}",
}
