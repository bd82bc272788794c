"""Batches for Keras's `fit` whose content depends on seed and epoch alone, so that a run can be continued exactly."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.images import Array
from spec_compiler.training.loss import Labels


class Batches(keras.utils.PyDataset, abc.ABC):  # type: ignore[misc]
    """Samples in batches, shuffled anew in each epoch where `shuffle` says so.

    Whoever calls `fit` sets `epoch` before each epoch: order and augmentation follow from it and the seed, whatever
    was drawn before. `steps` is how many batches an epoch has, where it is no whole pass: the next one goes on there.
    """

    steps: int | None = None

    def __init__(
        self, size: int, batch_size: int, *, seed: int = 0, shuffle: bool = False, augment: Sequence[Any] = ()
    ) -> None:
        super().__init__()
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.augment = tuple(augment)
        self.epoch = 0

    def __len__(self) -> int:
        return self.steps or self.batches_in_all

    @property
    def batches_in_all(self) -> int:
        """How many batches a pass over all samples has."""
        return -(-self.size // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        through, at = self.epoch, index
        if self.steps is not None:
            through, at = divmod(self.epoch * self.steps + index, self.batches_in_all)
        indices = self.order(through)[at * self.batch_size : (at + 1) * self.batch_size]
        return self.augmented(self.samples(indices), index)

    def order(self, through: int) -> Array:
        """The positions of the samples in one pass through all of them; they are counted from 0."""
        indices = np.arange(self.size)
        if self.shuffle:
            np.random.default_rng([self.seed, through]).shuffle(indices)  # the same after `--resume`
        return indices

    @abc.abstractmethod
    def samples(self, indices: Array) -> tuple[Any, ...]:
        """The samples at these positions, unchanged: inputs, targets, and weights where there are any."""

    def augmented(self, batch: tuple[Any, ...], index: int) -> tuple[Any, ...]:
        """The batch at an index, its inputs changed at random by the layers."""
        images, *others = batch
        for position, layer in enumerate(self.augment):
            seed(layer, f"{self.seed}/{self.epoch}/{index}/{position}")
            images = np.asarray(keras.ops.convert_to_numpy(layer(images, training=True)))
        return images, *others


class ArrayBatches(Batches):
    """Samples in memory, as a user's function gave them; each part is an array, or several in one structure."""

    def __init__(self, inputs: Any, targets: Any, weights: Any, batch_size: int, **options: Any):
        self.parts = (inputs, targets) if weights is None else (inputs, targets, weights)
        super().__init__(len(keras.tree.flatten(inputs)[0]), batch_size, **options)

    def samples(self, indices: Array) -> tuple[Any, ...]:
        """The samples at these positions."""
        return tuple(keras.tree.map_structure(lambda array: as_tensor(array[indices]), part) for part in self.parts)


def as_tensor(values: Array) -> Any:
    """Texts as the tensor that Keras takes them as, which knows no arrays of them; anything else as it is."""
    if values.dtype.kind not in "OUS":
        return values
    return keras.ops.convert_to_tensor(values.tolist(), dtype="string")


def encoded(labels: Sequence[int], num_classes: int, form: Labels) -> Array:
    """Class numbers as a loss wants them: `(n, classes)`, `(n,)` or `(n, 1)`.

    >>> encoded([0, 2], 3, "one_hot").tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if form == "integer":
        return np.asarray(labels, "int64")
    if form == "binary":
        return np.asarray(labels, "float32")[:, None]
    return np.eye(num_classes, dtype="float32")[list(labels)]


def factors_of(labels: Array, by_class: Mapping[int, float]) -> Array:
    """What each label counts; one of a class that is not named counts 1.

    >>> factors_of(np.array([0, 2, 1]), {2: 4.0}).tolist()
    [1.0, 4.0, 1.0]
    """
    factors = np.ones(labels.shape, "float32")
    for label, value in by_class.items():
        factors[labels == label] = value
    return factors


def times(weights: Any, factors: Array) -> Array:
    """Weights of samples times a factor for each sample; a weight may have further axes, as those of steps in time.

    >>> times(np.array([[1.0], [3.0]]), np.array([2.0, 0.5])).tolist()
    [[2.0], [1.5]]
    """
    further = (1,) * (np.ndim(weights) - 1)
    return np.asarray(weights * factors.reshape(*factors.shape, *further), "float32")


def seed(layer: Any, text: str) -> None:
    """Gives a random layer a state of its own, so that what it does depends on the text alone."""
    for number, variable in enumerate(layer.variables):
        if variable.name == "seed_generator_state":  # as `keras/src/random/seed_generator.py` calls it
            digest = hashlib.sha256(f"{text}/{number}".encode()).digest()
            variable.assign(np.frombuffer(digest[:8], "uint32").astype(str(variable.dtype)))
