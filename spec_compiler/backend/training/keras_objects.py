"""Optimizers, schedules, losses, metrics and callbacks from their entries in a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from spec_compiler.backend.models.allowed_configs import refuse_strangers
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.own_code import at_entry, check_takes, own_member, own_object
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.files import HERE, Folder
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import bare, is_function
from spec_compiler.spec.callback_outputs import placed
from spec_compiler.spec.keras_objects import KerasObject

NAMESPACES = {
    "optimizer": keras.optimizers,
    "loss": keras.losses,
    "metric": keras.metrics,
    "callback": keras.callbacks,
    "schedule": keras.optimizers.schedules,
}


def make(entry: KerasObject, folder: str = "", code: Folder = HERE) -> Any:
    """A fresh object; a metric or loss without arguments stays a name, so that Keras chooses by the labels' shape.

    What a callback writes stands in `folder`, that of the run; modules of the user's own may be in `code`.

    Raises:
        SpecError: SC601 for a registered name that Keras does not know, SC609 for arguments that Keras refuses, SC112
            for what Keras would call for them, SC612 for a callback that would write elsewhere; as `own_object`.
    """
    if is_function(entry.name):
        return _own(entry, folder, code)
    if entry.kind in ("loss", "metric") and not entry.arguments and ">" not in entry.name:
        return entry.name if entry.name.islower() else getattr(NAMESPACES[entry.kind], entry.class_name)()
    if ">" in entry.name:
        cls = keras.saving.get_registered_object(entry.name)
        if cls is None:
            message = f"no {entry.kind} is registered as `{entry.name}`"
            raise SpecError.single("SC601", message, help=_IMPORT)
    else:
        cls = getattr(NAMESPACES[entry.kind], entry.class_name)
    arguments = _arguments(entry, folder, code)
    try:
        return cls(**arguments)
    except Exception as error:
        message = f"`{entry.name}` cannot be made from these arguments"
        raise SpecError.single("SC609", message, notes=[f"Keras says: {keras_reason(error)}"]) from None


_IMPORT = "write `imports: [MODULE]`, or `MODULE:NAME` for it"


def check_own(entry: KerasObject, code: Folder) -> None:
    """Proves that a class of the user's own is there and takes its arguments; it is not made, as that may do anything.

    Raises:
        SpecError: SC119, SC102, SC106.
    """
    with at_entry(entry.name, alone=not entry.arguments):
        check_takes(own_member(entry.name, entry.kind, code), entry.name, entry.arguments)


def _own(entry: KerasObject, folder: str, code: Folder) -> Any:
    arguments = _arguments(entry, folder, code)
    with at_entry(entry.name, alone=not entry.arguments):
        made = own_object(entry.name, arguments, entry.kind, code)
    if entry.kind == "metric" and not isinstance(made, keras.Metric):
        return keras.metrics.MeanMetricWrapper(made, name=bare(entry.name))
    return made


def _arguments(entry: KerasObject, folder: str, code: Folder) -> dict[str, Any]:
    arguments = {}
    for key, value in entry.arguments.items():
        with under(entry.name, key):
            refuse_strangers(value, f"`{key}`")
            arguments[key] = _own_schedule(value, code) if key == "learning_rate" else _value(value)
    return placed(entry.name, arguments, folder) if entry.kind == "callback" else arguments


def _own_schedule(value: Any, code: Folder) -> Any:
    """A learning rate, of which the user's own code may say how it goes."""
    ((name, arguments),) = value.items() if isinstance(value, Mapping) and len(value) == 1 else ((value, None),)
    if not isinstance(name, str) or not is_function(name):
        return _value(value)
    with at_entry(name, alone=arguments is None):
        return own_object(name, arguments or {}, "schedule", code)


def _value(value: Any) -> Any:
    """An argument as Keras takes it: a schedule's entry becomes the schedule."""
    name, arguments = value, None
    if isinstance(value, Mapping) and len(value) == 1 and "class_name" not in value:
        ((name, arguments),) = value.items()
    elif not isinstance(value, str):
        return value
    if catalogue.class_record(str(name), "schedule") is None:
        return value
    if not isinstance(arguments, Mapping):
        first = catalogue.first_argument(str(name), "schedule")
        arguments = {} if arguments is None or first is None else {first: arguments}
    return getattr(NAMESPACES["schedule"], str(name))(**arguments)
