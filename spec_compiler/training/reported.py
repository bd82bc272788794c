"""Under which names a run reports its losses and metrics: the same in every phase, known before Keras is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter

from spec_compiler.diagnostics import Advice, Diagnostic, Path, did_you_mean, quoted
from spec_compiler.diagnostics.advice import Add
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from spec_compiler.keras_facts import catalogue
from spec_compiler.language.entries import snake_case
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject

# Keras knows of every other metric of its own whether more is better.
WITHOUT_DIRECTION = ("FalseNegatives", "FalsePositives", "Mean", "Sum", "TrueNegatives", "TruePositives")


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


def reported(metrics: Sequence[KerasObject], outputs: Sequence[str], *, validates: bool) -> dict[str, bool]:
    """Every name that an epoch reports, and whether Keras can tell by itself if more of it is better.

    Several outputs have each their own loss and metrics, `edges_loss` and `edges_accuracy`.

    >>> accuracy = KerasObject.parse("metric", "accuracy")
    >>> list(reported([accuracy], ["edges", "classes"], validates=False))
    ['loss', 'edges_loss', 'classes_loss', 'edges_accuracy', 'classes_accuracy']
    """
    several = len(outputs) > 1
    names = {"loss": True}
    if several:
        names |= {f"{output}_loss": False for output in outputs}
    for output in outputs if several else ("",):
        for metric in metrics:
            name = f"{output}_{metric_name(metric)}" if several else metric_name(metric)
            # Keras counts on where two metrics have one name (`CompileMetrics`, `keras/src/trainers/compile_utils.py`)
            again = sum(
                other == name or (other.startswith(f"{name}_") and other[len(name) + 1 :].isdigit()) for other in names
            )
            directed = metric.class_name not in WITHOUT_DIRECTION and not metric.is_own
            names[f"{name}_{again}" if again else name] = directed and not several and not again
    return names | {f"val_{name}": directed for name, directed in names.items()} if validates else names


def monitor_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 for callbacks that watch what no epoch reports, where Keras would only warn, and where it could not tell
    whether more is better."""
    assert spec.compile is not None
    assert spec.data is not None
    names = reported(spec.compile.metrics, output_names(graph), validates=spec.data.validates)
    for index, phase in enumerate(spec.train):
        for at, callback in enumerate(phase.callbacks):
            path: Path = ("train", index, "callbacks", at, callback.name)
            yield from _monitor_problems(callback, names, spec.data.validates, path)
            yield from _placeholder_problems(callback, names, path)


def _monitor_problems(
    callback: KerasObject, names: Mapping[str, bool], validates: bool, path: Path
) -> Iterator[Diagnostic]:
    monitor = _monitor(callback)
    if monitor is None:
        return
    if monitor not in names:
        message = f"`{callback.name}` watches `{monitor}`, which the training does not report"
        help = did_you_mean(monitor, names, f"it reports {quoted(names)}")
        if monitor.startswith("val_") and not validates:
            help = "add `validation` to `data`, or watch `loss`"
        yield Diagnostic("SC605", message, (*path, "monitor"), help=help)
    elif not names[monitor] and callback.arguments.get("mode", "auto") == "auto":
        message = f"`{callback.name}` watches `{monitor}`, and Keras cannot tell whether more of it is better"
        is_loss = monitor.endswith("loss")
        least = Advice("add `mode: min`", Add("mode", "min", ("..",)))
        help = least if is_loss else "add `mode: max`, or `mode: min` where less is better"
        yield Diagnostic("SC605", message, (*path, "monitor"), help=help)


def _placeholder_problems(callback: KerasObject, names: Mapping[str, bool], path: Path) -> Iterator[Diagnostic]:
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
