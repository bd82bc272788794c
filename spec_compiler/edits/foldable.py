"""What layers can take a BatchNormalization into their weights, and which may stand between.

At inference a BatchNormalization is an affine map of each channel, so that a linear layer right in front of it computes
it as well, and one behind that takes every value as often as the others. Layers between the two must do the same with
all values of a channel, as a mean does: a padding of zeros does not, they are not normalized in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spec_compiler.adapters.kernels import BIAS, DEPTHWISE, KERNEL, einsum, indices, kernel_of, made_axes
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.same_arguments import arguments_of, has_argument
from spec_compiler.keras_facts.settings import image_data_format
from spec_compiler.keras_facts.training import TRAINED_APART

_DENSE = ("Dense", "EinsumDense")
_PADDED = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_TRAINED = (*(each for each in TRAINED_APART if each != "BatchNormalization"), "ActivityRegularization")
_GLOBAL = ("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D")
_BY_CHANNEL = (  # what they put out are means of values of a channel, or some of these
    *_GLOBAL,
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
)


class CannotFold(Exception):
    """Why a BatchNormalization stays; `edge` says between which layers, by name."""

    def __init__(self, reason: str, edge: str = "") -> None:
        super().__init__(reason)
        self.reason, self.edge = reason, edge


@dataclass(frozen=True)
class Way:
    """From a call of a BatchNormalization to that of a layer beside it.

    Attributes:
        call: of the layer.
        rank: of the tensor that the layer makes, or takes.
        axis: of the channels in that tensor.
        trained: layers on the way that do something in training alone.
        is_flat: whether a `Flatten` is on the way, which puts values of all channels on one axis.
        by_channel: whether it puts those of one channel beside each other.
    """

    call: str
    rank: int
    axis: int
    trained: tuple[str, ...] = ()
    is_flat: bool = False
    by_channel: bool = False

    def onto(self, layer: LayerSpec, call: str, rank: int) -> Way | None:
        """The way on to the call of a layer that puts out a tensor of a rank; None where it ends before that."""
        if layer.class_name == "Flatten" and _is_of_keras(layer) and not self.is_flat:
            # `Flatten.call` moves the channels to the end, where the data format says that they are first
            first = has_argument(layer, "data_format", "channels_first")
            if self.axis not in (1, self.rank - 1) or (first and self.axis != 1):
                return None
            by_channel = self.axis != self.rank - 1 and not first
            return replace(self, call=call, rank=rank, axis=1, is_flat=True, by_channel=by_channel)
        axis = passed(layer, self.axis, self.rank)
        if axis is None:
            return None
        return replace(self, call=call, rank=rank, axis=axis, trained=(*self.trained, *doing_in_training(layer)))


def passed(layer: LayerSpec, axis: int, rank: int) -> int | None:
    """The axis on which a layer puts out the channels that it takes on another, each by itself; None where it does not.

    `rank` is that of the tensor that it takes.
    """
    if layer.kind != "layer" or not _is_of_keras(layer):
        return None
    is_linear = layer.class_name == "Activation" and has_argument(layer, "activation", "linear")
    if layer.class_name in (*_TRAINED, "Identity") or is_linear:
        return axis
    if layer.class_name not in _BY_CHANNEL or axis != _channels(layer, rank):
        return None
    is_one_row = layer.class_name in _GLOBAL and not arguments_of(layer).get("keepdims")
    return 1 if is_one_row else axis


def doing_in_training(layer: LayerSpec) -> tuple[str, ...]:
    """The layer's name, where it does something in training alone."""
    return (layer.name,) if layer.class_name in _TRAINED else ()


def check_norm(norm: LayerSpec) -> None:
    """That a BatchNormalization has statistics of the base.

    Raises:
        CannotFold: it has not.
    """
    if norm.is_new:
        raise CannotFold("it is new and has no values of the base")
    if not _is_of_keras(norm) or not {"moving_mean", "moving_variance"} <= {*indices(norm)}:
        raise CannotFold("it is of a class of its own")


def class_reason(layer: LayerSpec, *, behind: bool) -> str | None:
    """Why a layer has no kernel that takes in a BatchNormalization behind it, or, if it is `behind`, in front of it.

    None where it has one.
    """
    what, where = layer.class_name, place(behind)
    if layer.kind == "input":
        return f"an input is {where}"
    is_known = layer.kind == "layer" and what in (*_DENSE, *_PADDED, *_TRANSPOSED) and _is_of_keras(layer)
    if not is_known:
        return f"{'an' if what[:1] in 'AEIO' else 'a'} {what} is {where}"
    if layer.lora is not None:
        return f"the {what} {where} has LoRA"
    if layer.is_new:
        return f"the {what} {where} is new and has no values of the base"
    kernels = {kernel_of(layer), DEPTHWISE} - ({DEPTHWISE} if kernel_of(layer) == KERNEL else set())
    is_plain = all(each.dtype.startswith(("float", "bfloat")) for each in layer.variables or ())
    if {*indices(layer)} - {BIAS} != kernels or (BIAS in indices(layer)) != _says_bias(layer) or not is_plain:
        return f"the {what} {where} has other weights than a kernel and a bias"
    return None


def check_way(holder: LayerSpec, way: Way, *, behind: bool) -> None:
    """That a layer takes what a BatchNormalization in front of it, or `behind` makes of each channel.

    Raises:
        CannotFold: with the reason.
    """
    what, where = holder.class_name, place(behind)
    if way.is_flat and what != "Dense":
        raise CannotFold(f"a Flatten and {what} are {where}")
    if way.axis != (way.rank - 1 if what in _DENSE else _channels(holder, way.rank)):
        raise CannotFold(f"its axis is not that of the channels of the {what} {where}")
    if what == "EinsumDense" and not _einsum_fits(holder, behind):
        raise CannotFold(f"the equation of the EinsumDense {where} has no place for it")
    if not behind and "activation" in arguments_of(holder) and not has_argument(holder, "activation", "linear"):
        raise CannotFold(f"the {what} {where} has an activation")
    if behind and what in _TRANSPOSED:
        raise CannotFold(f"the {what} {where} adds up less at its borders")
    padding = str(arguments_of(holder).get("padding", "valid")).casefold()
    kernel = (holder.variables or ())[0].shape
    if behind and what in _PADDED and padding != "valid" and set(kernel[:-2]) != {1}:
        raise CannotFold(f"the {what} {where} pads its borders with zeros (`padding: {padding}`)")


def _einsum_fits(layer: LayerSpec, behind: bool) -> bool:
    """Whether the channels, on the last axis, are one of the kernel's, and the bias has what is made of them."""
    taken, kernel, out = einsum(layer)
    axes, made = arguments_of(layer).get("bias_axes"), _made(layer)
    if not behind:
        return bool(out) and out[-1] in kernel and (axes is None or axes.endswith(out[-1]))
    return bool(taken) and taken[-1] in kernel and taken[-1] not in out and out.endswith(made) and axes in (None, made)


def _made(layer: LayerSpec) -> str:
    """The letters of the kernel of an `EinsumDense` that are those of its output too."""
    _, kernel, out = einsum(layer)
    return "".join(letter for letter in kernel if letter in out)


def place(behind: bool) -> str:
    """Where a layer is, as messages say it."""
    return "behind it" if behind else "in front of it"


def with_bias(layer: LayerSpec, *, behind: bool) -> LayerSpec:
    """The layer with a bias; where it had none the base has no value for it."""
    if BIAS in indices(layer):
        return layer
    kernel = (layer.variables or ())[indices(layer)[kernel_of(layer)]]
    changed = {**layer.changed, "use_bias": True}
    shape = tuple(kernel.shape[axis] for axis in made_axes(layer))
    if layer.class_name == "EinsumDense":
        _, letters, out = einsum(layer)
        axes = _made(layer) if behind else out[-1]
        changed = {**layer.changed, "bias_axes": axes}
        shape = tuple(kernel.shape[letters.index(letter)] for letter in axes)
    elif layer.class_name.startswith("Depthwise"):
        shape = (shape[0] * shape[1],)
    variables = layer.variables or ()
    path = kernel.path.removesuffix(kernel_of(layer)) + BIAS
    bias = VariableSpec(path, shape, kernel.dtype, kernel.trainable, legacy_index=len(variables))
    stored = replace(layer.stored, places=(*layer.all_places(), None))
    return replace(layer, variables=(*variables, bias), stored=stored, changed=changed)


def _says_bias(layer: LayerSpec) -> bool:
    """Whether a layer's arguments give it a bias."""
    if layer.class_name == "EinsumDense":
        return arguments_of(layer).get("bias_axes") is not None
    return bool(arguments_of(layer).get("use_bias", True))


def _channels(layer: LayerSpec, rank: int) -> int:
    """The axis of the channels of what a layer takes and puts out, as its `data_format` says."""
    own = "channels_last" if layer.class_name == "Cropping1D" else arguments_of(layer).get("data_format")
    return 1 if (own or image_data_format()) == "channels_first" else rank - 1


def _is_of_keras(layer: LayerSpec) -> bool:
    """Whether a class is Keras's own: others may have its name."""
    module = layer.config.get("module")
    return not isinstance(module, str) or module.split(".")[0] == "keras"
