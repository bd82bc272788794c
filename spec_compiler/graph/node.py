"""A call of a layer as a value, and the tensors that it takes and puts out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from spec_compiler.graph.layer_spec import Shape

Structure = Any  # a nest of tuples, lists and dicts with ValueRef leaves, and constants beside them


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape, with the batch axis first and None where it is not fixed, and dtype of a tensor."""

    shape: Shape
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class ValueRef:
    """The tensor that a node puts out at an index."""

    node: str
    index: int = 0


@dataclass(frozen=True)
class Node:
    """One call of a layer: which, with what, and what comes out."""

    name: str
    layer: str
    args: tuple[Structure, ...] = ()
    kwargs: Mapping[str, Structure] = field(default_factory=dict, hash=False)
    outputs: tuple[TensorSpec, ...] = ()  # empty until the shapes are inferred
    sized_by: ValueRef | None = None  # the tensor whose sizes a new layer's values use, `${in.channels}`

    @cached_property
    def inputs(self) -> tuple[ValueRef, ...]:
        """The tensors it takes, in the order of its arguments, each as often as it is taken."""
        return tuple(references((self.args, self.kwargs)))

    @cached_property
    def data_inputs(self) -> tuple[ValueRef, ...]:
        """The tensors that it computes on: its inputs less the masks that Keras passes along."""
        # `mask` of a layer, `query_mask`, `value_mask`, `key_mask` and `attention_mask` of attention
        data = {key: value for key, value in self.kwargs.items() if "mask" not in key}
        return tuple(references((self.args, data)))

    def with_inputs(self, change: Callable[[ValueRef], ValueRef]) -> Node:
        """The same call on other tensors."""
        sized_by = self.sized_by and change(self.sized_by)
        args, kwargs = map_references(self.args, change), map_references(self.kwargs, change)
        return replace(self, args=args, kwargs=kwargs, sized_by=sized_by)


def references(structure: Structure) -> Iterator[ValueRef]:
    """The tensors in a structure, from left to right; dicts in the order of their keys, as Keras flattens them."""
    if isinstance(structure, ValueRef):
        yield structure
    elif isinstance(structure, list | tuple):
        for each in structure:
            yield from references(each)
    elif isinstance(structure, Mapping):
        for key in _key_order(structure):
            yield from references(structure[key])


def map_references(structure: Structure, change: Callable[[ValueRef], Any]) -> Structure:
    """The structure with every tensor replaced; everything else stays."""
    if isinstance(structure, ValueRef):
        return change(structure)
    if isinstance(structure, list):
        return [map_references(each, change) for each in structure]
    if isinstance(structure, tuple):
        return tuple(map_references(each, change) for each in structure)
    if isinstance(structure, Mapping):
        return {key: map_references(each, change) for key, each in structure.items()}
    return structure


def _key_order(structure: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)  # as `optree` does, which `keras/src/tree` flattens with
    except TypeError:
        return list(structure)


def filtered(structure: Structure, kept: Container[str]) -> Structure:
    """The structure less what no kept node puts out."""
    if isinstance(structure, list | tuple):
        return type(structure)(filtered(each, kept) for each in structure if _serves(each, kept))
    if isinstance(structure, Mapping):
        return {key: filtered(each, kept) for key, each in structure.items() if _serves(each, kept)}
    return structure


def _serves(structure: Structure, kept: Container[str]) -> bool:
    return any(ref.node in kept for ref in references(structure))
