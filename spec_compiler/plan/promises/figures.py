"""The promises of a figure: parameters, those that train, multiply-adds, layers."""

from __future__ import annotations

from collections import Counter

from spec_compiler.language.bounds import Bounds
from spec_compiler.plan.costs import multiply_adds, total
from spec_compiler.plan.promises.asked import Asked, listed, unknown


def parameters(asked: Asked, bounds: Bounds) -> str:
    """How many parameters the result has. Raises: SC320."""
    sizes = {name: layer.num_parameters for name, layer in asked.graph.layers.items()}
    return asked.bounded(bounds, asked.graph.num_parameters, "the result has {} parameters", sizes, "parameters")


def trainable(asked: Asked, bounds: Bounds) -> str:
    """How many of them train, in each phase. Raises: SC320."""
    figures = []
    for state in asked.states:
        where = f" in the phase `{state.phase}`" if state.phase is not None else ""
        count = sum(state.counts.values())
        figures.append(asked.bounded(bounds, count, f"{{}} parameters train{where}", state.counts, "trainable"))
    return " and ".join(dict.fromkeys(figures))


def multiply_adds_of(asked: Asked, bounds: Bounds) -> str:
    """Its multiply-adds for one example. Raises: SC320, SC321."""
    figures = multiply_adds(asked.graph)
    count = total(figures)
    if count is None:
        where = listed(name for name, figure in figures.items() if figure is None)
        inputs = (asked.graph.spec_of(ref) for ref in asked.graph.input_refs)
        is_open = any(None in spec.shape[1:] for spec in inputs if spec is not None)
        help = "give the input a size: `input: {shape: [224, 224, 3]}`" if is_open else None
        raise unknown("the multiply-adds of the result are not known", f"those of {where} are not", help)
    sizes: Counter[str] = Counter()
    for name, figure in figures.items():
        sizes[asked.graph.nodes[name].layer] += figure or 0
    message = "the result needs {} multiply-adds for one example"
    return asked.bounded(bounds, count, message, sizes, "multiply_adds")


def num_layers(asked: Asked, bounds: Bounds) -> str:
    """How many layers it has. Raises: SC320."""
    count = sum(layer.kind != "operation" for layer in asked.graph.layers.values())
    return asked.bounded(bounds, count, "the result has {} layers", {}, "layers")
