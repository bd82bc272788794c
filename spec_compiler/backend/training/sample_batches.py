"""Samples -> batches as one model takes them: files read when they are needed, labels as each loss wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.images import NUM_THREADS, Array, ImageReader
from spec_compiler.backend.masks import MaskReader
from spec_compiler.backend.training.batches import Batches, as_tensor, encoded, factors_of, seed
from spec_compiler.backend.training.ends import Ends
from spec_compiler.diagnostics import SpecError
from spec_compiler.spec.keras_objects import KerasObject, Losses
from spec_compiler.training.kinds import End
from spec_compiler.training.loss import Labels, labels_of
from spec_compiler.training.samples import Samples, Series

Leaf = Callable[[Array], Any]  # from positions to the values there, as the model takes them


@dataclass(frozen=True)
class Shaping:
    """How samples become what one model takes: its readers by the names of inputs and outputs, and its loss."""

    inputs: Ends
    outputs: Ends
    ends: Mapping[str, End]
    loss: KerasObject | Losses | None
    readers: Mapping[str, ImageReader] = field(default_factory=dict)
    masks: Mapping[str, MaskReader] = field(default_factory=dict)

    def input_leaf(self, series: Series) -> Leaf:
        """What an input takes."""
        if series.kind == "image":
            reader = self.readers[series.name]
            return lambda rows: reader.read_all(series.values[rows].tolist())
        end, values = self.ends[series.name], series.values
        rank = len(end.shape) if end.shape is not None else 2
        if series.kind == "number":
            values = values[:, 0] if rank == 1 else values
            values = values.astype(end.dtype or "float32")
        elif series.kind == "class" and rank > 1 and end.units not in (None, 1):
            values = np.eye(len(series.class_names), dtype="float32")[values]
        else:
            values = values[:, None] if rank > 1 else values
            if series.kind == "text":
                return lambda rows: as_tensor(values[rows])
            values = values.astype(end.dtype or "int32")
        return values.__getitem__

    def target_leaf(self, series: Series) -> Leaf:
        """What an output is compared with; of masks the classes of the pixels, `(n, height, width)`."""
        end, values = self.ends[series.name], series.values
        if series.kind == "mask":
            reader, is_binary = self.masks[series.name], end.units == 1
            return lambda rows: read_masks(reader, values[rows].tolist(), is_binary)
        if series.kind == "class":
            values = encoded(values.tolist(), len(series.class_names), self.form(series.name))
        elif series.kind == "number" and end.shape is not None and len(end.shape) == 1:
            values = values[:, 0]
        return values.__getitem__

    def form(self, output: str) -> Labels:
        """How the loss of an output wants its classes."""
        loss = self.loss.of(output) if self.loss is not None else None
        return labels_of(loss, self.ends[output].units)


def read_masks(reader: MaskReader, paths: Sequence[str], is_binary: bool = False) -> Array:
    """Masks as a batch, `(n, height, width)`; of a binary one what is not 0 is 1."""
    with ThreadPoolExecutor(min(NUM_THREADS, max(1, len(paths)))) as pool:
        try:
            masks = np.stack([*pool.map(reader.read, paths)])
            return (masks > 0).astype("int32") if is_binary else masks
        except (OSError, ValueError, SyntaxError) as error:  # it was read once: it has changed since
            raise SpecError.single("SC603", f"a mask cannot be read any more: {error}") from None


def mask_targets(masks: Array, classes: int, form: Labels) -> Array:
    """Class numbers of pixels as a loss wants them: `(n, h, w)`, `(n, h, w, classes)` or `(n, h, w, 1)`.

    >>> mask_targets(np.array([[[0, 1]]]), 1, "binary").tolist()
    [[[[0.0], [1.0]]]]
    """
    if form == "integer":
        return masks
    if form == "binary":
        return masks.astype("float32")[..., None]
    return np.eye(classes, dtype="float32")[masks]


class SampleBatches(Batches):
    """Batches of samples; `class_weights` are what the classes of an output count, besides the samples' own weights."""

    def __init__(
        self,
        samples: Samples,
        shaping: Shaping,
        batch_size: int,
        class_weights: Mapping[str, Mapping[int, float]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(len(samples), batch_size, **options)
        self.content = samples
        self.shaping = shaping
        self.class_weights = class_weights or {}
        self.inputs = [shaping.input_leaf(each) for each in samples.inputs]
        self.targets = [shaping.target_leaf(each) for each in samples.targets]

    def samples(self, indices: Array) -> tuple[Any, ...]:
        """The samples at these positions; each side a list of arrays."""
        return [leaf(indices) for leaf in self.inputs], [leaf(indices) for leaf in self.targets], indices

    def augmented(self, batch: tuple[Any, ...], index: int) -> tuple[Any, ...]:
        """The batch at an index in the model's own structure, images and masks changed at random by the layers."""
        inputs, targets, indices = batch
        images = [at for at, each in enumerate(self.content.inputs) if each.kind == "image"]
        masks = [at for at, each in enumerate(self.content.targets) if each.kind == "mask"]
        for at in images:
            # the first as it is where there is one only: a run of before goes on as it began
            name = f"/{self.content.inputs[at].name}" if at != images[0] else ""
            for position, layer in enumerate(self.augment):
                seed(layer, f"{self.seed}/{self.epoch}/{index}/{position}{name}")
                if masks:
                    changed = augmented_together(layer, inputs[at], [targets[mask] for mask in masks])
                    inputs[at], *others = changed
                    for mask, other in zip(masks, others, strict=True):
                        targets[mask] = other
                else:
                    inputs[at] = np.asarray(keras.ops.convert_to_numpy(layer(inputs[at], training=True)))
        weights = self._weights(indices, targets)
        for at in masks:
            name = self.content.targets[at].name
            targets[at] = mask_targets(targets[at], self.shaping.ends[name].units or 1, self.shaping.form(name))
        packed = self.shaping.inputs.packed(inputs), self.shaping.outputs.packed(targets)
        return packed if weights is None else (*packed, self.shaping.outputs.packed(weights))

    def _weights(self, indices: Array, targets: Sequence[Array]) -> list[Array] | None:
        """What each sample counts for each output, each pixel for a mask; None where all count 1."""
        own = self.content.weights
        if own is None and not self.class_weights:
            return None
        found: list[Array] = []
        for series, target in zip(self.content.targets, targets, strict=True):
            weights = np.ones(len(indices), "float32") if own is None else own[indices]
            by_class = self.class_weights.get(series.name, {})
            if series.kind == "mask":
                weights = weights[:, None, None] * factors_of(target, by_class)
            elif by_class:
                weights = weights * factors_of(series.values[indices], by_class)
            found.append(weights.astype("float32"))
        return found


def augmented_together(layer: Any, images: Array, masks: Sequence[Array]) -> list[Array]:
    """Images and their masks `(n, height, width)`, changed by one layer alike."""
    together = np.stack(masks, axis=-1).astype("float32")
    changed = layer({"images": images, "segmentation_masks": together}, training=True)
    images, result = (np.asarray(keras.ops.convert_to_numpy(changed[key])) for key in ("images", "segmentation_masks"))
    return [images, *(result[..., at].astype(mask.dtype) for at, mask in enumerate(masks))]
