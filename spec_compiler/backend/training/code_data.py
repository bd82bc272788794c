"""What a user's data function returns -> what `fit` takes, every misfit with the model told before an epoch runs.

Inputs, targets and weights of samples may be arrays, tuples of arrays or mappings by name, as Keras takes them. They
are put into the model's own structure here: Keras pairs a tuple with named outputs in the order of the alphabet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.models.functions import call_function, reason_in
from spec_compiler.backend.training.batches import factors_of, times
from spec_compiler.backend.training.ends import Ends, Misfit, Shape, is_array
from spec_compiler.diagnostics import SpecError, show, under
from spec_compiler.files import Folder
from spec_compiler.spec.keras_objects import KerasObject, Losses

Array = np.ndarray[Any, Any]

_RETURNS = "the function takes no arguments and returns `(inputs, targets)` or what Keras's `fit` takes as data"
_ANY_LABELS = ("CTC", "CategoricalGeneralizedCrossEntropy")  # losses whose targets have another form


@dataclass(frozen=True)
class Fit:
    """What the model and its loss want."""

    inputs: Ends
    outputs: Ends
    loss: KerasObject | Losses | None

    @classmethod
    def of(cls, model: Any, loss: KerasObject | Losses | None) -> Fit:
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
        self._check_numbers(inputs, targets, weights or [])
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
        of_output = self.loss.of(name) if self.loss is not None else None
        if of_output is None:
            return
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
        alone = not isinstance(data, Mapping) and not (isinstance(data, list | tuple) and any(map(is_array, data)))
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
            loss = self.loss.of(name) if self.loss is not None else None
            if loss is None or not loss.class_name.startswith("Sparse"):
                continue
            classes, ignored = shape[-1], loss.arguments.get("ignore_class")
            values = array[array != ignored] if ignored is not None else array
            if classes is not None and values.size and not (values.min() >= 0 and values.max() < classes):
                numbers = f"from {values.min()} to {values.max()}"
                help = f"classes count from 0, to {classes - 1}"
                raise Misfit(f"targets {numbers} for `{name}`, which tells {classes} classes apart", help)

    def _check_numbers(self, inputs: list[Array], targets: list[Array], weights: list[Array]) -> None:
        """What is no number would make all weights of the model so, in one step."""
        for what, ends, arrays in (("inputs", self.inputs, inputs), ("targets", self.outputs, targets)):
            for name, array in zip(ends.names, arrays, strict=True):
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    axes = tuple(range(1, array.ndim))
                    rows = np.flatnonzero(~np.isfinite(array).all(axis=axes))
                    many = (
                        f"in {len(rows)} samples, the first is number {rows[0]}"
                        if len(rows) > 1
                        else f"in sample {rows[0]}"
                    )
                    raise Misfit(f"{what} for `{name}` that are no numbers {many}", "samples count from 0")
        for name, array in zip(self.outputs.names, weights, strict=False):
            if array.dtype.kind not in "fiub" or not np.isfinite(array).all() or (array < 0).any():
                raise Misfit(f"weights for `{name}` that are negative, or no numbers", "a weight is a number from 0 on")


def load_function(text: str, folder: Folder, key: str, fit: Fit) -> Any:
    """What the function that `module:function` names gives: inputs, targets and weights, or what `fit` takes as data.

    Raises:
        SpecError: SC606, paths relative to the spec.
    """
    with under("data", key):
        data = call_function(text, folder, "SC606", help=_RETURNS)
        try:
            if isinstance(data, tuple | list) and len(data) in (2, 3):
                return fit.arrays(data)
            _check_kind(data)
            return _with_first_checked(data, fit, text, folder)
        except Misfit as misfit:
            raise SpecError.single("SC606", f"`{key}` gives {misfit.message}", help=misfit.help) from None


def _with_first_checked(data: Any, fit: Fit, text: str, folder: Folder) -> Any:
    """The data, its first batch compared with the model; of a generator that is put back in front."""
    if not isinstance(data, GeneratorType):
        _check_first(data, fit, text, folder)
        return data
    try:
        first = next(data)
    except StopIteration:
        raise Misfit("a generator that gives nothing", "yield `(inputs, targets)`, batch by batch") from None
    except Exception as error:
        reason, notes = reason_in(error, folder)
        raise SpecError.single("SC606", f"the first batch of `{text}` failed: {reason}", notes=notes) from error
    _check_batch(first, fit)
    return _again(first, data)


def _again(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    """A generator, as Keras wants one, that begins with what was taken of another."""
    yield first
    yield from rest


def weighted(data: Any, weights: Mapping[str, Mapping[int, float]], fit: Fit) -> tuple[Any, Mapping[int, float] | None]:
    """Batches whose classes count as `weights` say: by Keras, where it does so for this data; else in their weights.

    Raises:
        SpecError: SC620, paths relative to the spec.
    """
    if len(fit.outputs.names) == 1 and isinstance(data, GeneratorType):
        return _with_weights(data, next(iter(weights.values()))), None
    if len(fit.outputs.names) == 1 and (isinstance(data, keras.utils.PyDataset) or hasattr(data, "element_spec")):
        batch = getattr(data, "element_spec", None) or data[0]
        if len(batch) == 2 and is_array(batch[1]):
            return data, next(iter(weights.values()))
    message = "Keras takes no weights of classes for batches of this kind"
    help = "return arrays, or let the function give `(inputs, targets, weights)`"
    raise SpecError.single("SC620", message, path=("data", "class_weight"), at_key=True, help=help)


def _with_weights(batches: Iterator[Any], by_class: Mapping[int, float]) -> Iterator[Any]:
    for batch in batches:
        inputs, targets, *own = batch
        labels, weights = (np.asarray(keras.tree.flatten(each or 1.0)[0]) for each in ([targets], own))
        if labels.ndim > 1:
            labels = labels.argmax(-1) if labels.shape[-1] != 1 else labels[..., 0]
        factors = factors_of(np.round(labels), by_class)
        yield inputs, targets, times(weights, factors)


def _check_kind(data: Any) -> None:
    """Proves that this may be data for `fit`: a dataset of Keras, TensorFlow or torch, or a generator."""
    if isinstance(data, tuple | list):
        raise Misfit(f"{len(data)} things", "return `(inputs, targets)`, or `(inputs, targets, weights)`")
    if data is None or isinstance(data, str | bytes | int | float | Mapping) or is_array(data):
        what = f"an array of shape {tuple(data.shape)} without targets" if is_array(data) else show(data)
        raise Misfit("nothing" if data is None else what, _RETURNS)


def _check_first(data: Any, fit: Fit, text: str, folder: Folder) -> None:
    """Compares what a dataset holds with the model, where it can be looked at without using it up.

    Raises:
        Misfit: what does not fit.
        SpecError: SC606 where a `PyDataset` of the user's own fails.
    """
    batch = getattr(data, "element_spec", None)  # of a `tf.data.Dataset`
    if batch is None and isinstance(data, keras.utils.PyDataset):
        try:
            if data.num_batches == 0:  # None says that it has no end
                raise Misfit("a dataset without batches")
            batch = data[0]
        except Misfit:
            raise
        except Exception as error:
            reason, notes = reason_in(error, folder)
            raise SpecError.single("SC606", f"the first batch of `{text}` failed: {reason}", notes=notes) from error
    if batch is not None:
        _check_batch(batch, fit)


def _check_batch(batch: Any, fit: Fit) -> None:
    """Compares one batch, or the shapes of all, with the model.

    Raises:
        Misfit: what does not fit.
    """
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


def _takes(axes: Shape, shape: Shape) -> bool:
    """Whether an input takes arrays of a shape; Keras adds or removes a last axis of size one."""
    return _same(axes[1:], shape[1:]) or _same(axes[1:], (*shape[1:], 1)) or (
        len(shape) > 1 and shape[-1] == 1 and _same(axes[1:], shape[1:-1])
    )  # fmt: skip


def _same(axes: Shape, shape: Shape) -> bool:
    return len(axes) == len(shape) and all(None in pair or pair[0] == pair[1] for pair in zip(axes, shape, strict=True))


def _one(shape: Shape) -> Shape:
    return (None, *shape[1:])
