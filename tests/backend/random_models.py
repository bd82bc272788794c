"""Functional models drawn at random: branches, merges, shared and nested layers, several ends."""

from __future__ import annotations

from typing import Any

import keras
from hypothesis import strategies as st

from tests.backend.conftest import randomized

WIDTHS = (3, 4)


def draw_model(draw: Any, depth: int = 1) -> Any:
    """A model on vectors, its choices made by `draw`; its layers are called `l0`, `l1` …, so that specs can name them.

    Not a strategy, as Keras draws seeds while it builds, which Hypothesis does not like inside of one.
    """
    inputs = [keras.Input((draw(st.sampled_from(WIDTHS)),), name=f"in{at}") for at in range(draw(st.integers(1, 2)))]
    tensors = list(inputs)
    shared: list[Any] = []
    for at in range(draw(st.integers(2, 7))):
        kind = draw(st.sampled_from(("dense", "norm", "act", "merge", "op", "shared", "nested", "drop")))
        x = draw(st.sampled_from(tensors))
        name = f"l{at}"
        if kind == "dense":
            layer = keras.layers.Dense(
                draw(st.sampled_from(WIDTHS)), name=name, activation=draw(st.sampled_from(("relu", None)))
            )
            shared.append((layer, x.shape))
            tensors.append(layer(x))
        elif kind == "norm":
            tensors.append(keras.layers.BatchNormalization(name=name)(x))
        elif kind == "act":
            tensors.append(keras.layers.Activation("tanh", name=name)(x))
        elif kind == "drop":
            tensors.append(keras.layers.Dropout(0.3, name=name)(x, training=draw(st.sampled_from((None, False)))))
        elif kind == "merge":
            others = [each for each in tensors if each.shape == x.shape]
            y = draw(st.sampled_from(others))
            if draw(st.booleans()):
                tensors.append(keras.layers.Add(name=name)([x, y]))
            else:
                tensors.append(keras.layers.Concatenate(name=name)([x, draw(st.sampled_from(tensors))]))
        elif kind == "op":
            tensors.append(
                draw(st.sampled_from((lambda t: t * 2.0, lambda t: keras.ops.tanh(t), lambda t: 1.0 - t)))(x)
            )
        elif kind == "shared" and shared:
            layer, shape = draw(st.sampled_from(shared))
            fitting = [each for each in tensors if each.shape == shape]
            tensors.append(layer(draw(st.sampled_from(fitting))))
        elif kind == "nested" and depth:
            inner_input = keras.Input(x.shape[1:], name=f"{name}_in")
            y = keras.layers.Dense(3, name="first", activation="relu")(inner_input)
            y = keras.layers.Add(name="sum")([y, keras.layers.Dense(3, name="second")(y)])
            tensors.append(keras.Model(inner_input, y, name=name)(x))
    made = [each for each in tensors if not any(each is start for start in inputs)] or [
        keras.layers.Dense(2, name="only")(inputs[0])
    ]
    count = draw(st.integers(1, min(2, len(made))))
    ends = made[-count:]
    used = _inputs_of(ends, inputs)
    structure = draw(st.sampled_from(("plain", "list", "dict"))) if len(ends) > 1 else "plain"
    outputs: Any = ends[0] if len(ends) == 1 else ends
    if structure == "dict":
        outputs = {f"end{at}": end for at, end in enumerate(ends)}
    model = keras.Model(used[0] if len(used) == 1 else used, outputs, name="drawn")
    return randomized(model, seed=draw(st.integers(0, 5)))


def _inputs_of(ends: list[Any], inputs: list[Any]) -> list[Any]:
    """The inputs that the ends depend on."""
    whole = keras.Function(inputs, ends) if len(inputs) == 1 else None
    if whole is not None:
        return inputs
    found = []
    for start in inputs:
        seen, todo = set(), list(ends)
        while todo:
            tensor = todo.pop()
            if tensor is start:
                found.append(start)
                break
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            operation, index, _ = tensor._keras_history
            todo += operation._inbound_nodes[index].input_tensors
    return found
