"""Arguments of a spec as Keras takes them: objects for entries, functions for names, what a file holds for its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

import keras

from spec_compiler.backend.models.allowed_configs import refuse_strangers
from spec_compiler.backend.models.functions import find_function
from spec_compiler.backend.models.own_code import at_entry, objects_in, own_object
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.files import Folder
from spec_compiler.files.vocabulary import read_vocabulary
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import is_function, is_own
from spec_compiler.keras_facts.side_effects import READS
from spec_compiler.language.layer_names import numbered, snake_case


def deserialized(
    class_name: str, arguments: Mapping[str, Any], folder: Folder, owner: catalogue.ClassKind = "layer"
) -> dict[str, Any]:
    """Arguments as Keras takes them: nested entries become objects, `module:function` functions, lists tuples, and
    files what they hold.

    `folder` is the spec's, where the functions' modules may be. `owner` is the kind of the class that takes them:
    `Identity` is a layer and an initializer.

    Raises:
        SpecError: SC403 for a function that is not found, SC112 for what no layer is made of, SC501, SC502, SC510 for a
            file; as `made` for what stands inside; the path begins with the argument.
    """
    converted: dict[str, Any] = {}
    for key, value in arguments.items():
        with under(key):
            refuse_strangers(value, f"`{key}`")
            kind = catalogue.argument_kind(class_name, key, owner)
            converted[key] = _value(_read(class_name, key, value, folder), kind, folder)
    return converted


def _read(class_name: str, key: str, value: Any, folder: Folder) -> Any:
    """An argument with the files in it read that it names, also inside of Keras's own serialised form.

    Keras would look for them in the folder that the caller is in, on other machines too, and whatever they hold.
    """
    if isinstance(value, list):
        return [_read(class_name, "", each, folder) for each in value]
    if isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
        name = str(value.get("class_name"))
        config = {inner: _read(name, str(inner), each, folder) for inner, each in value["config"].items()}
        return {**value, "config": config}
    if isinstance(value, str) and key == "vocabulary":
        return read_vocabulary(value, folder, integers=class_name == "IntegerLookup")
    if isinstance(value, str) and key in READS:
        return folder.directory(value, "folder of a saved model")
    return value


def _value(value: Any, kind: str | None, folder: Folder) -> Any:
    if isinstance(value, str) and (kind == "function" or (kind == "activation" and is_function(value))):
        return _function(value, folder)
    if kind in ("initializer", "regularizer", "constraint", "layer"):
        if isinstance(value, list | tuple) and kind == "layer":
            return [_made(each, "layer", folder, number) for number, each in enumerate(value)]
        return _made(value, kind, folder)  # type: ignore[arg-type]
    if isinstance(value, list) and all(isinstance(each, int | float) for each in value):
        return tuple(value)
    return value


def _function(text: str, folder: Folder) -> Any:
    function = find_function(text, folder, "SC403")
    if isinstance(function, type) or not (isinstance(function, FunctionType) or hasattr(function, "get_config")):
        what = "class" if isinstance(function, type) else f"`{type(function).__name__}`"
        help = f"write `def {text.partition(':')[2].lower()}(tensor): …` around it"
        raise SpecError.single("SC403", f"`{text}` is a {what}, Keras saves plain functions only", help=help)
    return function


def _made(value: Any, kind: catalogue.ClassKind, folder: Folder, number: int | None = None) -> Any:
    """The object that an entry names; what is no entry, such as Keras's own serialised form, stays.

    A layer inside of another gets a name of its own: Keras's would count through the whole process.
    """
    is_alone = isinstance(value, str)
    if is_alone:
        if kind != "layer" and not is_own(value):
            return value
        value = {value: None}
    if not isinstance(value, Mapping) or "class_name" in value:
        return value
    ((name, arguments),) = value.items()
    if not isinstance(arguments, Mapping):
        first = catalogue.first_argument(name, kind)
        arguments = {} if arguments is None or first is None else {first: arguments}
    with under(*(() if number is None else (number,))), at_entry(name, alone=is_alone):
        keywords = deserialized(name, arguments, folder, kind)
        if kind == "layer":
            keywords.setdefault("name", numbered(snake_case(name), number or 0))
        return made(name, keywords, kind, folder)


def made(name: str, arguments: Mapping[str, Any], kind: catalogue.ClassKind, folder: Folder) -> Any:
    """The object of a class by its public name, or of one of the user's own, from arguments as Keras takes them.

    Raises:
        SpecError: SC202 where nobody has registered `package>Name`; as `own_object`.
    """
    if is_function(name):
        return own_object(name, arguments, kind, folder)
    with keras.saving.custom_object_scope(objects_in(arguments.values())):  # `Bidirectional` copies by its config
        return _class(name, kind)(**arguments)


def _class(name: str, kind: catalogue.ClassKind) -> Any:
    """A class by its public name or an alias: `normal` is `RandomNormal`."""
    if ">" in name:
        cls = keras.saving.get_registered_object(name)
        if cls is None:
            message, help = f"no class is registered as `{name}`", "write `imports: [MODULE]`, or `MODULE:NAME` for it"
            raise SpecError.single("SC202", message, at_key=True, help=help)
        return cls
    group = catalogue.catalogue()[f"{kind}s"]
    return getattr(getattr(keras, f"{kind}s"), group.get(name, {}).get("alias_of", name))
