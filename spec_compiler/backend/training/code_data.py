"""What a user's data function returns -> what `fit` takes, every misfit with the model told before an epoch runs.

Inputs, targets and weights of samples may be arrays, tuples of arrays or mappings by name, as Keras takes them. They
are put into the model's own structure here: Keras pairs a tuple with named outputs in the order of the alphabet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from spec_compiler.backend.models.functions import call_function, reason_in
from spec_compiler.backend.training.batches import ArrayBatches
from spec_compiler.diagnostics import SpecError, did_you_mean, quoted, show, under
from spec_compiler.files import Folder
from spec_compiler.spec.keras_objects import KerasObject, Losses

Array = np.ndarray[Any, Any]
Shape = tuple[int | None, ...]

_RETURNS = "the function takes no arguments and returns `(inputs, targets)` or what Keras's `fit` takes as data"
_ANY_LABELS = ("CTC", "CategoricalGeneralizedCrossEntropy")  # losses whose targets have another form


class Misfit(Exception):
    """What is wrong with what a function gave, and what helps."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.help = message, help


@dataclass(frozen=True)
class Ends:
    """The tensors at one side of a model: their names and shapes, and how they are held together."""

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    form: Literal["one", "several", "named"]

    @classmethod
    def of(cls, structure: Any, names: Sequence[str]) -> Ends:
        """Those in a model's own structure; `names` are for tensors that are not in a mapping."""
        shapes = tuple(tuple(each.shape) for each in keras.tree.flatten(structure))
        if isinstance(structure, Mapping):
            return cls(tuple(sorted(structure)), shapes, "named")
        return cls(tuple(names), shapes, "several" if isinstance(structure, list | tuple) else "one")

    def leaves(self, data: Any, what: str) -> list[Any]:
        """The arrays for these tensors, in their order.

        Raises:
            Misfit: names or numbers of arrays that the model does not have.
        """
        if isinstance(data, Mapping):
            missing = [name for name in self.names if name not in data]
            extra = [str(key) for key in data if key not in self.names]
            if missing or extra:
                wrong = f"no {what} for {quoted(missing)}" if missing else f"{what}s for {quoted(extra)}"
                kind = "inputs" if what == "input" else "outputs"
                otherwise = f"the model's {kind} are {quoted(self.names)}"
                raise Misfit(wrong, did_you_mean(extra[0], self.names, otherwise) if extra else otherwise)
            return [data[name] for name in self.names]
        if self.form == "named" and len(self.names) > 1:
            example = ", ".join(f'"{name}": …' for name in self.names)
            raise Misfit(f"{what}s without names, the model has them by name", f"return `{{{example}}}`")
        if len(self.names) == 1:
            alone = self.form != "one" and isinstance(data, list | tuple) and len(data) == 1 and _is_array(data[0])
            return [data[0] if alone else data]
        if not isinstance(data, list | tuple) or len(data) != len(self.names):
            count = len(data) if isinstance(data, list | tuple) else 1
            help = f"give an array for each of {quoted(self.names)}, in a tuple or by name"
            raise Misfit(f"{count} {what}{'s' if count != 1 else ''}, the model has {len(self.names)}", help)
        return list(data)

    def packed(self, leaves: Sequence[Any]) -> Any:
        """Arrays in the structure that the model has."""
        if self.form == "named":
            return dict(zip(self.names, leaves, strict=True))
        return leaves[0] if self.form == "one" else tuple(leaves)


@dataclass(frozen=True)
class Fit:
    """What the model and its loss want."""

    inputs: Ends
    outputs: Ends
    loss: KerasObject | Losses

    @classmethod
    def of(cls, model: Any, loss: KerasObject | Losses) -> Fit:
        """What a functional model wants."""
        names = [each.name for each in keras.tree.flatten(model.input)]
        return cls(Ends.of(model.input, names), Ends.of(model.output, model.output_names), loss)

    def arrays(self, parts: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Inputs, targets and weights in the model's structure, as many of each; weights are None where not given.

        Raises:
            Misfit: another number of tensors, of samples, or another shape than the model's.
        """
        inputs = [_array(each, "inputs") for each in self.inputs.leaves(parts[0], "input")]
        targets = [_array(each, "targets") for each in self.outputs.leaves(parts[1], "target")]
        weights = self._weights(parts[2]) if len(parts) == 3 and parts[2] is not None else None
        self.check_shapes([each.shape for each in inputs], [each.shape for each in targets])
        self._check_lengths(inputs, targets, weights)
        self._check_labels(targets)
        packed = None if weights is None else self.outputs.packed(weights)
        return self.inputs.packed(inputs), self.outputs.packed(targets), packed

    def check_shapes(self, inputs: Sequence[Shape], targets: Sequence[Shape]) -> None:
        """Proves that tensors of these shapes, the batch axis first, fit the model and its loss.

        Raises:
            Misfit: one that does not.
        """
        for name, input_shape, shape in zip(self.inputs.names, self.inputs.shapes, inputs, strict=True):
            if not _takes(input_shape, shape):
                help = "the dataset gives single samples: add `.batch(32)`" if _same(input_shape[1:], shape) else None
                raise Misfit(f"inputs of shape {_one(shape)}, `{name}` takes {_one(input_shape)}", help)
        for name, output, shape in zip(self.outputs.names, self.outputs.shapes, targets, strict=True):
            self._check_target(name, output, shape)

    def _check_target(self, name: str, output: Shape, shape: Shape) -> None:
        of_output = self.loss.of(name)
        loss = of_output.class_name
        if of_output.is_own or loss in _ANY_LABELS:
            return
        integers = any(_same(each, shape[1:]) for each in (output[1:-1], (*output[1:-1], 1)))
        rows = _same(output[1:], shape[1:]) or (output[-1] == 1 and _same(output[1:-1], shape[1:]))
        if integers if loss.startswith("Sparse") else rows:
            return
        help = f"`{of_output.name}` compares them one by one"
        if integers and loss == "CategoricalCrossentropy":
            help = "write `loss: sparse_categorical_crossentropy`, or give one-hot rows"
        elif rows and loss.startswith("Sparse"):
            help = "give the number of the class alone, or write `loss: categorical_crossentropy`"
        elif len(shape) == len(output) and shape[-1] and _same(output[1:-1], shape[1:-1]):
            help = f"give {output[-1]} numbers in a row, or the last layer {shape[-1]} of them"
        raise Misfit(f"targets of shape {_one(shape)} for `{name}`, which puts out {_one(output)}", help)

    def _weights(self, data: Any) -> list[Array]:
        alone = not isinstance(data, Mapping) and not (isinstance(data, list | tuple) and any(map(_is_array, data)))
        leaves = [data] * len(self.outputs.names) if alone else self.outputs.leaves(data, "weight")
        return [_array(each, "weights") for each in leaves]

    def _check_lengths(self, inputs: list[Array], targets: list[Array], weights: list[Array] | None) -> None:
        """The first axis counts the samples, everywhere alike."""
        counts: list[tuple[int, str]] = []
        for arrays, ends, what in ((inputs, self.inputs, "inputs"), (targets, self.outputs, "targets"),
                                   (weights or [], self.outputs, "weights")):  # fmt: skip
            for name, array in zip(ends.names, arrays, strict=False):
                count = len(array) if array.ndim else 0
                counts.append((count, what if len(arrays) == 1 else f"{what} for `{name}`"))
        count, first = counts[0]
        others = [f"{count} {first} and {other} {what}" for other, what in counts if other != count]
        if not count or others:
            raise Misfit(others[0] if count else "no samples", "the function returns one target for each input")

    def _check_labels(self, targets: list[Array]) -> None:
        """Class numbers that the output does not have: what becomes of them depends on the device."""
        for name, shape, array in zip(self.outputs.names, self.outputs.shapes, targets, strict=True):
            loss = self.loss.of(name)
            if not loss.class_name.startswith("Sparse"):
                continue
            classes, ignored = shape[-1], loss.arguments.get("ignore_class")
            values = array[array != ignored] if ignored is not None else array
            if classes is not None and values.size and not (values.min() >= 0 and values.max() < classes):
                numbers = f"from {values.min()} to {values.max()}"
                help = f"classes count from 0, to {classes - 1}"
                raise Misfit(f"targets {numbers} for `{name}`, which tells {classes} classes apart", help)


def load_function(text: str, folder: Folder, key: str, fit: Fit, batch_size: int, **options: Any) -> Any:
    """What the function that `module:function` names gives, for `fit`.

    `options` are those of `Batches`, for data that comes as arrays.

    Raises:
        SpecError: SC606, paths relative to the spec.
    """
    with under("data", key):
        data = call_function(text, folder, "SC606", help=_RETURNS)
        try:
            if isinstance(data, tuple | list) and len(data) in (2, 3):
                return ArrayBatches(*fit.arrays(data), batch_size, **options)
            _check_kind(data)
            _check_first(data, fit, text, folder)
        except Misfit as misfit:
            raise SpecError.single("SC606", f"`{key}` gives {misfit.message}", help=misfit.help) from None
        return data


def _check_kind(data: Any) -> None:
    """Proves that this may be data for `fit`: a dataset of Keras, TensorFlow or torch, or a generator."""
    if isinstance(data, tuple | list):
        raise Misfit(f"{len(data)} things", "return `(inputs, targets)`, or `(inputs, targets, weights)`")
    if data is None or isinstance(data, str | bytes | int | float | Mapping) or _is_array(data):
        what = f"an array of shape {tuple(data.shape)} without targets" if _is_array(data) else show(data)
        raise Misfit("nothing" if data is None else what, _RETURNS)


def _check_first(data: Any, fit: Fit, text: str, folder: Folder) -> None:
    """Compares what a dataset holds with the model, where it can be looked at without using it up.

    Raises:
        Misfit: what does not fit.
        SpecError: SC606 where a `PyDataset` of the user's own fails.
    """
    batch = getattr(data, "element_spec", None)  # of a `tf.data.Dataset`
    if batch is None and isinstance(data, keras.utils.PyDataset):
        if not len(data):
            raise Misfit("a dataset without batches")
        try:
            batch = data[0]
        except Exception as error:
            reason, notes = reason_in(error, folder)
            raise SpecError.single("SC606", f"the first batch of `{text}` failed: {reason}", notes=notes) from error
    if batch is None:
        return
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        raise Misfit(
            "batches that are not `(inputs, targets)`", "each batch is `(inputs, targets)`, a tuple of two or three"
        )
    inputs, targets = fit.inputs.leaves(batch[0], "input"), fit.outputs.leaves(batch[1], "target")
    shapes = [[*_shapes(each)] for each in (inputs, targets)]
    if all(shape is not None for each in shapes for shape in each):
        fit.check_shapes(*shapes)  # type: ignore[arg-type]
    if fit.outputs.form == "one" and isinstance(batch[1], Mapping):
        raise Misfit("targets by name, the model has one output without a name", "give the array alone")


def _shapes(leaves: Sequence[Any]) -> Iterator[Shape | None]:
    for leaf in leaves:
        shape = getattr(leaf, "shape", None)
        rank = None if shape is None else getattr(shape, "rank", len(shape) if isinstance(shape, tuple) else None)
        yield None if rank is None else tuple(shape)  # type: ignore[arg-type]


def _array(values: Any, what: str) -> Array:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise Misfit(f"{what} that are no array", f"numpy says: {str(error).splitlines()[0]}") from None
    if array.dtype == object and not all(isinstance(each, str | bytes) for each in array.flat):
        raise Misfit(f"{what} that are no numbers", "give arrays of numbers, all samples of one shape")
    return array


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _takes(axes: Shape, shape: Shape) -> bool:
    """Whether an input takes arrays of a shape; Keras adds or removes a last axis of size one."""
    return _same(axes[1:], shape[1:]) or _same(axes[1:], (*shape[1:], 1)) or (
        len(shape) > 1 and shape[-1] == 1 and _same(axes[1:], shape[1:-1])
    )  # fmt: skip


def _same(axes: Shape, shape: Shape) -> bool:
    return len(axes) == len(shape) and all(None in pair or pair[0] == pair[1] for pair in zip(axes, shape, strict=True))


def _one(shape: Shape) -> Shape:
    return (None, *shape[1:])
