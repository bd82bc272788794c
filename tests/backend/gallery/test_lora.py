"""LoRA of the gallery beside Keras's own `enable_lora`."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import assert_same, compiled, images


def test_lora_beside_every_convolution_of_one_pixel(weights: Path) -> None:
    small = {"include_top": False, "input_shape": (32, 32, 3)}
    ours = compiled("lora", "base.input_shape=[32, 32, 3]", base=base_file("MobileNetV2", weights, **small))
    base = base_model("MobileNetV2", **small)
    base.trainable = False
    for layer in base.layers:
        if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1):
            layer.trainable = True
            layer.enable_lora(4, lora_alpha=8)
    x = layers.GlobalAveragePooling2D()(base.output)
    theirs = keras.Model(base.input, layers.Dense(5, activation="softmax", name="scores")(x))
    assert_same(ours, theirs, images(32, 32, 3), ["scores"])
    trained = {each.path: each for each in ours.model.trainable_variables}
    assert trained.keys() == {each.path for each in theirs.trainable_variables}
    random = np.random.default_rng(1)
    for each in theirs.trainable_variables:
        if "lora_" in each.name:
            each.assign(random.normal(size=tuple(each.shape), scale=0.02))
            trained[each.path].assign(each)
    outputs = [keras.ops.convert_to_numpy(model(images(32, 32, 3), training=False)) for model in (ours.model, theirs)]
    np.testing.assert_array_equal(*outputs)
