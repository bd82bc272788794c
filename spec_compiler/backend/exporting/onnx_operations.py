"""Operations of TensorFlow's that the converter to ONNX does not know, said in ONNX's own."""

from __future__ import annotations

from typing import Any

import numpy as np


def taught() -> None:
    """Lets the converter know them: `Erfc`, by which TensorFlow computes an exact `gelu`, is 1 - `Erf`."""
    from tf2onnx.constants import ONNX_DOMAIN
    from tf2onnx.handler import tf_op

    opsets = tf_op.get_opsets().get(ONNX_DOMAIN, [])
    if not any("Erfc" in operations for operations in opsets if operations):  # its makers may have added it
        tf_op("Erfc").register_compat_handler(_erfc, _FIRST_WITH_ERF)


_FIRST_WITH_ERF = 9  # of ONNX's sets of operations


def _erfc(context: Any, node: Any, **options: Any) -> None:
    """Puts two operations in the place of one."""
    from tf2onnx import utils

    shapes, types = node.output_shapes, node.output_dtypes
    one = np.array(1, dtype=utils.map_onnx_to_numpy_type(types[0]))
    taken, name, outputs = node.input[0], node.name, node.output
    context.remove_node(name)
    erf = context.make_node("Erf", [taken], shapes=shapes, dtypes=types)
    constant = context.make_const(utils.make_name(name), one)
    inputs = [constant.output[0], erf.output[0]]
    context.make_node("Sub", inputs, outputs=outputs, name=name, shapes=shapes, dtypes=types)
