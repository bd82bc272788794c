"""A BatchNormalization inside of the weights of a layer beside it.

At inference it is y = s · x + t in each channel, s = γ / √(σ² + ε) and t = β − μ · s, as `BatchNormalization.call` in
https://github.com/keras-team/keras/blob/master/keras/src/layers/normalization/batch_normalization.py computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

from spec_compiler.adapters.kernels import (
    BIAS,
    DEPTHWISE,
    KERNEL,
    indices,
    is_depthwise,
    kernel_of,
    made_axes,
    summed_axes,
    taken_axis,
)
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Array, Preserves, Recipe, Unfit, Values, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec, Place, VariableSpec
from spec_compiler.graph.node import Node
from spec_compiler.graph.same_arguments import arguments_of

NORM = ("gamma", "beta", "moving_mean", "moving_variance")  # of a BatchNormalization, what it computes with


@dataclass(frozen=True)
class Folded(Adapter):
    """The kernel and the bias of a layer, and what a BatchNormalization beside it does.

    `was` is the layer before, `norm` the BatchNormalization; `passed` are layers between the two that do nothing at
    inference alone.
    """

    strategy: ClassVar = "fold"

    was: LayerSpec
    norm: LayerSpec
    passed: tuple[str, ...] = ()

    @property
    def layer_before(self) -> LayerSpec:
        """As `Adapter.layer_before`."""
        return self.was

    def placed(self, layer: LayerSpec, node: Node, graph: Graph) -> Folded:
        """It with an earlier adapter in its place."""
        earlier = self.was.adapter
        return (
            self
            if earlier is None
            else replace(self, was=replace(self.was, adapter=earlier.placed(self.was, node, graph)))
        )

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function at inference; in training statistics of batches would be another."""
        also = f"; in training {', '.join(f'`{name}`' for name in self.passed)} acts on other values"
        return "exact", f"the function at inference{also if self.passed else ''}"

    def _equation(self, layer: LayerSpec, graph: Graph, front: str | None, behind: str | None) -> Equation | None:
        """That of the layer before, with the BatchNormalization at its side; none of what other edits changed."""
        if self.norm.changed_by is not None or (self.earlier is None and self.was.changed_by is not None):
            return None
        was = Equation((layer.name_in_base,)) if self.earlier is None else self.earlier.tried(self.was, graph)
        # Channels that left are zeros in what `takes` makes: the reference has readers that are deaf to them.
        if was is None or was.logits or (front is not None and was.takes is not None and not was.reference):
            return None
        return replace(was, layers=tuple(filter(None, (front, *was.layers, behind))))

    def _before(self, layer: LayerSpec) -> dict[str, Recipe] | None:
        """How the layer's variables get their values without this, by their names; a bias that it gained has none.

        None where its shapes are others: then it does not fit by itself, which is said of the edit that changed them.

        Raises:
            Unfit: a variable that the base has no value for.
        """
        earlier, old, new = self.was.adapter, self.was.variables or (), layer.variables or ()
        # once for all variables: there may be as many adapters behind this one as there are layers in a row
        made = earlier.recipes(replace(layer, adapter=earlier)) if earlier is not None else {}
        recipes: dict[str, Recipe] = {}
        for name, index in indices(self.was).items():
            now = indices(layer).get(name)
            if now is None or (now not in made and new[now].shape != old[index].shape):
                return None
            recipe = made.get(now) or recipe_of(replace(layer, adapter=None), now)
            if recipe is None:
                raise Unfit(f"its {name} is none of the base")
            recipes[name] = recipe
        return recipes if BIAS in indices(layer) else None

    def _check_channels(self, layer: LayerSpec, name: str, axes: tuple[int, ...]) -> None:
        """That the layer has as many channels as the BatchNormalization, where nothing adapts that one too.

        Raises:
            Unfit: it has others.
        """
        old, new = ((each.variables or ())[indices(each)[name]].shape for each in (self.was, layer))
        if self.norm.adapter is None and any(old[axis] != new[axis] for axis in axes):
            raise Unfit(f"its kernel has other channels than `{self.norm.name}`, it was {old} and is {new}")

    def _affine(self) -> tuple[tuple[Place, ...], tuple[Place, ...], Callable[[Values], tuple[Array, Array]]]:
        """What s is made of, what t is made of, and both in float64."""
        recipes: dict[str, Recipe] = {}
        for name, index in indices(self.norm).items():
            if name not in NORM:  # what renormalization counts in training
                continue
            recipe = recipe_of(self.norm, index)
            if recipe is None:
                raise Unfit(f"the {name} of `{self.norm.name}` is none of the base")
            recipes[name] = recipe
        of_scale = [each for name, each in recipes.items() if name in ("gamma", "moving_variance")]

        def make(values: Values) -> tuple[Array, Array]:
            import numpy as np  # a check that adapts nothing is to start without it

            known = {name: np.asarray(each.make(values), "float64") for name, each in recipes.items()}
            scale = known.get("gamma", 1.0) / np.sqrt(known["moving_variance"] + _epsilon(self.norm))
            return scale, known.get("beta", 0.0) - known["moving_mean"] * scale

        return _places(of_scale), _places(recipes.values()), make

    @property
    def _scale(self) -> str:
        gamma = "γ" if "gamma" in indices(self.norm) else "1"
        return f"{gamma} / √(σ² + {_epsilon(self.norm):g})"

    @property
    def _beta(self) -> str:
        return "β" if "beta" in indices(self.norm) else "0"


@dataclass(frozen=True)
class IntoFront(Folded):
    """Of the layer in front: its kernel times s, its bias times s and t more."""

    formula: ClassVar = "kernel · s, (bias − μ) · s + β, with s = γ / √(σ² + ε)"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the layer does what it did, and the BatchNormalization then."""
        return self._equation(layer, graph, None, self.norm.name_in_base)

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel and the bias.

        Raises:
            Unfit: a variable that the base has no value for.
        """
        before, axes = self._before(layer), made_axes(layer)
        if before is None:
            return {}
        self._check_channels(layer, kernel_of(layer), axes)
        kernel, bias = before[kernel_of(layer)], before.get(BIAS)
        of_scale, of_shift, affine = self._affine()

        def make_kernel(values: Values) -> Array:
            old = _wide(kernel.make(values))
            return old * _on(axes, old, affine(values)[0].astype(old.dtype))

        def make_bias(values: Values) -> Array:
            scale, shift = affine(values)
            return _for_bias(layer, shift if bias is None else _double(bias.make(values)) * scale + shift)

        was = _named(bias, BIAS) if bias is not None else ""
        text = f"({was} − μ) · {self._scale}" if was else f"−μ · {self._scale}"
        text += f" + {self._beta}" if self._beta != "0" else ""
        return {
            **_adapted(layer, before),
            indices(layer)[kernel_of(layer)]: Recipe(
                (*kernel.sources, *of_scale), f"{_named(kernel, kernel_of(layer))} · {self._scale}", make_kernel
            ),
            indices(layer)[BIAS]: Recipe((*(bias.sources if bias else ()), *of_shift), text, make_bias),
        }


@dataclass(frozen=True)
class IntoBehind(Folded):
    """Of the layer behind: its kernel times s along what it takes, and in its bias what it makes of t.

    `by_channel` says that a `Flatten` between the two puts the values of a channel beside each other.
    """

    formula: ClassVar = "kernel · s along its input, bias + Σ kernel · (β − μ · s), with s = γ / √(σ² + ε)"

    by_channel: bool = False

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That the layer does what it did on what the BatchNormalization puts out."""
        return self._equation(layer, graph, self.norm.name_in_base, None)

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernel and the bias.

        Raises:
            Unfit: a variable that the base has no value for.
        """
        before = self._before(layer)
        if before is None:
            return {}
        name = DEPTHWISE if DEPTHWISE in before else KERNEL
        self._check_channels(layer, name, (taken_axis(layer),))
        kernel, bias = before[name], before.get(BIAS)
        point = before[kernel_of(layer)] if name == DEPTHWISE else None
        of_scale, of_shift, affine = self._affine()

        def make_kernel(values: Values) -> Array:
            old = _wide(kernel.make(values))
            return old * self._along(layer, old, affine(values)[0]).astype(old.dtype)

        def make_bias(values: Values) -> Array:
            old = _wide(kernel.make(values))
            product = old * self._along(layer, old, affine(values)[1]).astype(old.dtype)
            more = product.sum(axis=summed_axes(layer, old.ndim), dtype="float64")
            if point is not None:
                more = more.reshape(-1) @ _double(point.make(values)).reshape(more.size, -1)
            return _for_bias(
                layer, more if bias is None else more.reshape(_bias(layer).shape) + _double(bias.make(values))
            )

        was = f"{_named(bias, BIAS)} + " if bias is not None else ""
        text = f"{was}Σ {_named(kernel, name)} · ({self._beta} − μ · {self._scale})".replace("(0 − μ", "(−μ")
        text += f" · {kernel_of(layer)}" if point is not None else ""
        sources = [each.sources for each in (bias, kernel, point) if each is not None]
        return {
            **_adapted(layer, before),
            indices(layer)[name]: Recipe(
                (*kernel.sources, *of_scale), f"{_named(kernel, name)} · {self._scale}", make_kernel
            ),
            indices(layer)[BIAS]: Recipe((*(place for each in sources for place in each), *of_shift), text, make_bias),
        }

    def _along(self, layer: LayerSpec, kernel: Array, channels: Array) -> Array:
        """A value for each channel along what the kernel takes, so that it can be multiplied with the kernel."""
        import numpy as np  # as above

        if layer.class_name == "EinsumDense":
            return _on((taken_axis(layer),), kernel, channels)
        if layer.class_name == "Dense":
            times = kernel.shape[0] // channels.size
            return (np.repeat(channels, times) if self.by_channel else np.tile(channels, times))[:, None]
        if is_depthwise(layer):
            return channels[:, None]
        groups = channels.size // kernel.shape[-2]  # each takes channels of its own, and makes as many as the others
        return np.repeat(channels.reshape(groups, -1), kernel.shape[-1] // groups, axis=0).T


def _adapted(layer: LayerSpec, recipes: Mapping[str, Recipe]) -> dict[int, Recipe]:
    """Those of the recipes that are no copies."""
    return {indices(layer)[name]: recipe for name, recipe in recipes.items() if recipe.formula}


def _on(axes: tuple[int, ...], kernel: Array, channels: Array) -> Array:
    """A value for each channel on these axes of a kernel, so that it can be multiplied with it."""
    shape = [1] * kernel.ndim
    for axis in axes:
        shape[axis] = kernel.shape[axis]
    if prod(shape) != channels.size:
        raise ValueError(f"{channels.size} channels do not fit a kernel of {kernel.shape}")
    return channels.reshape(shape)


def _wide(array: Array) -> Array:
    """An array in float32, or its own dtype where that is wider."""
    import numpy as np  # as above

    return np.asarray(array).astype(np.result_type(array.dtype, np.float32), copy=False)


def _double(array: Array) -> Array:
    import numpy as np  # as above

    return np.asarray(array, "float64")


def _bias(layer: LayerSpec) -> VariableSpec:
    return (layer.variables or ())[indices(layer)[BIAS]]


def _for_bias(layer: LayerSpec, array: Array) -> Array:
    """A bias as the layer takes it, in float32 where that is no narrower."""
    bias = _bias(layer)
    return array.reshape(bias.shape).astype("float64" if bias.dtype == "float64" else "float32")


def _epsilon(norm: LayerSpec) -> float:
    return float(arguments_of(norm).get("epsilon", 1e-3))


def _places(recipes: Any) -> tuple[Place, ...]:
    return tuple(place for recipe in recipes for place in recipe.sources)


def _named(recipe: Recipe, name: str) -> str:
    """What a variable is before, in a formula."""
    return f"({recipe.formula})" if recipe.formula else name
