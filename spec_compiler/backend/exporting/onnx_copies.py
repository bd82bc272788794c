"""The converter to ONNX copies a model's weights for each of its steps; here it does the same with fewer copies."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def few_copies() -> Iterator[None]:
    """While the body runs, constants are held once, and a model becomes a graph of constants without steps between."""
    from tf2onnx import tf_loader  # only where an ONNX file is made
    from tf2onnx.graph import Node

    with (
        _replaced(Node, "update_proto", _updating(Node.update_proto)),
        _replaced(Node, "__deepcopy__", _copied),
        _replaced(tf_loader, "from_function", _freezing(tf_loader.from_function)),
    ):
        yield


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def _updating(real: Any) -> Any:
    """A node's message is brought up to date after each step; of a constant's value nobody reads it from there.

    The memory of a message that is written over is not given back as long as any of it is held.
    """

    def update_proto(node: Any, *arguments: Any, **options: Any) -> None:
        if node.is_const():
            node._op = _without_value(node)
        else:
            real(node, *arguments, **options)

    return update_proto


def _without_value(node: Any) -> Any:
    """The message of a constant but for its value, which the node itself holds."""
    known = node._op
    return type(known)(name=known.name, op_type=known.op_type, domain=known.domain, output=node.output)


def _copied(node: Any, memo: dict[int, Any]) -> Any:
    """A copy of a node as it is before a step that may fail; the value of a constant is replaced, never changed."""
    made = object.__new__(type(node))
    memo[id(node)] = made
    for name, value in vars(node).items():
        if name == "_attr" and node.is_const():
            made._attr = dict(value)
        elif name == "_op" and node.is_const():
            made._op = _without_value(node)
        else:
            setattr(made, name, copy.deepcopy(value, memo))
    return made


def _freezing(real: Any) -> Any:
    """As `tf_loader.from_function`, without a graph of TensorFlow's for every form that the constants pass through."""

    def from_function(func: Any, input_names: list[str], output_names: list[str], large_model: bool = False) -> Any:
        import tensorflow  # as above
        from tf2onnx import tf_loader

        if large_model:
            return real(func, input_names, output_names, large_model)
        graph = tf_loader.fix_freezing_errors(tf_loader.convert_variables_to_constants_large_model(func))
        graph = tf_loader.fix_freezing_errors_part2(graph)
        with tensorflow.Graph().as_default():  # which TensorFlow asks for; nothing is in it
            return tf_loader.tf_optimize(input_names, output_names, graph)

    return from_function
