"""The catalogue of Keras's layers and applications as plain data, for checks and editors that do without Keras.

`python -m spec_compiler.backend.catalogue.write` writes it, with `--check` it fails where the committed one is stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

# The public namespaces leave out some of the names that their `get` takes, such as `swish` and `normal`.
from keras.src.activations import ALL_OBJECTS_DICT as ACTIVATIONS
from keras.src.backend.common.dtypes import ALLOWED_DTYPES
from keras.src.constraints import ALL_OBJECTS_DICT as CONSTRAINTS
from keras.src.dtype_policies.dtype_policy import QUANTIZATION_MODES
from keras.src.initializers import ALL_OBJECTS_DICT as INITIALIZERS
from keras.src.regularizers import ALL_OBJECTS_DICT as REGULARIZERS

from spec_compiler.backend.catalogue.argument_schemas import definitions, kind_of, schema_of
from spec_compiler.backend.catalogue.training_catalogue import training_definitions, training_groups
from spec_compiler.keras_facts.catalogue import Catalogue, catalogue

ABSTRACT = (
    keras.Layer,
    keras.layers.Wrapper,
    keras.Initializer,
    keras.Regularizer,
    keras.constraints.Constraint,
)
LAYER_ARGUMENTS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")
UNDOCUMENTED = {
    "autocast": "Boolean, whether floating-point inputs are cast to the layer's compute dtype.",
    "activity_regularizer": "Regularizer function applied to the output of the layer.",
}
# Taken by the base class of all image layers, and refused by it unless the subclass names it too.
NEVER_INHERITED = ("factor",)
# Taken with a warning or without an effect; `spec_compiler.catalogue` says what to write instead.
RETIRED = ("alpha", "input_length", "input_shape", "batch_input_shape")
# Keras gives these a default, and refuses it: `Constant` when it is named without one.
REQUIRED = ("CategoryEncoding.num_tokens", "Constant.value")
# The language has its own words for these.
NOT_OF_APPLICATIONS = ("weights", "input_tensor")

Record = dict[str, Any]


def document(default_sizes: Mapping[str, int | None]) -> Record:
    """The whole catalogue; `default_sizes` is what the function of that name returns."""
    layers = {name: each for name, each in _public(keras.layers) if inspect.isclass(each)}
    layers = {name: each for name, each in layers.items() if issubclass(each, keras.Layer) and each not in ABSTRACT}
    groups = {"layers": layers, "initializers": INITIALIZERS, "regularizers": REGULARIZERS, "constraints": CONSTRAINTS}
    described = {group: _described(classes) for group, classes in groups.items()}
    names = {group.removesuffix("s"): list(records) for group, records in described.items()}
    names["activation"] = sorted(ACTIVATIONS)
    dtypes = [*ALLOWED_DTYPES, "int", "mixed_float16", "mixed_bfloat16"]
    training = training_groups(_described)
    return {
        "keras": keras.__version__,
        **described,
        **training,
        "activations": {
            name: {} if name == each.__name__ else {"alias_of": each.__name__}
            for name, each in sorted(ACTIVATIONS.items())
        },
        "applications": {
            name: {**_application(name, function), "default_size": default_sizes.get(name)}
            for name, function in _applications()
        },
        "definitions": definitions(names, dtypes, list(QUANTIZATION_MODES)) | training_definitions(training),
    }


def default_sizes() -> dict[str, int | None]:
    """The height, equal to the width, that each application has by default; None where it takes any.

    Builds all of them without weights, which takes half a minute, and clears Keras's global state.
    """
    sizes = {}
    for name, function in _applications():
        with keras.StatelessScope(initialize_variables=False):
            model = function(weights=None)
        sizes[name] = model.input_shape[1]
        # The variables are on Keras's list of those to initialize: the next scope's end would allocate them all.
        keras.utils.clear_session()
    return sizes


def text(group: Any) -> str:
    """A group as its file holds it, a name on each line."""
    if not isinstance(group, dict):
        return json.dumps(group, ensure_ascii=False) + "\n"
    lines = (f"{json.dumps(name)}: {json.dumps(record, ensure_ascii=False)}" for name, record in group.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def arguments_of(cls: type) -> dict[str, inspect.Parameter]:
    """Every constructor argument of a class in order, with those that reach a parent through `**kwargs`."""
    arguments: dict[str, inspect.Parameter] = {}
    passed: set[str] = set()  # what a child passes to its parent itself
    positional = 0  # how many of it without a name
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        if base is keras.Layer:
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            arguments |= {name: parameters[name] for name in LAYER_ARGUMENTS if name not in passed | arguments.keys()}
            break
        every = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        named = [each for each in every if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
        passed |= {each.name for each in named[:positional]}
        inherited = NEVER_INHERITED if base is not cls else ()
        arguments |= {each.name: each for each in named if each.name not in (*passed, *arguments, *inherited)}
        syntax = ast.parse(textwrap.dedent(inspect.getsource(vars(base)["__init__"])))
        arguments |= {each.name: each for each in _popped(syntax) if each.name not in (*passed, *arguments, *RETIRED)}
        call = _super_call(syntax)
        if len(every) == len(named) or call is None or all(keyword.arg for keyword in call.keywords):
            break
        passed |= {keyword.arg for keyword in call.keywords if keyword.arg}
        positional = len(call.args)
    return arguments


def _described(classes: Mapping[str, type]) -> dict[str, Record]:
    """The classes by name, each once under its own name and as `alias_of` under the others."""
    return {
        name: {"alias_of": cls.__name__} if name != cls.__name__ and cls.__name__ in classes else _class(cls)
        for name, cls in sorted(classes.items())
        if cls not in ABSTRACT
    }


def _class(cls: type) -> Record:
    parameters = arguments_of(cls)
    first = next(iter(parameters.values()), None)
    docs = UNDOCUMENTED
    for base in reversed(cls.__mro__):
        docs = docs | _argument_docs(base)
    return {
        "doc": _first_line(cls),
        "first_argument": first.name if first is not None and first.kind is first.POSITIONAL_OR_KEYWORD else None,
        "arguments": _arguments(cls.__name__, parameters, docs),
    }


def _application(name: str, function: Any) -> Record:
    parameters = dict(inspect.signature(function).parameters)
    kept = {key: each for key, each in parameters.items() if key not in NOT_OF_APPLICATIONS}
    return {"doc": _first_line(function), "arguments": _arguments(name, kept, _argument_docs(function))}


def _arguments(owner: str, parameters: Mapping[str, inspect.Parameter], docs: Mapping[str, str]) -> Record:
    records: Record = {}
    for name, parameter in parameters.items():
        record: Record = {"doc": docs[name]} if name in docs else {}
        default = parameter.empty if f"{owner}.{name}" in REQUIRED else parameter.default
        if default is parameter.empty:
            record["required"] = True
        else:
            record["default"] = json.loads(json.dumps(default))  # a tuple as JSON has it
        if kind := kind_of(owner, name):
            record["kind"] = kind
        records[name] = record | {"schema": schema_of(owner, name, default)}
    return records


def _argument_docs(owner: Any) -> dict[str, str]:
    """The first sentence on each argument in the docstring's `Args:` section."""
    section = re.search(r"^( *)Arg(?:ument)?s:\n((?:\1 +.*\n|\s*\n)*)", f"{inspect.getdoc(owner)}\n", re.MULTILINE)
    if section is None:
        return {}
    entries = re.split(r"^(\w+):", textwrap.dedent(section[2]), flags=re.MULTILINE)[1:]
    return {name: _sentence(text) for name, text in zip(entries[::2], entries[1::2], strict=True)}


def _sentence(paragraph: str) -> str:
    line = " ".join(paragraph.split())
    return re.split(r"(?<=[^.]\.)(?<!e\.g\.)(?<!i\.e\.) |(?<=:) - | - If ", line, maxsplit=1)[0]


def _first_line(owner: Any) -> str:
    return (inspect.getdoc(owner) or "").split("\n")[0]


def _popped(syntax: ast.AST) -> Iterator[inspect.Parameter]:
    """The arguments that a constructor takes out of its `kwargs` by name."""
    for node in ast.walk(syntax):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="kwargs"), attr="pop"),
                args=[ast.Constant(value=str(name)), default],
            ):
                value = default.value if isinstance(default, ast.Constant) else None
                yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)


def _super_call(syntax: ast.AST) -> ast.Call | None:
    for node in ast.walk(syntax):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")):
                return node
    return None


def _public(namespace: Any) -> list[tuple[str, Any]]:
    return sorted((name, each) for name, each in vars(namespace).items() if not name.startswith("_"))


def _applications() -> list[tuple[str, Any]]:
    return [(name, each) for name, each in _public(keras.applications) if inspect.isfunction(each)]


def main(arguments: Sequence[str]) -> int:
    """Writes the catalogue, or with `--check` compares it; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the catalogue of Keras's layers and applications.")
    parser.add_argument("--check", action="store_true", help="fail where the committed catalogue is stale")
    committed = catalogue()
    if not parser.parse_args(arguments).check:
        write(document(default_sizes()), committed)
        return 0
    if committed["keras"].split(".")[:2] != keras.__version__.split(".")[:2]:
        print(f"the catalogue is of Keras {committed['keras']}, this is Keras {keras.__version__}: not compared")
        return 0
    if document(default_sizes()) | {"keras": committed["keras"]} == committed:
        return 0
    print("the catalogue is stale: run `python -m spec_compiler.backend.catalogue.write`")
    return 1


def write(groups: Record, catalogue: Catalogue) -> None:
    """Writes the groups as the files of a catalogue, and removes those of groups that there are no more."""
    catalogue.folder.mkdir(exist_ok=True)
    for name in set(catalogue) - set(groups):
        (catalogue.folder / f"{name}.json").unlink()
    for name, group in groups.items():
        (catalogue.folder / f"{name}.json").write_text(text(group), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
