"""A model on labelled batches: Keras's own `evaluate`, and every batch told beside what is true of it.

Each batch is read once, as data from a generator is gone by then: `evaluate` and `predict_on_batch` are given the same
few at a time.
"""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.images import Array
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.quiet import quietly
from spec_compiler.diagnostics import SpecError

Tell = Callable[[Any, dict[str, Array], dict[str, Array], int], None]
# Batches that are in memory at once. `evaluate` needs to know how many there are: where a generator ends by itself it
# counts the losses of single outputs once more.
_AT_ONCE = 8
_LARGE = 256  # pixels: the longest side of a picture on a page


def measured(model: Any, data: Any, tell: Tell, *, compiled: bool) -> dict[str, float]:
    """Loss and metrics, none of a model without a loss.

    `tell` is given each batch: inputs, targets and outputs by the outputs' names, and how many samples it has.

    Raises:
        SpecError: SC606 for data without an end or without samples, SC609 where Keras cannot run the model on it; what
            reading the data raises.
    """
    names, found, num_batches = tuple(model.output_names), {}, 0
    batches = map(_tuples, _batches(data))
    with quietly(), _summing(model) if compiled else contextlib.nullcontext():
        while few := [*islice(batches, _AT_ONCE)]:
            num_batches += len(few)
            with _told():
                if compiled:
                    found = model.evaluate((each for each in few), steps=len(few), verbose=0, return_dict=True)
                told = [_by_output(model.predict_on_batch(inputs), names, model) for inputs, *_ in few]
            for (inputs, targets, *_), outputs in zip(few, told, strict=True):
                tell(inputs, _by_output(targets, names, model), outputs, len(next(iter(outputs.values()))))
    if not num_batches:
        raise SpecError.single("SC606", "the data has no samples")
    return {name: float(value) for name, value in found.items()}


@contextlib.contextmanager
def _summing(model: Any) -> Iterator[None]:
    """Metrics go on where one `evaluate` follows another, which would begin anew."""
    model.reset_metrics()
    model.reset_metrics = lambda: None
    try:
        yield
    finally:
        del model.reset_metrics


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Around what Keras does with a batch: layers and losses raise anything, own ones too.

    Raises:
        SpecError: SC609.
    """
    try:
        yield
    except Exception as error:
        notes = [f"Keras says: {keras_reason(error)}"]
        raise SpecError.single("SC609", "the model cannot be run on the data", notes=notes) from None


def _tuples(batch: Any) -> Any:
    """Lists as tuples, as TensorFlow takes a list for one tensor."""
    if isinstance(batch, list | tuple):
        return tuple(map(_tuples, batch))
    return {key: _tuples(value) for key, value in batch.items()} if isinstance(batch, Mapping) else batch


def _batches(data: Any) -> Iterator[Any]:
    if isinstance(data, keras.utils.PyDataset):
        count = data.num_batches
        if count is None:
            raise _endless()
        for index in range(count):
            yield data[index]
        return
    if (
        getattr(data, "cardinality", None) is not None and int(data.cardinality()) == -1
    ):  # `tf.data.INFINITE_CARDINALITY`
        raise _endless()
    yield from data


def _endless() -> SpecError:
    return SpecError.single("SC606", "the data has no end", help="leave `.repeat()` out of what validates or tests")


def _by_output(values: Any, names: Sequence[str], model: Any) -> dict[str, Array]:
    """Arrays by the names of the outputs, however the model or the data holds them together."""
    if isinstance(values, Mapping):
        # Keras flattens a mapping by its sorted keys, and so does it number the outputs of a model that has one
        keys = sorted(values) if isinstance(model.output, Mapping) else names
        leaves = [values[key] for key in keys]
    else:
        leaves = keras.tree.flatten(values)
    return {name: _numbers(leaf) for name, leaf in zip(names, leaves, strict=False)}


def _numbers(value: Any) -> Array:
    array = keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else np.asarray(value)
    return array.astype("float32") if "bfloat16" in str(array.dtype) else np.asarray(array)


def picture_of(inputs: Any) -> Callable[[int], Array | None]:
    """What gives the pixels of one sample of a batch, of the first input that is an image; None where none is one."""
    for each in keras.tree.flatten(inputs):
        shape = tuple(getattr(each, "shape", ()))
        if len(shape) == 4 and shape[-1] in (1, 3, 4) and min(shape[1:3]) >= 4:
            array = _numbers(each)
            return lambda at: np.array(array[at])  # not a view, which would hold the whole batch
    return lambda at: None


def data_address(pixels: Array | None) -> str | None:
    """Pixels as a `data:` address: small ones as PNG, larger ones as JPEG of 256 pixels; None without Pillow."""
    if pixels is None:
        return None
    try:
        from PIL import Image
    except ImportError:
        return None
    image = Image.fromarray(_bytes(pixels))
    is_large = max(image.size) > 96
    if is_large:
        image.thumbnail((_LARGE, _LARGE))
        image = image.convert("RGB")  # JPEG has no transparency
    stream = io.BytesIO()
    image.save(stream, "JPEG" if is_large else "PNG", quality=85)
    kind = "jpeg" if is_large else "png"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def _bytes(pixels: Array) -> Array:
    """Pixels from 0 to 255, whether they came so, from 0 to 1, or around 0."""
    values = np.nan_to_num(np.asarray(pixels, "float32"))
    low, high = float(values.min()), float(values.max())
    if low < 0:
        values = (values - low) * (255 / max(high - low, 1e-6))
    elif high <= 1:
        values = values * 255
    whole: Array = np.clip(np.rint(values), 0, 255).astype("uint8")
    return whole[..., 0] if whole.shape[-1] == 1 else whole
