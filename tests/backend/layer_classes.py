"""A small model with a layer of each class of `keras.layers`, in which nothing is at its default."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from spec_compiler.keras_facts.catalogue import argument_names, catalogue, class_record
from tests.backend.conftest import Array

Layer = Any
Data = Any  # a nest of arrays: positional arguments in a tuple, in them what a call takes, such as a list or a mapping

WORDS = np.array(["river", "stone", "cloud", "tower", "field", "bridge"])

# Each: what Keras's `Input` takes, one or a nest of it; tried in this order until a class runs on one.
Sample = tuple[tuple[int, ...], str]
INPUTS: Mapping[str, tuple[Any, ...]] = {
    "vectors": (((6,), "float32"),),
    "sequences": (((5, 6), "float32"),),
    "images": (((8, 8, 3), "float32"),),
    "volumes": (((6, 6, 6, 2), "float32"),),
    "films of volumes": (((3, 4, 4, 4, 2), "float32"),),
    "integers": (((5,), "int32"),),
    "words": (((3,), "string"),),
    "a list of vectors": ([((6,), "float32"), ((6,), "float32")],),
    "a list of sequences": ([((5, 6), "float32"), ((5, 6), "float32")],),
    "a list of integers": ([((1,), "int32"), ((1,), "int32")],),
    "two sequences": (((5, 6), "float32"), ((4, 6), "float32")),
    "vectors and a state": (((6,), "float32"), [((4,), "float32")]),
    "vectors and two states": (((6,), "float32"), [((4,), "float32"), ((4,), "float32")]),
    "vectors and states of two cells": (((6,), "float32"), [[((4,), "float32")], [((3,), "float32")]]),
    "images with labels": ({"images": ((8, 8, 3), "float32"), "labels": ((2,), "float32")},),
    "boxes": (
        {
            "images": ((8, 8, 3), "float32"),
            "bounding_boxes": {"boxes": ((5, 4), "float32"), "labels": ((5,), "float32")},
        },
    ),
    "sounds": (((400,), "float32"),),
    "sounds of two channels": (((400, 2), "float32"),),
    "sentences": (((1,), "string"),),
}

# By the name of the argument, whatever the class.
VALUES: Mapping[str, Any] = {
    "activation": "tanh",
    "axes": 1,
    "dims": (2, 1),
    "factor": 0.3,
    "filters": 4,
    "head_dim": 4,
    "height": 5,
    "height_factor": 0.2,
    "input_dim": 9,
    "kernel_size": 2,
    "key_dim": 3,
    "max_number": 4,
    "n": 3,
    "num_bins": 5,
    "num_heads": 2,
    "num_key_value_heads": 2,
    "num_query_heads": 4,
    "num_tokens": 9,
    "output_dim": 4,
    "output_size": 2,
    "pool_size": 2,
    "rate": 0.3,
    "scale": 2.5,
    "stddev": 0.2,
    "target_shape": (-1, 2),
    "units": 4,
    "width": 5,
    "width_factor": 0.2,
}


def double(tensor: Any) -> Any:
    """The function of the `Lambda` layer."""
    return tensor * 2.0


# What a class needs beside, or in place of, the values above; made anew each time, as layers are objects.
ARGUMENTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "Bidirectional": lambda: {"layer": keras.layers.LSTM(3, return_sequences=True)},
    "Discretization": lambda: {"num_bins": 5},
    "EinsumDense": lambda: {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"},
    "GroupNormalization": lambda: {"groups": 2},
    "Lambda": lambda: {"function": double},
    "MaxNumBoundingBoxes": lambda: {"max_number": 4, "bounding_box_format": "xyxy"},
    "MelSpectrogram": lambda: {"fft_length": 64, "sequence_stride": 32, "sampling_rate": 8000, "num_mel_bins": 8},
    "Pipeline": lambda: {"layers": [keras.layers.Rescaling(0.5), keras.layers.RandomFlip(seed=3)]},
    "RNN": lambda: {"cell": keras.layers.GRUCell(4)},
    "RandomPosterization": lambda: {"factor": 2},
    "STFTSpectrogram": lambda: {"frame_length": 64, "frame_step": 32, "fft_length": 64},
    "SpectralNormalization": lambda: {"layer": keras.layers.Conv2D(4, 2)},
    "StackedRNNCells": lambda: {"cells": [keras.layers.GRUCell(4), keras.layers.SimpleRNNCell(3)]},
    "TimeDistributed": lambda: {"layer": keras.layers.Dense(4)},
}

# Where the first input that a class runs on is not what it is for.
TYPICAL: Mapping[str, str] = {
    "Attention": "a list of sequences",
    "AdditiveAttention": "a list of sequences",
    "BatchNormalization": "images",
    "CategoryEncoding": "integers",
    "CutMix": "images with labels",
    "Embedding": "integers",
    "Hashing": "integers",
    "IntegerLookup": "integers",
    "Masking": "sequences",
    "MaxNumBoundingBoxes": "boxes",
    "MelSpectrogram": "sounds",
    "MixUp": "images with labels",
    "ReversibleEmbedding": "integers",
    "Pipeline": "images",
    "STFTSpectrogram": "sounds of two channels",
    "StackedRNNCells": "vectors and states of two cells",
    "StringLookup": "words",
    "TextVectorization": "sentences",
}

# Classes that no such model can be made of.
NOT_MADE: Mapping[str, str] = {
    "Equalization": "cannot be in a functional model: Keras 3.15 gives its input back as its symbolic output, a cycle",
    "FlaxLayer": "takes a Flax module",
    "InputLayer": "is called on nothing; every model here has one",
    "JaxLayer": "takes a JAX function, and runs on Keras's JAX backend only",
    "TFSMLayer": "takes the folder of a TensorFlow SavedModel",
    "TorchModuleWrapper": "takes a PyTorch module",
}


@dataclass(frozen=True)
class Made:
    """A model, whose layer `target` is the one in question, and data that it runs on."""

    model: Any
    data: Data
    target: str = "subject"
    allow_code: bool = False

    def outputs(self, model: Any = None, *, training: bool = False) -> list[Array]:
        """What this model, or another, puts out on the data, run without tracing."""
        random.seed(3)  # `AugMix` chooses with Python's own generator
        made = (self.model if model is None else model)(self.data, training=training)
        arrays = [np.asarray(keras.ops.convert_to_numpy(each)) for each in keras.tree.flatten(made)]
        return [each.astype("S") if each.dtype == object else each for each in arrays]  # texts are objects


def class_names() -> list[str]:
    """The layer classes of the catalogue, each once."""
    return [name for name, record in catalogue()["layers"].items() if "alias_of" not in record]


def arguments(name: str) -> dict[str, Any]:
    """Constructor arguments for a class: all that it needs, and a seed where it takes one."""
    records: Mapping[str, Any] = (class_record(name) or {})["arguments"]
    given = ARGUMENTS.get(name, dict)()
    for key, record in records.items():
        if record.get("required") and key not in given:
            given[key] = VALUES.get(key, 2 if "integer" in str(record["schema"]) else 0.5)
    if "seed" in argument_names(name):
        given["seed"] = 5
    return given


def made_of(name: str, seed: int) -> Made:
    """A model of a class.

    Raises:
        LookupError: no such model can be made of it.
    """
    cls = getattr(keras.layers, name)
    refused = {}
    for kind in [TYPICAL[name]] if name in TYPICAL else _in_order(cls):
        try:
            return made(cls(**arguments(name), name="subject"), kind, seed)
        except Exception as error:  # whatever it is that Keras has against this input
            refused[kind] = str(error).strip().split("\n")[0]
    raise LookupError(f"`{name}` runs on no typical input; Keras says: {refused}")


def _in_order(cls: type) -> list[str]:
    """The kinds of inputs; first the one that the class's module or the end of its name tells of."""
    first = {"1D": "sequences", "2D": "images", "3D": "volumes"}.get(cls.__name__[-2:])
    first = "images" if "image" in cls.__module__ else first
    return sorted(INPUTS, key=lambda kind: kind != first)


def made(
    layer: Layer,
    kind: str,
    seed: int,
    *,
    call: Callable[..., Any] | None = None,
    change: Callable[[Layer], object] | None = None,
    batch_size: int | None = None,
    target: str = "subject",
    adapt: bool = True,
) -> Made:
    """A model of one layer on an input of a kind, in which nothing is at its default.

    Its weights are random, it is adapted, trained for a step, its generators and states are advanced. `call` says how
    the layer is called, `change` what is done to it when it has its weights, such as quantizing.
    """
    number = iter(range(9))
    generator = np.random.default_rng(seed)
    rows = batch_size or 3
    data = keras.tree.flatten(_mapped(INPUTS[kind], lambda shape, dtype: sample(generator, (rows, *shape), dtype)))
    if adapt and hasattr(layer, "adapt"):  # before it is called, as its vocabulary may be the size of its output
        layer.adapt(data[0])
    symbols = _mapped(
        INPUTS[kind],
        lambda shape, dtype: keras.Input(shape, batch_size, dtype=dtype, name=f"input_{next(number)}"),
    )
    model = keras.Model(keras.tree.flatten(symbols), (call or layer)(*symbols), name="small")
    for part in model._flatten_layers():
        if not hasattr(part, "finalize_state"):  # what is adapted is not random
            for variable in (*part._trainable_variables, *part._non_trainable_variables):
                randomize(variable, seed)
    result = Made(model, data, target)
    train_step(result)
    if change is not None:
        change(layer)
        for each in model.trainable_variables:
            randomize(each, seed + 1)
    result.outputs(training=True)
    return result


def _mapped(samples: Any, function: Callable[[tuple[int, ...], str], Any]) -> Any:
    if isinstance(samples, dict):
        return {key: _mapped(each, function) for key, each in samples.items()}
    if isinstance(samples, tuple) and len(samples) == 2 and isinstance(samples[1], str):
        return function(*samples)
    return type(samples)(_mapped(each, function) for each in samples)


def sample(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Data of a shape and a dtype."""
    if dtype == "string":
        words = generator.choice(WORDS, (*shape, 4))
        flat = [" ".join(each) if shape[-1] == 1 else each[0] for each in words.reshape(-1, 4)]
        return keras.ops.convert_to_tensor(np.array(flat, object).reshape(shape).tolist())
    if dtype == "int32":
        return generator.integers(0, 9, shape).astype("int32")
    if len(shape) == 4 and shape[-1] == 3:
        return generator.uniform(0, 255, shape).astype("float32")
    return generator.normal(size=shape).astype("float32")


def train_step(made: Made) -> None:
    """One step of training, where there is something to train."""
    wanted = made.outputs()
    if made.model.trainable_variables and all("float" in str(each.dtype) for each in wanted):
        made.model.compile("sgd", loss=["mse"] * len(wanted), run_eagerly=True)
        made.model.train_on_batch(made.data, [np.ones_like(each) for each in wanted])


def randomize(variable: Any, seed: int) -> None:
    """Gives a variable of floats values that depend on the seed and its path, positive where it is a variance."""
    if "float" in str(variable.dtype):
        generator = np.random.default_rng([seed, zlib.crc32(variable.path.encode())])
        values = generator.normal(size=tuple(variable.shape), scale=0.3)
        positive = "variance" in variable.name or "scale" in variable.name
        variable.assign(np.abs(values) + 0.5 if positive else values)
