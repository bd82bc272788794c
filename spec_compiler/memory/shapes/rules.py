"""For each class the shape that a call puts out, and the variables: from its whole config and from what it takes.

A rule gives None wherever Keras may do something else, or raises: only Keras says what is wrong with a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from spec_compiler.graph.layer_spec import Shape

Config = Mapping[str, Any]


class Held(NamedTuple):
    """A variable: its name, shape, and whether it trains, is a weight, or is the state of a random generator."""

    name: str
    shape: tuple[int, ...]
    trainable: bool = True
    is_seed: bool = False


class Made(NamedTuple):
    """What a call puts out, and what its layer holds."""

    shape: Shape
    held: tuple[Held, ...] = ()


Rule = Callable[[Config, Sequence[Shape]], Made | None]

_SEED = Held("seed_generator/seed_generator_state", (2,), trainable=False, is_seed=True)


def _one(rule: Callable[[Config, Shape], Made | None]) -> Rule:
    """A rule of a layer that takes one tensor."""
    return lambda config, shapes: rule(config, shapes[0]) if len(shapes) == 1 else None


def _as_it_is(config: Config, shape: Shape) -> Made:
    return Made(shape)


def _along_an_axis(config: Config, shape: Shape) -> Made | None:
    axis = config["axis"]
    return Made(shape) if type(axis) is int and -len(shape) < axis < len(shape) else None


def _noise(config: Config, shape: Shape) -> Made:
    # Without a rate there is nothing to draw: `keras/src/layers/regularization/dropout.py`.
    rate = config.get("rate", config.get("stddev", 0))
    return Made(shape, (_SEED,) if rate > 0 else ())


def _noise_of_channels(rank: int) -> Rule:
    return _one(lambda config, shape: _noise(config, shape) if len(shape) == rank + 2 else None)


def _augmenting(config: Config, shape: Shape) -> Made | None:
    return Made(shape, (_SEED,)) if len(shape) in (3, 4) else None


def _dense(config: Config, shape: Shape) -> Made | None:
    if len(shape) < 2 or shape[-1] is None:
        return None
    units = config["units"]
    return Made((*shape[:-1], units), _kernel((shape[-1], units), units, config))


def _kernel(shape: tuple[int, ...], channels: int, config: Config, name: str = "kernel") -> tuple[Held, ...]:
    return (Held(name, shape), *((Held("bias", (channels,)),) if config["use_bias"] else ()))


def _windows(size: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows fit along an axis; None where that is not fixed, 0 or less where none does."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * (window - 1) - 1) // stride + 1


def _slid(config: Config, shape: Shape, window: str, rank: int) -> list[int | None] | None:
    """The sizes that a window leaves which slides over all axes between batch and channels."""
    if len(shape) != rank + 2 or config["data_format"] != "channels_last" or config["padding"] not in _PADDINGS:
        return None
    dilation = config.get("dilation_rate", (1,) * rank)
    if any(each != 1 for each in dilation) and any(each != 1 for each in config["strides"]):
        return None
    along = zip(shape[1:-1], config[window], config["strides"], dilation, strict=True)
    sizes = [_windows(size, wide, stride, config["padding"], far) for size, wide, stride, far in along]
    return sizes if all(each is None or each > 0 for each in sizes) else None


_PADDINGS = ("same", "valid")


def _convolution(rank: int) -> Rule:
    def rule(config: Config, shape: Shape) -> Made | None:
        sizes = _slid(config, shape, "kernel_size", rank)
        channels, filters, groups = shape[-1], config["filters"], config["groups"]
        if sizes is None or channels is None or channels % groups or filters % groups:
            return None
        kernel = (*config["kernel_size"], channels // groups, filters)
        return Made((shape[0], *sizes, filters), _kernel(kernel, filters, config))

    return _one(rule)


def _depthwise(config: Config, shape: Shape) -> Made | None:
    sizes, channels = _slid(config, shape, "kernel_size", 2), shape[-1]
    if sizes is None or channels is None:
        return None
    each = config["depth_multiplier"]
    kernel = (*config["kernel_size"], channels, each)
    return Made((shape[0], *sizes, channels * each), _kernel(kernel, channels * each, config))


def _separable(config: Config, shape: Shape) -> Made | None:
    sizes, channels, filters = _slid(config, shape, "kernel_size", 2), shape[-1], config["filters"]
    if sizes is None or channels is None:
        return None
    each = config["depth_multiplier"]
    depthwise = Held("depthwise_kernel", (*config["kernel_size"], channels, each))
    pointwise = _kernel((1, 1, channels * each, filters), filters, config, "pointwise_kernel")
    return Made((shape[0], *sizes, filters), (depthwise, *pointwise))


def _transposed(config: Config, shape: Shape) -> Made | None:
    if len(shape) != 4 or config["data_format"] != "channels_last" or config["output_padding"] is not None:
        return None
    channels, filters, kernel = shape[-1], config["filters"], config["kernel_size"]
    if channels is None or any(each != 1 for each in config["dilation_rate"]) or config["padding"] not in _PADDINGS:
        return None
    sizes = [
        None if size is None else size * stride + (max(window - stride, 0) if config["padding"] == "valid" else 0)
        for size, window, stride in zip(shape[1:-1], kernel, config["strides"], strict=True)
    ]
    return Made((shape[0], *sizes, filters), _kernel((*kernel, filters, channels), filters, config))


def _pooling(rank: int) -> Rule:
    def rule(config: Config, shape: Shape) -> Made | None:
        sizes = _slid(config, shape, "pool_size", rank)
        return Made((shape[0], *sizes, shape[-1])) if sizes is not None else None

    return _one(rule)


def _global_pooling(rank: int) -> Rule:
    def rule(config: Config, shape: Shape) -> Made | None:
        if len(shape) != rank + 2 or config["data_format"] != "channels_last":
            return None
        return Made((shape[0], *((1,) * rank if config["keepdims"] else ()), shape[-1]))

    return _one(rule)


def _padded(config: Config, shape: Shape) -> Made | None:
    return _longer(config, shape, config["padding"], 1)


def _cropped(config: Config, shape: Shape) -> Made | None:
    return _longer(config, shape, config["cropping"], -1)


def _longer(config: Config, shape: Shape, by: Sequence[Sequence[int]], sign: int) -> Made | None:
    if len(shape) != 4 or config["data_format"] != "channels_last":
        return None
    sizes = [None if size is None else size + sign * sum(each) for size, each in zip(shape[1:3], by, strict=True)]
    if any(each is not None and each <= 0 for each in sizes):
        return None
    return Made((shape[0], *sizes, shape[-1]))


def _upsampled(config: Config, shape: Shape) -> Made | None:
    if len(shape) != 4 or config["data_format"] != "channels_last":
        return None
    sizes = [None if size is None else size * times for size, times in zip(shape[1:3], config["size"], strict=True)]
    return Made((shape[0], *sizes, shape[-1]))


def _resized(config: Config, shape: Shape) -> Made | None:
    if len(shape) != 4 or config["data_format"] != "channels_last":
        return None
    return Made((shape[0], config["height"], config["width"], shape[-1]))


def _flat(config: Config, shape: Shape) -> Made | None:
    if len(shape) < 2 or config["data_format"] != "channels_last":
        return None
    sizes = [size for size in shape[1:] if size is not None]
    return Made((shape[0], prod(sizes) if len(sizes) == len(shape) - 1 else None))


def _reshaped(config: Config, shape: Shape) -> Made | None:
    target = config["target_shape"]
    sizes = [size for size in shape[1:] if size is not None]
    if len(sizes) < len(shape) - 1 or target.count(-1) > 1 or any(each < 1 and each != -1 for each in target):
        return None
    fixed, whole = prod(each for each in target if each != -1), prod(sizes)
    if whole % fixed or (-1 not in target and fixed != whole):
        return None
    return Made((shape[0], *(whole // fixed if each == -1 else each for each in target)))


def _permuted(config: Config, shape: Shape) -> Made | None:
    dims = config["dims"]
    return Made((shape[0], *(shape[each] for each in dims))) if len(dims) == len(shape) - 1 else None


def _repeated(config: Config, shape: Shape) -> Made | None:
    return Made((shape[0], config["n"], shape[1])) if len(shape) == 2 else None


def _batch_normalization(config: Config, shape: Shape) -> Made | None:
    size = _along(config["axis"], shape)
    if size is None or config.get("renorm"):
        return None
    statistics = (Held("moving_mean", (size,), trainable=False), Held("moving_variance", (size,), trainable=False))
    return Made(shape, (*_scale_and_centre((size,), config), *statistics))


def _layer_normalization(config: Config, shape: Shape) -> Made | None:
    axis = config["axis"]
    if not isinstance(axis, list | tuple) or len(axis) != 1 or config.get("rms_scaling"):
        return None
    size = _along(axis[0], shape)
    return Made(shape, _scale_and_centre((size,), config)) if size is not None else None


def _group_normalization(config: Config, shape: Shape) -> Made | None:
    size = _along(config["axis"], shape)
    groups = config["groups"]
    if size is None or groups < 1 or size % groups:
        return None
    return Made(shape, _scale_and_centre((size,), config))


def _along(axis: Any, shape: Shape) -> int | None:
    return shape[-1] if type(axis) is int and axis in (-1, len(shape) - 1) and len(shape) > 1 else None


def _scale_and_centre(shape: tuple[int, ...], config: Config) -> tuple[Held, ...]:
    scale = (Held("gamma", shape),) if config["scale"] else ()
    return (*scale, *((Held("beta", shape),) if config["center"] else ()))


def _parametric(config: Config, shape: Shape) -> Made | None:
    shared = config["shared_axes"] or ()
    sizes = [1 if axis in shared else size for axis, size in enumerate(shape)][1:]
    fixed = tuple(size for size in sizes if size is not None)
    return Made(shape, (Held("alpha", fixed),)) if len(fixed) == len(sizes) else None


def _layer_scale(config: Config, shape: Shape) -> Made | None:
    # of `keras/src/applications/convnext.py`
    size = config["projection_dim"]
    return Made(shape, (Held("gamma", (size,)),)) if shape[-1] == size else None


def _normalization(config: Config, shape: Shape) -> Made | None:
    if tuple(config["axis"] or ()) not in ((-1,), (len(shape) - 1,)) or shape[-1] is None:
        return None
    if config["mean"] is not None:
        return Made(shape)  # its statistics are arguments
    each = (shape[-1],)
    return Made(shape, (Held("mean", each, False), Held("variance", each, False), Held("count", (), False)))


def _joined(config: Config, shapes: Sequence[Shape]) -> Made | None:
    """One number beside the other: shapes that broadcast."""
    if len(shapes) < 2 or len({(len(shape), *shape[:1]) for shape in shapes}) > 1:
        return None
    sizes: list[int | None] = []
    for each in zip(*(shape[1:] for shape in shapes), strict=True):
        several = {size for size in each if size != 1}
        if len(several) > 1:
            return None
        sizes.append(several.pop() if several else 1)
    return Made((shapes[0][0], *sizes))


def _operated(config: Config, shapes: Sequence[Shape]) -> Made | None:
    tensors = [shape for shape in shapes if shape]
    return Made(tensors[0]) if len(tensors) == 1 and len(shapes) == 2 else _joined(config, tensors)


def _subtracted(config: Config, shapes: Sequence[Shape]) -> Made | None:
    return _joined(config, shapes) if len(shapes) == 2 else None


def _concatenated(config: Config, shapes: Sequence[Shape]) -> Made | None:
    rank, axis = len(shapes[0]), config["axis"]
    at = axis + rank if axis < 0 else axis
    if len(shapes) < 2 or any((len(shape), shape[0]) != (rank, shapes[0][0]) for shape in shapes) or not 0 < at < rank:
        return None
    sizes: list[int | None] = list(shapes[0])
    for index in range(1, rank):
        along = [shape[index] for shape in shapes]
        if index == at:
            known = [size for size in along if size is not None]
            sizes[index] = sum(known) if len(known) == len(along) else None
        elif len(set(along)) > 1:
            return None
    return Made(tuple(sizes))


_AS_IT_IS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Identity", "Rescaling", "ActivityRegularization")
_ALONG_AN_AXIS = ("Softmax", "UnitNormalization")
_NOISE = ("Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout")
_AUGMENTING = ("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomContrast", "RandomBrightness")

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_AS_IT_IS, _one(_as_it_is)),
    **dict.fromkeys(_ALONG_AN_AXIS, _one(_along_an_axis)),
    **dict.fromkeys(_NOISE, _one(_noise)),
    **dict.fromkeys(_AUGMENTING, _one(_augmenting)),
    **{f"SpatialDropout{rank}D": _noise_of_channels(rank) for rank in (1, 2, 3)},
    "Dense": _one(_dense),
    "Conv1D": _convolution(1),
    "Conv2D": _convolution(2),
    "Conv3D": _convolution(3),
    "DepthwiseConv2D": _one(_depthwise),
    "SeparableConv2D": _one(_separable),
    "Conv2DTranspose": _one(_transposed),
    **{f"{kind}Pooling{rank}D": _pooling(rank) for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": _global_pooling(rank) for kind in ("Max", "Average") for rank in (1, 2, 3)},
    "ZeroPadding2D": _one(_padded),
    "Cropping2D": _one(_cropped),
    "UpSampling2D": _one(_upsampled),
    "Resizing": _one(_resized),
    "Flatten": _one(_flat),
    "Reshape": _one(_reshaped),
    "Permute": _one(_permuted),
    "RepeatVector": _one(_repeated),
    "BatchNormalization": _one(_batch_normalization),
    "LayerNormalization": _one(_layer_normalization),
    "GroupNormalization": _one(_group_normalization),
    "PReLU": _one(_parametric),
    "Normalization": _one(_normalization),
    "Concatenate": _concatenated,
    "Subtract": _subtracted,
    **dict.fromkeys(("Add", "Multiply", "Average", "Maximum", "Minimum"), _joined),
}
# Of `keras.applications`, by module: bases have them, a spec cannot name them.
OF_APPLICATIONS: Mapping[str, Rule] = {
    "LayerScale": _one(_layer_scale),
    "CustomScaleLayer": lambda config, shapes: Made(shapes[0]) if len(shapes) == 2 and shapes[0] == shapes[1] else None,
}
# `x + y` and `x + 3.0` in a constructor.
OPERATIONS: Mapping[str, Rule] = {"Add": _operated, "Multiply": _operated}
