"""Equations as arrays: what a layer of the base is called on, and what of its output is compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from spec_compiler.adapters import equations
from spec_compiler.graph.adapter import Choice
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import Place

RANDOM = np.random.default_rng(5)


class NoValues:
    """A base that nothing is read of."""

    def has(self, place: Place) -> bool:
        return False

    def initial(self, shape: tuple[int, ...]) -> Any:
        raise LookupError(shape)

    def read(self, place: Place) -> Any:
        raise LookupError(place)

    def unread(self, place: Place) -> Any:
        raise LookupError(place)

    def decided(self, choice: Choice) -> Any:
        raise LookupError(choice)


def taken(equation: Equation, x: Any) -> tuple[Any, Any]:
    assert equation.takes is not None
    pair = equation.takes(NoValues(), x)
    assert pair is not None
    return pair


def test_mixed_channels_are_a_product_along_their_axis() -> None:
    matrix, first = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(4, 2, 5))
    found = equations.mixed(("conv",), matrix, axis=1)
    assert found.feeds is not None
    expected = np.stack([sum(first[:, c] * matrix[c, i] for c in range(2)) for i in range(3)], axis=1)
    np.testing.assert_allclose(found.feeds(first), expected)
    ours, theirs = taken(found, first)
    assert ours is first
    np.testing.assert_array_equal(theirs, found.feeds(first))


def test_channels_that_left_are_zeros_where_the_base_has_them() -> None:
    x, out = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(2, 4))
    found = equations.chosen(("fc",), (lambda values: np.array([4, 0, 3]), 6), lambda values: np.array([1, 1, 2]))
    assert found.gives is not None
    ours, theirs = taken(found, x)
    assert ours is x
    np.testing.assert_array_equal(
        theirs, np.stack([x[:, 1], x[:, 1] * 0, x[:, 0] * 0, x[:, 2], x[:, 0], x[:, 0] * 0]).T
    )
    np.testing.assert_array_equal(found.gives(NoValues(), x, out)[1], out[:, [1, 1, 2]])


def test_a_map_and_its_row_in_another_order() -> None:
    image = RANDOM.normal(size=(2, 3, 4, 5))
    row = image.transpose(0, 2, 3, 1).reshape(2, -1)  # as Flatten lays out channels that come first
    as_row, as_map = (
        equations.reshaped(("fc",), (3, 4, 5), (1, 2, 0)),
        equations.reshaped(("conv",), (3, 4, 5), (1, 2, 0), into_map=True),
    )
    larger = np.pad(image, ((0, 0), (0, 0), (0, 2), (0, 3)))
    np.testing.assert_array_equal(taken(as_row, larger)[1], row)
    np.testing.assert_array_equal(taken(as_map, row)[1], image)


def test_integers_of_rows_have_the_dtype_of_the_input() -> None:
    found = equations.of_rows("emb", [0, 2], [8, 5])
    ours, theirs = taken(found, np.zeros((1, 3), "int16"))
    assert (ours.tolist(), theirs.tolist(), theirs.dtype) == ([[0, 2]], [[8, 5]], np.int16)
    assert not found.whole
    assert found.takes is not None
    assert found.takes(NoValues(), np.full((1, 3, 4), 0.5)) is None
