"""An optimizer, loss, metric or callback by its Keras name: `Adam`, `Adam: {arguments}` or `Adam: first argument`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, collected, did_you_mean, show
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_checks import NOUNS, check_entry
from spec_compiler.keras_facts.function_names import is_own
from spec_compiler.keras_facts.translation import written
from spec_compiler.spec.callback_outputs import misplaced

ObjectKind = Literal["optimizer", "loss", "metric", "callback"]

_EXAMPLES = {
    "optimizer": "write `adam` or `Adam: {learning_rate: 0.001}`",
    "loss": "write `categorical_crossentropy` or `CategoricalCrossentropy: {label_smoothing: 0.1}`",
    "metric": "write `accuracy` or `TopKCategoricalAccuracy: {k: 3}`",
    "callback": "write `EarlyStopping: {monitor: val_loss, patience: 3}`",
}
_OWN = "write one of your own, `module:Name`"
_BASE = "it is what others inherit from"
_BY_ITSELF = "`train` does that by itself"
# What Keras has and a spec cannot say, why, and what helps. A test holds this list and the catalogue against Keras.
NOT_WRITTEN: Mapping[tuple[ObjectKind, str], tuple[str, str]] = {
    ("callback", "LearningRateScheduler"): (
        "it takes a Python function",
        "write a schedule, `optimizer: {Adam: {learning_rate: {CosineDecay: {…}}}}`, or use `ReduceLROnPlateau`",
    ),
    ("callback", "LambdaCallback"): ("it takes Python functions", _OWN),
    ("callback", "RemoteMonitor"): ("it sends what the run reports to an address", "read `history.csv` of the run"),
    ("callback", "BackupAndRestore"): (_BY_ITSELF, "leave it out; `--resume` continues a run"),
    ("callback", "History"): (_BY_ITSELF, "leave it out; the run writes `history.csv`"),
    ("callback", "ProgbarLogger"): (_BY_ITSELF, "leave it out; `--quiet` shows no progress"),
    ("callback", "CallbackList"): ("it holds others", "write those in the list `callbacks`"),
    ("callback", "Callback"): (_BASE, _OWN),
    ("optimizer", "Optimizer"): (_BASE, "write `adam` or `Adam: {learning_rate: 0.001}`"),
    ("optimizer", "LossScaleOptimizer"): ("Keras puts it around the optimizer", "write the optimizer inside of it"),
    ("optimizer", "MultiOptimizer"): ("it pairs optimizers with layers", "write one optimizer for each phase"),
    ("optimizer", "OptimizerMap"): ("it pairs optimizers with layers", "write one optimizer for each phase"),
    ("loss", "Loss"): (_BASE, _OWN),
    ("metric", "Metric"): (_BASE, _OWN),
    ("metric", "MeanMetricWrapper"): ("it takes a Python function", _OWN),
}


@dataclass(frozen=True, slots=True)
class KerasObject:
    """One object that Keras makes: its kind, its public name and its constructor arguments, checked."""

    kind: ObjectKind
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, kind: ObjectKind, raw: Any) -> KerasObject:
        """The object that a YAML value names.

        Raises:
            SpecError: SC601 for a name that Keras does not have, SC103 for another form, SC102, SC106 and SC107 for
                arguments, SC612 for a place outside of the run's folder.

        >>> KerasObject.parse("optimizer", {"Adam": {"learning_rate": 0.01}}).class_name
        'Adam'
        """
        if isinstance(raw, KerasObject):
            return raw
        name, value = _opened(kind, raw)
        path = () if isinstance(raw, str) else (name,)
        arguments = dict(value) if isinstance(value, Mapping) else {}
        alone: str | None = None  # the argument that is written without its name
        if catalogue.class_record(name, kind) is not None:
            problems = [each if path else replace(each, path=(), at_key=False) for each in check_entry(raw, kind)]
            if problems:
                raise SpecError(problems)
            if value is not None and not isinstance(value, Mapping):
                alone = catalogue.first_argument(name, kind)
                arguments = {} if alone is None else {alone: value}
        elif not is_own(name):
            raise _unknown(kind, name, path)
        elif problems := [*check_entry(raw, kind)]:
            raise SpecError(problems)
        _check_outputs(kind, name, arguments, path, alone)
        return cls(kind, name, arguments)

    @property
    def is_own(self) -> bool:
        """Whether it is code of the user's own, `module:Name` or `package>Name`."""
        return is_own(self.name)

    def of(self, output: str) -> KerasObject:
        """The loss of an output, whichever it is."""
        return self

    @property
    def class_name(self) -> str:
        """The class behind an alias: `adam` is `Adam`, `mse` is `MeanSquaredError`."""
        return catalogue.own_name(self.name, self.kind)

    @property
    def text(self) -> str:
        """The object as a user would write it in one line."""
        if not self.arguments:
            return self.name
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.arguments.items())})"


def _unknown(kind: ObjectKind, name: str, path: Path) -> SpecError:
    if (kind, name) in NOT_WRITTEN:
        reason, help = NOT_WRITTEN[kind, name]
        message = f"`{name}` cannot stand in a spec: {reason}"
        return SpecError.single("SC601", message, path=path, at_key=bool(path), help=help)
    group = catalogue.group_of(kind)
    # `adm` is near `adam` and `Adam` alike: the spelling that the user took comes first
    names = sorted(catalogue.catalogue()[group], key=lambda known: known.islower() != name.islower())
    meant = written(name, kind) or did_you_mean(name, names, f"classes stand as in `keras.{group}`")
    return SpecError.single("SC601", f"Keras has no {kind} called `{name}`", path=path, at_key=bool(path), help=meant)


def _check_outputs(kind: ObjectKind, name: str, arguments: Mapping[str, Any], path: Path, alone: str | None) -> None:
    """SC612 for a callback that would write elsewhere; the argument `alone` stands behind its class without a name."""
    problems = [*misplaced(name, arguments)] if kind == "callback" else []
    if problems:
        raise SpecError(replace(each, path=path if each.path[0] == alone else (*path, *each.path)) for each in problems)


def _opened(kind: ObjectKind, raw: Any) -> tuple[str, Any]:
    if isinstance(raw, str) and raw.strip():
        return raw.strip(), None
    if isinstance(raw, Mapping) and len(raw) == 1:
        ((name, value),) = raw.items()
        if isinstance(name, str):
            return name, value
    if isinstance(raw, Mapping) and len(raw) > 1:
        second = str(list(raw)[1])
        message = f"{NOUNS[kind]} is one name with its arguments, this has {len(raw)} keys"
        raise SpecError.single("SC103", message, path=(second,), at_key=True, help=_EXAMPLES[kind])
    raise SpecError.single("SC103", f"{NOUNS[kind]} is a name, got {show(raw)}", help=_EXAMPLES[kind])


@dataclass(frozen=True, slots=True)
class Losses:
    """A loss for each output, by the outputs' names; it answers as one loss that nothing is known of."""

    named: Mapping[str, KerasObject] = field(hash=False)
    name: str = ""
    class_name: str = ""
    is_own: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def of(self, output: str) -> KerasObject:
        """The loss of an output."""
        return self.named[output]

    @property
    def text(self) -> str:
        """Them as a user would write them in one line."""
        return ", ".join(f"{output}: {loss.text}" for output, loss in self.named.items())


def _loss(raw: Any) -> KerasObject | Losses:
    """A loss, or a mapping from outputs to losses: what is called as no loss is an output."""
    if isinstance(raw, Losses):
        return raw
    if not isinstance(raw, Mapping) or not _is_by_output(raw):
        return KerasObject.parse("loss", raw)
    named: dict[str, KerasObject] = {}
    problems: list[Diagnostic] = []
    for output, value in raw.items():
        with collected(problems, str(output)):
            named[str(output)] = KerasObject.parse("loss", value)
    if problems:
        raise SpecError(problems)
    return Losses(named)


def _is_by_output(raw: Mapping[Any, Any]) -> bool:
    """Whether a mapping says a loss for each output: no key is one, and what stands alone has one as its value."""
    if not raw or any(map(_is_loss, raw)) or not all(isinstance(each, str | Mapping) for each in raw.values()):
        return False
    values = [next(iter(each), None) if isinstance(each, Mapping) else each for each in raw.values()]
    return len(raw) > 1 or _is_loss(values[0])


def _is_loss(name: Any) -> bool:
    return isinstance(name, str) and (is_own(name) or name in catalogue.catalogue()["losses"])


@dataclass(frozen=True, slots=True)
class NamedMetrics:
    """The metrics of each output, by the outputs' names; those without any are not among them."""

    named: Mapping[str, tuple[KerasObject, ...]] = field(hash=False)


def _metrics(raw: Any) -> tuple[KerasObject, ...] | NamedMetrics:
    """Metrics of all outputs, or a mapping from outputs to metrics: what is called as no metric is an output."""
    if isinstance(raw, NamedMetrics):
        return raw
    if isinstance(raw, Mapping) and _is_metrics_by_output(raw):
        problems: list[Diagnostic] = []
        named: dict[str, tuple[KerasObject, ...]] = {}
        for output, value in raw.items():
            with collected(problems, str(output)):
                named[str(output)] = _listed_metrics(value)
        if problems:
            raise SpecError(problems)
        return NamedMetrics(named)
    return _listed_metrics(raw)


def _listed_metrics(raw: Any) -> tuple[KerasObject, ...]:
    problems: list[Diagnostic] = []
    metrics: list[KerasObject] = []
    for at, each in enumerate(raw if isinstance(raw, list | tuple) else [raw]):
        with collected(problems, at):
            metrics.append(KerasObject.parse("metric", each))
    if problems:
        raise SpecError(problems)
    return tuple(metrics)


def _is_metrics_by_output(raw: Mapping[Any, Any]) -> bool:
    """Whether a mapping says metrics for each output: no key is one, and what stands alone has some as its value."""
    if not raw or any(map(_is_metric, raw)):
        return False
    if len(raw) > 1 or isinstance(value := next(iter(raw.values())), list | tuple):
        return True
    return _is_metric(next(iter(value), None) if isinstance(value, Mapping) else value)


def _is_metric(name: Any) -> bool:
    return isinstance(name, str) and (is_own(name) or name in catalogue.catalogue()["metrics"])


def _field(kind: ObjectKind) -> Any:
    return BeforeValidator(lambda raw: KerasObject.parse(kind, raw))


Optimizer = Annotated[KerasObject, _field("optimizer"), WithJsonSchema({"x-definition": "optimizer"})]
_LOSS_SCHEMA = {
    "anyOf": [
        {"x-definition": "loss"},
        {"type": "object", "minProperties": 1, "additionalProperties": {"x-definition": "loss"}},
    ]
}
Loss = Annotated[KerasObject | Losses, BeforeValidator(_loss), WithJsonSchema(_LOSS_SCHEMA)]
Metric = Annotated[KerasObject, _field("metric"), WithJsonSchema({"x-definition": "metric"})]
_OF_ONE = {"anyOf": [{"type": "array", "items": {"x-definition": "metric"}}, {"x-definition": "metric"}]}
_METRICS_SCHEMA = {
    "anyOf": [*_OF_ONE["anyOf"], {"type": "object", "minProperties": 1, "additionalProperties": _OF_ONE}]
}
Metrics = Annotated[tuple[KerasObject, ...] | NamedMetrics, BeforeValidator(_metrics), WithJsonSchema(_METRICS_SCHEMA)]
Callback = Annotated[KerasObject, _field("callback"), WithJsonSchema({"x-definition": "callback"})]
