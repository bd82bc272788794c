"""Layers around one layer: each step by itself, or the steps in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.channels.atoms import Axes
from spec_compiler.channels.call import Argument, Call, NoRule, Number
from spec_compiler.channels.rules.joins import JOINED
from spec_compiler.channels.rules.recurrent import recurrent
from spec_compiler.channels.rules.table import LAYERS


def time_distributed(call: Call) -> list[Axes]:
    """The layer inside, on what comes in without the axis of the steps."""
    inside = _inside(call, "layer")
    rule = LAYERS.get(inside.class_name)
    if rule is None or len(call.ins) != 1 or len(call.shapes) != 1:
        raise NoRule("wraps what has no rule")
    inside.ins, inside.in_shapes = [call.ins[0][1:]], [call.in_shapes[0][1:]]
    inside.shapes = [call.shape[1:]]
    (out,) = rule(inside)
    _wrap(call, {"layer": inside})
    return [(call.ins[0][0], *out)]


def bidirectional(call: Call) -> list[Axes]:
    """Two recurrent layers, one going backwards, and what they put out side by side or joined."""
    ways = {}
    for key, prefix in (("layer", "forward_"), ("backward_layer", "backward_")):
        way = _inside(call, key)
        way.variables = {at: each for at, each in (call.variables or {}).items() if each.path.startswith(prefix)}
        ways[key] = way
    states = len(call.ins) - 1
    if any(way.class_name not in ("LSTM", "GRU", "SimpleRNN") for way in ways.values()) or states % 2:
        raise NoRule("wraps what has no rule")
    mode, outs = call.config.get("merge_mode"), []
    for at, way in enumerate(ways.values()):
        own = slice(1 + at * states // 2, 1 + (at + 1) * states // 2)
        way.ins, way.in_shapes = [call.ins[0], *call.ins[own]], [call.in_shapes[0], *call.in_shapes[own]]
        way.shapes = call.shapes[:1] if mode is not None else call.shapes[at : at + 1]
        (out,) = recurrent(way)
        outs.append(out)
    _wrap(call, ways)
    if mode is None:
        if len(call.shapes) != 2:
            raise NoRule("puts out its states")
        return outs
    one, other = (out[-1] for out in outs)
    units = call.shape[-1]
    each = None if units is None else units // 2
    last = call.row([(one, each), (other, each)]) if mode == "concat" else call.joined((one, other), JOINED)
    out = (*outs[0][:-1], last)
    unit_states = [(each[-1],) for each in outs for _ in range((len(call.shapes) - 1) // 2)]
    return [out, *unit_states]


def _inside(call: Call, key: str) -> Call:
    """The call of the layer inside: nothing comes in yet."""
    value = call.config.get(key)
    if not isinstance(value, Mapping) or value.get("module") != "keras.layers":
        raise NoRule("wraps what has no rule")
    config: Any = value.get("config")
    class_name = str(value.get("class_name"))
    return replace(call, class_name=class_name, config=config, arguments={}, claimed=set(), args=(), kwargs={})


def _wrap(call: Call, inside: Mapping[str, Call]) -> None:
    """Makes the arguments of the layers inside arguments of the wrapper."""
    for key, each in inside.items():
        call.claimed |= each.claimed
        call.arguments[key] = _wrapped(call.config[key], each)


def _wrapped(value: Mapping[str, Any], inside: Call) -> Argument:
    """The config of a layer inside, also with what it takes, as Keras builds it by that."""

    def argument(number: Number) -> Any:
        config = {**value["config"], **{key: each(number) for key, each in inside.arguments.items()}}
        if "build_config" not in value:
            return {**value, "config": config}
        sizes = zip(inside.in_shapes[0], inside.ins[0], strict=True)
        shape = (None, *(size if line is None else number(line) for size, line in sizes))
        return {**value, "config": config, "build_config": {"input_shape": shape}}

    return argument
