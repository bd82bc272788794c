"""Classes of the user's own -> objects: found, proven to take their arguments, and proven to come back from a file."""

from __future__ import annotations

import contextlib
import inspect
import random
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras

from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.functions import find_member, reason_in
from spec_compiler.backend.models.symbolic import refusal
from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, under
from spec_compiler.files import Folder
from spec_compiler.keras_facts.catalogue import ClassKind

CODE = "SC119"
BASES: Mapping[ClassKind, type] = {
    "layer": keras.Layer,
    "initializer": keras.Initializer,
    "regularizer": keras.Regularizer,
    "constraint": keras.constraints.Constraint,
    "optimizer": keras.optimizers.Optimizer,
    "schedule": keras.optimizers.schedules.LearningRateSchedule,
    "loss": keras.losses.Loss,
    "metric": keras.metrics.Metric,
    "callback": keras.callbacks.Callback,
}
_NOUNS: Mapping[ClassKind, str] = {kind: "layer class" if kind == "layer" else kind for kind in BASES}
# Of these Keras takes plain functions as well; of the others a function is one that returns the object.
_PLAIN: tuple[ClassKind, ...] = ("initializer", "regularizer", "constraint", "loss", "metric")
_OF_A_MODEL: tuple[ClassKind, ...] = ("layer", "initializer", "regularizer", "constraint")
_GET_CONFIG = "give it a `get_config`: `return {**super().get_config(), …}` with all that its constructor takes"
_KWARGS = "let its constructor take `**kwargs` and hand them on: `super().__init__(**kwargs)`"


@contextlib.contextmanager
def at_entry(name: str, *, alone: bool) -> Iterator[None]:
    """Around the making of an entry's object: errors are placed at its key, or at the text that stands `alone`."""
    try:
        with under(*(() if alone else (name,))):
            yield
    except SpecError as error:
        raise SpecError(replace(each, at_key=each.at_key and not alone) for each in error.diagnostics) from None


def own_member(text: str, kind: ClassKind, folder: Folder) -> Any:
    """The class that `module:Name` names, or the function where the kind may be one.

    Raises:
        SpecError: SC119 where there is none, or where it is none of that kind.
    """
    return find_member(text, folder, CODE, _NOUNS[kind], lambda found: _is_of(found, kind))


def _is_of(found: Any, kind: ClassKind) -> bool:
    if inspect.isclass(found):
        return issubclass(found, BASES[kind]) and found is not BASES[kind]
    return kind != "layer" and inspect.isfunction(found)


def own_object(text: str, arguments: Mapping[str, Any], kind: ClassKind, folder: Folder) -> Any:
    """The object that a class makes of arguments as Keras takes them; a function where Keras takes one.

    A function with arguments, and one in the place of an optimizer, a schedule or a callback, is called, and what it
    returns is the object.

    Raises:
        SpecError: SC119, SC102 and SC106 for arguments, SC403 or in training SC609 where the code fails; paths relative
            to the arguments.
    """
    member = own_member(text, kind, folder)
    if not inspect.isclass(member) and kind in _PLAIN and not arguments:
        return member
    if kind == "layer" and not _takes(member, "name"):
        raise SpecError.single(CODE, f"`{text}` does not take `name`, as every layer does", at_key=True, help=_KWARGS)
    check_takes(member, text, arguments)
    code = "SC403" if kind in _OF_A_MODEL else "SC609"
    with (
        refusal(lambda error: _refused(error, member, text, arguments, folder, code)),
        keras.saving.custom_object_scope(
            own_objects(member) | objects_in(arguments.values())
        ),  # its own code may make others from their configs
    ):
        made = member(**arguments)
    if not isinstance(made, BASES[kind]) and not (kind in _PLAIN and callable(made)):
        raise SpecError.single(CODE, f"`{text}` returned `{type(made).__name__}`, no {_NOUNS[kind]}", at_key=True)
    if kind in _OF_A_MODEL:
        _check_saved(made, text, arguments)
    elif kind != "callback":  # its config stands in every checkpoint
        with refusal(lambda error: _unsaved(text, error)):
            keras.saving.serialize_keras_object(made)
    return made


def _unsaved(text: str, error: Exception) -> SpecError:
    notes = [f"Keras says: {keras_reason(error)}"]
    return SpecError.single(CODE, f"`{text}` cannot be saved", at_key=True, notes=notes, help=_GET_CONFIG)


def check_takes(member: Any, text: str, arguments: Mapping[str, Any]) -> None:
    """Proves that a class or function takes these arguments, as far as its signature says.

    Raises:
        SpecError: SC102 for those that are missing, SC106 for those that it does not take.
    """
    parameters = _parameters(member)
    named = [name for name, each in parameters.items() if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    required = [name for name in named if parameters[name].default is inspect.Parameter.empty]
    problems = [_unknown(text, name, named) for name in arguments if not _takes(member, name)]
    meant = {name for each in problems for name in required if f"`{name}`" in (each.help or "")}
    if missing := [name for name in required if name not in arguments and name not in meant]:
        help = f"write `{text}: {{{', '.join(f'{name}: …' for name in missing)}}}`"
        problems.insert(0, Diagnostic("SC102", f"`{text}` needs {quoted(missing)}", help=help, at_key=True))
    if problems:
        raise SpecError(problems)


def _takes(member: Any, name: str) -> bool:
    parameters = _parameters(member)
    return name in parameters or any(each.kind == each.VAR_KEYWORD for each in parameters.values())


def _unknown(text: str, name: str, known: list[str]) -> Diagnostic:
    help = did_you_mean(name, known, f"it takes {quoted(known)}" if known else "it takes none")
    return Diagnostic("SC106", f"`{text}` has no argument `{name}`", (name,), help=help, at_key=True)


def _parameters(member: Any) -> dict[str, inspect.Parameter]:
    """What a function takes, or a class's constructor: Keras's own `__new__` says nothing of it."""
    try:
        if not inspect.isclass(member):
            return dict(inspect.signature(member).parameters)
        return dict(list(inspect.signature(member.__init__).parameters.items())[1:])
    except (TypeError, ValueError):  # a constructor that is no Python function
        return {"any": inspect.Parameter("any", inspect.Parameter.VAR_KEYWORD)}


def _refused(
    error: Exception, member: Any, text: str, arguments: Mapping[str, Any], folder: Folder, code: str
) -> SpecError:
    """SC106 where an error is about an argument that the signature does not have, `code` otherwise."""
    known = [name for name, each in _parameters(member).items() if each.kind != each.VAR_KEYWORD]
    said = str(error)
    if re.search("unexpected keyword|unrecognized keyword|not recognized", said, re.IGNORECASE):
        for name in arguments:
            if name not in known and f"'{name}'" in said:
                return SpecError([_unknown(text, name, known)])
    notes = [f"it says: {keras_reason(error)}", *reason_in(error, folder)[1]]
    return SpecError.single(code, f"`{text}` cannot be made from these arguments", at_key=True, notes=notes)


def own_objects(member: Any) -> dict[str, Any]:
    """A class or function by its name, and all else that its module defines; nothing for one of Keras's."""
    if member.__module__.startswith("keras."):
        return {}
    inside = vars(sys.modules[member.__module__]).values() if member.__module__ in sys.modules else ()
    own = [each for each in inside if inspect.isclass(each) or inspect.isfunction(each)]
    return {each.__name__: each for each in (*own, member) if each.__module__ == member.__module__}


def objects_in(values: Iterable[Any]) -> dict[str, Any]:
    """`own_objects` of all that is of the user's own among arguments as Keras takes them."""
    parts = [each for value in values for each in (value if isinstance(value, list) else [value])]
    members = [each if inspect.isfunction(each) else type(each) for each in parts if _is_object(each)]
    return {key: each for member in members for key, each in own_objects(member).items()}


def _is_object(value: Any) -> bool:
    return inspect.isfunction(value) or hasattr(value, "get_config")


def _check_saved(made: Any, text: str, arguments: Mapping[str, Any]) -> None:
    """Proves that Keras makes a part of a model again from what a file says of it: hours of training must not end in
    one that nobody can read.

    Raises:
        SpecError: SC119.
    """
    drawn = random.getstate()  # a second object draws seeds of its own
    given = [name for name in arguments if name != "name"]
    try:
        config = keras.saving.serialize_keras_object(made)
        if inspect.isfunction(made):
            return
        forgotten = [name for name in given if name not in config["config"]]
        if forgotten and type(made).from_config.__module__.startswith("keras."):
            message = f"`{text}` cannot be saved: its `get_config` leaves out {quoted(forgotten)}"
            raise SpecError.single(CODE, message, at_key=True, help=_GET_CONFIG)
        config.pop("build_config", None)
        keras.saving.deserialize_keras_object(config, custom_objects=own_objects(type(made)))
    except SpecError:
        raise
    except Exception as error:
        reason = keras_reason(error)
        help = _KWARGS if "nexpected keyword" in reason else _GET_CONFIG
        message = f"`{text}` cannot be loaded again from what is saved of it"
        raise SpecError.single(CODE, message, at_key=True, notes=[f"Keras says: {reason}"], help=help) from None
    finally:
        random.setstate(drawn)
