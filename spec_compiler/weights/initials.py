"""What Keras's initializers give, without Keras: constants, and uniform numbers as TensorFlow draws them on a CPU.

What is not known here, only Keras itself says: `Unknown`. `tests/backend/test_initials.py` compares every class bit for
bit with the layers that Keras makes.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.keras_facts.settings import settings
from spec_compiler.weights.checksum import Array
from spec_compiler.weights.philox import uniform

# By class, the arguments that are initializers, in the order in which the constructor makes them: one without a seed
# draws its seed then.
_KERNEL_AND_BIAS = ("kernel", "bias")
_ORDER: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "Dense",
            "EinsumDense",
            *(f"Conv{rank}D" for rank in (1, 2, 3)),
            *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)),
        ),
        _KERNEL_AND_BIAS,
    ),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), ("depthwise", "bias")),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("depthwise", "pointwise", "bias")),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), ("beta", "gamma")),
    "BatchNormalization": ("beta", "gamma", "moving_mean", "moving_variance"),
    "Embedding": ("embeddings",),
    "PReLU": ("alpha",),
}
_VARIABLES = {"depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"}  # others are called as the argument
# Of `VarianceScaling`: scale, and what of the kernel's sizes it is divided by.
_UNIFORM = {"GlorotUniform": (1.0, "fan_avg"), "HeUniform": (2.0, "fan_in"), "LecunUniform": (1.0, "fan_in")}
_MOST = 100_000_000  # numbers, which take 2 to 3 seconds; for more of them Keras has started in that time


class Unknown(Exception):
    """A value that only Keras can tell; the text says of what."""


def initial(seed: int, layer: LayerSpec, variable: VariableSpec, shape: tuple[int, ...]) -> Callable[[], Array]:
    """What makes the array that the initializer of a layer's variable gives for a shape, by the spec's seed.

    Raises:
        Unknown: Keras is to say it.
    """
    draws = _ORDER.get(layer.class_name)
    argument = _VARIABLES.get(variable.path, variable.path)
    if layer.class_name.startswith("Depthwise") and argument == "kernel":
        argument = "depthwise"
    if draws is None or argument not in draws or layer.wrapped is not None or variable.dtype != "float32":
        raise Unknown(f"`{layer.name}/{variable.path}`")
    said = {each: layer.arguments.get(f"{each}_initializer") for each in draws}
    name, config = _read(said[argument])
    constant = _constant(name, config)
    if constant is not None:
        return partial(np.full, shape, constant, variable.dtype)
    if layer.arguments.get(f"{argument}_constraint") is not None or not draws_as_tensorflow(math.prod(shape)):
        raise Unknown(f"`{layer.name}/{variable.path}`")
    low, high = _range(name, config, shape, f"{layer.name}/{variable.path}")
    own = config.get("seed")
    if own is None:
        generator = random.Random(f"{seed}/{layer.name}")  # noqa: S311  # Keras's own draws, so seeded
        for each in draws:
            other, arguments = _read(said[each])
            if _constant(other, arguments) is None and arguments.get("seed") is None:
                drawn = generator.randint(1, int(1e9))  # as `keras/src/random/seed_generator.py`
                own = drawn if each == argument else own
    if type(own) is not int:
        raise Unknown(f"`{layer.name}/{variable.path}`")
    return partial(uniform, shape, own, low, high)


def draws_as_tensorflow(count: int) -> bool:
    """Whether Keras would draw so many numbers as `uniform` does: on TensorFlow, and on no GPU."""
    return settings()["backend"] == "tensorflow" and not os.path.exists("/dev/nvidiactl") and count <= _MOST


def _read(said: Any) -> tuple[str, Mapping[str, Any]]:
    """The class of an initializer, and its arguments, as Keras's config of a layer says them."""
    if isinstance(said, Mapping) and said.get("module", "keras.initializers") == "keras.initializers":
        config = said.get("config")
        return str(said.get("class_name")), config if isinstance(config, Mapping) else {}
    return "", {}


def _constant(name: str, config: Mapping[str, Any]) -> float | None:
    if name in ("Zeros", "Ones"):
        return float(name == "Ones")
    return _number(config.get("value")) if name == "Constant" else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _range(name: str, config: Mapping[str, Any], shape: tuple[int, ...], what: str) -> tuple[float, float]:
    """The least and the largest number that is drawn, as `keras/src/initializers/random_initializers.py` has it.

    Raises:
        Unknown: an initializer that is not uniform.
    """
    if name == "RandomUniform":
        low, high = _number(config.get("minval")), _number(config.get("maxval"))
        if low is not None and high is not None:
            return low, high
    if name not in _UNIFORM or config.get("input_axes") or config.get("output_axes"):
        raise Unknown(f"`{what}`")
    scale, mode = _UNIFORM[name]
    field = math.prod(shape[:-2])
    inputs, outputs = (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (shape[0], shape[0])
    scale /= max(1.0, inputs if mode == "fan_in" else (inputs + outputs) / 2.0)
    limit = math.sqrt(3.0 * scale)
    return -limit, limit
