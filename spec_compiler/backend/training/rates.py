"""An optimizer that moves each variable at a rate of its own, and keeps its weight decay off some of them.

`keras.optimizers.MultiOptimizer`, with an optimizer for each group, is there from Keras 3.15 on. It is not used: it
tells variables apart by their paths, which two may share, has no `learning_rate` that callbacks or the history could
ask for, clips by the norm of each group alone, counts steps without its accumulation of gradients, and becomes another
number of optimizers when its file is loaded. Here the one optimizer stays what it is, and only the learning rate that
moves a variable is multiplied: schedules, callbacks, clipping, averages and loss scaling are Keras's own. So is what is
saved, which holds the same optimizer without the factors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spec_compiler.backend.weights.freezing import layers_of
from spec_compiler.graph import Graph
from spec_compiler.training.groups import Grouping


def apply_grouping(optimizer: Any, grouping: Grouping, model: Any, graph: Graph) -> None:
    """Gives a fresh optimizer, which has no variables yet, what each variable of a model is moved by.

    `graph` is the model's, and has the names that `grouping` knows layers by.
    """
    times: dict[Any, float] = {}
    spared = []
    for name, class_name, layer in keras_leaves(model, graph):
        for variable in layer.trainable_variables:
            key = optimizer._var_key(variable)
            times.setdefault(key, grouping.times.get(name, 1.0))
            if grouping.spares(name, class_name, variable.name):
                spared.append(variable)
    if any(each != 1.0 for each in times.values()):
        _scale(optimizer, times)
    if spared:
        optimizer.exclude_from_weight_decay(var_list=spared)


def keras_leaves(model: Any, graph: Graph, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """The layers that hold variables themselves, each with its name, `outer/inner` in a nested model, and its class."""
    layers = layers_of(model, graph)
    for name, spec in graph.layers.items():
        layer = layers.get(name)
        if spec.inner is not None and layer is not None:
            yield from keras_leaves(layer, spec.inner, f"{prefix}{name}/")
        elif hasattr(layer, "trainable_variables"):
            yield f"{prefix}{name}", spec.class_name, layer


def _scale(optimizer: Any, times: Mapping[Any, float]) -> None:
    """Multiplies the learning rate of each variable, in its update and in its weight decay."""
    update_step, decay = optimizer.update_step, optimizer._apply_weight_decay

    def of(variable: Any) -> float:
        return times.get(optimizer._var_key(variable), 1.0)

    def scaled_step(gradient: Any, variable: Any, learning_rate: Any) -> Any:
        factor = of(variable)
        return update_step(gradient, variable, learning_rate * factor if factor != 1.0 else learning_rate)

    def scaled_decay(variables: Sequence[Any]) -> None:
        for factor in dict.fromkeys(map(of, variables)):
            with _multiplied(optimizer, factor):
                decay([each for each in variables if of(each) == factor])

    # of this one object: a class of ours would be what its file says, and plain Keras could not load it
    optimizer.update_step, optimizer._apply_weight_decay = scaled_step, scaled_decay
    parallel: list[Any] = [cls for cls in type(optimizer).__mro__ if cls.__name__ == "TorchParallelOptimizer"]
    if parallel:  # it has its own update of all variables at once, with one rate
        optimizer._backend_update_step = super(parallel[0], optimizer)._backend_update_step


class _multiplied:
    """While it holds, the weight decays of an optimizer, which Keras multiplies by its one learning rate."""

    def __init__(self, optimizer: Any, factor: float) -> None:
        self.optimizer, self.factor = optimizer, factor

    def __enter__(self) -> None:
        names = ("weight_decay", "adam_weight_decay")  # the latter is Muon's
        self.before = {name: value for name in names if (value := getattr(self.optimizer, name, None))}
        for name, value in self.before.items():
            setattr(self.optimizer, name, value * self.factor)

    def __exit__(self, *error: object) -> None:
        for name, value in self.before.items():
            setattr(self.optimizer, name, value)
