"""Weights last: every variable of the result gets its value, and a row in the ledger that proves where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from spec_compiler.backend.models.state import carry, untracked
from spec_compiler.backend.models.store import parts
from spec_compiler.backend.models.symbolic import assign, initial_value, initialize, is_symbolic, quick_protocols
from spec_compiler.backend.models.wrapping import inside
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights.freezing import freeze, set_trainable, thawed
from spec_compiler.backend.weights.memory_weights import as_array, to_array
from spec_compiler.backend.weights.saved_state import restorable
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import contracts
from spec_compiler.graph.aligned import is_given_away
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.keras_facts.lora import part_of
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.weights.assignments import Assignment, TransferError, assignments, made_by
from spec_compiler.weights.checksum import checksum
from spec_compiler.weights.dropped import dropped
from spec_compiler.weights.sources import OpenSource, WeightSource
from spec_compiler.weights.state import NoState, State, StateInFile, StateLost
from spec_compiler.weights.values import SourceValues


def transfer(base: Graph, built: Built, source: WeightSource) -> WeightLedger:
    """Fills the built model: kept variables and states from the source, new ones from their initializers.

    Raises:
        SpecError: SC512, the state of a kept layer cannot be carried over.
        TransferError: a copied variable is not what the source holds, or one was left without a value.
    """
    rows: list[LedgerRow] = []
    frozen, single = thawed(built.model)  # a backend's variable that is made frozen could never be trained
    with source.opened() as opened, quick_protocols():
        values = SourceValues(opened)
        for name, layer in built.layers.items():
            spec = built.graph.layers[name]
            if spec.kind not in ("input", "operation"):
                layer_rows = list(_layer_rows(spec, layer, opened, values, spec.name in source.fills))
                rows += _with_state(layer_rows, spec, layer, opened)
                single += [] if spec.is_new else _frozen_alone(layer, opened.state(spec.name_in_base))
    rows += dropped(base, built.graph)
    for variable in built.model.variables:
        if is_symbolic(variable):
            raise TransferError(f"the variable {variable.path} was left without a value")
    _freeze_layers(built, frozen)
    for variable in single:
        variable.trainable = False
    num_base = sum(len(layer.variables or ()) for layer in base.layers.values())
    unverified = source.unverified if any(row.source is not None for row in rows) else ()
    promised = tuple(contracts(built.graph))
    return WeightLedger(tuple(rows), num_base, source.unused, unverified=unverified, contracts=promised)


def _freeze_layers(built: Built, frozen: list[Any]) -> None:
    """Lets each layer train or not, as the graph says; `frozen` are layers, in nested models too, that Keras froze."""
    set_trainable(built.layers, built.graph)
    for layer in frozen:
        if not layer.trainable:
            freeze(layer)


def _frozen_alone(layer: Any, state: State | StateInFile) -> list[Any]:
    """The variables of a kept layer that the base froze one by one, as `layer.kernel.trainable = False` does."""
    original = getattr(state, "layer", None)
    if original is None or not original.trainable or len(original.variables) != len(layer.variables):
        return []
    pairs = zip(layer.variables, original.variables, strict=True)
    alone = {id(each) for part in parts(original) if part.trainable for each in part._trainable_variables}
    return [ours for ours, theirs in pairs if not theirs.trainable and id(theirs) in alone]


def _layer_rows(
    spec: LayerSpec, layer: Any, source: OpenSource, values: SourceValues, filled: bool
) -> Iterator[LedgerRow]:
    variables = spec.variables or ()
    if len(variables) != len(layer.variables):
        raise TransferError(f"{spec.name} was built with {len(layer.variables)} variables, expected {len(variables)}")
    for each, variable in zip(assignments(spec, source, filled), layer.variables, strict=True):
        if each.action == "adapted":
            yield _adapted(each, variable, values)
        elif each.action == "copied":
            yield _copied(each, variable, source)
        else:
            initialize(variable)
            yield each.initialized(_checksum_of(variable))


def _copied(each: Assignment, variable: Any, source: OpenSource) -> LedgerRow:
    """Gives a variable the value that the base keeps at a place, and its row."""
    assert each.place is not None
    value = source.read(each.place)
    array = as_array(value)
    before = checksum(array)
    assign(variable, value)
    result = to_array(variable)
    after = checksum(result)
    if result.dtype != array.dtype:
        if checksum(array.astype(result.dtype)) != after:
            raise TransferError(f"{each.layer.name}/{each.variable.path} differs from {each.origin} after the cast")
    elif before != after:
        raise TransferError(f"{each.layer.name}/{each.variable.path} differs from {each.origin}")
    return each.copied(before, after, array.dtype, result.dtype)


def _adapted(each: Assignment, variable: Any, values: SourceValues) -> LedgerRow:
    """Gives a variable the value that its recipe makes, and its row."""
    assert each.recipe is not None
    values.initial_of = partial(initial_value, variable)
    array = made_by(each, values)
    if not is_given_away(array):  # the base's own memory must not become the variable's
        array = np.array(array, order="C")
    assign(variable, array)
    result = to_array(variable)
    after = checksum(result)
    if not np.may_share_memory(result, array) and checksum(array.astype(result.dtype, copy=False)) != after:
        raise TransferError(f"{each.layer.name}/{each.variable.path} differs from what its recipe makes")
    return each.adapted(values, after, array.dtype, result.dtype)


def _with_state(rows: list[LedgerRow], spec: LayerSpec, layer: Any, source: OpenSource) -> Iterator[LedgerRow]:
    """Gives a layer what it knows beside its variables, and yields its rows with one for each such part.

    Raises:
        SpecError: SC512.
    """
    others = untracked(layer)
    for variable in others.values():  # no file holds them; a model in memory gives its own below
        initialize(variable)
    if spec.wrapped is not None:
        inner = inside(layer)
        own = {id(each) for each in inner.variables}
        paired = list(zip(rows, layer.variables, strict=True))
        yield from _with_state([row for row, each in paired if id(each) in own], spec.wrapped, inner, source)
        yield from (row for row, each in paired if id(each) not in own)
        return
    if spec.is_new:
        yield from rows
        return
    state = NoState() if _derives_anew(spec) else restorable(source.state(spec.name_in_base))
    loaded: dict[int, tuple[str, str]] = {}  # by variable: where Keras's own loading of it read what
    carried: list[LedgerRow] = []
    try:
        for saveable, arrays in carry(layer, state):
            # by content: which array went into which variable only the class knows that loaded them
            origins = {checksum(array): origin for origin, array in arrays.items()}
            for variable in getattr(saveable, "variables", ()):
                result = _checksum_of(variable)
                loaded[id(variable)] = (result, origins.get(result, ""))
            carried.append(_state_row(spec, type(saveable).__name__, "loaded as Keras loads its class"))
    except StateLost as error:
        raise _lost(spec, str(error)) from error
    for path, array in state.values().items():
        if path in others and tuple(others[path].shape) == array.shape:
            others[path].assign(array)
            carried.append(_state_row(spec, path, "kept layer", others[path], checksum(array)))
    for row, variable in zip(rows, layer.variables, strict=True):
        if id(variable) not in loaded or row.action != "initialized":
            yield row
            continue
        result, origin = loaded[id(variable)]
        if origin:
            yield replace(
                row, action="copied", reason="kept layer", source=origin, source_checksum=result, result_checksum=result
            )
        else:
            yield replace(row, reason=f"as Keras loads a `{spec.class_name}`", result_checksum=result)
    yield from carried


def _derives_anew(spec: LayerSpec) -> bool:
    """Whether what a layer computes with follows from other values or arguments than the base's layer has.

    `Normalization` has its mean in variables, or as an argument.
    """
    is_told = bool(spec.changed) and not spec.variables and not spec.stored.assets
    # Keras's loading of a layer with LoRA sets both matrices to zeros, from which they would never learn
    variables = enumerate(spec.variables or ())
    has_new_lora = any(part_of(each.path) is not None and spec.place(at) is None for at, each in variables)
    return spec.adapter is not None or is_told or has_new_lora


def _lost(spec: LayerSpec, reason: str) -> SpecError:
    layer = f"the kept layer `{spec.name}` ({spec.class_name})"
    message = f"{layer} knows more than its variables, which cannot be carried over"
    help = f"put a new layer in the place of `{spec.name}` with `replace`"
    path = spec.changed_by.path if spec.changed_by is not None else ()
    return SpecError.single("SC512", message, path=path, notes=[reason], help=help)


def _state_row(spec: LayerSpec, what: str, reason: str, variable: Any = None, result: str | None = None) -> LedgerRow:
    """The row of what a kept layer knows beside its variables."""
    return LedgerRow(
        layer=spec.name,
        variable=what,
        action="copied",
        reason=reason,
        shape=() if variable is None else tuple(variable.shape),
        dtype="" if variable is None else str(variable.dtype),
        parameters=0,
        source_checksum=result,
        result_checksum=result,
        is_state=True,
    )


def _checksum_of(variable: Any) -> str:
    return checksum(to_array(variable))
