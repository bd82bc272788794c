"""Layers that compute in float64 for a while, so that what is compared shows no rounding but that of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import keras

from spec_compiler.backend.models.store import parts

FLOATS = ("float16", "bfloat16", "float32")
Found = TypeVar("Found")


def in_best(run: Callable[[str], Found]) -> tuple[Found, str]:
    """What a run gives in the best dtype that its layers can compute in, and which that is."""
    if keras.backend.backend() != "jax":  # which has no float64 unless that was asked for at its start
        with contextlib.suppress(Exception):  # a kernel that the device does not have, a class that casts by itself
            return run("float64"), "float64"
    return run("float32"), "float32"


@contextlib.contextmanager
def computing(dtype: str, layers: Iterable[Any]) -> Iterator[None]:
    """Lets layers, and those inside of them, compute in a dtype; their variables stay as they are.

    Keras casts variables to what a layer computes in while it is called, which is how its mixed policies work.
    """
    changed: list[tuple[Any, Any]] = []
    for layer in (part for each in layers for part in parts(each)):
        policy: Any = getattr(layer, "_dtype_policy", None)  # of a map each variable may have its own
        plain = type(policy) is keras.DTypePolicy and policy.quantization_mode is None
        if plain and policy.compute_dtype in FLOATS and policy.compute_dtype != dtype:
            changed.append((layer, policy))
    try:
        for layer, policy in changed:
            layer._dtype_policy = _Computing(policy.variable_dtype, dtype)
        yield
    finally:
        for layer, policy in reversed(changed):
            layer._dtype_policy = policy


class _Computing(keras.DTypePolicy):  # type: ignore[misc]
    """A policy of two dtypes, of which Keras has no name for most pairs."""

    def __init__(self, variable_dtype: str, compute_dtype: str) -> None:
        super().__init__(variable_dtype)
        self._compute_dtype = compute_dtype
