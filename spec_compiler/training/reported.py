"""Under which names a run reports its losses and metrics: the same in every phase, known before Keras is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import NamedTuple

from spec_compiler.diagnostics import Advice, Diagnostic, Path, did_you_mean, quoted
from spec_compiler.diagnostics.advice import Add
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.metric_directions import Direction, direction_of
from spec_compiler.language.layer_names import snake_case
from spec_compiler.spec import Spec
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.measure import said_monitor
from spec_compiler.training.phase_fit import callbacks_of


class Reported(NamedTuple):
    """A number that every epoch reports: whether it is to be small or large, and whether Keras can tell that too."""

    direction: Direction | None
    keras_knows: bool


def metric_name(metric: KerasObject) -> str:
    """The name that one metric goes by.

    Keras would count on where a class has no name of its own: `auc` in the first phase, `auc_1` in the second.

    >>> metric_name(KerasObject.parse("metric", "AUC")), metric_name(KerasObject.parse("metric", "acc"))
    ('auc', 'acc')
    """
    if (name := metric.arguments.get("name")) is not None:
        return str(name)
    if metric.name.islower() and not metric.arguments and not metric.is_own:
        return metric.name
    record = catalogue.class_record(metric.class_name, "metric")
    default = record["arguments"].get("name", {}).get("default") if record is not None else None
    return str(default) if default is not None else snake_case(metric.class_name)


def output_names(graph: Graph) -> tuple[str, ...]:
    """What Keras calls the outputs, in its order: the keys of a mapping, the layers where there is none."""
    if isinstance(graph.outputs, Mapping) and all(isinstance(ref, ValueRef) for ref in graph.outputs.values()):
        return tuple(sorted(str(key) for key in graph.outputs))
    layers = (graph.layer_of(ref.node) for ref in graph.output_refs)
    return tuple(layer.keras_name or layer.name for layer in layers)


def input_names(graph: Graph) -> tuple[str, ...]:
    """What Keras calls the inputs, in its order."""
    if isinstance(graph.inputs, Mapping) and all(isinstance(ref, ValueRef) for ref in graph.inputs.values()):
        return tuple(sorted(str(key) for key in graph.inputs))
    layers = (graph.layer_of(ref.node) for ref in graph.input_refs)
    return tuple(layer.keras_name or layer.name for layer in layers)


def reported(compile: Compile, outputs: Sequence[str], *, validates: bool) -> dict[str, Reported]:
    """Every name that an epoch reports.

    Several outputs have each their own loss and metrics, `edges_loss` and `edges_accuracy`.

    >>> compile = Compile.model_validate({"optimizer": "adam", "loss": "mse", "metrics": ["accuracy"]})
    >>> list(reported(compile, ["edges", "classes"], validates=False))
    ['loss', 'edges_loss', 'classes_loss', 'edges_accuracy', 'classes_accuracy']
    """
    several = len(outputs) > 1
    names = {"loss": Reported("min", keras_knows=True)}
    if several:
        names |= {f"{output}_loss": Reported("min", keras_knows=False) for output in outputs}
    for output in outputs:
        for metric in compile.metrics_of(output):
            name = f"{output}_{metric_name(metric)}" if several else metric_name(metric)
            # Keras counts on where two metrics have one name (`CompileMetrics`, `keras/src/trainers/compile_utils.py`)
            again = sum(
                other == name or (other.startswith(f"{name}_") and other[len(name) + 1 :].isdigit()) for other in names
            )
            direction = None if metric.is_own else direction_of(metric.class_name)
            knows = direction is not None and not several and not again
            names[f"{name}_{again}" if again else name] = Reported(direction, knows)
    return names | {f"val_{name}": each for name, each in names.items()} if validates else names


def reported_in(spec: Spec, graph: Graph) -> dict[str, Reported]:
    """What a spec's training reports; `graph` is the edited model."""
    assert spec.compile is not None
    assert spec.data is not None
    return reported(spec.compile, output_names(graph), validates=spec.data.validates)


def monitor_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 for callbacks that watch what no epoch reports, where Keras would only warn, and where it could not tell
    whether more is better."""
    assert spec.data is not None
    names, validates = reported_in(spec, graph), spec.data.validates
    seen: set[Path] = set()
    for index in range(len(spec.train)):
        for at, callback in callbacks_of(spec, index):
            path: Path = (*at, callback.name)
            if path not in seen:  # those of `fit` are every phase's
                yield from _monitor_problems(spec, callback, names, validates, path)
                yield from _placeholder_problems(callback, names, path)
            seen.add(path)


def _monitor_problems(
    spec: Spec, callback: KerasObject, names: Mapping[str, Reported], validates: bool, path: Path
) -> Iterator[Diagnostic]:
    if said_monitor(spec) is not None and "monitor" not in callback.arguments:
        return  # it watches what the run goes by
    monitor = _monitor(callback)
    if monitor is None:
        return
    if monitor not in names:
        message = f"`{callback.name}` watches `{monitor}`, which the training does not report"
        yield Diagnostic("SC605", message, (*path, "monitor"), help=not_reported(monitor, names, validates))
    elif not names[monitor].keras_knows and callback.arguments.get("mode", "auto") == "auto":
        message = f"`{callback.name}` watches `{monitor}`, and Keras cannot tell whether more of it is better"
        yield Diagnostic("SC605", message, (*path, "monitor"), help=add_mode(monitor))


def not_reported(monitor: str, names: Mapping[str, Reported], validates: bool) -> str | Advice | None:
    """What to watch in place of what is not reported."""
    if monitor.startswith("val_") and not validates:
        return "add `validation` to `data`, or watch `loss`"
    return did_you_mean(monitor, names, f"it reports {quoted(names)}")


def add_mode(monitor: str) -> str | Advice:
    """The `mode` to say beside a monitor."""
    least = Advice("add `mode: min`", Add("mode", "min", ("..",)))
    return least if monitor.endswith("loss") else "add `mode: max`, or `mode: min` where less is better"


def _placeholder_problems(callback: KerasObject, names: Mapping[str, Reported], path: Path) -> Iterator[Diagnostic]:
    """A file name with a place for a number that no epoch reports, on which Keras would break down after one."""
    text = callback.arguments.get("filepath")
    filled = ["epoch", "batch", *names]
    try:
        fields = [name for _, name, _, _ in Formatter().parse(str(text or "")) if name is not None]
    except ValueError:
        return
    for name in fields:
        if name not in filled:
            message = f"`filepath` has a place for `{name}`, which the training does not report"
            help = str(did_you_mean(name, filled, f"it reports {quoted(names)}"))  # it stands somewhere in the name
            yield Diagnostic("SC605", message, (*path, "filepath"), help=help)


def _monitor(callback: KerasObject) -> str | None:
    """What a callback watches; None for one that watches nothing."""
    record = catalogue.class_record(callback.name, "callback")
    if record is None or "monitor" not in record["arguments"]:
        return None
    default = record["arguments"]["monitor"]["default"]
    if callback.name in _OF_THE_BEST and callback.arguments.get("save_best_only") is not True:
        default = None  # these look at `monitor` to save the best only
    monitor = callback.arguments.get("monitor", default)
    return None if monitor is None else str(monitor)


_OF_THE_BEST = ("ModelCheckpoint", "OrbaxCheckpoint")
