"""Copies of layers that no config is needed for: the same object again, attribute by attribute, with fresh variables.

`copy.deepcopy` of a layer is a round trip through a saved file in Keras (`KerasSaveable.__reduce__`), which needs the
config. Here a layer's attributes are copied as they are: what Keras tracks is tracked again, the calls that a layer has
had stay behind, and nothing of the copy reaches the original. What cannot be copied so is an error, never shared.
"""

from __future__ import annotations

import enum
import functools
import inspect
import types
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras.src.ops.function import make_node_key  # private: the names that a model knows its own calls by
from keras.src.ops.node import KerasHistory, Node  # private: the calls of the layers of a model inside of a layer
from keras.src.saving.keras_saveable import KerasSaveable  # private: the base of layers, metrics and seed generators
from keras.src.utils import tracking  # private: how a layer knows what its attributes hold

from spec_compiler.backend.models.symbolic import fresh_variable

# What a model keeps of `compile` and `fit`: the copy begins anew. The strategy is TensorFlow's own, one for all.
_OF_COMPILE = frozenset(
    ("optimizer", "_compile_config", "_compile_loss", "_compile_metrics", "_loss_tracker", "_distribute_strategy")
) | {f"{each}_function" for each in ("train", "test", "predict")}
_TRACKED = (tracking.TrackedList, tracking.TrackedDict, tracking.TrackedOrderedDict, tracking.TrackedSet)
# Values without state of their own; a backend's tensors cannot change either.
_SHARED = (
    *(str, bytes, int, float, complex, bool, type(None), type(...), type(NotImplemented), range, slice),
    *(type, enum.Enum, types.ModuleType, types.BuiltinFunctionType),
    *(types.MethodDescriptorType, types.WrapperDescriptorType),
    *(np.dtype, np.generic, np.ufunc, inspect.Signature, inspect.Parameter),
)


class CannotCopy(Exception):
    """Something that a layer holds has no copy; the text says what."""


class Copier:
    """Copies of objects that hold one another as the originals do, so that what two layers share stays shared.

    `filled` are the ids of the variables whose values come later; any other keeps its value.
    """

    def __init__(self, filled: Iterable[int] = ()) -> None:
        self._filled = frozenset(filled)
        self._copies: dict[int, Any] = {}
        self._originals: list[Any] = []  # so that no id is given to another object meanwhile

    def copied(self, value: Any) -> Any:
        """The copy of a value, the same one each time.

        Raises:
            CannotCopy: it holds something that only exists once, such as an open file.
        """
        if isinstance(value, _SHARED) or (keras.ops.is_tensor(value) and not isinstance(value, keras.Variable)):
            return value
        if id(value) not in self._copies:
            self._originals.append(value)
            copy = self._made(value)
            self._copies.setdefault(id(value), copy)  # what may hold itself has told of its copy before
        return self._copies[id(value)]

    def _known(self, value: Any, copy: Any) -> Any:
        """The copy, from now on found where the value is met again inside of itself."""
        self._copies[id(value)] = copy
        return copy

    def _made(self, value: Any) -> Any:
        if isinstance(value, keras.Variable):
            return self._variable(value)
        if isinstance(value, KerasSaveable):
            return self._saveable(value)
        if isinstance(value, tracking.Tracker):
            return self._tracker(value)
        if type(value).__name__ in ("TensorShape", "DType", "TensorSpec"):  # TensorFlow's, which never change
            return value
        if any(cls.__name__ == "ObjectProxy" for cls in type(value).__mro__):  # TensorFlow's stand-in for a dict
            return type(value)(self.copied(value.__wrapped__))
        if isinstance(value, list | dict | set | frozenset | tuple):
            return self._container(value)
        if isinstance(value, np.ndarray):
            return value.copy() if value.dtype != object else self._refused(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return types.MethodType(value.__func__, self.copied(value.__self__))
        if isinstance(value, functools.partial):
            keywords = {key: self.copied(each) for key, each in value.keywords.items()}
            return functools.partial(self.copied(value.func), *map(self.copied, value.args), **keywords)
        if isinstance(value, weakref.ref):
            return weakref.ref(self.copied(value())) if value() is not None else value
        if isinstance(value, weakref.WeakSet):
            return weakref.WeakSet(map(self.copied, value))
        return self._object(value)

    def _variable(self, variable: Any) -> Any:
        copy = fresh_variable(variable, with_value=id(variable) not in self._filled)
        for key in ("_regularizer", "_constraint"):
            if getattr(variable, key, None) is not None:
                setattr(copy, key, self.copied(getattr(variable, key)))
        return copy

    def _saveable(self, original: Any) -> Any:
        """A layer, model, metric or seed generator. Keras wraps `build` and `quantize` of each object by itself."""
        cls = type(original)
        is_layer = isinstance(original, keras.Layer)
        copy = self._known(original, keras.Layer.__new__(cls) if is_layer else object.__new__(cls))
        calls = ("_inbound_nodes", "_outbound_nodes") if hasattr(original, "_inbound_nodes") else ()
        wrapped = tuple(
            key for key in ("build", "quantize") if is_layer and isinstance(vars(original).get(key), types.FunctionType)
        )
        own: dict[str, Any] = {key: [] for key in calls}
        own |= {key: getattr(_new_model(), key, None) for key in _OF_COMPILE & vars(original).keys()}
        own |= {key: self.copied(each) for key, each in vars(original).items() if key not in own and key not in wrapped}
        vars(copy).update(own)
        if own.get("compiled"):
            vars(copy)["compiled"] = False
        if "_nodes_by_depth" in own:
            self._recall_calls(original, copy)
        return copy

    def _recall_calls(self, original: Any, copy: Any) -> None:
        """Tells the layers of a copied model, which have no calls yet, of those that the model is made of."""
        pairs = [(node, self.copied(node)) for nodes in original._nodes_by_depth.values() for node in nodes]
        pairs.sort(key=lambda pair: pair[0].operation._inbound_nodes.index(pair[0]))
        keys = set()
        for _, node in pairs:
            index = len(node.operation._inbound_nodes)
            node.operation._inbound_nodes.append(node)
            keys.add(make_node_key(node.operation, index))
            for number, tensor in enumerate(node.outputs):
                tensor._keras_history = KerasHistory(node.operation, index, number)
        for _, node in pairs:
            for tensor in node.arguments.keras_tensors:
                tensor._keras_history.operation._outbound_nodes.append(node)
        vars(copy)["_nodes"] = keys

    def _tracker(self, tracker: Any) -> Any:
        copy = self._known(tracker, tracking.Tracker({}))
        copy.config = {name: (holds, self.copied(store)) for name, (holds, store) in tracker.config.items()}
        copy.stored_ids = {
            name: {id(self.copied(each)) for each in store if id(each) in tracker.stored_ids[name]}
            for name, (_, store) in tracker.config.items()
        }
        copy.exclusions, copy.locked = tracker.exclusions, tracker.locked
        copy._lock_violation_msg = tracker._lock_violation_msg
        return copy

    def _container(self, value: Any) -> Any:
        """A container of the same class, filled past what it does on filling: a locked layer tracks nothing new."""
        cls: Any = type(value)
        if isinstance(value, tuple | frozenset):
            inside = [self.copied(each) for each in value]
            if all(one is other for one, other in zip(inside, value, strict=True)):
                return value
            return cls(*inside) if hasattr(value, "_fields") else cls(inside)
        copy = self._known(value, cls.__new__(cls))
        if isinstance(value, _TRACKED):
            copy.tracker = self.copied(value.tracker)
        elif hasattr(value, "__dict__"):
            vars(copy).update({key: self.copied(each) for key, each in vars(value).items()})
        if isinstance(value, list):
            list.extend(copy, [self.copied(each) for each in value])
        elif isinstance(value, set):
            set.update(copy, [self.copied(each) for each in value])
        else:
            if hasattr(value, "default_factory"):
                copy.default_factory = value.default_factory
            put: Any = OrderedDict.__setitem__ if isinstance(value, OrderedDict) else dict.__setitem__
            for key, each in value.items():
                put(copy, self.copied(key), self.copied(each))
        return copy

    def _function(self, function: types.FunctionType) -> Any:
        """The function itself, or one with copies around it where it was made inside of what is copied."""
        cells = function.__closure__ or ()
        try:
            inside = [cell.cell_contents for cell in cells]
        except ValueError:  # a cell that is empty as yet
            return function
        held = (*inside, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        if not any(_holds_state(each) for each in held):
            return function
        closure = tuple(types.CellType(self.copied(each)) for each in inside)
        code, scope, defaults = function.__code__, function.__globals__, self.copied(function.__defaults__)
        copy = types.FunctionType(code, scope, function.__name__, defaults, closure or None)
        copy.__kwdefaults__ = self.copied(function.__kwdefaults__)
        vars(copy).update(vars(function))
        return copy

    def _object(self, value: Any) -> Any:
        cls: Any = type(value)
        if cls.__reduce_ex__ is not object.__reduce_ex__ or cls.__reduce__ is not object.__reduce__:
            return self._refused(value)
        try:
            copy = self._known(value, object.__new__(cls))
        except TypeError:
            return self._refused(value)
        for key, each in _attributes(value):
            object.__setattr__(copy, key, self.copied(each))
        return copy

    def _refused(self, value: Any) -> Any:
        raise CannotCopy(f"it holds a `{type(value).__module__}.{type(value).__qualname__}`, which has no copy")


@functools.cache
def _new_model() -> Any:
    return keras.Sequential()


def _attributes(value: Any) -> list[tuple[str, Any]]:
    attributes = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            # Python stores a private name under that of its class
            own = f"_{cls.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            if own not in ("__dict__", "__weakref__") and hasattr(value, own):
                attributes[own] = getattr(value, own)
    return list(attributes.items())


def _holds_state(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset | dict):
        return any(map(_holds_state, value.values() if isinstance(value, dict) else value))
    if isinstance(value, types.MethodType):
        return _holds_state(value.__self__)
    return isinstance(value, KerasSaveable | keras.Variable | Node)
