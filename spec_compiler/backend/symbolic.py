"""Keras models without weights, and weights given to them one by one.

Inside `keras.StatelessScope(initialize_variables=False)` Keras builds a model's layers without allocating a weight:
VGG16 in milliseconds and 0 bytes. Such variables hold only their initializer and stand on a list that Keras keeps of
uninitialized variables. Both the list and the way to give them a value are private in Keras, and used in this module
alone; `tests/backend/test_symbolic.py` says clearly when a Keras has changed them. Where a layer cannot be built so,
`writer.build` falls back to building it with weights, which is public and slower.
"""

from __future__ import annotations

import collections
import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state  # private: no public name leads there

_NAMES = "object_name_uids"
_UNINITIALIZED = "uninitialized_variables"


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
        if allocate:
            yield
        else:
            with keras.StatelessScope(initialize_variables=False):
                yield
    finally:
        global_state.set_global_attribute(_NAMES, names)
        global_state.set_global_attribute(_UNINITIALIZED, waiting)
        random.setstate(drawn)


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


def assign(variable: Any, array: np.ndarray[Any, Any]) -> None:
    """Gives a variable its value, without first filling it with another.

    Raises:
        ValueError: the shapes differ.
    """
    if tuple(array.shape) != tuple(variable.shape):
        raise ValueError(f"a variable of shape {tuple(variable.shape)} cannot take an array of shape {array.shape}")
    if not is_symbolic(variable):
        variable.assign(array)
        return
    variable._initializer = lambda shape, dtype=None: keras.ops.convert_to_tensor(array, dtype=dtype)
    variable._deferred_initialize()
