"""`sweep`: the trials of a spec's `sweep`, as they begin and end."""

from __future__ import annotations

import importlib.util
import sys

import click

from spec_compiler.cli.documented import Documented
from spec_compiler.cli.options import SpecCall, gathered, permission_options, policy_option, set_option
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.signals import Stopped, not_mistaken
from spec_compiler.cli.terminal import NEWLINE, TO_THE_START, Shown, aligned, counted, echo, joined, shown, style
from spec_compiler.search.events import Event, Found
from spec_compiler.search.sweeping import sweep as run_sweep
from spec_compiler.search.swept_spec import SweptSpec
from spec_compiler.search.table import rows
from spec_compiler.search.trial import Trial
from spec_compiler.spec.swept import point_text


@click.command(cls=Documented)
@click.argument("spec", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="The folder of the sweep.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that train at a time.")
@click.option(
    "--storage",
    help="A database (`postgresql://…`, `sqlite:///…`) or a journal file to share with others: who begins the same "
    "sweep on it joins.  [default: sweep.db in the folder]",
)
@set_option
@click.option("--resume", is_flag=True, help="Go on with the sweep in the folder.")
@click.option("--force", is_flag=True, help="Begin anew if the folder holds a sweep.")
@policy_option
@permission_options
@click.option("--no-tensorboard", is_flag=True, help="Write no logs for TensorBoard.")
@click.option("-q", "--quiet", is_flag=True, help="No line for each trial.")
@gathered(SpecCall, "call")
def sweep(
    call: SpecCall,
    output: str,
    workers: int,
    storage: str | None,
    resume: bool,
    force: bool,
    no_tensorboard: bool,
    quiet: bool,
) -> None:
    """Train a spec at the points of its `sweep`, and write the best one as a spec.

    Every point is checked before the first trial begins. Writes trials/NNN with a run each, trials.csv, sweep.png and
    .svg, best.yaml and best.keras. After an interruption `--resume` goes on; from another shell it joins.
    """
    line = _Line()
    try:
        with not_mistaken():
            swept = run_sweep(
                call.spec,
                output,
                workers=workers,
                storage=storage,
                overrides=call.overrides,
                resume=resume,
                force=force,
                allow_code=call.allow_code,
                restrict_paths=call.restrict_paths,
                policy=call.policy,
                tensorboard=not no_tensorboard and importlib.util.find_spec("tensorboard") is not None,
                watcher=_Watching(line, quiet, output),
            )
    except (KeyboardInterrupt, Stopped) as error:
        line.clear()
        what, code = (f"stopped by {error.name}", error.code) if isinstance(error, Stopped) else ("interrupted", 130)
        again = f"--storage {storage}" if storage is not None else "--resume"
        echo(f"\n{what}; go on with `spec-compiler sweep {call.spec} --output {output} {again}`", err=True)
        sys.exit(code)
    finally:
        line.clear()
    echo(NEWLINE + swept_text(swept))
    if importlib.util.find_spec("matplotlib") is None:
        echo("no picture was drawn: matplotlib is not installed (`pip install matplotlib`)", err=True)
    if swept.broken:
        echo(NEWLINE + render_all(swept.broken), err=True)
    if swept.best is None or swept.broken:
        sys.exit(1)


class _Line:
    """A line on a terminal's error stream that changes in its place."""

    def __init__(self) -> None:
        self.length = 0

    def show(self, text: str) -> None:
        """Shows a text in the place of the one before."""
        if sys.stderr.isatty():
            self.clear()
            self.length = len(text)
            echo(shown(text), err=True, nl=False)

    def clear(self) -> None:
        """Takes the text away."""
        if self.length:
            echo(TO_THE_START + " " * self.length + TO_THE_START, err=True, nl=False)
            self.length = 0


class _Watching:
    """Tells of a sweep in lines."""

    def __init__(self, line: _Line, quiet: bool, folder: str) -> None:
        self.line, self.quiet, self.folder = line, quiet, folder
        self.epochs: dict[int, str] = {}
        self.waits = False

    def __call__(self, event: Event, found: Found) -> None:
        """Shows what happened."""
        if event.kind == "checking":
            self.line.show(f"checking points {event.count}/{event.total}")
        elif event.kind == "checked":
            self.say(sweep_text(event.total, found))
        elif event.kind == "waiting" and not self.waits:
            self.waits = True
            self.say(f"waiting for {counted(event.count, 'trial')} of other processes")
        trial = event.trial
        if trial is None:
            return
        if event.kind == "epoch":
            self.epochs[trial.number] = f"trial {trial.number} epoch {event.count}/{event.total}"
        elif event.kind == "begun":
            self.epochs[trial.number] = f"trial {trial.number} begins"
        else:
            self.epochs.pop(trial.number, None)
            if not self.quiet:
                self.say(trial_text(trial, found))
        best = f"; best {found.metric.name} {found.best.value:.4f}" if found.best and found.best.value else ""
        self.line.show((", ".join(self.epochs.values()) + best)[:110])

    def say(self, text: str) -> None:
        """A line that stays."""
        self.line.clear()
        echo(text)


def sweep_text(num_points: int, found: Found) -> Shown:
    """What is searched, and how much of it was checked."""
    lines = [
        style(found.name, bold=True) + f": {counted(found.sweep.num_trials, 'trial')} for {found.metric.text}",
        *(f"  {name}: {values.text}" for name, values in found.sweep.vars.items()),
        f"{counted(num_points, 'point')} checked" + _of(num_points, found),
    ]
    if found.trials:
        done = sum(each.state in ("done", "pruned", "failed") for each in found.trials)
        lines.append(f"it goes on: {done} of {counted(found.sweep.num_trials, 'trial')} done")
    return joined(lines)


def _of(num_points: int, found: Found) -> str:
    count = found.sweep.num_points
    if count is None:
        return ": every listed value with the ends and the middle of ranges"
    return f" of {count:,}" if num_points < count else ", which are all"


def trial_text(trial: Trial, found: Found) -> Shown:
    """How a trial ended, on a line."""
    point = f"trial {trial.number:>3}  {point_text(trial.point)}"
    match trial.state:
        case "done":
            how = f"{found.metric.name} {trial.value or 0:.4f} (epoch {trial.epoch})  {trial.seconds or 0:.0f} s"
            is_best = found.best is not None and found.best.number == trial.number
            return shown(point) + "  " + (style(how, fg="green") if is_best else how)
        case "pruned":
            return shown(f"{point}  pruned after epoch {trial.epoch}, {found.metric.name} {trial.value or 0:.4f}")
        case "again":
            return shown(f"{point}  {trial.reason}; it is tried again")
        case _:
            return shown(f"{point}  failed: {trial.reason}")


def swept_text(swept: SweptSpec) -> Shown:
    """The table of all trials, the best one, and what was written."""
    table = rows(swept.trials, swept.variables, swept.metric.name, swept.metric.largest)
    right = {0, len(swept.variables) + 1, len(swept.variables) + 2, len(swept.variables) + 3}
    first, *others = ("  ".join(row).rstrip() for row in aligned(table, right=right))
    lines = [style(first, bold=True), *others, ""]
    if swept.best is None:
        lines.append("no trial ran to its end, there is no best point")
    else:
        lines.append(
            style("best: ", bold=True)
            + f"trial {swept.best.number}, {swept.metric.name} {swept.best.value:.4f} in epoch {swept.best.epoch}"
            + f" with {point_text(swept.best.point)}"
        )
        if swept.best_spec is None:
            sets = " ".join(f"--set 'vars.{name}={value}'" for name, value in swept.best.point.items())
            lines.append(f"its spec could not be written for another folder; `train` the sweep's with {sets}")
    lines.append(f"saved {', '.join(swept.files)} in {swept.folder}")
    return joined(lines)
