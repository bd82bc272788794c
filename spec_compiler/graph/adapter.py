"""How a layer gets values that the base does not have as they are: made of the base's by a formula, said aloud.

An adapter is what an edit leaves in a layer; it knows the formula for each variable and what it preserves, and holds no
values. Values flow when the weights are filled in, through its recipes.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

from spec_compiler.diagnostics import Path
from spec_compiler.keras_facts.lora import part_of

if TYPE_CHECKING:
    from spec_compiler.diagnostics import Fix
    from spec_compiler.graph.equation import Equation
    from spec_compiler.graph.graph import Graph
    from spec_compiler.graph.layer_spec import LayerSpec, Origin, Place, VariableSpec
    from spec_compiler.graph.node import Node

Array = Any  # of numpy, which a graph does not import
Preserves = Literal["exact", "partly", "not"]


class Unfit(Exception):
    """An adapter that cannot give a layer its values, and why.

    `help` and `fixes` are as those of a diagnostic, `path` leads from `weights` to what is at fault.
    """

    def __init__(self, reason: str, help: str | None = None, fixes: tuple[Fix, ...] = (), path: Path = ()) -> None:
        super().__init__(reason)
        self.reason, self.help, self.fixes, self.path = reason, help, fixes, path


class Choice(abc.ABC):
    """What can only be decided once values are read, such as which channels are the largest; decided once."""

    @abc.abstractmethod
    def decide(self, values: Values) -> Any:
        """The decision."""


class Sliceable(Protocol):
    """An array, or what gives slices of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole."""
        ...

    @property
    def dtype(self) -> Any:
        """NumPy's."""
        ...

    def take(self, indices: Any, axis: int, out: Any, mode: Any) -> Any:
        """As `numpy.ndarray.take`."""
        ...


class Values(Protocol):
    """The base's values while weights are filled in."""

    def read(self, place: Place) -> Array:
        """A variable of the base as an array, which its reader may not change."""
        ...

    def unread(self, place: Place) -> Sliceable:
        """A variable of the base that is only sliced, once: a large one may stay in its file."""
        ...

    def has(self, place: Place) -> bool:
        """Whether the base comes with values for a variable."""
        ...

    def decided(self, choice: Choice) -> Any:
        """What a choice came to."""
        ...

    def initial(self, shape: tuple[int, ...]) -> Array:
        """What the initializer of the variable that is filled gives for a shape, the same each time."""
        ...


class Recipe(NamedTuple):
    """How one variable is made: of which variables of the base, by what formula.

    `make` gives an array of the variable's shape; its dtype is cast to the variable's. `formula` is empty for a copy.
    """

    sources: tuple[Place, ...]
    formula: str
    make: Callable[[Values], Array]


class Contract(NamedTuple):
    """What an adapter promises of the result.

    Attributes:
        preserves: `exact`, the function of the base; `partly`, on some inputs or outputs; `not`.
        text: what exactly, as in `the function, on three equal channels`.
        strategy: the word of the spec.
        formula: how values are made, in a line.
        layers: whose values they are.
        origin: where the spec says so.
    """

    preserves: Preserves
    text: str
    strategy: str
    formula: str
    layers: tuple[str, ...]
    origin: Origin

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        origin = {"section": self.origin.section, "path": list(self.origin.path)}
        said = {key: getattr(self, key) for key in ("strategy", "formula", "preserves", "text")}
        return {**said, "layers": list(self.layers), **origin}


@dataclass(frozen=True)
class Adapter(abc.ABC):
    """Gives variables of a layer values that are made of the base's.

    `origin` is where the spec says so, `altered` an argument by which a later edit gave the layer another function.
    """

    judges_arguments: ClassVar[bool] = False  # whether `promise` itself sees what arguments the layer has in the end

    origin: Origin
    altered: str = field(default="", kw_only=True)

    @property
    @abc.abstractmethod
    def strategy(self) -> str:
        """The word of the spec."""

    @property
    def absorbs_lora(self) -> bool:
        """Whether the values that it makes hold what LoRA did, so that its matrices may be gone."""
        return False

    def is_needed(self, layer: LayerSpec) -> bool:
        """Whether a kept layer, its arguments changed, has values that it must make; if not, it is left out."""
        return True

    def placed(self, layer: LayerSpec, node: Node, graph: Graph) -> Adapter:
        """It with what it must know of a layer's first call, once the shapes before that are known."""
        return self

    @abc.abstractmethod
    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """For each variable of the layer, as Keras built it, that is adapted: how, by its index.

        What is left out is copied where the base keeps it, else initialised.

        Raises:
            Unfit: the layer's shapes are none that it can fill.
        """

    @abc.abstractmethod
    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """What it preserves of the base's function in that layer, as `Contract` says it."""

    def preserved(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """What is preserved after all edits: what `promise` says, unless a later one altered the function."""
        return ("not", f"its `{self.altered}` was changed later") if self.altered else self.promise(layer, graph)

    def tried(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """The equation, unless a later edit altered the function."""
        return None if self.altered else self.equation(layer, graph)

    @property
    @abc.abstractmethod
    def formula(self) -> str:
        """How values are made, in a line."""

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """What `build --prove` tries, to show that the promise holds; None where there is nothing to try.

        An adapter that makes others of an earlier one's values gives that one's equation, with what it adds to it.
        """
        return None

    @property
    def layer_before(self) -> LayerSpec | None:
        """The layer whose values this makes others of, as it was, where it may have an adapter as well."""
        return None

    @property
    def earlier(self) -> Adapter | None:
        """What gave the layer the values that this one makes others of; None where they are the base's."""
        return self.layer_before.adapter if self.layer_before is not None else None


def recipe_of(layer: LayerSpec, index: int) -> Recipe | None:
    """How one variable of a layer gets its value from the base; None where it is initialised.

    Raises:
        Unfit: as `Adapter.recipes`.
    """
    adapted = layer.adapter.recipes(layer).get(index) if layer.adapter is not None else None
    if adapted is not None:
        return adapted
    place = layer.place(index) if layer.keeps_weights else None
    return copied(place) if place is not None else None


def copied(place: Place) -> Recipe:
    """The recipe of a variable that is as the base has it."""
    return Recipe((place,), "", lambda values: values.read(place))


def outgrown(variable: VariableSpec, shape: tuple[int, ...]) -> Unfit:
    """Why values of a shape are none for a variable of a layer that a later edit gave another one."""
    reason = f"its {variable.path} has the shape {variable.shape}, the values are for {shape}"
    return Unfit(reason, "a later edit gives the layer another shape: say that one first, in `steps`")


def unfit(layer: LayerSpec) -> Unfit | None:
    """Why a layer's adapter cannot give it its values; None where it can, or where the layer has none."""
    if layer.adapter is None:
        return None
    try:
        layer.adapter.recipes(layer)
    except Unfit as error:
        return error
    return None


def does_not_fit(layer: LayerSpec, new: tuple[VariableSpec, ...]) -> bool:
    """Whether a kept layer, made again with the variables `new`, has others than the base keeps values for.

    What an adapter fills need not have the old shape.
    """
    if layer.is_new:
        return False
    old = layer.variables or ()
    continued = list(zip(layer.continues(new), new, strict=True))
    if any(index is not None and old[index].shape != variable.shape for index, variable in continued):
        made = layer.rebuilt(new)
        filled = made.adapter.recipes(made) if made.adapter is not None and unfit(made) is None else {}
        alike = (
            at in filled or index is None or old[index].shape == each.shape
            for at, (index, each) in enumerate(continued)
        )
        if not all(alike):
            return True
    kept = {index for index, _ in continued}
    lost = [variable for index, variable in enumerate(old) if variable.is_weight and index not in kept]
    continued = [(index, variable) for index, variable in continued if not _is_given(layer, variable)]
    if layer.adapter is not None and layer.adapter.absorbs_lora:
        lost = [variable for variable in lost if part_of(variable.path) is None]
    if any("lora_" in variable.path for variable in lost):  # they are part of what the kernel does
        return True
    gained = any(variable.is_weight and index is None for index, variable in continued)
    return layer.changed_by is None and (bool(lost) or gained)  # `set` may say `use_bias: false`, or `lora_rank: 4`


def _is_given(layer: LayerSpec, variable: VariableSpec) -> bool:
    """Whether a variable is of the LoRA that an edit gives the layer."""
    return layer.has_new_lora and part_of(variable.path) is not None


def contracts(graph: Graph) -> Iterator[Contract]:
    """What the adapters in a graph promise, layers with the same promise by the same edit together."""
    found: dict[tuple[Origin, str, str, Preserves, str], list[str]] = {}
    for layer in graph.layers.values():
        adapter, now = layer.adapter, layer
        while adapter is not None:
            preserves, text = adapter.preserved(now, graph)
            key = (adapter.origin, adapter.strategy, adapter.formula, preserves, text)
            names = found.setdefault(key, [])
            names += [layer.name] if layer.name not in names[-1:] else []  # two of one kind, each by another's values
            if adapter.layer_before is not None:
                now = adapter.layer_before.called(layer.name)
            adapter = adapter.earlier
    for (origin, strategy, formula, preserves, text), layers in found.items():
        yield Contract(preserves, text, strategy, formula, tuple(layers), origin)
