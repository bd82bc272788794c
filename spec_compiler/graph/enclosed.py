"""Layers inside of nested models that are closed: a selector reaches them where it names the model, `outer/inner`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from spec_compiler.diagnostics import near, write
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec

_MOST = 3  # names in one help line


def enclosed(graph: Graph) -> Iterator[tuple[str, LayerSpec]]:
    """The layers inside of a graph's nested models, at every depth, each with the name it has once they are open."""
    for name, layer in graph.layers.items():
        if layer.inner is not None:
            own = ((below, inside) for below, inside in layer.inner.layers.items() if inside.kind != "input")
            for below, inside in (*own, *enclosed(layer.inner)):
                yield f"{name}/{below}", inside


def reach(graph: Graph, wanted: Callable[[str, LayerSpec], bool]) -> str | None:
    """The help that names the layers inside of closed models that are wanted, as a selector reaches them."""
    names = [name for name, layer in enclosed(graph) if wanted(name, layer)]
    if not names:
        return None
    models = list(dict.fromkeys(name.rpartition("/")[0] for name in names))
    inside = f"the nested model `{models[0]}`" if len(models) == 1 else "nested models"
    listed = f"`{names[0]}`" if len(names) == 1 else f"`[{', '.join(names[:_MOST])}{', …' if names[_MOST:] else ''}]`"
    return (
        f"{inside} {'has' if len(models) == 1 else 'have'} such inside, which is reached by the model's name: {listed}"
    )


def same_name(graph: Graph, name: str) -> str | None:
    """The help for a name that no layer has, where some inside of closed models have it."""
    last = name.rpartition("/")[2]
    return _offered(full for full, _ in enclosed(graph) if full.rpartition("/")[2] == last)


def near_name(graph: Graph, name: str) -> str | None:
    """The help for a name that no layer has, where some inside of closed models have one that is near."""
    own_names = {full: full.rpartition("/")[2] for full, _ in enclosed(graph)}
    alike = set(near(name.rpartition("/")[2], own_names.values()))
    return _offered(full for full, own in own_names.items() if own in alike)


def _offered(names: Iterable[str]) -> str | None:
    offers = list(names)[:_MOST]
    said = f"did you mean {' or '.join(f'`{name}`' for name in offers)}?" if offers else None
    return write(offers[0], said) if said and len(offers) == 1 else said
