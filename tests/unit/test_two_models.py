"""Two models that no spec connects: what is which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spec_compiler.graph import Graph
from spec_compiler.plan.two_models import compare
from tests.unit.graphs import chain, graph, residual, shared
from tests.unit.pictures import inserted, with_layer


def renamed(model: Graph, suffix: str) -> Graph:
    """The model with a suffix on the name of every layer."""
    return model.relabelled({name: name + suffix for name in model.layers})


def actions(before: Graph, after: Graph) -> dict[str, str]:
    """What happens to each layer."""
    return {change.name: change.action for change in compare(before, after).plan.changes}


@pytest.mark.parametrize("model", [chain("in", "a", "b"), residual(), shared()])
def test_a_model_is_itself(model: Graph) -> None:
    found = compare(model, model)
    assert found.plan.is_empty
    assert found.count("name") == len(model.layers)
    assert not found.renamed


@pytest.mark.parametrize("model", [chain("in", "a", "b"), residual()])
def test_other_names_are_found_by_structure(model: Graph) -> None:
    found = compare(model, renamed(model, "_2"))
    assert found.plan.is_empty
    assert found.count("structure") == len(model.layers)
    assert {(match.before, match.after) for match in found.renamed} == {(name, f"{name}_2") for name in model.layers}


def test_an_inserted_layer_is_new() -> None:
    base = chain("in", "a", "b", "c")
    found = actions(base, renamed(inserted(base, "a", "fresh", size=3), "_x"))
    assert found == {"in": "kept", "a": "kept", "fresh_x": "new", "b": "kept", "c": "kept"}


def test_names_that_keras_numbers_are_matched_only_with_their_weights() -> None:
    base = chain("in", "dense", "dense_1", "dense_2")
    other = chain("in", "dense_1", "dense_2")
    other = with_layer(other, "dense_1", variables=())
    found = compare(base, other)
    assert ("dense_1", "dense_1") not in {(match.before, match.after) for match in found.matches}


def test_a_name_that_both_models_give_to_different_things() -> None:
    base, other = chain("in", "x", "y"), graph({"in": [], "x": ["in"], "y": ["x"]}, classes={"x": "Conv2D"})
    found = compare(base, other)
    assert [(change.name, change.action) for change in found.plan.changes] == [
        ("in", "kept"),
        ("x", "dropped"),
        ("x", "new"),
        ("y", "kept"),
    ]
    assert found.summary.endswith("1 only in the first model, 1 only in the second")


def test_what_edits_made_the_models_is_no_edit_of_the_first() -> None:
    base = chain("in", "a", "b")
    found = compare(inserted(base, "a", "one", size=3), inserted(base, "a", "other", size=3))
    assert [(change.name, change.action) for change in found.plan.changes] == [
        ("in", "kept"),
        ("a", "kept"),
        ("one", "kept"),
        ("b", "kept"),
    ]
    assert {match.before: match.after for match in found.renamed} == {"one": "other"}
    for model in (found.plan.before, found.plan.after):
        assert all(layer.cause is None for layer in model.layers.values())


def test_changed_arguments_and_freezing_show() -> None:
    base = chain("in", "a", "b")
    config = {"class_name": "Dense", "config": {"name": "a", "units": 8, "activation": "gelu"}}
    other = with_layer(with_layer(base, "a", config=config), "b", trainable=False)
    details = {change.name: change.details for change in compare(base, other).plan.changes if change.details}
    assert details == {"a": (("activation", "relu", "gelu"),), "b": (("trainable", True, False),)}


def test_shared_layers_keep_their_calls() -> None:
    model = shared()
    other = replace(model, layers={**model.layers, "join": replace(model.layers["join"], trainable=False)})
    assert set(compare(model, other).plan.after.nodes) == set(model.nodes)


def test_long_models_are_compared_quickly() -> None:
    base = chain("in", *(f"layer{number}" for number in range(3000)))
    other = renamed_all(inserted(base, "layer1500", "fresh", size=5))
    found = compare(base, other)
    assert found.plan.count("new") == 1
    assert found.plan.count("dropped") == 0


def renamed_all(model: Graph) -> Graph:
    """The model as another program would have named it, in one pass."""
    names = list(model.nodes)
    return chain_like(model, {name: f"x{number}" for number, name in enumerate(names)})


def chain_like(model: Graph, names: dict[str, str]) -> Graph:
    """A chain with other names and the same layers."""
    made = chain(*names.values())
    layers = {names[old]: replace(layer, name=names[old]) for old, layer in model.layers.items()}
    return replace(made, layers=layers)
