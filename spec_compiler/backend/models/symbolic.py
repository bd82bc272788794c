"""Keras models without weights, and weights given to them one by one.

Inside `keras.StatelessScope(initialize_variables=False)` Keras builds a model's layers without allocating a weight:
VGG16 in milliseconds and 0 bytes. Such variables hold only their initializer and stand on a list that Keras keeps of
uninitialized variables. Both the list and the way to give them a value are private in Keras, and used in this module
alone; `tests/backend/test_symbolic.py` says clearly when a Keras has changed them. Where a layer cannot be built so,
`skeleton` falls back to building it with weights, which is public and slower.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import random
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import keras
import numpy as np
from keras.src.backend.common import global_state  # private: no public name leads there

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph.aligned import ALIGNMENT, empty

T = TypeVar("T")
_NAMES = "object_name_uids"  # of keras/src/utils/naming.py, a count for each class
_UNINITIALIZED = "uninitialized_variables"  # of keras/src/backend/common/variables.py


@contextlib.contextmanager
def symbolic(allocate: bool = False) -> Iterator[None]:
    """Layers made inside have no weights yet, and names that do not depend on what was made before.

    The caller's own Keras state is as it was afterwards: automatic names, the list of uninitialized variables, and
    Python's random generator, which Keras draws default seeds from. With `allocate` the weights are made as usual.
    """
    names = global_state.get_global_attribute(_NAMES)
    waiting = global_state.get_global_attribute(_UNINITIALIZED)
    drawn = random.getstate()
    global_state.set_global_attribute(_NAMES, collections.defaultdict(int))
    global_state.set_global_attribute(_UNINITIALIZED, [])
    try:
        scope = contextlib.nullcontext() if allocate else keras.StatelessScope(initialize_variables=False)
        with quick_protocols(), scope:
            yield
    finally:
        global_state.set_global_attribute(_NAMES, names)
        global_state.set_global_attribute(_UNINITIALIZED, waiting)
        random.setstate(drawn)


def skeleton(make: Callable[[], T]) -> T:
    """What `make` builds, without weights; with them where a layer cannot be built so, as its variables are arrays."""
    try:
        with symbolic():
            return make()
    except Exception as error:
        if not needs_weights(error):
            raise
    with symbolic(allocate=True):
        return make()


def needs_weights(error: Exception) -> bool:
    """Whether Keras refused to build a layer for no other reason than that nothing is allocated.

    Keras may wrap that in an error about the model around it.
    """
    inner: BaseException | None = error
    while inner is not None:
        if "in a stateless scope" in str(inner):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


@contextlib.contextmanager
def refusal(said: Callable[[Exception], Exception]) -> Iterator[None]:
    """Around what Keras, or a class of the user, may refuse: raises what `said` makes of that.

    Our own errors pass, and those that only need weights: `skeleton` begins anew for them.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        if needs_weights(error):
            raise
        raise said(error) from None


@contextlib.contextmanager
def quick_protocols() -> Iterator[None]:
    """Python 3.12's memory of what a protocol demands, for Python 3.11.

    TensorFlow asks `isinstance(x, Protocol)` for every argument of every symbolic call, and Python 3.11 collects the
    protocol's members anew each time: a third of the time in which a skeleton is built. The function is pure.
    """
    if sys.version_info >= (3, 12):
        yield
        return
    original = typing._get_protocol_attrs  # type: ignore[attr-defined]
    typing._get_protocol_attrs = functools.cache(original)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        typing._get_protocol_attrs = original  # type: ignore[attr-defined]


@contextlib.contextmanager
def deep(num_nodes: int) -> Iterator[None]:
    """Lets Keras walk a graph of so many nodes: `keras.Model` follows it with recursion, a chain of 1,000 is too long.

    Python functions that call each other need no C stack since Python 3.11, so that the limit can be raised.
    """
    limit = sys.getrecursionlimit()
    # `_build_map_helper` of keras/src/ops/function.py calls itself for each node.
    sys.setrecursionlimit(max(limit, 4 * num_nodes + 1000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def seeded(seed: int, name: str) -> None:
    """Makes what is built next for this layer depend on the seed and the name alone.

    Keras draws the seeds of initializers and of random layers from Python's generator when they are made
    (`keras.utils.set_random_seed` relies on the same).
    """
    random.seed(f"{seed}/{name}")


def is_symbolic(variable: Any) -> bool:
    """Whether a variable has no value yet."""
    return variable._value is None


def initialize(variable: Any) -> None:
    """Gives a variable the value of its initializer, if it has none."""
    if is_symbolic(variable):
        variable._deferred_initialize()


def initial_value(variable: Any, shape: tuple[int, ...]) -> Any:
    """What a variable's initializer gives for a shape, an array; the variable stays as it is.

    Of a layer that could only be built with weights it is those, again and again where the shape is another.
    """
    if is_symbolic(variable):
        return keras.ops.convert_to_numpy(variable._initializer(shape, dtype=variable.dtype))
    return np.resize(keras.ops.convert_to_numpy(variable.value), shape)


def fresh_variable(variable: Any, *, with_value: bool) -> Any:
    """Another variable like this one, zero until it is assigned unless it is to begin `with_value`."""
    value = np.array(keras.ops.convert_to_numpy(variable.value)) if with_value else None
    fresh = type(variable)(
        initializer="zeros" if value is None else lambda shape, dtype=None: _tensor(value, dtype),
        shape=variable.shape,
        dtype=variable.dtype,
        trainable=variable._trainable,
        autocast=variable._autocast,
        aggregation=variable.aggregation,
        synchronization=variable.synchronization,
        name=variable.name,
    )
    for key in ("_path", "_trainable", "_overwrite_with_gradient", "_layout"):
        setattr(fresh, key, getattr(variable, key))
    return fresh


def assign(variable: Any, value: Any) -> None:
    """Gives a variable its value, an array or a tensor, without first filling it with another.

    An array must not be used afterwards: its memory may be the variable's.

    Raises:
        ValueError: the shapes differ.
    """
    if tuple(value.shape) != tuple(variable.shape):
        raise ValueError(f"a variable of shape {tuple(variable.shape)} cannot take values of shape {value.shape}")
    if not is_symbolic(variable):
        variable.assign(value)
        return
    # Through the initializer, so that the backend makes the variable as it makes any: `keras/src/backend/common/
    # variables.py` has no other way. What TensorFlow makes as not trainable it never trains: see `thawed`.
    variable._initializer = lambda shape, dtype=None: _tensor(value, dtype)
    variable._deferred_initialize()


def _tensor(array: Any, dtype: Any) -> Any:
    """The array as the backend's tensor; on TensorFlow in the same memory, through DLPack, where that is allowed.

    Keras's own `convert_to_tensor` always copies, which for one kernel of 411 MB means 411 MB more at the peak, and the
    variable that is made from its result may copy again. There is no name for this in Keras, so this is the one place
    outside of distribution that asks the backend itself.
    """
    if isinstance(array, np.ndarray) and not array.dtype.isnative:  # which torch cannot convert
        array = array.astype(array.dtype.newbyteorder("="))
    if keras.backend.backend() == "tensorflow" and isinstance(array, np.ndarray) and _fits_dlpack(array, dtype):
        import tensorflow  # not there where Keras runs on another backend

        if not tensorflow.config.list_logical_devices("GPU"):
            return tensorflow.experimental.dlpack.from_dlpack(_given_away(array).__dlpack__())
    return keras.ops.convert_to_tensor(array, dtype=dtype)


def _fits_dlpack(array: np.ndarray[Any, Any], dtype: Any) -> bool:
    """Whether nothing of the array would have to change: DLPack has no text and no empty memory."""
    same = dtype is None or str(keras.backend.standardize_dtype(dtype)) == array.dtype.name
    return bool(same and array.size and array.dtype.kind in "fiu")


def _given_away(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array itself where a backend may take it over as it is; else a copy, as of memory that somebody reads."""
    if array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % ALIGNMENT == 0:
        return array
    copy: np.ndarray[Any, Any] = empty(array.shape, array.dtype)
    np.copyto(copy, array)
    return copy
