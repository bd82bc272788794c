"""Figures of the report: memory of a training step, and the receptive field of the model."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.diagram.report import report_data
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.plan import Plan
from spec_compiler.plan.costs import activation_bytes, peak_bytes, total
from spec_compiler.plan.training_memory import training_bytes
from tests.unit.graphs import chain
from tests.unit.pictures import frozen, long_chain

EACH = 8 * 4  # bytes of a tensor of these graphs, for one example


def test_finding_N14_training_keeps_nothing_in_front_of_what_trains() -> None:
    base = long_chain(100)
    names = [f"l{number}" for number in range(1, 100)]
    assert training_bytes(base) == total(activation_bytes(base)) == 100 * EACH
    assert training_bytes(frozen(base, names)) == peak_bytes(base) == 2 * EACH
    assert training_bytes(frozen(base, names[:-1])) == 2 * EACH  # what the last layer takes and puts out
    assert training_bytes(frozen(base, names[:60])) == 40 * EACH  # l60 to l99, of which l61 on train
    assert training_bytes(frozen(base, names[60:])) == 100 * EACH  # the gradient goes back through frozen layers


def test_finding_N14_a_flattened_tensor_is_kept_once() -> None:
    base = chain("in", "a", "flat", "b")
    flat = replace(base.layers["flat"], class_name="Flatten", variables=())
    graph = frozen(replace(base, layers={**base.layers, "flat": flat}), ["a"])
    assert training_bytes(graph) == 2 * EACH  # a's output, which is also what b takes, and b's


def test_finding_N14_a_frozen_model_inside_keeps_its_output_only() -> None:
    inner = long_chain(50)
    tower = LayerSpec("tower", "Functional", {}, "model", False, (), inner=frozen(inner, list(inner.layers)))
    outer = chain("in", "tower", "head")
    graph = replace(outer, layers={**outer.layers, "tower": tower})
    assert training_bytes(graph) == 2 * EACH
    training = replace(tower, trainable=True, inner=inner)
    assert training_bytes(replace(outer, layers={**outer.layers, "tower": training})) == 51 * EACH
    upper = replace(tower, trainable=True, inner=frozen(inner, [f"l{number}" for number in range(1, 40)]))
    assert training_bytes(replace(outer, layers={**outer.layers, "tower": upper})) == 13 * EACH  # in, l39 to l49, head


def test_finding_N14_an_open_size_makes_it_unknown() -> None:
    base = chain("in", "a")
    opened = replace(base, nodes={**base.nodes, "a": replace(base.nodes["a"], outputs=(TensorSpec((None, None, 8)),))})
    assert training_bytes(opened) is None


def test_finding_N14_the_report_says_what_training_a_part_takes() -> None:
    base = long_chain(40)
    summary = report_data(Plan("head", base, frozen(base, [f"l{number}" for number in range(1, 39)])))["summary"]
    assert (summary["before"]["training_bytes"], summary["after"]["training_bytes"]) == (40 * EACH, 2 * EACH)


def convolutions(branch_last: bool) -> Graph:
    """in -> wide (7x7) -> add, in -> small (1x1) -> add -> pool; the order of the branches is that of the calls."""
    shape = TensorSpec((None, 32, 32, 8))
    layers = {"in": LayerSpec("in", "InputLayer", kind="input", variables=())}
    nodes = {"in": Node("in", "in", outputs=(shape,))}
    for name in ("wide", "small") if branch_last else ("small", "wide"):
        size = 7 if name == "wide" else 1
        config = {"kernel_size": [size, size], "strides": [1, 1], "dilation_rate": [1, 1], "groups": 1}
        layers[name] = LayerSpec(name, "Conv2D", {"config": config}, variables=())
        nodes[name] = Node(name, name, (ValueRef("in"),), {}, (shape,))
    layers["pool"] = LayerSpec("pool", "GlobalAveragePooling2D", {}, variables=())
    nodes["pool"] = Node("pool", "pool", (ValueRef("wide"),), {}, (TensorSpec((None, 8)),))
    layers["join"] = LayerSpec("join", "Multiply", {}, variables=())
    nodes["join"] = Node("join", "join", ((ValueRef("small"), ValueRef("pool")),), {}, (shape,))
    return Graph("branches", layers, nodes, ValueRef("in"), ValueRef("join"))


def test_finding_N14_a_small_branch_is_not_the_models_receptive_field() -> None:
    for branch_last in (False, True):
        graph = convolutions(branch_last)
        field = report_data(Plan("same", graph, graph))["summary"]["after"]["field"]
        assert field == {"layer": "wide", "sizes": [7, 7], "whole": True}


def test_finding_N14_a_model_that_sees_a_part_says_so() -> None:
    graph = convolutions(True)
    small = replace(graph, outputs=ValueRef("small"))
    field = report_data(Plan("same", small, small))["summary"]["after"]["field"]
    assert field == {"layer": "small", "sizes": [1, 1], "whole": False}
