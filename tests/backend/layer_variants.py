"""Layers in a state that their class alone does not lead to: quantized, with LoRA, stateful, inside of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from spec_compiler.keras_facts.catalogue import argument_names
from tests.backend.layer_classes import INPUTS, TYPICAL, WORDS, Made, arguments, class_names, made, sample

layers = keras.layers
Change = Callable[[Any], object]
FOUR = list(WORDS[:4])
SEQUENCES, VECTORS, IMAGES = "sequences", "vectors", "images"
STATEFUL = ("SimpleRNN", "GRU", "LSTM", "ConvLSTM1D", "ConvLSTM2D")
HALF = ("Dense", "Conv2D", "BatchNormalization", "LayerNormalization", "Normalization", "LSTM", "MultiHeadAttention")


def _plain(
    name: str,
    kind: str,
    *,
    change: Change | None = None,
    batch_size: int | None = None,
    adapt: bool = True,
    **more: Any,
) -> Any:
    """A maker of a layer of a class with more arguments than it needs."""

    def make(seed: int) -> Made:
        layer = getattr(layers, name)(**{**arguments(name), **more}, name="subject")
        return made(layer, kind, seed, change=change, batch_size=batch_size, adapt=adapt)

    return make


def _made(layer: Callable[[], Any], kind: str, **options: Any) -> Callable[[int], Made]:
    """A maker of the layer that a function makes."""
    return lambda seed: made(layer(), kind, seed, **options)


def _called(layer: Callable[[], Any], kind: str, call: Callable[[Any, Any], Any], **options: Any) -> Any:
    """A maker of a layer that is called in a way of its own: `call(layer, tensor)`."""

    def make(seed: int) -> Made:
        subject = layer()
        return made(subject, kind, seed, call=lambda *tensors: call(subject, *tensors), **options)

    return make


def _inside(layer: Callable[[], Any], kind: str, how: str, change: Change | None = None) -> Callable[[int], Made]:
    """A maker of a layer in a nested model, which a selector opens."""

    def block() -> Any:
        (shape, dtype), inner = INPUTS[kind][0], layer()
        inputs = keras.Input(shape, dtype=dtype, name="inner_input")
        if hasattr(inner, "adapt"):
            inner.adapt(sample(np.random.default_rng(4), (3, *shape), dtype))
        if how == "Sequential":
            return keras.Sequential([inputs, inner], name="block")
        return keras.Model(inputs, inner(inputs), name="block")

    return _made(
        block, kind, target="block/subject", change=change and (lambda each: change(each.get_layer("subject")))
    )


def _lora(layer: Any) -> None:
    layer.enable_lora(2)


def _lora_inside(layer: Any) -> None:
    for each in layer._flatten_layers(include_self=False):
        if isinstance(each, layers.EinsumDense):
            each.enable_lora(2)


def _quantized(mode: str) -> Change:
    return lambda layer: layer.quantize(mode)


def _quantized_with_lora(layer: Any) -> None:
    layer.quantize("int8")
    layer.enable_lora(2)


def _freeze(layer: Any) -> None:
    layer.trainable = False


def _freeze_inside(layer: Any) -> None:
    for each in layer._flatten_layers(include_self=False):
        each.trainable = False


def _class_variants() -> Iterator[tuple[str, Callable[[int], Made]]]:
    """Of every class that takes part: with LoRA, quantized, stateful; so that one that Keras adds has them too."""
    kinds = {"Conv1D": SEQUENCES, "Conv2D": IMAGES, "Conv3D": "volumes", **TYPICAL}
    for name in class_names():
        cls = getattr(layers, name)
        kind = kinds.get(name, VECTORS)
        if "lora_rank" in argument_names(name):
            yield f"{name}, LoRA", _plain(name, kind, change=_lora)
        if cls.quantize is not keras.Layer.quantize:
            yield f"{name}, int8", _plain(name, kind, change=_quantized("int8"))
            yield f"{name}, int8 and LoRA", _plain(name, kind, change=_quantized_with_lora)
            yield f"{name}, int4", _plain(name, kind, change=_quantized("int4"))
            if "Embedding" not in name:
                yield f"{name}, float8", _plain(name, kind, change=_quantized("float8"))


def _shared(layer: Any, tensor: Any) -> Any:
    return layer(layer(tensor))


def _lookup(name: str, **more: Any) -> Callable[[], Any]:
    return lambda: getattr(layers, name)(**more, name="subject")


_INNER: tuple[tuple[str, Callable[[], Any], str, Change | None], ...] = (
    ("Normalization", lambda: layers.Normalization(name="subject"), VECTORS, None),
    ("StringLookup", lambda: layers.StringLookup(name="subject"), "words", None),
    ("BatchNormalization", lambda: layers.BatchNormalization(name="subject"), IMAGES, None),
    ("Dense, int8", lambda: layers.Dense(4, name="subject"), VECTORS, _quantized("int8")),
    ("Dense, LoRA", lambda: layers.Dense(4, name="subject"), VECTORS, _lora),
    ("Dropout", lambda: layers.Dropout(0.4, name="subject"), VECTORS, None),
    ("LSTM", lambda: layers.LSTM(4, dropout=0.3, name="subject"), SEQUENCES, None),
)
VARIANTS: dict[str, Callable[[int], Made]] = {
    **dict(_class_variants()),
    **{
        f"{name}, mixed_float16": _plain(
            name,
            {
                "LSTM": SEQUENCES,
                "Conv2D": IMAGES,
                "BatchNormalization": IMAGES,
                "MultiHeadAttention": "two sequences",
            }.get(name, VECTORS),
            dtype="mixed_float16",
        )
        for name in HALF
    },
    "Dense, bfloat16": _plain("Dense", VECTORS, dtype="bfloat16"),
    "MultiHeadAttention, LoRA inside": _plain("MultiHeadAttention", "two sequences", change=_lora_inside),
    "MultiHeadAttention, int8": _plain(
        "MultiHeadAttention",
        "two sequences",
        change=lambda each: [
            part.quantize("int8")
            for part in each._flatten_layers(include_self=False)
            if isinstance(part, layers.EinsumDense)
        ],
    ),
    "MultiHeadAttention, dropout": _plain("MultiHeadAttention", "two sequences", dropout=0.3),
    "LSTM, dropouts": _plain("LSTM", SEQUENCES, dropout=0.3, recurrent_dropout=0.2),
    "Dropout, no seed": _plain("Dropout", VECTORS, seed=None),
    **{
        f"{name}, stateful": _plain(
            name, {"ConvLSTM1D": IMAGES, "ConvLSTM2D": "volumes"}.get(name, SEQUENCES), stateful=True, batch_size=3
        )
        for name in STATEFUL
    },
    "RNN of two cells, stateful": _made(
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], stateful=True, name="subject"),
        SEQUENCES,
        batch_size=3,
    ),
    "Bidirectional, stateful": _made(
        lambda: layers.Bidirectional(layers.LSTM(3, stateful=True), name="subject"), SEQUENCES, batch_size=3
    ),
    "Bidirectional of two classes": _made(
        lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.GRU(3, go_backwards=True), name="subject"),
        SEQUENCES,
    ),
    "TimeDistributed of BatchNormalization": _made(
        lambda: layers.TimeDistributed(layers.BatchNormalization(), name="subject"), SEQUENCES
    ),
    "TimeDistributed of BatchNormalization, it frozen": _made(
        lambda: layers.TimeDistributed(layers.BatchNormalization(), name="subject"), SEQUENCES, change=_freeze_inside
    ),
    "TimeDistributed of Normalization": _made(
        lambda: layers.TimeDistributed(layers.Normalization(mean=0.3, variance=2.0), name="subject"), SEQUENCES
    ),
    "TimeDistributed of Dropout": _made(lambda: layers.TimeDistributed(layers.Dropout(0.4), name="subject"), SEQUENCES),
    "TimeDistributed of Dense, LoRA": _made(
        lambda: layers.TimeDistributed(layers.Dense(4), name="subject"),
        SEQUENCES,
        change=lambda each: each.layer.enable_lora(2),
    ),
    "TimeDistributed of Dense, int8": _made(
        lambda: layers.TimeDistributed(layers.Dense(4), name="subject"),
        SEQUENCES,
        change=lambda each: each.layer.quantize("int8"),
    ),
    "SpectralNormalization of Dense": _made(
        lambda: layers.SpectralNormalization(layers.Dense(4), power_iterations=2, name="subject"), VECTORS
    ),
    "BatchNormalization, frozen": _plain("BatchNormalization", IMAGES, change=_freeze),
    "BatchNormalization, renorm": _plain("BatchNormalization", IMAGES, renorm=True),
    "Normalization, mean and variance given": _plain("Normalization", VECTORS, mean=0.3, variance=2.0, adapt=False),
    "Normalization, inverted": _plain("Normalization", VECTORS, invert=True),
    "Discretization, boundaries given": _made(
        lambda: layers.Discretization([-0.5, 0.1, 0.6], name="subject"), VECTORS, adapt=False
    ),
    "StringLookup, vocabulary given": _made(_lookup("StringLookup", vocabulary=FOUR), "words", adapt=False),
    "StringLookup, inverted": _made(_lookup("StringLookup", vocabulary=FOUR, invert=True), "integers", adapt=False),
    "StringLookup, count": _made(_lookup("StringLookup", output_mode="count"), "words"),
    "StringLookup, tf_idf": _made(_lookup("StringLookup", output_mode="tf_idf"), "words"),
    "StringLookup, tf_idf, vocabulary given": _made(
        _lookup("StringLookup", vocabulary=FOUR, idf_weights=[0.5, 1.5, 2.5, 3.5], output_mode="tf_idf"),
        "words",
        adapt=False,
    ),
    "IntegerLookup, vocabulary given": _made(_lookup("IntegerLookup", vocabulary=[5, 3, 8]), "integers", adapt=False),
    "IntegerLookup, tf_idf": _made(_lookup("IntegerLookup", output_mode="tf_idf"), "integers"),
    "TextVectorization, vocabulary given": _made(
        _lookup("TextVectorization", vocabulary=FOUR), "sentences", adapt=False
    ),
    "TextVectorization, tf_idf": _made(_lookup("TextVectorization", output_mode="tf_idf"), "sentences"),
    "TextVectorization, vocabulary set": _made(
        _lookup("TextVectorization", vocabulary=None), "sentences", change=lambda each: each.set_vocabulary(FOUR[1:])
    ),
    "ReversibleEmbedding, reversed": _called(
        lambda: layers.ReversibleEmbedding(9, 4, tie_weights=False, name="subject"),
        "integers",
        lambda layer, tensor: layer(layer(tensor), reverse=True),
        target="subject@0",
    ),
    "Dense, called twice": _called(lambda: layers.Dense(6, name="subject"), VECTORS, _shared, target="subject@1"),
    "BatchNormalization, called twice": _called(
        lambda: layers.BatchNormalization(name="subject"), VECTORS, _shared, target="subject@1"
    ),
    "Dropout, called twice": _called(lambda: layers.Dropout(0.4, name="subject"), VECTORS, _shared, target="subject@1"),
    "Normalization, called twice": _called(
        lambda: layers.Normalization(name="subject"), VECTORS, _shared, target="subject@1"
    ),
    **{
        f"{label}, in a nested {how}": _inside(layer, kind, how, change)
        for how in ("Sequential", "Functional")
        for label, layer, kind, change in _INNER
    },
    "Lambda of a lambda, `--allow-code`": lambda seed: replace(
        made(layers.Lambda(lambda tensor: tensor * 2.0, name="subject"), VECTORS, seed), allow_code=True
    ),
}
