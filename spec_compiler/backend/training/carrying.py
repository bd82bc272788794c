"""What an optimizer knows, handed on to a new one for more variables: Keras builds each for those that it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from spec_compiler.diagnostics import SpecError

_OWN = ("_variables", "_trainable_variables")
_AVERAGES = "_model_variables_moving_average"


class NotCarried(Exception):
    """An optimizer whose state is not laid out as in Keras's own: variables of its own, and lists with one for each."""


def carry_state(old: Any, new: Any) -> None:
    """Gives a built optimizer the state of another of its kind, of the same variables and others.

    What belongs to a variable of the model stands in lists that are as long as there are variables
    (`keras/src/optimizers/base_optimizer.py`, `add_optimizer_variables`); what is left belongs to all of them.

    Raises:
        NotCarried: it is laid out in another way.
    """
    for before, after in zip(_with_inner(old), _with_inner(new), strict=True):
        _carry(before, after)


def check_carries(make: Any, path: tuple[Any, ...]) -> None:
    """Proves with two small variables that the state of an optimizer can be handed on; `make` makes a fresh one.

    Raises:
        SpecError: SC609.
    """
    first, second = (keras.Variable(np.ones((2, 3), "float32"), name=name) for name in ("first", "second"))
    old, new = make(), make()
    old.build([first])
    new.build([second, first])
    try:
        carry_state(old, new)
    except NotCarried as error:
        message = f"the state of `{type(old).__name__}` cannot be handed on when more is unfrozen: {error}"
        help = "take an optimizer of Keras's, or a phase for each stage"
        raise SpecError.single("SC609", message, path=path, help=help) from None


def _with_inner(optimizer: Any) -> Iterator[Any]:
    """The optimizer, and the one inside of a `LossScaleOptimizer`."""
    yield optimizer
    if hasattr(optimizer, "inner_optimizer"):
        yield from _with_inner(optimizer.inner_optimizer)


def _carry(old: Any, new: Any) -> None:
    known = {id(variable): at for at, variable in enumerate(old._trainable_variables)}
    of_one: set[int] = set()
    for name, slots in _lists(new):
        before = getattr(old, name, None)
        if not isinstance(before, list | tuple) or len(before) != len(known):
            raise NotCarried(f"`{name}` is a list of another length than there are variables")
        of_one |= {id(each) for each in (*slots, *before)}
        for variable, slot in zip(new._trainable_variables, slots, strict=True):
            if slot is None:
                continue
            if id(variable) in known:
                slot.assign(before[known[id(variable)]])
            elif name == _AVERAGES:
                slot.assign(variable)  # of what has not moved the average is what it is
    left, wanted = ([each for each in side._variables if id(each) not in of_one] for side in (old, new))
    if [tuple(each.shape) for each in left] != [tuple(each.shape) for each in wanted]:
        raise NotCarried("it keeps variables that are not in a list with one for each of the model's")
    for one, other in zip(left, wanted, strict=True):
        other.assign(one)


def _lists(optimizer: Any) -> Iterator[tuple[str, Any]]:
    """The lists with a variable for each of the model's, or None where one needs none."""
    count = len(optimizer._trainable_variables)
    mine = {id(each) for each in optimizer._variables}
    for name, value in vars(optimizer).items():
        if name in _OWN or not isinstance(value, list | tuple) or len(value) != count:
            continue
        if any(each is not None for each in value) and all(each is None or id(each) in mine for each in value):
            yield name, value
