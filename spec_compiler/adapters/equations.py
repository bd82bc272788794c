"""The equations of usual contracts: channels mixed or chosen, classes and rows that stay, another shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spec_compiler.graph.adapter import Recipe, Values
from spec_compiler.graph.equation import Array, Equation, Pair
from spec_compiler.graph.layer_spec import Place, Shape

Channels = Callable[[Values], Array]  # for each channel the number of the base's channel that it is


def mixed(layers: tuple[str, ...], matrix: Array, axis: int = -1) -> Equation:
    """That a layer which reads the model's input puts out what the base's puts out on the channels `x @ matrix`.

    `matrix` has a row for each new channel and a column for each old one: `sum` of three is `[[1, 1, 1]]`.
    """

    def old(x: Array) -> Array:
        import numpy as np  # a check that adapts nothing is to start without it

        return np.moveaxis(np.moveaxis(x, axis, -1) @ np.asarray(matrix, x.dtype), -1, axis)

    return Equation(layers, takes=lambda values, x: (x, old(x)), feeds=old)


def chosen(
    layers: tuple[str, ...],
    taken: tuple[Channels, int] | None = None,
    given: Channels | None = None,
    reference: Mapping[Place, Recipe] | None = None,
    axis: int = -1,
) -> Equation:
    """That a layer on some of the base's channels, or on several of one, puts out some of what the base's puts out.

    `taken` are the channels that reach it, and how many the base's layer takes: those that left are zeros there.
    `given` are those that it puts out. None: all, as they are.
    """

    def takes(values: Values, x: Array) -> Pair:
        import numpy as np  # as above

        assert taken is not None
        channels, width = taken
        shape = list(x.shape)
        shape[axis] = width
        whole = np.zeros(shape, x.dtype)
        np.moveaxis(whole, axis, -1)[..., channels(values)] = np.moveaxis(x, axis, -1)
        return x, whole

    def gives(values: Values, ours: Array, theirs: Array) -> Pair:
        import numpy as np  # as above

        assert given is not None
        return ours, np.take(theirs, given(values), axis)

    return Equation(layers, takes if taken else None, gives if given else None, reference=reference or {})


def of_classes(layer: str, new: Sequence[int], old: Sequence[int]) -> Equation:
    """That the outputs `new` of a layer are the outputs `old` of the base's, before their activations."""

    def gives(values: Values, ours: Array, theirs: Array) -> Pair:
        return ours[..., list(new)], theirs[..., list(old)]

    return Equation((layer,), gives=gives, logits=True, whole=False)


def of_rows(layer: str, new: Sequence[int], old: Sequence[int]) -> Equation:
    """That an embedding has for the integers `new` what the base's has for the integers `old`."""

    def takes(values: Values, x: Array) -> Pair | None:
        import numpy as np  # as above

        if (x != np.floor(x)).any():  # a table that is called the other way round takes what it puts out
            return None
        return np.asarray([new], x.dtype), np.asarray([old], x.dtype)

    return Equation((layer,), takes, whole=False)


def reshaped(
    layers: tuple[str, ...],
    shape: Shape,
    order: tuple[int, ...] | None = None,
    *,
    into_map: bool = False,
    whole: bool = True,
) -> Equation:
    """That a layer on a map puts out, number by number, what the base's puts out on the map laid out as a row.

    `shape` is the map's, `order` that of its axes in the row, without the batch axis; with `into_map` the layer takes
    the row and the base's the map. A map that is larger in the result is cut off, and `whole` is to be False then.
    """
    axes = order or tuple(range(len(shape)))

    def takes(values: Values, x: Array) -> Pair:
        import numpy as np  # as above

        if into_map:
            laid = x.reshape(len(x), *(shape[axis] for axis in axes))
            return x, laid.transpose(0, *(np.argsort(axes) + 1))
        part = x[(slice(None), *(slice(size) for size in shape))]
        return part, part.transpose(0, *(axis + 1 for axis in axes)).reshape(len(part), -1)

    def gives(values: Values, one: Array, other: Array) -> Pair:
        return one.reshape(len(one), -1), other.reshape(len(other), -1)

    return Equation(layers, takes, gives, whole=whole)
