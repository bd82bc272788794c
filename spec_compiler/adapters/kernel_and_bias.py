"""The kernel and the bias of a layer, found by their names, and what two layers must share to be the same function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from spec_compiler.diagnostics import quoted
from spec_compiler.graph.adapter import Array, Recipe, Unfit, Values, recipe_of
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.keras_facts.settings import image_data_format

CONVOLUTION = re.compile(r"Conv[123]D")


def variables_of(layer: LayerSpec) -> tuple[VariableSpec, ...]:
    """The variables of a layer that others are made of.

    Raises:
        Unfit: a layer that the base has no values for.
    """
    if not layer.variables:
        new = "is a new layer, which has no values yet" if layer.is_new else "has no variables"
        raise Unfit(f"`{layer.name}` {new}", "name a layer of the base")
    return layer.variables


def kernel_and_bias(layer: LayerSpec) -> tuple[int, int | None]:
    """The indices of a layer's kernel and bias among its variables; None where it has no bias.

    Raises:
        Unfit: a layer with other weights: the two alone are not its function, as with LoRA.
    """
    places = {each.path: index for index, each in enumerate(variables_of(layer)) if each.is_weight}
    if "kernel" not in places or not places.keys() <= {"kernel", "bias"}:
        raise Unfit(f"`{layer.name}` ({layer.class_name}) has {quoted(list(places))}, not a kernel and a bias alone")
    return places["kernel"], places.get("bias")


def changed(layer: LayerSpec, index: int, formula: str, change: Callable[[Array], Array]) -> Recipe | None:
    """The recipe of what a formula makes of a layer's variable; None where that is initialised itself."""
    was = recipe_of(layer, index)
    return Recipe(was.sources, formula, lambda values: change(was.make(values))) if was is not None else None


def bias_of(source: LayerSpec) -> Recipe | None:
    """The recipe of a layer's bias, zeros where it has none; None where it is initialised itself."""
    kernel, bias = kernel_and_bias(source)
    if bias is not None:
        return changed(source, bias, "as it is", lambda array: array)
    width = variables_of(source)[kernel].shape[-1]

    def zeros(values: Values) -> Array:
        import numpy as np  # a check that adapts nothing is to start without it

        return np.zeros(width, "float32")

    return Recipe((), "zeros, as there was no bias", zeros)


def given(*recipes: tuple[int | None, Recipe | None]) -> Mapping[int, Recipe]:
    """Recipes by the variables that they are for, as far as there are both."""
    return {index: recipe for index, recipe in recipes if index is not None and recipe is not None}


def lost(source: LayerSpec, layer: LayerSpec) -> str | None:
    """What of a layer's function another with its kernel has not: its bias, its activation; None where it has all."""
    if kernel_and_bias(source)[1] is not None and kernel_and_bias(layer)[1] is None:
        return "its bias"
    activation = source.arguments.get("activation")
    if (activation or "linear") != (layer.arguments.get("activation") or "linear"):
        return "its activation"
    # Keras's softmax is over the last axis, whatever the layer calls its channels
    if (
        activation in ("softmax", "log_softmax")
        and is_channels_first(layer)
        and CONVOLUTION.fullmatch(layer.class_name)
    ):
        return "its activation"
    return None


def is_channels_first(layer: LayerSpec) -> bool:
    """Whether a layer says, or Keras where it does not, that the channels come before the places."""
    return (layer.arguments.get("data_format") or image_data_format()) == "channels_first"


def base_of(source: LayerSpec) -> str | None:
    """The name in the base of a layer that others are compared with; None where its values are not as the base's."""
    return None if source.is_new or source.adapter is not None or source.changed else source.name_in_base
