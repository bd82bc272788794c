"""Arrays, from a file or from a user's functions -> batches that fit the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from spec_compiler.backend.images import Array
from spec_compiler.backend.training.augmenting import augmentation
from spec_compiler.backend.training.batches import ArrayBatches, Batches, factors_of, times
from spec_compiler.backend.training.code_data import Fit, load_function, weighted
from spec_compiler.backend.training.ends import Misfit
from spec_compiler.backend.training.loaded import LoadedData, described
from spec_compiler.backend.training.parts import Part
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.plan.memory_needed import available_bytes, shown_bytes
from spec_compiler.reading import Damaged
from spec_compiler.reading.arrays import read_arrays
from spec_compiler.spec import Spec
from spec_compiler.spec.data import HELD, Data
from spec_compiler.training.arrays import ArrayFile
from spec_compiler.training.class_weights import class_weights
from spec_compiler.training.samples import Samples, Series
from spec_compiler.training.split import split_groups

PARTS = ("train", *HELD)


def load_arrays(spec: Spec, model: Any, files: Mapping[str, ArrayFile], keys: Sequence[str] = PARTS) -> LoadedData:
    """What the files of arrays hold that the section names, as the model takes it.

    Raises:
        SpecError: SC114, SC602, SC604, SC620, paths relative to the spec.
    """
    data = spec.data
    assert data is not None
    fit = _fit(spec, model)
    wanted = {key for key in PARTS if key in keys and getattr(data, key) is not None}
    named = {key if isinstance(getattr(data, key), str) else "train" for key in wanted}
    read = {key: _read(files[key], key, fit) for key in PARTS if key in named}
    parts: dict[str, _Arrays] = {key: value for key, value in read.items() if key in wanted}
    if data.shares and (wanted & {"train", *data.shares}):
        with under("data"):
            rows = split_groups(_groups(read["train"], fit), data.shares, spec.seed, "the class `{}` has", "sample")
        parts |= {key: read["train"].of(indices) for key, indices in rows.items() if key in wanted}
    return _loaded(spec, fit, parts, _digest(parts))


def load_code(spec: Spec, model: Any, allowed: bool, keys: Sequence[str] = PARTS) -> LoadedData:
    """What the Python functions give that the section names, as the model takes it.

    Raises:
        SpecError: SC112 without permission, SC606, SC620.
    """
    data, folder = spec.data, spec.source.folder
    assert data is not None
    _check_permission(data, allowed)
    fit = _fit(spec, model)
    parts: dict[str, Any] = {}
    for key in PARTS:
        if key in keys and isinstance(text := getattr(data, key), str):
            given = load_function(text, folder, key, fit)
            parts[key] = _Arrays(*given) if isinstance(given, tuple) else given
    return _loaded(spec, fit, parts, data.train)


def _fit(spec: Spec, model: Any) -> Fit:
    return Fit.of(model, spec.compile.loss if spec.compile is not None else None)


class _Arrays:
    """Inputs, targets and weights of one part, each in the model's structure."""

    def __init__(self, inputs: Any, targets: Any, weights: Any) -> None:
        self.inputs, self.targets, self.weights = inputs, targets, weights

    def of(self, rows: Array) -> _Arrays:
        """Some of the samples."""
        return _Arrays(*(_picked(part, rows) for part in (self.inputs, self.targets, self.weights)))

    def __len__(self) -> int:
        return len(keras.tree.flatten(self.inputs)[0])


def _picked(part: Any, rows: Array) -> Any:
    return None if part is None else keras.tree.map_structure(lambda each: each[rows], part)


def _read(file: ArrayFile, key: str, fit: Fit) -> _Arrays:
    with under("data", key):
        chosen = file.chosen(key, fit.inputs.names, fit.outputs.names)
        names = [*chosen.inputs.values(), *chosen.targets.values(), *([chosen.weights] if chosen.weights else [])]
        needed, left = sum(file.heads[name].num_bytes for name in names), available_bytes()
        if left is not None and needed > left:
            message = f"the arrays of `{file.name}` take {shown_bytes(needed)}, and {shown_bytes(left)} are left"
            raise SpecError.single("SC114", message, help="give the data with `module:function`, batch by batch")
        try:
            arrays = read_arrays(file.path, names)
        except Damaged as error:
            raise SpecError.single(
                "SC620", f"`{file.name}` cannot be read as arrays: {error}", help=error.help
            ) from None
        sides = [{name: arrays[array] for name, array in each.items()} for each in (chosen.inputs, chosen.targets)]
        weights = arrays[chosen.weights] if chosen.weights is not None else None
        try:
            return _Arrays(*fit.arrays((*sides, weights)))
        except Misfit as misfit:
            raise SpecError.single("SC604", f"`{file.name}` has {misfit.message}", help=misfit.help) from None


def _loaded(spec: Spec, fit: Fit, parts: Mapping[str, Any], fingerprint: str) -> LoadedData:
    data = spec.data
    assert data is not None
    layers = augmentation(data, None, spec.source.folder) if "train" in parts else ()
    train = parts.get("train")
    if layers and fit.inputs.form != "one":
        message = "`augment` changes one array of images, the model takes several inputs"
        raise SpecError.single("SC108", message, path=("data", "augment"), help="augment in the function")
    if layers and not isinstance(train, _Arrays):
        message = "`augment` needs the data as arrays or folders, the function gives batches"
        raise SpecError.single("SC108", message, path=("data", "augment"), help="augment in the function")
    says: tuple[str, ...] = ()
    by_keras: Mapping[int, float] | None = None
    if data.class_weight is not None and train is not None:
        train, by_keras, says = _with_class_weights(data, fit, train)
    batches: dict[str, Any] = {}
    for key, part in parts.items():
        part = train if key == "train" else part
        options = {"seed": spec.seed, "shuffle": True, "augment": layers} if key == "train" else {}
        batches[key] = (
            ArrayBatches(part.inputs, part.targets, part.weights, data.batch_size, **options)
            if isinstance(part, _Arrays)
            else part
        )
    made = {key: Part(each, each.size if isinstance(each, Batches) else None, (), _labels(parts[key], fit))
            for key, each in batches.items()}  # fmt: skip
    sizes = {key: made[key].size if key in made else None for key in PARTS}
    return LoadedData(
        batches.get("train"),
        batches.get("validation"),
        num_train=sizes["train"],
        num_validation=sizes["validation"],
        fingerprint=fingerprint,
        test=made.get("test"),
        class_weight=by_keras,
        says=says,
        parts=made,
    )


def _with_class_weights(data: Data, fit: Fit, train: Any) -> tuple[Any, Mapping[int, float] | None, tuple[str, ...]]:
    """The data to train on with what its classes count, by Keras where it takes that and in weights elsewhere.

    Raises:
        SpecError: SC620, paths relative to the spec.
    """
    assert data.class_weight is not None
    numbers = _labels(train, fit) if isinstance(train, _Arrays) else {}
    several = len(fit.outputs.names) > 1
    targets = tuple(Series(name, "class", numbers.get(name, _NONE)) for name in fit.outputs.names)
    counts: dict[str, Array] = {}
    for name, shape in zip(fit.outputs.names, fit.outputs.shapes, strict=True):
        classes = 2 if shape[-1] == 1 else shape[-1] or int(numbers.get(name, _NONE).max(initial=0)) + 1
        if name in numbers:
            counts[name] = np.bincount(numbers[name], minlength=classes)
        elif not isinstance(train, _Arrays) and len(shape) == 2:  # of more axes Keras weighs no classes either
            counts[name] = np.ones(classes, "int64")
            said = data.class_weight.alone if not several else data.class_weight.named.get(name)
            if said == "balanced":
                message = "`balanced` counts the samples of each class, the function gives batches"
                help = "give a number for each, `{0: 1.0, 1: 2.5}`, or return arrays"
                raise SpecError.single("SC620", message, path=("data", "class_weight"), help=help)
    weights = class_weights(data.class_weight, targets, counts)
    says = described(Samples((), targets, str), weights)
    if not isinstance(train, _Arrays):
        return *weighted(train, weights, fit), says
    if not several and train.weights is None:
        return train, next(iter(weights.values())), says
    leaves = keras.tree.flatten(train.weights) if train.weights is not None else [1.0] * len(targets)
    factors = [factors_of(numbers[each.name], weights[each.name]) if each.name in weights
               else np.ones(len(train), "float32") for each in targets]  # fmt: skip
    packed = fit.outputs.packed([times(leaf, factor) for leaf, factor in zip(leaves, factors, strict=True)])
    return _Arrays(train.inputs, train.targets, packed), None, says


_NONE: Array = np.zeros(0, "int64")


def _labels(part: Any, fit: Fit) -> dict[str, Array]:
    """The class number of each sample, by the outputs whose targets are classes or one-hot rows."""
    found: dict[str, Array] = {}
    if not isinstance(part, _Arrays):
        return found
    for name, shape, target in zip(
        fit.outputs.names, fit.outputs.shapes, keras.tree.flatten(part.targets), strict=True
    ):
        loss = fit.loss.of(name) if fit.loss is not None else None
        class_name = loss.class_name if loss is not None else ""
        if target.ndim == 2 and target.shape[1] == 1:
            target = target[:, 0]
        if target.ndim == 1 and (class_name.startswith("Sparse") or "Binary" in class_name) and len(shape) == 2:
            if np.array_equal(target, np.round(target)) and target.min(initial=0) >= 0:
                found[name] = target.astype("int64")
        elif target.ndim == 2 and class_name.startswith("Categorical"):
            found[name] = target.argmax(-1)
    return found


def _groups(arrays: _Arrays, fit: Fit) -> dict[str, list[int]]:
    """The samples of each class, where one output tells classes apart; all of them otherwise."""
    labels = _labels(arrays, fit)
    if len(labels) != 1:
        return {"": list(range(len(arrays)))}
    (numbers,) = labels.values()
    return {str(label): np.flatnonzero(numbers == label).tolist() for label in np.unique(numbers).tolist()}


def _leaves(arrays: _Arrays) -> Iterator[Array]:
    for part in (arrays.inputs, arrays.targets, arrays.weights):
        yield from () if part is None else keras.tree.flatten(part)


def _digest(parts: Mapping[str, _Arrays]) -> str:
    digest = hashlib.sha256()
    for key in ("train", "validation"):
        for array in _leaves(parts[key]) if key in parts else ():
            digest.update(f"{key} {array.shape} {array.dtype}\n".encode())
            digest.update(
                np.ascontiguousarray(array).tobytes() if array.dtype != object else repr(array.tolist()).encode()
            )
    return digest.hexdigest()


def _check_permission(data: Data, allowed: bool) -> None:
    """SC112 where the data comes from code that may not run."""
    if not allowed:
        message = f"`{data.train}` is Python code, which runs only with permission"
        help = "if you trust this spec, allow it: `--allow-code`, or `allow_code=True`"
        raise SpecError.single("SC112", message, path=("data", "train"), help=help)
