"""Attention: heads leave as a whole, what goes in is taken and what comes out made."""

from __future__ import annotations

from typing import Any

from spec_compiler.channels.atoms import Axes, Line
from spec_compiler.channels.call import Call, NoRule, Number
from spec_compiler.channels.rules.joins import SUMS, summed
from spec_compiler.graph.node import ValueRef, references

PARTS = ("query", "value", "key")  # in the order in which a call takes them


def multi_head(call: Call) -> list[Axes]:
    """Projections for each head take query, key and value; the last one takes the heads and makes the output."""
    lines = _sources(call)
    heads = call.made("query/kernel", 1, "num_heads", "heads")
    for part in PARTS:
        call.use(f"{part}/kernel", 0, lines[part], "takes")
        call.use(f"{part}/kernel", 1, heads, "makes")
        call.use(f"{part}/bias", 0, heads, "carries")
    call.use("attention_output/kernel", 0, heads, "takes")
    out = call.made("attention_output/kernel", -1)
    call.use("attention_output/bias", 0, out, "carries")
    told, query = call.config.get("output_shape"), lines["query"]
    if told is not None and not isinstance(told, int) and len(told) != 1:
        raise NoRule("puts out several axes")

    def shape(number: Number) -> Any:  # where it is not told, it is that of the query
        size, follows = number(out), call.in_shapes[0][-1] if query is None else number(query)
        return None if told is None and size == follows else [size]

    call.arguments["output_shape"] = shape
    return _over_steps(call, out)


def grouped_query(call: Call) -> list[Axes]:
    """As `multi_head`; its heads stay, and what it puts out is as wide as the query."""
    lines = _sources(call)
    for part in PARTS:
        call.use(f"{part}/kernel", 0, lines[part], "takes")
        call.variable(f"{part}/bias")
    call.use("attention_output/kernel", -1, lines["query"], "makes")
    call.use("attention_output/bias", 0, lines["query"], "carries")
    return _over_steps(call, lines["query"])


def attention(call: Call) -> list[Axes]:
    """Scores of query and key over their channels, by which the values are summed."""
    query, value, key = call.ins[0][-1], call.ins[1][-1], call.ins[2 if len(call.ins) > 2 else 1][-1]
    call.variable("concat_score_weight")
    if call.class_name == "AdditiveAttention" and call.config.get("use_scale", True):
        call.use("scale", 0, call.joined((query, key), SUMS), "takes")
    else:
        call.variable("scale")
        summed(call, query, key)
    return _over_steps(call, value)


def _over_steps(call: Call, out: Line | None) -> list[Axes]:
    """What attention puts out, and its scores where they are asked for."""
    for axes in call.ins:
        for line in axes[:-1]:
            call.mark(line, "pinned", "looks along the channels as along steps")
    return [(*call.ins[0][:-1], out), *((None,) * len(shape) for shape in call.shapes[1:])]


def _sources(call: Call) -> dict[str, Line | None]:
    """The lines of query, value and key."""
    said = {**dict(zip(PARTS, call.args, strict=False)), **call.kwargs}
    data = {key: value for key, value in call.kwargs.items() if "mask" not in key}
    lines = dict(zip(references((call.args, data)), (axes[-1] for axes in call.ins), strict=True))
    said["key"] = said.get("key") or said.get("value")
    refs = {part: said.get(part) for part in PARTS}
    if len(call.args) > len(PARTS) or not all(isinstance(each, ValueRef) for each in refs.values()):
        raise NoRule("is called in a way that is not known")
    return {part: lines[ref] for part, ref in refs.items() if isinstance(ref, ValueRef)}
