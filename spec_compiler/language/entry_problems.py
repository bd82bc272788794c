"""What is wrong with a new layer as YAML says it: with its class, and with the modifiers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Advice, Diagnostic, did_you_mean, show, write
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.diagnostics.near import num_slips
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_checks import check_entry
from spec_compiler.keras_facts.function_names import is_own
from spec_compiler.language.flow import check_sizes, stand_in
from spec_compiler.language.layer_names import name_problems

MODIFIERS = ("from", "call", "weights", "name")
BLOCK = "block "  # begins the key of a block whose copies are written out (`text/blocks.py`), as no key of a user does


def no_modifier(key: str) -> Diagnostic:
    """That a modifier stands where layers join no model."""
    message = f"`{key}` says how a layer joins a model, this one goes into none"
    help = "layers that are joined stand in `head`, `insert` and `replace`"
    return Diagnostic("SC101", message, (key,), at_key=True, help=Advice(f"remove it, {help}", Remove()))


def layer_problems(value: Any) -> Iterator[Diagnostic]:
    """What is wrong with the name of a layer that is to be called once more."""
    if not isinstance(value, str) or not value.strip():
        help = "a new layer begins with its class, as `Dense: {units: 10}`"
        yield Diagnostic("SC103", f"`layer` names a layer that is there, got {show(value)}", ("layer",), help=help)


def beside_problems(beside: Mapping[str, Any], value: Any, what: Any, matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with a name and a call's constants that stand beside the class."""
    if "name" in beside:
        name = beside["name"]
        if not isinstance(name, str) or "/" in name:
            message = f"`name` must be text without `/`, got {show(name)}"
            yield Diagnostic("SC103", message, ("name",))
        else:
            yield from name_problems({"name": name}, matches)
        if isinstance(value, Mapping) and "name" in value:
            message = "the layer's name is said twice, among its arguments too"
            once = Advice("keep one of the two", Remove())
            yield Diagnostic("SC108", message, ("name",), at_key=True, help=once)
    call = beside.get("call", {})
    if not isinstance(call, Mapping) or not call or not all(isinstance(key, str) for key in call):
        if "call" in beside:
            message, help = f"`call` maps arguments of the call to values, got {show(call)}", "as `{training: true}`"
            yield Diagnostic("SC103", message, ("call",), help=help)
        return
    taken = beside.get("from")
    for key in call:
        if isinstance(taken, Mapping) and key in taken:
            message = f"`{key}` is said twice, `from` says it too"
            yield Diagnostic("SC108", message, ("call", key), at_key=True, help="keep one of the two")


def entry_problems(entry: Any, matches: bool) -> Iterator[Diagnostic]:
    """What is wrong with a class and its arguments, at the smallest place that is at fault."""
    if isinstance(entry, Mapping) and len(entry) > 1 and all(isinstance(key, str) for key in entry):
        names = list(entry)
        classes = [name for name in names if name in catalogue.layer_names() or _is_no_keras_class(name)]
        extra = next((name for name in names if name not in classes), names[1])
        owner = next((name for name in classes if entry[name] is None), None)
        help: str = "an entry is one class, its arguments belong to it"
        if len(classes) > 1:
            help = "begin each layer with `- `"
        if owner is not None and extra in catalogue.argument_names(owner, "layer"):
            help = f"indent the arguments below `{owner}:`, or write `{owner}: {{{extra}: …}}`"
        elif classes and extra in catalogue.argument_names(classes[0], "layer"):
            help = f"move `{extra}` into the arguments: `{classes[0]}: {{…, {extra}: …}}`"
        elif near := next((key for key in MODIFIERS if num_slips(extra, key, 2) <= 2), None):
            help = write(near, f"did you mean `{near}`?")
        message = f"a layer entry has one class, this has {len(names)} keys: `{extra}` is too many"
        if not classes:
            message, extra = f"a layer entry is one class, this has {len(names)} keys and none is a class", ""
            texts = (value for value in entry.values() if isinstance(value, str))  # `{type: Dense, units: 3}`
            named = next((text for text in texts if text in catalogue.layer_names()), "Class")
            help = f"write `- {named}: {{arguments}}`"
        yield Diagnostic("SC105", message, (extra,) if extra else (), at_key=bool(extra), help=help)
        return
    ((class_name, value),) = entry.items() if isinstance(entry, Mapping) and len(entry) == 1 else (("", None),)
    if isinstance(value, str) and num_slips(str(class_name), "layer", 1) == 1:
        message, meant = f"no layer class named `{class_name}`", did_you_mean(str(class_name), ("layer",))
        yield Diagnostic("SC202", message, (str(class_name),), at_key=True, help=meant)
        return
    yield from check_entry(stand_in(entry))
    if isinstance(value, Mapping):
        yield from (each.under(str(class_name)) for each in (*name_problems(value, matches), *check_sizes(value)))
    elif class_name:
        yield from (each.under(str(class_name)) for each in check_sizes(value))


def _is_no_keras_class(name: str) -> bool:
    """Whether a key says what an entry is and is no class of Keras's."""
    return name == "layer" or name.startswith(BLOCK) or is_own(name)
