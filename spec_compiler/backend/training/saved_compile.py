"""How a saved model was compiled: its loss and metrics, made through the gate that specs go through.

Keras's own loading would look up and call whatever the file names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.backend.training.keras_objects import make
from spec_compiler.diagnostics import SpecError
from spec_compiler.keras_facts import catalogue
from spec_compiler.reading import Damaged
from spec_compiler.reading.model import config_text, parsed_config
from spec_compiler.spec.keras_objects import KerasObject, ObjectKind


class _NotOurs(Exception):
    """A loss or metric that no spec could name."""


def saved_losses(path: str) -> tuple[Any, dict[str, Any], str | None]:
    """The losses of a saved model as entries, what its `compile` takes, and what of it cannot be made, if anything."""
    try:
        kind, text, _ = config_text(path)
        config = parsed_config(text).get("compile_config") if kind == "keras" and text is not None else None
    except Damaged:
        config = None
    if not isinstance(config, Mapping) or config.get("loss") is None:
        return None, {}, "the model was saved without a loss, so there is none, and no metric of Keras's"
    try:
        losses = _mapped(config["loss"], "loss")
    except (_NotOurs, SpecError):
        return None, {}, "the model's loss is code of its own: evaluate the run that made it, with `--allow-code`"
    arguments = {"loss": _made(losses), "loss_weights": config.get("loss_weights")}
    try:
        arguments["metrics"] = _made(_mapped(config.get("metrics") or [], "metric"))
    except (_NotOurs, SpecError):
        return losses, arguments, "the model has a metric that is code of its own, which is left out"
    return losses, arguments, None


def _mapped(value: Any, kind: ObjectKind) -> Any:
    """The entries in a structure of serialised objects."""
    if isinstance(value, Mapping) and "class_name" in value:
        return _entry(value, kind)
    if isinstance(value, Mapping):
        return {key: _mapped(each, kind) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(each, kind) for each in value]
    return None if value is None else KerasObject.parse(kind, value)


def _entry(value: Mapping[str, Any], kind: ObjectKind) -> KerasObject:
    name, config = str(value["class_name"]), value.get("config")
    if name == "function" and isinstance(config, str):
        name, config = config, {}
    record = catalogue.class_record(name, kind)
    if record is None or not isinstance(config, Mapping):
        raise _NotOurs
    known = {key: each for key, each in config.items() if key in record["arguments"] and each is not None}
    return KerasObject.parse(kind, {name: known} if known else name)


def _made(entries: Any) -> Any:
    if isinstance(entries, KerasObject):
        return make(entries)
    if isinstance(entries, Mapping):
        return {key: _made(each) for key, each in entries.items()}
    return [_made(each) for each in entries] if isinstance(entries, list) else entries
