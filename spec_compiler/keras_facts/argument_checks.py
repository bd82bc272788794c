"""What is wrong with the arguments of Keras's classes and applications, by the catalogue of what they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Advice, Diagnostic, did_you_mean, near, quoted, write
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.keras_facts.argument_values import check_value, flow, is_data, received
from spec_compiler.keras_facts.catalogue import (
    CLASS_KINDS,
    ClassKind,
    argument_names,
    catalogue,
    class_record,
    group_of,
)
from spec_compiler.keras_facts.function_names import is_own
from spec_compiler.keras_facts.translation import written

_LAYER_FORMS = "`Class`, `Class: {arguments}` or `Class: first argument`"
NOUNS = {
    "initializer": "an initializer",
    "regularizer": "a regularizer",
    "constraint": "a constraint",
    "optimizer": "an optimizer",
    "schedule": "a learning-rate schedule",
    "loss": "a loss",
    "metric": "a metric",
    "callback": "a callback",
}
_EXAMPLES = {
    "layer": "for example `Dense: 10`",
    "initializer": "for example `he_normal`",
    "regularizer": "for example `L2: 0.0001`",
    "constraint": "for example `MaxNorm: 3`",
    "optimizer": "for example `Adam: {learning_rate: 0.001}`",
    "schedule": "for example `CosineDecay: {initial_learning_rate: 0.001, decay_steps: 1000}`",
    "loss": "for example `categorical_crossentropy`",
    "metric": "for example `accuracy`",
    "callback": "for example `EarlyStopping: {patience: 3}`",
    "activation": "for example `relu`",
    "dtype": "for example `float32`",
    "function": "for example `my_layers:double`, the function `double` in `my_layers.py` beside the spec",
    "python": "classes stand as in `keras.layers`; one of your own is `module:Name`",
}
# What a number in the place of an object was surely meant to be.
_OF_A_NUMBER = {"initializer": "Constant", "regularizer": "L2", "constraint": "MaxNorm"}
_SHAPE_IS_KNOWN = Advice("remove it, a layer takes the shape of its input from the layer before it", Remove())
# What other libraries call a layer.
_ELSEWHERE = {
    "Linear": "Dense",
    "FullyConnected": "Dense",
    "BatchNorm": "BatchNormalization",
    "BatchNorm1d": "BatchNormalization",
    "BatchNorm2d": "BatchNormalization",
    "LayerNorm": "LayerNormalization",
    "MaxPool2d": "MaxPooling2D",
    "AvgPool2d": "AveragePooling2D",
    "AdaptiveAvgPool2d": "GlobalAveragePooling2D",
    "Sigmoid": "Activation: sigmoid",
    "Tanh": "Activation: tanh",
    "GELU": "Activation: gelu",
    "SiLU": "Activation: silu",
}
_RETIRED = {
    "*.input_shape": _SHAPE_IS_KNOWN,
    "*.batch_input_shape": _SHAPE_IS_KNOWN,
    "*.input_dim": _SHAPE_IS_KNOWN,
    "*.from": "`from` stands beside the class: `{CLASS: {…}, from: …}`",
    "*.weights": "`weights` stands beside the class: `{CLASS: {…}, weights: …}`",
    "Embedding.input_length": Advice("remove it, Keras 3 ignores it", Remove()),
    "*.lr": write("learning_rate", "Keras 3 calls it `learning_rate`"),
    "*.decay": "give `learning_rate` a schedule, for example `InverseTimeDecay`",
    "LeakyReLU.alpha": write("negative_slope", "Keras 3 calls it `negative_slope`"),
}


def check_arguments(
    class_name: str, arguments: Mapping[str, Any], *, kind: ClassKind | None = None, partial: bool = False
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a class's arguments, with paths relative to them: SC102, SC106 and SC107.

    `partial` says that the arguments change those of an existing layer, so none is missing.

    >>> check_arguments("Dense", {"units": 0})[0].message
    '`units` must be a positive integer, got `0`'
    """
    record = class_record(class_name, kind)
    return () if record is None else tuple(_check(class_name, record["arguments"], arguments, partial))


def check_application(name: str, arguments: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """The same for the arguments of an application, without those that the language has words for (`weights`).

    >>> check_application("VGG16", {"pooling": "mean"})[0].message
    "`pooling` must be `avg`, `max` or `null`, got the text `'mean'`"
    """
    records = catalogue()["applications"]
    return tuple(_check(name, records[name]["arguments"], arguments, partial=True)) if name in records else ()


def check_entry(entry: Any, kind: ClassKind = "layer") -> tuple[Diagnostic, ...]:
    """Everything that is wrong with `Class`, `Class: {arguments}` or `Class: first argument`, paths relative to it.

    Keras's own `{class_name: Class, config: {arguments}}` is taken as well. Of classes of one's own
    (`module:Name`, `package>Name`) only their code knows the arguments; they pass.

    >>> check_entry({"Dense": {"unit": 3}})[0].path
    ('Dense', 'unit')
    """
    return tuple(_check_entry(entry, kind, f"a {kind} entry"))


def _check(owner: str, records: Mapping[str, Any], arguments: Mapping[str, Any], partial: bool) -> Iterator[Diagnostic]:
    # What is misspelt is not missing as well: `unit` says `units`.
    meant = {name for argument in arguments if argument not in records for name in near(str(argument), records)[:1]}
    missing = [name for name, each in records.items() if each.get("required") and name not in {*arguments, *meant}]
    if missing and not partial:
        yield _missing(owner, records, missing, arguments)
    for name, value in arguments.items():
        if name in records:
            yield from _check_argument(name, value, records[name])
            continue
        retired = _RETIRED.get(f"{owner}.{name}", _RETIRED.get(f"*.{name}", ""))
        retired = retired.replace("CLASS", owner) if "CLASS" in retired else retired  # `replace` loses the advice
        help = retired or did_you_mean(str(name), records, f"it takes {_listed(list(records))}")
        yield Diagnostic("SC106", f"`{owner}` has no argument `{name}`", (str(name),), help=help, at_key=True)


def _missing(
    owner: str, records: Mapping[str, Any], missing: Sequence[str], arguments: Mapping[str, Any]
) -> Diagnostic:
    example = ", ".join(f"{name}: …" for name in missing)
    notes = tuple(f"`{name}`: {records[name]['doc']}" for name in missing if "doc" in records[name])
    message = f"`{owner}` needs {_listed(missing)}"
    kept = [f"{name}: {flow(value)}" for name, value in arguments.items() if name in records and is_data(value)]
    written = f"{owner}: {{{', '.join([*kept, example])}}}"
    help = f"write `{written}`" if len(written) <= 80 else f"add `{example}`"
    return Diagnostic("SC102", message, help=help, notes=notes, at_key=True)


def _check_argument(name: str, value: Any, record: Mapping[str, Any]) -> Iterator[Diagnostic]:
    kind, schema = record.get("kind"), record["schema"]
    branches = schema.get("anyOf", [schema])
    if kind in CLASS_KINDS and value is not None and is_data(value) and not (kind == "schedule" and _is_rate(value)):
        if isinstance(value, list | tuple) and any(each.get("type") == "array" for each in branches):
            for index, entry in enumerate(value):
                yield from (each.under(name, index) for each in _check_entry(entry, kind, f"`{name}[{index}]`"))
            return
        is_class = not isinstance(value, str) or class_record(value, kind) is not None
        if kind == "layer" == name and not is_class and written(str(value), kind) is None:
            return  # the name of a layer that is there, which the edit looks up
        if any("$ref" in each for each in branches):
            yield from (each.under(name) for each in _check_entry(value, kind, f"`{name}`"))
            return
    for each in check_value((name,), value, schema, catalogue()["definitions"]):
        yield each if each.help else replace(each, help=_hint(value, record))


def _is_rate(value: Any) -> bool:
    """Whether a value in the place of a schedule is, or was surely meant as, a constant rate."""
    return isinstance(value, int | float) or (isinstance(value, str) and value[:1] in set("-+.0123456789"))


def _hint(value: Any, record: Mapping[str, Any]) -> str | None:
    """Help that needs more than the schema."""
    if value is None and "default" in record:
        return f"leave it out for the default, `{flow(record['default'])}`"
    if record.get("kind") == "activation":
        name = next(iter(value), None) if isinstance(value, Mapping) else value
        if isinstance(name, str) and name in catalogue()["layers"]:
            return f"make `{name}` a layer of its own after this one"
    return _EXAMPLES.get(record.get("kind", ""))


def _check_entry(entry: Any, kind: ClassKind, label: str) -> Iterator[Diagnostic]:
    match entry:
        case str():
            yield from (replace(each, at_key=False) for each in _check_call(entry, {}, kind))
        case {"class_name": str(name), **rest}:  # how Keras itself writes an object down
            if class_record(name, kind) or str(rest.get("module", "keras")).startswith("keras"):
                config = rest.get("config") if kind != "layer" else None  # a layer's may hold more than arguments
                for each in _check_call(name, config, kind, partial=True):
                    yield each.under("config") if each.path else replace(each, path=("class_name",), at_key=False)
        case Mapping() if len(entry) == 1:
            [(name, arguments)] = entry.items()
            yield from (each.under(str(name)) for each in _check_call(str(name), arguments, kind))
        case _ if is_data(entry):
            code, wanted = ("SC105", _LAYER_FORMS) if kind == "layer" else ("SC107", NOUNS[kind])
            message = f"{label} must be {wanted}, got {received(entry)}"
            yield Diagnostic(code, message, help=_entry_help(entry, kind))


def _check_call(name: str, arguments: Any, kind: ClassKind, partial: bool = False) -> Iterator[Diagnostic]:
    """What is wrong with a class and what it is called with: a mapping, or a value for its first argument."""
    record = class_record(name, kind)
    if record is None:
        if is_own(name):  # its code says what it takes
            if arguments is not None and not isinstance(arguments, Mapping):
                message = f"`{name}` takes its arguments by their names, got {received(arguments)}"
                yield Diagnostic("SC107", message, help=f"write `{name}: {{ARGUMENT: {flow(arguments)}}}`")
        else:
            code, noun = ("SC202", "layer class") if kind == "layer" else ("SC107", kind)
            otherwise = _EXAMPLES["python" if kind == "layer" else kind]
            help = written(name, kind) or did_you_mean(name, catalogue()[group_of(kind)], otherwise)
            if re.fullmatch(r"[A-Za-z_][\w.]*\.[A-Za-z_]\w*", name) and help == otherwise:  # as Python imports it
                help = f"one of your own is `{':'.join(name.rsplit('.', 1))}`"
            if kind == "layer" and name in _ELSEWHERE:
                class_name, _, argument = _ELSEWHERE[name].partition(": ")
                meant = {class_name: argument} if argument else class_name
                help = write(meant, f"in Keras it is `{_ELSEWHERE[name]}`")
            yield Diagnostic(code, f"no {noun} named `{name}`", help=help, at_key=True)
    elif arguments is None or isinstance(arguments, Mapping):
        yield from _check(name, record["arguments"], arguments or {}, partial)
    elif record["first_argument"] is None:
        message = f"`{name}` has no first argument for {received(arguments)}"
        yield Diagnostic("SC107", message, help=f"write `{name}` alone")
    else:
        first = record["first_argument"]
        for each in _check(name, record["arguments"], {first: arguments}, partial):
            help = each.help and each.help.replace(f"`{first}: ", f"`{name}: ", 1)
            help = each.help.saying(help) if help and isinstance(each.help, Advice) else help
            yield replace(each, path=each.path[1:], help=help)


def _entry_help(entry: Any, kind: ClassKind) -> str:
    if isinstance(entry, Mapping):
        classes = [name for name in entry if class_record(str(name), kind)]
        if len(classes) == 1:
            return f"indent the arguments of `{classes[0]}` below it"
        if entry and kind != "layer":  # the arguments alone, `{l2: 0.01}`; nearly every layer has a `name`
            owners = (name for name in catalogue()[group_of(kind)] if set(entry) <= set(argument_names(name, kind)))
            if owner := next(owners, None):
                return write({owner: entry}, f"write `{owner}: {flow(entry)}`")
    elif isinstance(entry, int | float) and not isinstance(entry, bool) and kind in _OF_A_NUMBER:
        return write({_OF_A_NUMBER[kind]: entry}, f"write `{_OF_A_NUMBER[kind]}: {flow(entry)}`")
    return _EXAMPLES[kind]


def _listed(names: Sequence[str]) -> str:
    if len(names) > 8:
        return f"{quoted(names[:8])}, …"
    return f"{quoted(names[:-1])} and `{names[-1]}`" if len(names) > 1 else quoted(names)
