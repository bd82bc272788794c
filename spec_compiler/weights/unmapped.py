"""Layers that the result keeps and the base's weight map leaves out."""

from __future__ import annotations

from collections.abc import Iterable

from spec_compiler.diagnostics import Diagnostic, Path, dotted
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec


def unmapped_warnings(unmapped: Iterable[str], spec: Spec, graph: Graph) -> tuple[Diagnostic, ...]:
    """SC507 for each layer that the result keeps and the base's weight map leaves out; of an opened model all at once.

    `unmapped` are names of the base, as `bases` prefixes them.
    """
    places = (place for layer in graph.layers.values() if not layer.is_new for place in layer.all_places())
    kept = {place[0] for place in places if place is not None}
    warnings = []
    is_below = spec.bases is not None or (spec.base is not None and spec.base.is_layer)
    for name in unmapped:
        prefix, _, layer = name.partition("/") if is_below else ("", "", name)
        if name not in kept and prefix not in kept:  # of a base that is one layer, that keeps all of it
            continue
        path: Path = ("bases", prefix, "weights", "map") if spec.bases is not None else ("base", "weights", "map")
        message = f"`{dotted(path)}` leaves out `{layer}`, which is kept and will be initialised"
        help = f"add `{layer}: GROUP`, or take the layer out"
        warnings.append(Diagnostic("SC507", message, path, at_key=True, help=help))
    return tuple(warnings)
