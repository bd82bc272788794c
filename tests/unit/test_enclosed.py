"""Layers inside of closed nested models: what is said where a selector means them and does not reach them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.opened import opened
from spec_compiler.graph.resolve import resolve
from spec_compiler.language.selectors import Selector
from tests.unit.graphs import chain


def nested() -> Graph:
    """A model `outer` of `in`, `block` and `top`; `block` holds `in`, `conv`, `bn` and `deep`, which holds `bn`."""
    deep = chain("in", "bn")
    inner = holding(chain("in", "conv", "bn", "deep"), "deep", deep)
    return holding(chain("in", "block", "top"), "block", inner)


def holding(graph: Graph, name: str, inner: Graph) -> Graph:
    layer = replace(graph.layers[name], kind="model", class_name="Functional", inner=inner)
    return replace(graph, layers={**graph.layers, name: layer})


@pytest.mark.parametrize(
    ("raw", "offered"),
    [
        ("*/bn", ["block/bn", "block/deep/bn"]),
        ("*bn", ["block/bn", "block/deep/bn"]),
        ("/conv$/", ["block/conv"]),
        ("bn", ["block/bn", "block/deep/bn"]),
        ("bnn", ["block/bn", "block/deep/bn"]),
        ("conv", ["block/conv"]),
    ],
)
def test_what_is_inside_of_a_closed_model_is_named_as_a_selector_reaches_it(raw: Any, offered: list[str]) -> None:
    graph = nested()
    with pytest.raises(SpecError) as caught:
        resolve(Selector.parse(raw), graph)
    (found,) = caught.value.diagnostics
    assert found.code == "SC201"
    for name in offered:
        assert name in (found.help or "")
    assert resolve(Selector.parse(offered), opened(graph, offered)) == tuple(offered)


def test_a_class_inside_of_a_closed_model() -> None:
    graph = nested()
    inner = graph.layers["block"].inner
    assert inner is not None
    layers = {**inner.layers, "bn": replace(inner.layers["bn"], class_name="BatchNormalization")}
    graph = holding(graph, "block", replace(inner, layers=layers))
    with pytest.raises(SpecError) as caught:
        resolve(Selector.parse("type:BatchNormalization"), graph)
    help = "the nested model `block` has such inside, which is reached by the model's name: `block/bn`"
    assert caught.value.diagnostics[0].help == help


def test_a_name_that_is_nowhere_gets_the_usual_help() -> None:
    with pytest.raises(SpecError) as caught:
        resolve(Selector.parse("*nothing_of_this*"), nested())
    assert caught.value.diagnostics[0].help == "`spec-compiler layers` prints the names"
