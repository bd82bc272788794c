"""`train`: the phases of a spec, shown as Keras shows them."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from spec_compiler.cli.documented import Documented
from spec_compiler.cli.options import (
    SpecCall,
    gathered,
    locked_options,
    permission_options,
    policy_option,
    set_option,
)
from spec_compiler.cli.progress import progress
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.signals import Stopped, not_mistaken
from spec_compiler.cli.terminal import NEWLINE, TO_THE_START, Shown, counted, echo, joined, shown, style
from spec_compiler.files.run_folder import BEST, EVALUATION
from spec_compiler.result import CompiledSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.history import History
from spec_compiler.training.watcher import Watcher

STRATEGIES = ("mirrored", "multi_worker_mirrored")


@click.command(cls=Documented)
@click.argument("spec", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="The folder of the run.")
@set_option
@click.option("--resume", is_flag=True, help="Continue the run in the folder from its last complete epoch.")
@click.option("--force", is_flag=True, help="Begin anew if the folder holds a run.")
@policy_option
@locked_options
@permission_options
@click.option("--strategy", type=click.Choice(STRATEGIES), help="Train on several devices or machines (TensorFlow).")
@click.option("--no-tensorboard", is_flag=True, help="Write no logs for TensorBoard.")
@click.option("--no-evaluation", is_flag=True, help="Do not evaluate the kept model at the end.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bars.")
@gathered(SpecCall, "call")
def train(
    call: SpecCall,
    output: str,
    resume: bool,
    force: bool,
    strategy: str | None,
    no_tensorboard: bool,
    no_evaluation: bool,
    quiet: bool,
) -> None:
    """Compile a spec and train it through its phases, from the same file.

    Writes history.csv, curves.png and .svg, best.keras, last.keras, summary.json and logs for TensorBoard, and into
    `evaluation` what the kept model says of the test part, or else of the validation. After an interruption `--resume`
    goes on as if nothing had happened.
    """
    phases = _Phases()
    line = contextlib.ExitStack()

    def compiled(result: CompiledSpec) -> None:
        line.close()  # the progress line goes before anything else is said
        if result.spec.sweep is not None:
            names = ", ".join(result.spec.sweep.vars)
            echo(f"`train` takes the own values of {names}; `spec-compiler sweep` tries others", err=True)
        if result.warnings:
            echo(render_all(result.warnings) + NEWLINE, err=True)

    watcher = Watcher(
        compiled=compiled,
        image=_Counter("checking images") if not quiet else lambda count, total: None,
        data=_say_data,
        anew=lambda: echo(f"no run in `{output}` to continue, a new one begins", err=True),
        resumed=lambda changes: echo(resumed_text(changes)) if changes else None,
        mended=lambda epoch: echo(f"{BEST} was damaged or gone, it was made again from epoch {epoch}", err=True),
        phase=phases,
        forgot=lambda callback, names: echo(forgotten_text(callback, names), err=True),
        unfrozen=lambda stage: echo(unfrozen_text(stage.layers)),
        ended=lambda end: echo(shown(end_text(end))),
        evaluating=lambda part: echo(f"{NEWLINE}evaluating the kept model on data.{part}") if not quiet else None,
        verbose=0 if quiet else 1 if sys.stdout.isatty() else 2,
    )
    try:
        with not_mistaken(), line:
            line.enter_context(progress("compiling"))
            trained = train_spec(
                call.spec,
                output,
                overrides=call.overrides,
                resume=resume,
                force=force,
                allow_code=call.allow_code,
                restrict_paths=call.restrict_paths,
                policy=call.policy,
                locked=call.locked_to,
                strategy=strategy,
                tensorboard=not no_tensorboard and _has("tensorboard"),
                evaluates=not no_evaluation,
                watcher=watcher,
            )
    except (KeyboardInterrupt, Stopped) as error:
        what, code = (f"stopped by {error.name}", error.code) if isinstance(error, Stopped) else ("interrupted", 130)
        echo(f"\n{what}; continue with `spec-compiler train {call.spec} --output {output} --resume`", err=True)
        sys.exit(code)
    echo()
    if not phases.begun:
        echo(nothing_left_text(trained.summary["ends"]))
    echo(history_text(trained.history, has_best=BEST in trained.summary["checksums"]))
    if any(each["variables"] for each in trained.summary["frozen"]):
        echo(frozen_text(trained.summary["frozen"]))
    if trained.evaluation is not None:
        from spec_compiler.cli.commands.evaluate import evaluation_text  # who only asks for help needs none of it

        echo(NEWLINE + evaluation_text(trained.evaluation, most=12) + NEWLINE)
    echo(f"saved {', '.join(_saved(trained.summary))} in {trained.folder}")
    if not _has("matplotlib"):
        echo("no curves were drawn: matplotlib is not installed (`pip install matplotlib`)", err=True)
    if not no_tensorboard and not _has("tensorboard"):
        echo("no logs were written: TensorBoard is not installed (`pip install tensorboard`)", err=True)
    if trained.broken:
        echo(NEWLINE + render_all(trained.broken), err=True)
        sys.exit(1)


class _Counter:
    """A line that counts, on a terminal's error stream only."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.shown = -1

    def __call__(self, count: int, total: int) -> None:
        percent = 100 * count // total
        if sys.stderr.isatty() and percent != self.shown:
            self.shown = percent
            # Only when the percentage changes, else it would be the terminal that takes the time.
            echo(TO_THE_START + f"{self.text} {count}/{total}", err=True, nl=count == total)


def _say_data(data: Any) -> None:
    if data.num_train is not None:
        held = f", {data.num_validation} to validate" if data.num_validation is not None else ""
        held += f", {data.num_test} to test" if data.num_test is not None else ""
        classes = f", {len(data.class_names)} classes" if data.class_names else ""
        echo(f"{data.num_train} {data.noun} to train{held}{classes}")
    for line in data.says:
        echo(shown(f"  {line}"))
    if data.warnings:
        echo(render_all(data.warnings) + NEWLINE, err=True)


class _Phases:
    """A line for each phase that begins or goes on, and whether there was one."""

    def __init__(self) -> None:
        self.begun = False

    def __call__(self, phase: Any, num_parameters: int) -> None:
        self.begun = True
        name = style(phase.phase, bold=True)
        echo(NEWLINE + name + f": {counted(phase.epochs, 'epoch')}, {num_parameters:,} parameters train")


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def resumed_text(changes: Sequence[str]) -> Shown:
    """What a run goes on with that it did not begin with.

    >>> print(resumed_text(["`train[1].epochs` 3 → 5"]))
    resumes with: train[1].epochs 3 → 5
    """
    return joined(f"resumes with: {each.replace('`', '')}" for each in changes)


def nothing_left_text(ends: Sequence[Mapping[str, Any]]) -> str:
    """Why a run that is continued trains no epoch, and how it could.

    >>> nothing_left_text([])
    'nothing left to do: every epoch of this run is done'
    """
    early = [each for each in ends if each["by"] is not None]
    if not early:
        return "nothing left to do: every epoch of this run is done"
    lines = [f"nothing left to do: {end_text(each)}" for each in early]
    return "\n".join(
        [*lines, "to train on, add a phase after it, or begin anew in another folder with more `patience`"]
    )


def forgotten_text(callback: str, names: Sequence[str]) -> Shown:
    """What a callback of a continued run begins anew with."""
    named = ", ".join(f"`{name}`" for name in names)
    what = (
        "attributes that no checkpoint can hold, they begin"
        if len(names) > 1
        else "an attribute that no checkpoint can hold, it begins"
    )
    return shown(f"the callback `{callback}` has {what} anew: {named}")


def unfrozen_text(layers: Sequence[str]) -> str:
    """Which layers a phase goes on to train.

    >>> unfrozen_text(["block5_conv1"]), unfrozen_text(["a", "b", "c"])
    ('unfrozen: block5_conv1', 'unfrozen: a … c, 3 layers')
    """
    return f"unfrozen: {', '.join(layers) if len(layers) < 3 else f'{layers[0]} … {layers[-1]}, {len(layers)} layers'}"


def end_text(end: Mapping[str, Any]) -> str:
    """How a phase ended that did not simply run through its epochs."""
    parts: list[str] = []
    if end["by"] is not None:
        better = f", no better {end['monitor']}" if end["monitor"] else ""
        parts.append(f"stopped after {end['epochs']} of {counted(end['of'], 'epoch')} by {end['by']}{better}")
    if end["back_to"] is not None:
        parts.append(f"went back to the weights of epoch {end['back_to']}")
    if end.get("averaged"):
        parts.append("took the moving averages of its weights")
    return f"{end['phase']}: {'; '.join(parts)}"


def frozen_text(frozen: Sequence[Mapping[str, Any]]) -> Shown:
    """What each phase froze and left as it was, to the byte.

    >>> print(frozen_text([{"phase": "head", "variables": 26, "parameters": 14714688}]))
      head: 26 frozen variables, 14,714,688 parameters, bit for bit as before
    """
    return joined(
        f"  {each['phase']}: {counted(each['variables'], 'frozen variable')}, {each['parameters']:,} parameters, "
        "bit for bit as before"
        for each in frozen
        if each["variables"]
    )


def _saved(summary: dict[str, Any]) -> list[str]:
    models = [name for name in ("best.keras", "last.keras") if name in summary["checksums"]]
    curves = ["curves.png", "curves.svg"] if summary["curves"] else []
    pages = [f"{EVALUATION}/report.html"] if "evaluation" in summary else []
    return [*models, "history.csv", "summary.json", *curves, *pages]


def history_text(history: History, has_best: bool = True) -> Shown:
    """The last epoch of each phase, and the best of all by the measure that `best.keras` goes by, which says why."""
    names = history.metric_names
    lines = []
    rows = {row.epoch: row for row in history}
    for name, _, last in history.phases():
        row = rows[last]
        figures = "  ".join(f"{key} {row.metrics[key]:.4f}" for key in names if key in row.metrics)
        lines.append(f"  {name:<24} epoch {last:>3}  {figures}")
    best = history.best_epoch()
    if best is not None:
        measure = history.measure
        keys = [measure, *(key for key in names if key in best.metrics and key.startswith("val_") and key != measure)]
        others = "  ".join(f"{key} {best.metrics[key]:.4f}" for key in keys)
        lines.append(f"  {f'best {measure}':<24} epoch {best.epoch:>3}  {others}{f'  ({BEST})' if has_best else ''}")
    seconds = sum(row.seconds for row in rows.values())
    lines.append(f"  {counted(len(rows), 'epoch')} in {seconds:.0f} s")
    return joined(lines)
