"""What own_code.yaml names: a layer, a loss, a metric and a callback as anyone writes them for Keras, and some data."""

import keras
import numpy as np
from keras import ops


class GeneralizedMean(keras.layers.Layer):
    """GeM pooling: the mean of powers, between average and maximum; the power is learned."""

    def __init__(self, power=3.0, **kwargs):
        super().__init__(**kwargs)
        self.power = power

    def build(self, shape):
        self.p = self.add_weight(shape=(), initializer=keras.initializers.Constant(self.power), name="p")

    def call(self, inputs):
        return ops.mean(ops.maximum(inputs, 1e-6) ** self.p, axis=(1, 2)) ** (1 / self.p)

    def get_config(self):
        return {**super().get_config(), "power": self.power}


class Focal(keras.losses.Loss):
    """The cross-entropy, less where the model is sure already."""

    def __init__(self, gamma=2.0, name="focal", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        sure = ops.sum(y_true * y_pred, axis=-1)
        return -((1 - sure) ** self.gamma) * ops.log(ops.maximum(sure, 1e-7))

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


class Confidence(keras.metrics.Mean):
    """The mean probability of the class that is chosen."""

    def __init__(self, name="confidence", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(ops.max(y_pred, axis=-1), sample_weight)


class Count(keras.callbacks.Callback):
    """Counts the batches of all trainings."""

    total = 0

    def on_train_batch_end(self, batch, logs=None):
        Count.total += 1


def pictures():
    """Sixteen pictures of two classes: dark ones and bright ones."""
    random = np.random.default_rng(0)
    labels = np.arange(16) % 2
    x = random.uniform(size=(16, 96, 96, 3)) + labels[:, None, None, None]
    return x.astype("float32"), np.eye(2, dtype="float32")[labels]
