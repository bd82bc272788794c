"""Strategies of `weights` that may make a kept layer fit: changes of the spec, none of them said before it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from spec_compiler.adapters import of_changed_layer
from spec_compiler.adapters.flattened import flattened_before
from spec_compiler.backend.models.shape_fixes import APPEND
from spec_compiler.diagnostics import Fix
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import does_not_fit
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.adapted import SetWeights
from spec_compiler.language.places import in_section

_WORDS = dict.fromkeys(("Embedding", "ReversibleEmbedding"), ("first_rows", "bicubic"))


def adapted_fixes(layer: LayerSpec, variables: tuple[VariableSpec, ...], graph: Graph) -> Iterator[Fix]:
    """Words of `weights` in the entry of `set` that changed the layer."""
    origin = layer.changed_by
    if origin is None or in_section(origin.path)[:1] != ("set",) or layer.adapter is not None:
        return
    for word in _WORDS.get(layer.class_name, ()):
        adapted = replace(layer, adapter=of_changed_layer(SetWeights(word), layer, origin, graph))
        if not does_not_fit(adapted, variables):
            yield Fix(f"write `weights: {word}` beside `to`", (((*origin.path, "weights"), word),))


def adapted_notes(layer: LayerSpec) -> Iterator[str]:
    """What a strategy can do that nobody but the user can fill in."""
    if layer.changed_by is not None and in_section(layer.changed_by.path)[:1] == ("set",):
        if layer.class_name == "Dense" and "units" in layer.changed:
            yield "`weights: {classes: {old: …, new: …}}` beside `to` keeps what it knows of classes by their names"
        if layer.class_name in ("Embedding", "ReversibleEmbedding") and "input_dim" in layer.changed:
            yield "`weights: {rows: {old: …, new: …}}` beside `to` keeps rows by the names of what they are of"


def as_convolution(layer: LayerSpec, node: str, graph: Graph, base: Graph) -> Iterator[Fix]:
    """A `Flatten` and the `Dense` behind it as a convolution with the same numbers, which takes maps of any size."""
    if layer.class_name != "Dense" or layer.is_new or node not in base.nodes or node not in graph.nodes:
        return
    takes = graph.nodes[node].data_inputs
    flatten = takes[0].node if len(takes) == 1 else ""
    if flatten not in base.nodes or base.layer_of(flatten).class_name != "Flatten" or flatten not in graph.nodes:
        return
    flattened = flattened_before(base.nodes, base.layers, tuple(base.nodes[node].data_inputs))
    if flattened is None or flattened.shape is None or not 2 <= len(flattened.shape) <= 4:
        return
    first = base.layer_of(flatten).arguments.get("data_format") == "channels_first"
    size = list(flattened.shape[1:] if first else flattened.shape[:-1])
    said: dict[str, Any] = {"filters": layer.arguments.get("units")}
    said["kernel_size"] = size if len({*size}) > 1 else size[0]
    if first:
        said["data_format"] = "channels_first"
    if isinstance(layer.arguments.get("activation"), str) and layer.arguments["activation"] != "linear":
        said["activation"] = layer.arguments["activation"]
    if layer.arguments.get("use_bias") is False:
        said["use_bias"] = False
    entry = {f"Conv{len(size)}D": {**said, "name": layer.name_in_keras}}
    whole = {**entry, "weights": {"of": layer.name, "reshape": "dense_to_conv"}}
    change = {"layers": f"{flatten}..{node}", "with": [whole]}
    text = f"make it a convolution with the same numbers, in the place of `{flatten}..{node}`:\n"
    yield Fix(f"{text}`{flow(whole)}`", ((("replace", APPEND), change),))
