"""How many tensors Keras's layers put out: more than one only where an argument asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.keras_facts import catalogue

# With `return_state`: the sequence or its last step, then the states.
_STATES = {"LSTM": 3, "GRU": 2, "SimpleRNN": 2, "ConvLSTM1D": 3, "ConvLSTM2D": 3, "ConvLSTM3D": 3}
_SCORES = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")  # `return_attention_scores`


def output_count(class_name: str, arguments: Mapping[str, Any], call: Mapping[str, Any]) -> int | None:
    """How many tensors a new layer puts out; None where only its code can say.

    >>> output_count("LSTM", {"units": 4, "return_state": True}, {})
    3
    """
    if class_name in _STATES:
        return _STATES[class_name] if arguments.get("return_state") is True else 1
    if class_name in _SCORES:
        return 2 if call.get("return_attention_scores") is True else 1
    if class_name == "Bidirectional":
        return _of_both(arguments)
    if class_name == "RNN":
        return None if arguments.get("return_state") is True else 1
    return 1 if catalogue.class_record(class_name, "layer") is not None and class_name != "Lambda" else None


def _of_both(arguments: Mapping[str, Any]) -> int | None:
    """Of a layer run both ways: its outputs merged, and the states of each."""
    inner = arguments.get("layer")
    if not isinstance(inner, Mapping) or len(inner) != 1:
        return 1
    ((name, own),) = inner.items()
    if name not in _STATES:
        return None
    own = own if isinstance(own, Mapping) else {}
    merged = 1 if arguments.get("merge_mode", "concat") is not None else 2
    return merged + 2 * (_STATES[name] - 1) if own.get("return_state") is True else merged
