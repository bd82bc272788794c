"""The matrices of a model's LoRA, and what trained beside them, to a file of adapters and back into a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from spec_compiler.backend.models.low_rank import kernel_variable, matrices, named_parts
from spec_compiler.backend.models.reader import read_variables
from spec_compiler.diagnostics import Diagnostic, SpecError, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import VariableSpec
from spec_compiler.graph.low_rank import held
from spec_compiler.keras_facts.lora import part_of
from spec_compiler.reading.lora_file import (
    Array,
    Learned,
    LoraFile,
    array_name,
    kernel_checksum,
    lora_bytes,
)


class Part(NamedTuple):
    """A layer that has LoRA, and its matrices."""

    layer: Any
    a: Any
    b: Any

    @property
    def kernel(self) -> Array:
        """The kernel beside which they are, without what they add."""
        return value(kernel_variable(self.layer))


def value(variable: Any) -> Array:
    """A copy of a variable's value."""
    return np.array(keras.ops.convert_to_numpy(variable))


def parts_of(model: Any) -> dict[str, Part]:
    """The layers of a model that have LoRA, at every depth, by the names that a file of adapters has for them."""
    found: dict[str, Part] = {}
    for layer in _layers(model):
        for prefix, part in named_parts(layer, read_variables(layer)).items():
            if part.lora_enabled:
                name = array_name(layer.name, f"{prefix}lora_kernel_a").rpartition(":")[0]
                found[name] = Part(part, *matrices(part))
    return found


def variables_of(model: Any) -> dict[str, tuple[VariableSpec, Any]]:
    """Every variable of a model that a file of adapters may hold, by its name there."""
    return {
        array_name(layer.name, described.path): (described, variable)
        for layer in _layers(model)
        for described, variable in zip(read_variables(layer), layer.variables, strict=True)
        if described.is_weight
    }


def _layers(model: Any) -> Iterator[Any]:
    return (layer for layer in model.layers if layer.variables)


def trained_names(graphs: Sequence[Graph]) -> frozenset[str]:
    """The names of variables outside of LoRA that train in one of the phases, and of all that are new."""
    return frozenset(name for graph in graphs for name in _trained(graph, ""))


def _trained(graph: Graph, prefix: str) -> Iterator[str]:
    for layer in graph.layers.values():
        name = f"{prefix}{layer.name_in_keras}"
        if layer.inner is not None and not layer.is_new:
            yield from _trained(layer.inner, f"{name}/") if layer.trainable else ()
            continue
        stays = {each.path for each in held(layer)}
        with_lora = any(part_of(each.path) is not None for each in layer.weights)
        if layer.is_new or (layer.trainable and not (with_lora and len(stays) == len(layer.weights))):
            for each in layer.weights:
                if part_of(each.path) is None and each.path not in stays:
                    yield array_name(name, each.path)


def trainable_names(model: Any) -> frozenset[str]:
    """The names of variables outside of LoRA that can train as the model is, and of what else their layers keep."""
    names: set[str] = set()
    for layer in _layers(model):
        pairs = zip(read_variables(layer), layer.variables, strict=True)
        rows = [(array_name(layer.name, said.path), said, each) for said, each in pairs]
        training = {name for name, said, each in rows if each.trainable and not _is_of_lora(said)}
        groups = {_group(name) for name in training} - {_group(name) for name, said, _ in rows if _is_of_lora(said)}
        # moving statistics of a layer that trains; of one with LoRA the kernel stays
        beside = {name for name, said, each in rows if said.is_weight and not each.trainable and _group(name) in groups}
        names |= training | beside
    return frozenset(names)


def _group(name: str) -> str:
    """The layer that a variable in a file of adapters is of."""
    return name.rpartition(":")[0]


def _is_of_lora(variable: VariableSpec) -> bool:
    return part_of(variable.path) is not None


def content(model: Any, others: Collection[str]) -> bytes:
    """The content of a file of adapters with a model's matrices, and the variables that `others` name.

    Raises:
        SpecError: SC516 the model has no LoRA.
    """
    parts = parts_of(model)
    if not parts:
        message = f"`{model.name}` has no layer with LoRA, there are no adapters to save"
        raise SpecError.single("SC516", message, help="give it some: `lora: {layers: type:Dense, rank: 8}` in its spec")
    layers = {
        name: Learned(int(part.layer.lora_rank), float(part.layer.lora_alpha), kernel_checksum(part.kernel))
        for name, part in parts.items()
    }
    arrays = {f"{name}:{key}": value(getattr(part, key)) for name, part in parts.items() for key in "ab"}
    arrays |= {name: value(each) for name, (_, each) in variables_of(model).items() if name in others}
    return lora_bytes(str(model.name), layers, arrays)


def fill(model: Any, file: LoraFile, *, other_base: bool = False) -> None:
    """Gives a model's matrices, and what trained beside them, the values of a file: all, or none where it does not fit.

    Raises:
        SpecError: SC516.
    """
    parts, variables = parts_of(model), variables_of(model)
    problems = [*_missing(model, parts, file), *_others(variables, file)]
    for name, part in parts.items():
        if name in file.layers:
            problems += _misfits(name, part, file, other_base=other_base)
    if problems:
        raise SpecError(problems)
    for name, learned in file.layers.items():
        part = parts[name]
        part.a.assign(file.arrays[f"{name}:a"])
        part.b.assign(file.arrays[f"{name}:b"])
        if part.layer.lora_alpha != learned.alpha:
            part.layer.lora_alpha = int(learned.alpha) if learned.alpha == int(learned.alpha) else learned.alpha
            _forget_functions(model)
    for name in file.others:
        variables[name][1].assign(file.arrays[name])


def clear(model: Any) -> None:
    """Lets a model compute without what its LoRA has learned: B becomes zeros, A stays.

    Raises:
        SpecError: SC516 the model has no LoRA.
    """
    parts = parts_of(model)
    if not parts:
        raise SpecError.single("SC516", f"`{model.name}` has no layer with LoRA")
    for part in parts.values():
        part.b.assign(np.zeros(tuple(part.b.shape), "float32"))


def _forget_functions(model: Any) -> None:
    """Has Keras trace the model anew: `lora_alpha` is a number in what it traced."""
    model.train_function = model.test_function = model.predict_function = None


def _missing(model: Any, parts: Mapping[str, Part], file: LoraFile) -> Iterator[Diagnostic]:
    strangers = [name for name in file.layers if name not in parts]
    if strangers:
        message = f"`{file.name}` has adapters for {quoted(strangers[:3])}, where `{model.name}` has no LoRA"
        yield Diagnostic("SC516", message, help="give the model the LoRA that it was saved with")
    left = [name for name in parts if name not in file.layers]
    if left:
        message = f"`{model.name}` has LoRA in {quoted(left[:3])}, for which `{file.name}` has no adapters"
        yield Diagnostic("SC516", message, help="give the model the LoRA that it was saved with")


def _misfits(name: str, part: Part, file: LoraFile, *, other_base: bool) -> Iterator[Diagnostic]:
    learned = file.layers[name]
    if learned.rank != part.layer.lora_rank:
        ranks = f"the rank {learned.rank}, the model {part.layer.lora_rank}"
        message = f"the adapters of `{name}` in `{file.name}` have {ranks}"
        yield Diagnostic("SC516", message, help=f"write `rank: {learned.rank}` in the model's spec")
        return
    for key in "ab":
        shape, wanted = file.arrays[f"{name}:{key}"].shape, tuple(getattr(part, key).shape)
        if shape != wanted:
            message = f"`{name}:{key}` in `{file.name}` has the shape {shape}, the model needs {wanted}"
            yield Diagnostic("SC516", message)
            return
    if not other_base and learned.kernel != kernel_checksum(part.kernel):
        message = f"the adapters of `{name}` in `{file.name}` were learned beside another kernel than the model has"
        note = "a model that Keras loads from a file has what it learned in its kernels already"
        help = "load them into the base that they were trained on, or say `other_base=True`"
        yield Diagnostic("SC516", message, notes=(note,), help=help)


def _others(variables: Mapping[str, tuple[VariableSpec, Any]], file: LoraFile) -> Iterator[Diagnostic]:
    for name in file.others:
        found = variables.get(name)
        shape = file.arrays[name].shape
        if found is None:
            yield Diagnostic("SC516", f"`{file.name}` has `{name}`, a variable that the model has not")
        elif found[0].shape != shape:
            message = f"`{name}` in `{file.name}` has the shape {shape}, the model needs {found[0].shape}"
            yield Diagnostic("SC516", message)
