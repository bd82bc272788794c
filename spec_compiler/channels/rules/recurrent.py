"""Recurrent layers: units with their gates side by side, which take themselves."""

from __future__ import annotations

from spec_compiler.channels.atoms import Axes, Line
from spec_compiler.channels.call import Call, NoRule
from spec_compiler.channels.rules.activations import activated

GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1, "ConvLSTM1D": 4, "ConvLSTM2D": 4, "ConvLSTM3D": 4}


def recurrent(call: Call) -> list[Axes]:
    """Makes `units`, all gates of a unit at once; states that are given in and put out are of the units too."""
    call.across(call.rank - 1, "goes along the steps")
    units = _unit(call, call.ins[0][-1], "units")
    for axes in call.ins[1:]:
        call.joined((axes[-1], units), "joins a state")
    return [(*[None] * (len(shape) - 1), units) for shape in call.shapes]


def convolutional(call: Call) -> list[Axes]:
    """The same with convolutions in place of products."""
    first = call.config.get("data_format") == "channels_first"
    call.across(1 if first else call.rank - 1, "goes along the steps")
    filters = _unit(call, call.ins[0][1 if first else -1], "filters")
    if len(call.ins) > 1:
        raise NoRule("joins a state")
    out = []
    for at, shape in enumerate(call.shapes):
        steps = at == 0 and bool(call.config.get("return_sequences"))
        axis = (1 if steps else 0) if first else len(shape) - 1
        out.append(tuple(filters if each == axis else None for each in range(len(shape))))
    return out


def _unit(call: Call, line: Line | None, argument: str) -> Line:
    gates = GATES[call.class_name]
    if call.size("kernel", -1) != gates * int(call.config[argument]):
        raise NoRule("has other gates than Keras's")
    call.use("kernel", -2, line, "takes")
    units = call.made("kernel", -1, argument, times=gates)
    call.use("recurrent_kernel", -2, units, "takes")
    gated = call.tiled(units, gates)
    call.use("recurrent_kernel", -1, gated, "carries")
    call.use("bias", -1, gated, "carries")  # GRU with `reset_after` has two rows of it
    names = ("activation", "recurrent_activation") if gates > 1 else ("activation",)
    activated(call, (units,), *names)
    return units
