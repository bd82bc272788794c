"""Layers under other names: no field of a graph keeps an old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph import Coming, Graph, LeftOut, Shaped
from spec_compiler.graph.group_change import GroupChange
from spec_compiler.graph.joined import joined
from spec_compiler.graph.layer_spec import LayerSpec, Origin, Stored, VariableSpec
from spec_compiler.graph.node import Node, ValueRef
from tests.unit.graphs import chain, graph, shared

# What says how the base calls a layer, and nested models, in which names are their own.
OF_THE_BASE = {"adapter", "base_name", "config", "inner", "keras_name", "original_nodes", "originals", "stored"}


def full() -> Graph:
    """A graph with something in every field, among it calls that are shared, masks, and layers gone and to come."""
    model = shared()
    join = model.nodes["join"]
    call = Node("tower@2", "tower", (), {"mask": [ValueRef("idle"), None], "x": {"a": ValueRef("tower@1")}})
    idle = graph({"idle": []})
    return replace(
        model,
        layers={**model.layers, **idle.layers},
        nodes={**idle.nodes, **model.nodes, call.name: call},
        inputs={"left": ValueRef("left"), "second": ValueRef("right"), "idle": ValueRef("idle")},
        outputs={"top": ValueRef(join.name), "all": [ValueRef(call.name)]},
        removed={"gone": Origin("remove"), "tower@3": Origin("cut_at")},
        positions=(*model.positions, "idle"),
        idle=frozenset({"idle"}),
        left=(LeftOut("tower", "it is called elsewhere too", Origin("fold")),),
        warnings=(Diagnostic("SC701", "legal", ("insert", 0)),),
        coming=Coming("remove", ("remove", "head"), (LayerSpec("later", "Dense"),)),
        originals=dict(model.layers),
        shaped=Shaped(model, model.layers),
        groups=(GroupChange(("tower",), ("join",), 4, 2, "chosen by l1", "", 3, Origin("prune")),),
        original_nodes=dict(model.nodes),
        names={"words.txt": ("one", "two")},
        lora_files={"birds.npz": "what is in it"},
        inference=True,
    )


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, keys among them."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in OF_THE_BASE:
                yield from texts(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.items():
            yield from texts(item)
    elif isinstance(value, list | tuple | frozenset):
        for each in value:
            yield from texts(each)


def is_old(text: str, names: Mapping[str, str]) -> bool:
    """Whether a text is one of the names, or that of a call of such a layer."""
    return text.partition("@")[0] in names


def test_every_field_has_the_new_names_only() -> None:
    model = full()
    empty = Graph("hand", {}, {}, (), ())
    assert [each.name for each in fields(model) if getattr(model, each.name) == getattr(empty, each.name)] == ["name"]
    names = {name: f"new/{name}" for name in [*model.layers, "gone", "later"]}
    assert {text for text in texts(model) if is_old(text, names)} >= {*names} - {"tower"} | {"tower@0", "tower@3"}
    assert [text for text in texts(model.relabelled(names)) if is_old(text, names)] == []


def test_there_and_back_is_the_same() -> None:
    model = full()
    names = {name: f"new/{name}" for name in [*model.layers, "gone", "later"]}
    back = model.relabelled(names).relabelled({new: old for old, new in names.items()})
    assert list(back.nodes) == list(model.nodes)
    assert back == model


def test_one_of_the_names_alone() -> None:
    model = full()
    moved = model.relabelled({"left": "pixels"})
    assert moved.inputs == {"pixels": ValueRef("pixels"), "second": ValueRef("right"), "idle": ValueRef("idle")}
    assert set(model.layers) - set(moved.layers) == {"left"}
    assert moved.layers["tower"] is model.layers["tower"]


def test_only_bases_with_tied_layers_have_them_when_joined() -> None:
    """Their files call the places of variables alike: `layers/a/vars/0` of the one is not that of the other."""

    def base(shared_path: str | None) -> Graph:
        model = chain("in", "a", "b")
        weighted = {
            name: replace(
                model.layers[name],
                variables=(VariableSpec("kernel", (8, 8), "float32", True, "vars/0", 0, place),),
                stored=Stored(f"layers/{name}"),
            )
            for name, place in (("a", None), ("b", shared_path))
        }
        return replace(model, layers={**model.layers, **weighted})

    whole = joined({"one": base("layers/a/vars/0"), "other": base(None)})
    assert [layer.name for layer in whole.tied_layers] == ["one/a", "one/b"]
    assert whole.num_parameters == 64 + 128
