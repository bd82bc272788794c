"""What each layer does with the channels that it is given; a file for each way, `table` says whose is which."""

from __future__ import annotations

from spec_compiler.channels.rules import table, wrappers
from spec_compiler.channels.rules.table import Rule
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.keras_facts import catalogue

__all__ = ["Rule", "rule_for"]

_LAYERS = {**table.LAYERS, "TimeDistributed": wrappers.time_distributed, "Bidirectional": wrappers.bidirectional}
_ABSENT = object()


def rule_for(layer: LayerSpec) -> Rule | None:
    """The rule of a layer's class if that is Keras's own; None for all others, whatever they are called."""
    name, module = str(layer.config.get("class_name", layer.class_name)), layer.config.get("module", _ABSENT)
    if layer.kind == "operation":
        ours = module is _ABSENT or str(module).startswith("keras.src.ops.")
        return table.OPERATIONS.get(name) if ours else None
    if module is _ABSENT:  # of a new layer, which Keras has not built yet
        module = "keras.layers" if name in catalogue.layer_names() else None
    if layer.kind != "layer":
        return None
    return _LAYERS.get(name) if module == "keras.layers" else table.OF_APPLICATIONS.get(str(module), {}).get(name)
