"""Training on several devices or machines, by TensorFlow's own strategies: the one place that needs TensorFlow.

`TF_CONFIG` says who the workers are, as TensorFlow documents it. Every worker runs the same command and writes a folder
of its own; the chief's is the one that counts.
"""

from __future__ import annotations

import contextlib
import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras

from spec_compiler.backend.training.frozen import frozen_variables
from spec_compiler.backend.weights.freezing import freeze
from spec_compiler.diagnostics import SpecError


@dataclass(frozen=True)
class Placement:
    """Where a model trains: on this machine as it is, or under a strategy, as one of several workers."""

    strategy: Any = None
    worker: int = 0

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files that count."""
        return self.worker == 0

    def folder(self, folder: str) -> str:
        """The folder of this worker: all must save, as saving may need every one of them, but never the same file."""
        return folder if self.is_chief else os.path.join(folder, f"worker-{self.worker}")

    def scope(self) -> AbstractContextManager[Any]:
        """Variables made inside stand on the strategy's devices."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def synchronize(self, model: Any) -> None:
        """Makes the model the same on every worker, before it is validated or saved."""
        if self.strategy is not None:
            _average(self.strategy, model)

    def place(self, model: Any) -> Any:
        """The model with its variables on the devices of the strategy; the same layers, names and weights."""
        if self.strategy is None:
            return model
        weights = model.get_weights()  # a variable stays on the devices that it was made on: the model is made anew
        with self.strategy.scope():
            placed = keras.models.clone_model(model)
            placed.set_weights(weights)
        for layer, before in zip(placed._flatten_layers(), model._flatten_layers(), strict=True):
            if not before.trainable:
                freeze(layer)
        return placed


def _average(strategy: Any, model: Any) -> None:
    """Gives the moving statistics the mean over all devices and workers; each has followed its own share of the data.

    Gradients are averaged in each step, so the weights that train agree anyway.
    """
    import tensorflow as tf

    # the mean of what is frozen is itself, but for its last bits
    frozen = {id(variable) for _, variable in frozen_variables(model)}
    moving = (each for each in model.non_trainable_variables if id(each) not in frozen)
    variables = [each for each in moving if "float" in str(each.dtype)]
    if not variables:
        return

    def means() -> list[Any]:
        context = tf.distribute.get_replica_context()
        return [context.all_reduce("MEAN", tf.convert_to_tensor(each.value)) for each in variables]

    for variable, mean in zip(variables, strategy.run(means), strict=True):
        variable.assign(strategy.experimental_local_results(mean)[0])


def distribute(name: str | None) -> Placement:
    """The strategy of that name, made before anything else asks TensorFlow for a device; none where the name is None.

    Raises:
        SpecError: SC608 without TensorFlow, or where `TF_CONFIG` is missing or wrong.
    """
    if name is None:
        return Placement()
    if keras.backend.backend() != "tensorflow":
        message = f"`--strategy {name}` is TensorFlow's, Keras runs on {keras.backend.backend()}"
        raise SpecError.single("SC608", message, help="set `KERAS_BACKEND=tensorflow`")
    import tensorflow as tf

    if name == "mirrored":
        return Placement(tf.distribute.MirroredStrategy())
    worker = _worker()
    return Placement(_workers(tf), worker)


def _workers(tf: Any) -> Any:
    """TensorFlow's own strategy, less two things that keep Keras 3 from training on it (keras-team/keras#20585).

    Keras asks for the mean of scalars along their first axis, which they do not have: here that is the mean over the
    workers. And it asks for the mean of a whole batch, a tuple, only to see its shapes: here it gets this worker's.
    """

    class Workers(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]
        def reduce(self, reduce_op: Any, value: Any, axis: Any = None) -> Any:
            if isinstance(value, tuple | list | dict):
                return tf.nest.map_structure(lambda each: self.experimental_local_results(each)[0], value)
            if axis is not None and self.experimental_local_results(value)[0].shape.rank == 0:
                axis = None
            return super().reduce(reduce_op, value, axis)

    return Workers()


def _worker() -> int:
    """This worker's number, as `TF_CONFIG` says; the chief's is the first."""
    text = os.environ.get("TF_CONFIG", "")
    example = '{"cluster": {"worker": ["host:port", "host:port"]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        roles = [(kind, index) for kind in ("chief", "worker") for index in range(len(cluster.get(kind, ())))]
        return roles.index((task["type"], int(task["index"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        what = "`TF_CONFIG` is not set" if not text else "`TF_CONFIG` does not say who this worker is"
        raise SpecError.single("SC608", what, help=f"every worker needs it, for example `{example}`") from None
