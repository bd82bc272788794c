"""The part of the catalogue that training needs: optimizers, schedules, losses, metrics and callbacks.

Keras annotates none of their arguments with a type; the table below says it, as `argument_schemas` does for layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras.src.losses import ALL_OBJECTS_DICT as LOSSES  # private: the namespace leaves out names that `get` takes
from keras.src.metrics import ALL_OBJECTS_DICT as METRICS
from keras.src.optimizers import ALL_OBJECTS_DICT as OPTIMIZERS

from spec_compiler.backend.catalogue.argument_schemas import (
    ANYTHING,
    BELOW_ONE,
    BOOLEAN,
    INTEGER,
    MAPPING,
    NATURAL,
    NON_NEGATIVE,
    NUMBER,
    POSITIVE,
    POSITIVE_NUMBER,
    PYTHON,
    SHARE,
    TEXT,
    Schema,
    either,
    enum,
    first_row,
    list_of,
    or_null,
)
from spec_compiler.backend.training.keras_objects import NAMESPACES
from spec_compiler.keras_facts.function_names import OWN_PATTERN

Record = dict[str, Any]

# Bases to inherit from, wrappers around Python functions, what `fit` adds by itself, and what a run's own checkpoints
# do better: `BackupAndRestore` forgets random states and what other callbacks remember.
ABSTRACT = {
    "optimizer": (keras.optimizers.Optimizer, "MultiOptimizer", "OptimizerMap", "LossScaleOptimizer"),
    "schedule": (keras.optimizers.schedules.LearningRateSchedule,),
    "loss": (keras.losses.Loss, "LossFunctionWrapper"),
    "metric": (keras.metrics.Metric, "MeanMetricWrapper"),
    "callback": (
        keras.callbacks.Callback,
        "BackupAndRestore",
        "CallbackList",
        "History",
        "LambdaCallback",
        "LearningRateScheduler",
        "ProgbarLogger",
        "RemoteMonitor",
    ),
}
# Keras chooses the class of these by the shape of the labels.
CHOSEN_BY_KERAS = {
    "accuracy": "How often predictions equal labels; Keras chooses the kind by the shape of the labels.",
    "acc": "The same as `accuracy`.",
    "crossentropy": "The crossentropy; Keras chooses the kind by the shape of the labels.",
    "ce": "The same as `crossentropy`.",
}

_SCHEDULE = {"$ref": "#/definitions/schedule"}
_ROWS: tuple[tuple[Schema, str], ...] = (
    # optimizers
    (either(NON_NEGATIVE, _SCHEDULE), "*.learning_rate *.adam_lr_ratio"),
    (NON_NEGATIVE, "*.weight_decay *.clipnorm *.global_clipnorm *.clipvalue"),
    (BELOW_ONE, "*.beta_1 *.beta_2 *.rho *.ema_momentum SGD.momentum RMSprop.momentum Muon.momentum"),
    (POSITIVE, "*.gradient_accumulation_steps *.ema_overwrite_frequency Muon.ns_steps"),
    (or_null(NUMBER), "*.loss_scale_factor"),
    (NON_NEGATIVE, "*.epsilon *.epsilon_1 *.epsilon_2"),
    # schedules
    (POSITIVE, "*.decay_steps *.first_decay_steps"),
    (NON_NEGATIVE, "*.initial_learning_rate *.end_learning_rate *.warmup_target *.alpha *.decay_rate"),
    (NATURAL, "*.warmup_steps"),
    (list_of(NATURAL), "PiecewiseConstantDecay.boundaries"),
    (list_of(NON_NEGATIVE), "PiecewiseConstantDecay.values"),
    (POSITIVE_NUMBER, "PolynomialDecay.power CosineDecayRestarts.t_mul CosineDecayRestarts.m_mul"),
    # losses and metrics
    (SHARE, "*.label_smoothing *.recall *.precision *.specificity *.sensitivity"),
    (enum("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None), "*.reduction"),
    (POSITIVE, "*.k *.num_classes *.num_thresholds *.num_labels"),
    (or_null(either(SHARE, list_of(SHARE))), "*.thresholds *.threshold"),
    (or_null(either(NATURAL, list_of(NATURAL))), "*.class_id *.target_class_ids"),
    (enum("ROC", "PR"), "AUC.curve"),
    (enum("interpolation", "majoring", "minoring"), "AUC.summation_method"),
    (or_null(enum("micro", "macro", "weighted", "uniform_average", "variance_weighted_average")), "*.average"),
    (or_null(enum("uniform_average", "variance_weighted_average")), "R2Score.class_aggregation"),
    (or_null(either(INTEGER, list_of(INTEGER))), "*.axis"),
    # callbacks
    (enum("auto", "min", "max"), "*.mode"),
    (TEXT, "*.monitor *.filename *.filepath *.log_dir *.backup_dir *.separator *.directory"),
    (NATURAL, "*.patience *.start_from_epoch *.cooldown"),
    (NON_NEGATIVE, "*.min_lr *.min_delta"),
    (BELOW_ONE, "ReduceLROnPlateau.factor"),
    (or_null(NUMBER), "*.baseline *.initial_value_threshold"),
    (enum(0, 1, 2), "*.verbose"),
    (either(enum("epoch", "batch"), POSITIVE), "TensorBoard.update_freq"),
    (either(enum("epoch"), POSITIVE), "*.save_freq"),
    (NATURAL, "TensorBoard.histogram_freq TensorBoard.embeddings_freq"),
    (either(NATURAL, list_of(NATURAL)), "TensorBoard.profile_batch"),
    (MAPPING, "*.embeddings_metadata"),
    (PYTHON, "*.model *.save_on_background"),
    # everywhere
    (or_null(TEXT), "*.name"),
    ({"$ref": "#/definitions/dtype"}, "*.dtype"),
)


def training_groups(described: Callable[[Mapping[str, type]], dict[str, Record]]) -> dict[str, dict[str, Record]]:
    """The sections `optimizers`, `schedules`, `losses`, `metrics` and `callbacks` of the catalogue.

    `described` makes the records of classes, as it does for layers.
    """
    groups: dict[str, dict[str, Record]] = {}
    for kind in ABSTRACT:
        classes = _classes(kind)
        records = described(classes)
        for owner, record in records.items():
            record["arguments"].pop("decay", None)  # taken by Keras in order to refuse it
            for name, argument in record["arguments"].items():
                argument.pop("kind", None)
                argument["schema"] = _schema(owner, name, argument)
                if name == "learning_rate":
                    argument["kind"] = "schedule"
        groups[_plural(kind)] = dict(sorted({**records, **_aliases(kind, classes)}.items()))
    for name, doc in CHOSEN_BY_KERAS.items():
        groups["metrics"][name] = {"doc": doc, "first_argument": None, "arguments": {}}
    return groups


def training_definitions(groups: Mapping[str, Mapping[str, Record]]) -> dict[str, Schema]:
    """The schemas behind `$ref`: a name, or a name with arguments."""
    custom = {"type": "string", "pattern": OWN_PATTERN}
    return {kind: either(enum(*groups[_plural(kind)]), custom, MAPPING) for kind in ABSTRACT}


def _plural(kind: str) -> str:
    return "losses" if kind == "loss" else f"{kind}s"


def _classes(kind: str) -> dict[str, type]:
    base, *names = ABSTRACT[kind]
    assert inspect.isclass(base)
    return {
        name: each
        for name, each in vars(NAMESPACES[kind]).items()
        if inspect.isclass(each) and issubclass(each, base) and each is not base and each.__name__ not in names
    }


def _aliases(kind: str, classes: Mapping[str, type]) -> dict[str, Record]:
    """The other names that Keras's `get` takes: `adam`, `mse`, `categorical_crossentropy`."""
    by_name: Mapping[str, Any] = {"optimizer": OPTIMIZERS, "loss": LOSSES, "metric": METRICS}.get(kind, {})
    owners = {_letters(name): name for name in classes}
    aliases: dict[str, Record] = {}
    for alias, thing in by_name.items():
        # a function, as `mean_squared_error` is, stands for the class of the same letters
        name = thing.__name__ if inspect.isclass(thing) else owners.get(_letters(thing.__name__))
        if alias not in classes and name in classes:
            aliases[alias] = {"alias_of": name}
    if kind == "optimizer":  # `get` lowers every name
        aliases |= {name.lower(): {"alias_of": name} for name in classes}
    return aliases


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _schema(owner: str, name: str, argument: Record) -> Schema:
    default = argument.get("default", ...)
    if isinstance(default, bool):
        return BOOLEAN
    schema = first_row(_ROWS, f"{owner}.{name}", NUMBER if isinstance(default, float) else ANYTHING)
    return or_null(schema) if default is None and schema != ANYTHING and "$ref" not in schema else schema
