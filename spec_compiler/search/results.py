"""What a sweep leaves in its folder: the table, the picture, the best point as a spec, and its model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from spec_compiler.files.run_folder import BEST
from spec_compiler.files.whole import whole_file
from spec_compiler.search.best import best_text, link_modules
from spec_compiler.search.folder import BEST_SPEC, PICTURES, TABLE
from spec_compiler.search.picture import draw_sweep
from spec_compiler.search.table import to_csv
from spec_compiler.search.task import Task
from spec_compiler.search.trial import Trial
from spec_compiler.spec.permissions import EVERYTHING
from spec_compiler.spec.sweep import Sweep
from spec_compiler.spec.swept import at_point, point_text
from spec_compiler.training.measure import Measure


def write_table(folder: str, trials: Sequence[Trial], variables: Sequence[str], metric: Measure) -> None:
    """Writes the table of the trials as they stand."""
    _write(os.path.join(folder, TABLE), to_csv(trials, variables, metric.name))


def write(
    folder: str,
    task: Task,
    sweep: Sweep,
    metric: Measure,
    name: str,
    trials: Sequence[Trial],
    best: Trial | None,
) -> tuple[tuple[str, ...], str | None]:
    """Writes all of it; the names of the files in the folder, and the path of the best spec where there is one."""
    write_table(folder, trials, tuple(sweep.vars), metric)
    files, best_spec = [TABLE], None
    if best is not None:
        text = best_text(task, best.point, folder)
        if text is not None:
            best_spec = os.path.join(folder, BEST_SPEC)
            how = f"{metric.name} {best.value:.6g} in trial {best.number}, {point_text(best.point)}"
            _write(best_spec, f"# The best of {sum(each.counts for each in trials)} trials: {how}.\n{text}")
            link_modules(at_point(task.load(), best.point, EVERYTHING), folder)
            files.append(BEST_SPEC)
        model = os.path.join(best.folder, BEST)
        if os.path.isfile(model):
            _same_file(model, os.path.join(folder, BEST))
            files.append(BEST)
    title = f"{name}: {sum(each.counts for each in trials)} trials"
    if draw_sweep(trials, sweep, metric, [os.path.join(folder, each) for each in PICTURES], title):
        files += PICTURES
    return tuple(files), best_spec


def _write(path: str, text: str) -> None:
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)


def _same_file(model: str, place: str) -> None:
    """Puts a model at another place too, without a second copy of its bytes where the file system can do that."""
    with whole_file(place) as temporary:
        try:
            os.link(model, temporary)
        except OSError:
            shutil.copyfile(model, temporary)
