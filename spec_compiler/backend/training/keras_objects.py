"""Optimizers, schedules, losses, metrics and callbacks from their entries in a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from spec_compiler.backend.models.allowed_configs import refuse_strangers
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.keras_facts import catalogue
from spec_compiler.spec.callback_outputs import placed
from spec_compiler.spec.keras_objects import KerasObject

NAMESPACES = {
    "optimizer": keras.optimizers,
    "loss": keras.losses,
    "metric": keras.metrics,
    "callback": keras.callbacks,
    "schedule": keras.optimizers.schedules,
}


def make(entry: KerasObject, folder: str = "") -> Any:
    """A fresh object; a metric or loss without arguments stays a name, so that Keras chooses by the labels' shape.

    What a callback writes stands in `folder`, that of the run.

    Raises:
        SpecError: SC601 for a registered name that Keras does not know, SC609 for arguments that Keras refuses, SC112
            for what Keras would call for them, SC612 for a callback that would write elsewhere.
    """
    if entry.kind in ("loss", "metric") and not entry.arguments and ">" not in entry.name:
        return entry.name if entry.name.islower() else getattr(NAMESPACES[entry.kind], entry.class_name)()
    if ">" in entry.name:
        cls = keras.saving.get_registered_object(entry.name)
        if cls is None:
            message = f"no {entry.kind} is registered as `{entry.name}`"
            raise SpecError.single("SC601", message, help="import the module that registers it before training")
    else:
        cls = getattr(NAMESPACES[entry.kind], entry.class_name)
    for key, value in entry.arguments.items():
        with under(entry.name, key):
            refuse_strangers(value, f"`{key}`")
    arguments = {key: _value(value) for key, value in entry.arguments.items()}
    if entry.kind == "callback":
        arguments = placed(entry.name, arguments, folder)
    try:
        return cls(**arguments)
    except Exception as error:
        message = f"`{entry.name}` cannot be made from these arguments"
        raise SpecError.single("SC609", message, notes=[f"Keras says: {keras_reason(error)}"]) from None


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
