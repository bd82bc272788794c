"""Which number the best epoch of a run goes by, and whether what a spec says of that, and of `fit`, can be."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Advice, Diagnostic, dotted
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.training.measure import Measure, said_in, said_monitor
from spec_compiler.training.phase_fit import said
from spec_compiler.training.reported import add_mode, not_reported, reported_in


def measure_of(spec: Spec, graph: Graph) -> Measure:
    """What the best epoch goes by: what `monitor` says, else the loss, of the validation where there is one.

    The spec trains, and `fit_problems` finds none; `graph` is the edited model.
    """
    mode = next(said_in(spec, "mode"), None)
    direction = mode.value if mode is not None else None
    if (monitor := said_monitor(spec)) is not None:
        return Measure(monitor.value, direction or reported_in(spec, graph)[monitor.value].direction or "min")  # type: ignore[arg-type]
    return Measure("val_loss" if spec.data is not None and spec.data.validates else "loss")


def fit_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 for a `monitor` that no epoch reports or of which nobody knows whether more is better, for two of them, and
    for words about a validation that there is not."""
    if problems := [*_two(spec)]:
        yield from problems
        return
    assert spec.data is not None
    names, validates = reported_in(spec, graph), spec.data.validates
    monitor, mode = said_monitor(spec), next(said_in(spec, "mode"), None)
    name = monitor.value if monitor is not None else "val_loss" if validates else "loss"
    if name not in names:
        assert monitor is not None
        message = f"`monitor` is `{name}`, which the training does not report"
        yield Diagnostic("SC605", message, monitor.path, help=not_reported(name, names, validates))
        return
    direction = names[name].direction
    if direction is None and mode is None:
        assert monitor is not None
        message = f"`monitor` is `{name}`, and nothing says whether more of it is better"
        yield Diagnostic("SC605", message, monitor.path, help=add_mode(name))
    elif mode is not None and direction not in (None, mode.value):
        more = "more" if mode.value == "max" else "less"
        message = f"`mode: {mode.value}` says that {more} of `{name}` is better, which it is not"
        yield Diagnostic("SC605", message, mode.path, help=Advice("leave it out", Remove()))
    yield from _of_validation(spec, name, validates)


def _two(spec: Spec) -> Iterator[Diagnostic]:
    """A second place that says something else: `best.keras` can be one epoch's alone."""
    for key in ("monitor", "mode"):
        places = [*said_in(spec, key)]
        other = next((each for each in places if each.value != places[0].value), None)
        if other is not None:
            message = (
                f"`{dotted(places[0].path)}` is `{places[0].value}` and this is `{other.value}`: a run has one best"
            )
            help = "say it once, in `fit`; a callback may have a `monitor` of its own"
            yield Diagnostic("SC605", message, other.path, help=help)


def _of_validation(spec: Spec, monitor: str, validates: bool) -> Iterator[Diagnostic]:
    seen = set()
    done, validated = 0, False
    for index, phase in enumerate(spec.train):
        for key in ("validation_steps", "validation_freq"):
            path, value = said(spec, index, key)
            if value is not None and not validates and path not in seen:
                message = f"`{key}` says how is validated, and there is nothing to validate on"
                yield Diagnostic("SC605", message, path, at_key=True, help="add `validation` to `data`")
            seen.add(path)
        every = said(spec, index, "validation_freq")[1] or 1
        validated |= (done + phase.epochs) // every > done // every
        done += phase.epochs
    if validates and not validated:
        index = next(at for at in range(len(spec.train)) if said(spec, at, "validation_freq")[1] is not None)
        path, every = said(spec, index, "validation_freq")
        message = f"a validation after every {every} epochs is none, the run has {done}"
        yield Diagnostic("SC605", message, path, help=f"write a number up to {done}")
