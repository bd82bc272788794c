"""Weights last: every variable of the result gets its value, and a row in the ledger that proves where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from spec_compiler.backend.models.state import NoState, State, StateLost, carry, untracked
from spec_compiler.backend.models.store import parts
from spec_compiler.backend.models.symbolic import assign, initialize, is_symbolic, quick_protocols
from spec_compiler.backend.models.wrapping import inside
from spec_compiler.backend.models.writer import Built
from spec_compiler.backend.weights.freezing import freeze, set_trainable, thawed
from spec_compiler.backend.weights.sources import OpenSource, WeightSource, as_array, to_array
from spec_compiler.backend.weights.values import SourceValues, checksum
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Recipe, contracts
from spec_compiler.graph.aligned import is_given_away
from spec_compiler.graph.layer_spec import LayerSpec, Place, VariableSpec
from spec_compiler.keras_facts.lora import part_of
from spec_compiler.plan.ledger import LedgerRow, WeightAction, WeightLedger


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
    rows += _dropped(base, built.graph)
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


def _frozen_alone(layer: Any, state: State) -> list[Any]:
    """The variables of a kept layer that the base froze one by one, as `layer.kernel.trainable = False` does."""
    original = getattr(state, "layer", None)
    if original is None or not original.trainable or len(original.variables) != len(layer.variables):
        return []
    pairs = zip(layer.variables, original.variables, strict=True)
    alone = {id(each) for part in parts(original) if part.trainable for each in part._trainable_variables}
    return [ours for ours, theirs in pairs if not theirs.trainable and id(theirs) in alone]


class TransferError(Exception):
    """A weight that did not arrive as it left: a bug of the compiler or of Keras, never a mistake of the user."""


def _layer_rows(
    spec: LayerSpec, layer: Any, source: OpenSource, values: SourceValues, filled: bool
) -> Iterator[LedgerRow]:
    variables = spec.variables or ()
    if len(variables) != len(layer.variables):
        raise TransferError(f"{spec.name} was built with {len(layer.variables)} variables, expected {len(variables)}")
    recipes = spec.adapter.recipes(spec) if spec.adapter is not None else {}
    for index, (described, variable) in enumerate(zip(variables, layer.variables, strict=True)):
        recipe = recipes.get(index)
        if recipe is not None and all(source.origin(place) is not None for place in recipe.sources):
            yield _adapted(spec, described, variable, recipe, values)
            continue
        place = spec.place(index)
        is_kept = place is not None and spec.keeps_weights
        origin = source.origin(place) if place is not None and (is_kept or filled) and recipe is None else None
        if place is None or origin is None:
            initialize(variable)
            why = _why_initialized(spec, described, place)
            row = _row(spec, described, "initialized", why)
            is_given = place is None and part_of(described.path) is not None  # LoRA beside kept weights
            yield replace(row, is_new=is_given or (not is_kept and row.is_new), result_checksum=_checksum_of(variable))
            continue
        yield _copied(spec, described, variable, place, origin, source)


def _copied(
    spec: LayerSpec, described: VariableSpec, variable: Any, place: Place, origin: str, source: OpenSource
) -> LedgerRow:
    """Gives a variable the value that the base keeps at a place, and its row."""
    value = source.read(place)
    array = as_array(value)
    before = checksum(array)
    assign(variable, value)
    result = to_array(variable)
    after = checksum(result)
    why = "kept layer" if spec.keeps_weights else "new layer, filled by the weight map"
    if spec.wrapped is not None:
        why = f"kept layer, wrapped by `{spec.origin.section}`"
    if spec.remade:
        why = f"{why}, {spec.remade}"
    if result.dtype != array.dtype:
        why = f"{why}, cast from {array.dtype} to {result.dtype}"
        if checksum(array.astype(result.dtype)) != after:
            raise TransferError(f"{spec.name}/{described.path} differs from {origin} after the cast")
    elif before != after:
        raise TransferError(f"{spec.name}/{described.path} differs from {origin}")
    row = _row(spec, described, "copied", why)
    is_new = not spec.keeps_weights
    return replace(row, is_new=is_new, source=origin, source_checksum=before, result_checksum=after)


def _adapted(
    spec: LayerSpec, described: VariableSpec, variable: Any, recipe: Recipe, values: SourceValues
) -> LedgerRow:
    """Gives a variable the value that its recipe makes, and its row."""
    assert spec.adapter is not None
    values.filled = variable
    array = recipe.make(values)
    if tuple(array.shape) != described.shape:
        raise TransferError(f"{spec.name}/{described.path} of {described.shape} was adapted to {array.shape}")
    if not is_given_away(array):  # the base's own memory must not become the variable's
        array = np.array(array, order="C")
    assign(variable, array)
    result = to_array(variable)
    after = checksum(result)
    if not np.may_share_memory(result, array) and checksum(array.astype(result.dtype, copy=False)) != after:
        raise TransferError(f"{spec.name}/{described.path} differs from what its recipe makes")
    cast = f", cast from {array.dtype} to {result.dtype}" if result.dtype != array.dtype else ""
    why = f"`{spec.adapter.strategy}`, asked for by `{spec.adapter.origin.place}`{cast}"
    row = _row(spec, described, "adapted", why)
    places = dict.fromkeys(recipe.sources)
    read = [values.checksums[place] for place in places if place in values.checksums]
    return replace(
        row,
        formula=recipe.formula,
        source=", ".join(str(values.source.origin(place)) for place in places) or None,
        source_checksum=read[0] if len(read) == len(places) == 1 else None,
        result_checksum=after,
    )


def _why_initialized(spec: LayerSpec, variable: VariableSpec, place: Place | None) -> str:
    if spec.is_new and (place is None or spec.wrapped is None):
        return f"new layer, made by `{spec.origin.place}`"
    if not variable.is_weight:
        return "state of a random generator"
    if place is None and spec.lora is not None and part_of(variable.path) is not None:
        return f"LoRA, given by `{spec.lora.origin.place}`"
    if place is None:
        return f"new arguments, given by `{spec.changed_by.place if spec.changed_by else 'the spec'}`"
    return "the base comes without weights for it"


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
    state = NoState() if _derives_anew(spec) else source.state(spec.name_in_base)
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


def _dropped(base: Graph, result: Graph) -> Iterator[LedgerRow]:
    """A row for each variable of the base that the result has no more."""
    copied = {place for spec in result.layers.values() if spec.keeps_weights for place in spec.all_places()}
    copied |= {place for spec in result.layers.values() for place in _sources(spec)}
    kept = {place[0]: spec for spec in result.layers.values() for place in spec.all_places() if place is not None}
    for spec in base.layers.values():
        origin = result.removed.get(spec.name)
        why = f"its layer was taken away by {f'`{origin.place}`' if origin else 'the spec'}"
        for index, variable in enumerate(spec.variables or ()):
            if spec.place(index) not in copied:
                stays = kept.get(spec.name)
                merged = stays.adapter if stays is not None and part_of(variable.path) is not None else None
                by = stays.changed_by if stays is not None else None
                text = f"new arguments, given by `{by.place}`" if by else why
                if merged is not None and merged.absorbs_lora:
                    text = f"merged into the kernel by `{merged.origin.place}`"
                yield _row(spec, variable, "dropped", text)


def _sources(spec: LayerSpec) -> Iterator[Place]:
    """The places of the base that the values of an adapted layer are made of."""
    if spec.adapter is not None:
        for recipe in spec.adapter.recipes(spec).values():
            yield from recipe.sources


def _row(spec: LayerSpec, variable: VariableSpec, action: WeightAction, reason: str) -> LedgerRow:
    return LedgerRow(
        layer=spec.name,
        variable=variable.path,
        action=action,
        reason=reason,
        shape=variable.shape,
        dtype=variable.dtype,
        parameters=variable.num_elements if variable.is_weight else 0,
        is_new=spec.is_new,
    )


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
