"""The training pipeline, readable as a table of contents.

Spec   -> Source        training/sources            which images, rows or arrays there are, in which classes
Spec   -> CompiledSpec  compiler                    the edited model with its weights
both   -> LoadedData    backend/training/data       batches that fit the model, every image proven readable
       -> History       backend/training/fitting    the phases, each Keras's own compile and fit
       -> files         backend/training/run_files  curves, history, models, summary
       -> Evaluation    evaluation                  what the kept model says of what tests it
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

from spec_compiler.compiler import SpecLike, compile_spec
from spec_compiler.diagnostics import Diagnostic, Diagnostics, SpecError
from spec_compiler.diagnostics.printable import printable
from spec_compiler.files.run_folder import EVALUATION, check_run_folder, files_of_a_run
from spec_compiler.graph.low_rank import parts_with_lora
from spec_compiler.plan.memory_needed import check_gradients
from spec_compiler.result import CompiledSpec
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.training.best import measure_of
from spec_compiler.training.groups import grouping
from spec_compiler.training.history import History
from spec_compiler.training.identity import identity
from spec_compiler.training.metric_promises import broken_metrics
from spec_compiler.training.phase_fit import fit_of_phase
from spec_compiler.training.schedules import schedule_warnings
from spec_compiler.training.sources import check_data
from spec_compiler.training.unfreezing import Stage, stages_of_phase

if TYPE_CHECKING:
    from spec_compiler.evaluation import Evaluation

log = logging.getLogger("spec_compiler")


@dataclass(frozen=True, repr=False)
class TrainedSpec:
    """The result of training: the model as the last phase left it, how it went, and the folder with the files.

    `broken` says which metrics that `expect` or a policy promises no epoch reached; `evaluation` what the kept model
    says of what tests it, or else of what validates it.
    """

    model: Any
    compiled: CompiledSpec
    history: History
    folder: str
    summary: dict[str, Any]
    broken: tuple[Diagnostic, ...] = ()
    evaluation: Evaluation | None = None

    def __repr__(self) -> str:
        return f"<TrainedSpec {self.compiled.plan.name} in {self.folder}: {self.history!r}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the epochs, and what the kept model says of what tests it."""
        evaluated = "" if self.evaluation is None else self.evaluation._repr_html_()
        title = escape(printable(f"{self.compiled.plan.name} in {self.folder}"))
        return f"<p><b>{title}</b></p>{self.history._repr_html_()}{evaluated}"

    def _repr_markdown_(self) -> str:
        """The same as Markdown, for what shows no HTML."""
        evaluated = "" if self.evaluation is None else f"\n{self.evaluation.to_markdown()}"
        return f"{self.history._repr_markdown_()}{evaluated}"


@dataclass(frozen=True)
class Watcher:
    """Who is told how far a run is; the command line shows it.

    `anew` is called where a run was to be continued and there is none, `resumed` where it is, with what the spec says
    otherwise since, `mended` where its best model was damaged and could be made again, with its epoch, `phase` for
    every phase that has epochs left, `forgot` for a callback with attributes that no checkpoint could hold, `unfrozen`
    where a phase goes on with more that trains, `ended` for one that stopped early or went back to the weights of an
    earlier epoch, `evaluating` with the part of the data before the kept model is evaluated on it. `epoch` is called
    after each epoch, once all is written; `Pruned` raised in it ends the run.
    """

    compiled: Callable[[CompiledSpec], None] = lambda compiled: None
    image: Callable[[int, int], None] = lambda count, total: None
    data: Callable[[Any], None] = lambda data: None
    anew: Callable[[], None] = lambda: None
    resumed: Callable[[Sequence[str]], None] = lambda changes: None
    mended: Callable[[int], None] = lambda epoch: None
    phase: Callable[[Any, int], None] = lambda phase, num_parameters: None
    forgot: Callable[[str, Sequence[str]], None] = lambda callback, names: None
    unfrozen: Callable[[Stage], None] = lambda stage: None
    ended: Callable[[Any], None] = lambda end: None
    epoch: Callable[[History], None] = lambda history: None
    evaluating: Callable[[str], None] = lambda part: None
    verbose: int = 1


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
        strategy: `mirrored` or `multi_worker_mirrored`.
        tensorboard: whether to write logs for TensorBoard.
        evaluates: whether the kept model is evaluated at the end, on what tests or else validates it.
        watcher: who is told how far the run is.

    Raises:
        SpecError: the spec, the data or the folder is at fault; nearly always before the first epoch.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    try:
        with ExitStack() as ends:
            return _train(
                loaded,
                folder,
                base,
                resume,
                force,
                allowed,
                strategy,
                tensorboard,
                evaluates,
                watcher or Watcher(),
                ends,
            )
    except SpecError as error:
        if all(each.code in ("SC508", "SC608") and not each.path for each in error.diagnostics):
            raise  # the call is at fault, no place in the spec
        raise loaded.source.located(error) from None


def _train(
    spec: Spec,
    folder: str,
    base: Any,
    resume: bool,
    force: bool,
    allowed: Permissions,
    strategy: str | None,
    tensorboard: bool,
    evaluates: bool,
    watcher: Watcher,
    ends: ExitStack,
) -> TrainedSpec:
    if not spec.train or spec.data is None or spec.compile is None:
        missing = next(name for name in ("train", "data", "compile") if not getattr(spec, name))
        message = f"the spec has no `{missing}`, training needs `data`, `compile` and `train`"
        raise SpecError.single("SC102", message, help=f"add `{_EXAMPLES[missing]}`")
    missing_files(spec)
    source = check_data(spec, None)
    assert source is not None
    check_outputs(files_of_a_run(folder), spec=spec)
    if strategy is None:  # under a strategy, which folder it is depends on the worker
        check_run_folder(folder, resume=resume, force=force)
    # Until here nothing has loaded Keras, so that a mistake in the spec is told at once.
    log.info("starting Keras")
    from spec_compiler.backend.startup import start  # see above

    start()
    from spec_compiler.backend.training import run_files
    from spec_compiler.backend.training.data import load_data
    from spec_compiler.backend.training.fitting import fit_phases
    from spec_compiler.backend.training.job import Job
    from spec_compiler.backend.training.progress import Progress, load_progress
    from spec_compiler.backend.training.strategies import distribute
    from spec_compiler.backend.weights import lora_files
    from spec_compiler.evaluation import files
    from spec_compiler.evaluation.trained import evaluate_run, part_to_evaluate

    placement = distribute(strategy)
    place = placement.folder(folder)
    ends.enter_context(run_files.claimed(place, resume=resume, force=force))
    compiled = compile_spec(spec, base=base, allow_code=allowed.code, restrict_paths=not allowed.paths, force=force)
    watcher.compiled(compiled)
    graph = compiled.plan.after
    if not force:
        check_gradients(graph)
    data = load_data(spec, graph, compiled.model, source, allow_code=allowed.code, seen=watcher.image)
    num_batches = len(data.train) if hasattr(data.train, "__len__") else None
    warnings = (*data.warnings, *schedule_warnings(spec, num_batches))
    data = replace(data, warnings=Diagnostics(map(spec.source.locate, warnings)))
    watcher.data(data)
    anew = force and not resume
    run_files.check_room(place, graph, cleared=anew)
    said = identity(spec, data.fingerprint)
    has_lora = any(parts_with_lora(layer.variables or ()) for layer in graph.layers.values())
    measure = measure_of(spec, graph)
    stages = tuple(stages_of_phase(spec, graph, index) for index in range(len(spec.train)))
    graphs = tuple(each[-1].graph for each in stages)  # with all that a phase trains at some time
    job = Job(
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
        resume_from=folder,
        code_folder=spec.source.folder,
        seed=spec.seed,
        verbose=watcher.verbose,
        said=said,
        images=data.images,
        class_names=data.class_names,
        class_weight=data.class_weight,
        tensorboard=tensorboard and placement.is_chief,
        begins=partial(run_files.clear, place) if anew else lambda: None,
        started=watcher.phase,
        forgot=watcher.forgot,
        unfrozen=watcher.unfrozen,
        ended=watcher.ended,
        epoch=watcher.epoch,
        synchronize=placement.synchronize,
        adapters=partial(lora_files.content, others=lora_files.trained_names(graphs)) if has_lora else None,
    )
    progress = load_progress(folder, said, spec.train) if resume else None
    if progress is None:
        progress = Progress()
        if resume:
            watcher.anew()
    else:
        watcher.resumed(progress.changes)
        if run_files.mend_best(folder, progress):
            watcher.mended(progress.best_epoch or 0)
    with placement.scope():
        history = fit_phases(job, progress)
    summary = run_files.finish(place, spec, compiled, data, history, progress)
    evaluation = None
    if evaluates and placement.is_chief and (part := part_to_evaluate(data)) is not None:
        watcher.evaluating(part.name)
        evaluation = evaluate_run(place, spec, part, allowed)
        files.written(evaluation, os.path.join(place, EVALUATION))
        run_files.note_evaluation(place, summary, part.name, evaluation.to_json())
    broken = Diagnostics(broken_metrics(spec, history))
    return TrainedSpec(job.model, compiled, history, place, summary, broken, evaluation)


_EXAMPLES = {
    "train": "train: [{phase: feature_extraction, freeze: base, epochs: 5}]",
    "data": "data: {train: FOLDER, validation: 0.2}",
    "compile": "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}",
}
