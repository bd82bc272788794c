"""Small graphs by hand, for tests without Keras."""

from __future__ import annotations

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef


def graph(
    edges: dict[str, list[str]], outputs: list[str] | None = None, classes: dict[str, str] | None = None
) -> Graph:
    """A graph whose layers take the named ones; those that take none are inputs. Every tensor is (None, 8)."""
    layers: dict[str, LayerSpec] = {}
    nodes: dict[str, Node] = {}
    for position, (name, takes) in enumerate(edges.items()):
        layer = name.partition("@")[0]
        refs = [ValueRef(each) for each in takes]
        kind = "layer" if takes else "input"
        cls = (classes or {}).get(layer, "Dense" if takes else "InputLayer")
        variables = (VariableSpec("kernel", (8, 8), "float32", True, "vars/0", 0),) if takes else ()
        config = {"class_name": cls, "config": {"name": layer, "units": 8, "activation": "relu"}}
        layers.setdefault(
            layer,
            LayerSpec(layer, cls, config, kind, variables=variables, position=position),  # type: ignore[arg-type]
        )
        args = (refs[0] if len(refs) == 1 else refs,) if refs else ()
        nodes[name] = Node(name, layer, args, {}, (TensorSpec((None, 8)),))
    ends = [ValueRef(each) for each in outputs or [list(edges)[-1]]]
    starts = [ValueRef(name) for name, takes in edges.items() if not takes]
    return Graph(
        "hand",
        layers,
        nodes,
        starts[0] if len(starts) == 1 else starts,
        ends[0] if len(ends) == 1 else ends,
        positions=tuple(layers),
    )


def chain(*names: str) -> Graph:
    """A graph in which each layer takes the one before; the first is the input."""
    return graph({name: [names[at - 1]] if at else [] for at, name in enumerate(names)})


def residual() -> Graph:
    """in -> a -> (b -> c) + a -> add -> d."""
    return graph(
        {"in": [], "a": ["in"], "b": ["a"], "c": ["b"], "add": ["a", "c"], "d": ["add"]}, classes={"add": "Add"}
    )


def shared() -> Graph:
    """Two inputs through one layer, twice."""
    return graph({"left": [], "right": [], "tower@0": ["left"], "tower@1": ["right"], "join": ["tower@0", "tower@1"]})
