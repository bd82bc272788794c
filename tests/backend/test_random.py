"""Random models under random specs: each ends in a model or in a located diagnostic, and what is kept is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec_compiler import CompiledSpec, Diagnostic, SpecError, compile_spec
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_graph
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.backend.random_models import draw_model
from tests.random_specs import specs


def drawn(examples: int) -> settings:
    """Settings for tests that build and save models: no deadline, the same examples in every run."""
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )


def data_for(model: Any) -> Any:
    random = np.random.default_rng(2)
    arrays = [random.normal(size=(2, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    return arrays[0] if len(arrays) == 1 and not isinstance(model.input, list) else arrays


def shape_of(graph: Graph) -> tuple[Any, ...]:
    """What a graph says, without the order in which independent nodes stand."""
    nodes = {
        name: (node.layer, repr(node.args), repr({k: v for k, v in node.kwargs.items() if v is not None}), node.outputs)
        for name, node in graph.nodes.items()
    }
    return nodes, set(graph.layers), repr(graph.inputs), repr(graph.outputs)


def independent_of_edits(compiled: CompiledSpec) -> list[str]:
    """Kept single-call layers of the result that depend on kept, unchanged layers alone, wired as in the base."""
    after, before = compiled.plan.after, compiled.plan.before.under_names_of(compiled.plan.after)
    found = []
    good: set[str] = set()
    for name, node in after.nodes.items():
        layer = after.layer_of(name)
        same = (
            layer.cause is None
            and name in before.nodes
            and before.nodes[name].inputs == node.inputs
            and all(ref.node in good for ref in node.inputs)
        )
        if same:
            good.add(name)
            if layer.kind == "layer" and len(after.calls[layer.name]) == len(before.calls[layer.name]) == 1:
                found.append(layer.name)
    return found


def check_result(base: Any, compiled: CompiledSpec, folder: Path) -> None:
    model = compiled.model
    check_graph(compiled.plan.after, "the test")
    kept = 0
    for name, layer in compiled.plan.after.layers.items():
        if layer.is_new or not layer.variables or layer.adapter is not None:
            continue
        original: Any = base
        for part in layer.name_in_base.split("/"):
            original = original.get_layer(part)
        result = model.get_layer(layer.keras_name or name)
        assert_same_bits(*([keras.ops.convert_to_numpy(each) for each in of.variables] for of in (result, original)))
        kept += len(layer.variables)
    assert kept == len(compiled.weights.of("copied"))
    again = read_graph(model)
    if not any(layer.keras_name for layer in compiled.plan.after.layers.values()):
        assert shape_of(again) == shape_of(compiled.plan.after.sorted()) or _renumbered(again, compiled.plan.after)
    data = data_for(model)
    old_names = {new: old for old, new in compiled.plan.renamed.items()}
    for name in independent_of_edits(compiled):
        old = old_names.get(name, name)
        if "/" in old or len(base.get_layer(old)._inbound_nodes) > 1:
            continue  # `get_layer(name).output` means a first call, perhaps one outside of the model
        kept = keras.Model(model.inputs, model.get_layer(name).output)
        plain = keras.Model(base.inputs, base.get_layer(old).output)
        pairs = zip(model.inputs, _listed(data), strict=True)
        arrays = {old_names.get(tensor.name, tensor.name): each for tensor, each in pairs}
        fed = [arrays.get(tensor.name, np.zeros((2, *tensor.shape[1:]), "float32")) for tensor in plain.inputs]
        assert_same_bits(outputs_of(kept, _listed(data)), outputs_of(plain, fed))
    model.save(folder / "model.keras")
    reloaded = keras.models.load_model(folder / "model.keras")
    assert_same_bits(outputs_of(reloaded, data), outputs_of(model, data))


def _listed(data: Any) -> list[Any]:
    return data if isinstance(data, list) else [data]


def _renumbered(again: Graph, after: Graph) -> bool:
    """Whether the graphs differ only in the numbers of calls, of which the edit left fewer."""
    return sorted(node.layer for node in again.nodes.values()) == sorted(node.layer for node in after.nodes.values())


def compiled_or_refused(spec: Any, base: Any) -> tuple[CompiledSpec | None, tuple[Diagnostic, ...]]:
    try:
        return compile_spec(spec, base=base), ()
    except SpecError as error:
        return None, error.diagnostics


def check_one(data: Any, folder: Path) -> bool:
    base = draw_model(data.draw)
    names = [*(layer.name for layer in base.layers), "dense", "l9"]
    spec = data.draw(specs(names))
    before = [keras.ops.convert_to_numpy(each) for each in base.variables]
    inputs = data_for(base)
    flags = [layer.trainable for layer in base.layers]
    calls = [len(layer._inbound_nodes) for layer in base.layers]
    compiled, diagnostics = compiled_or_refused(spec, base)
    for each in diagnostics:
        assert each.path, each
        assert each.path[0] in spec, each
    assert_same_bits([keras.ops.convert_to_numpy(each) for each in base.variables], before)
    assert [layer.trainable for layer in base.layers] == flags
    assert [len(layer._inbound_nodes) for layer in base.layers] == calls
    if compiled is not None:
        check_result(base, compiled, folder)
    empty = compile_spec({"spec": 1}, base=base).model
    assert_same_bits(outputs_of(empty, inputs), outputs_of(base, inputs))
    return compiled is not None


@drawn(60)
@given(st.data())
def test_random_specs_on_random_models(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_one(data, Path(folder))


@pytest.mark.slow
@drawn(1500)
@given(st.data())
def test_many_random_specs_on_random_models(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_one(data, Path(folder))
