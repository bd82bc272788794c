"""A layer as a value: its class and config, its variables, and where the base keeps them. No framework inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from spec_compiler.diagnostics import Path, dotted
from spec_compiler.graph.variable_names import continued
from spec_compiler.language.places import STEPS, section_place

if TYPE_CHECKING:
    from spec_compiler.graph import Graph
    from spec_compiler.graph.adapter import Adapter
    from spec_compiler.graph.low_rank import LowRank

Shape = tuple[int | None, ...]
Place = tuple[str, int]  # a variable of the base: its layer, and its index in that layer's variables
Kind = Literal["input", "layer", "operation", "model"]


@dataclass(frozen=True, slots=True)
class VariableSpec:
    """A variable of a layer: its name inside the layer, shape, dtype, and where the two file formats keep it.

    `store_path` is its place below the layer's group in a Keras 3 weights file; `legacy_index` its position in the
    layer's group of a legacy H5 file, None for state that such a file does not hold (seeds of random generators).
    `shared_path` is its place in the whole file of Keras 3 where an earlier layer shares it, which Keras saves once.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool = True
    store_path: str | None = None
    legacy_index: int | None = None
    shared_path: str | None = None

    @property
    def num_elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def is_weight(self) -> bool:
        """Whether Keras counts it among the weights; the state of a random generator is not."""
        return self.legacy_index is not None

    def below(self, group: str | None) -> VariableSpec:
        """The variable as a part of a model or of one of several bases, each of which counts its own places."""
        return replace(self, shared_path=f"{group}/{self.shared_path}") if self.shared_path and group else self


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the base and its files keep what a layer knows.

    `group` is its group in a Keras 3 weights file. `places` are those of its variables, if the base does not keep them
    under the layer's own name. `assets` are files that Keras saves for it, below its group: `vocabulary.txt`.
    `loads_itself` says whether Keras's loading of it does more than assign its variables.
    """

    group: str | None = None
    places: tuple[Place | None, ...] | None = None
    loads_itself: bool = False
    assets: tuple[str, ...] = ()

    def below(self, group: str | None) -> Stored:
        """The same as a part of a model or of one of several bases, as `VariableSpec.below`."""
        return replace(self, group=f"{group}/{self.group}") if self.group and group else self

    def at(self, variable: VariableSpec) -> str:
        """Where a file of the base keeps one of the variables."""
        return variable.shared_path or f"{self.group}/{variable.store_path or variable.path}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a layer comes from: the section of the spec, and the path of the entry that made it."""

    section: str = "base"
    path: Path = ()

    @property
    def place(self) -> str:
        """The section as messages name it: `head`, or of several steps `steps[2].head`."""
        return dotted(section_place(self.path)) if self.path[:1] == (STEPS,) else self.section


BASE = Origin()


@dataclass(frozen=True, slots=True, repr=False)
class LayerSpec:
    """One layer object.

    `config` is Keras's own serialised form for layers of the base. For new layers it is
    `{"class_name": …, "config": {arguments}}` until Keras has built them. `variables` is None until then. `changed`
    holds what an edit gave a kept layer, as the spec writes it: it gets into the config when Keras builds the layer.
    """

    name: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)
    kind: Kind = "layer"
    trainable: bool = True
    variables: tuple[VariableSpec, ...] | None = None
    origin: Origin = BASE
    position: int | None = None  # in the base's own `model.layers`
    inner: Graph | None = None  # the graph of a nested model
    stored: Stored = Stored()
    changed_by: Origin | None = None  # the edit that gave a kept layer other arguments
    changed: Mapping[str, Any] = field(default_factory=dict, hash=False)
    keras_name: str | None = None  # where Keras does not allow `name`, which has a slash
    base_name: str | None = None  # in the base, where an edit gave it another
    renamed_by: Origin | None = None  # the edit that did no more than that
    takes_training: bool = False  # whether its call has a `training` argument
    has_named_outputs: bool = False  # whether something takes one of its outputs by number, `lstm.0`
    wrapped: LayerSpec | None = None  # the kept layer inside of a new one, whose weights stay
    remade: str = ""  # how a kept layer was made that its config does not make
    adapter: Adapter | None = None  # gives it values that the base does not have as they are
    lora: LowRank | None = None  # of an edit, or of the base where the config does not say it

    def __repr__(self) -> str:
        return f"<{self.class_name} {self.name}: {self.num_parameters:,} parameters>"

    @property
    def is_new(self) -> bool:
        """Whether a section of the spec made it."""
        return self.origin.section != "base"

    @property
    def cause(self) -> Origin | None:
        """The edit that made or changed it, None where it is as the base has it."""
        if self.is_new and self.kind == "input":  # `input` changes the one that `start_at` made
            return self.changed_by or self.origin
        if self.is_new:
            return self.origin
        return self.changed_by or (self.lora.origin if self.has_new_lora and self.lora is not None else None)

    @property
    def has_new_lora(self) -> bool:
        """Whether an edit gave it LoRA: the base's may have it too."""
        return self.lora is not None and self.lora.origin.section != "base"

    @property
    def computes_as_in_base(self) -> bool:
        """Whether it is a layer of the base with its own arguments; LoRA changes nothing before it has learned."""
        return not self.is_new and self.changed_by is None

    @property
    def keeps_weights(self) -> bool:
        """Whether it has values of the base: it is of the base itself, or wraps a layer that is."""
        return not self.is_new or self.wrapped is not None

    @property
    def can_train(self) -> bool:
        """Whether Keras keeps a word for it that says whether it trains: an input and an operation have none."""
        return self.kind in ("layer", "model")

    @property
    def name_in_keras(self) -> str:
        """The name of the layer object."""
        return self.keras_name or self.name

    @property
    def name_in_base(self) -> str:
        """The name that a kept layer has in the base."""
        return self.base_name or self.name

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Its constructor arguments, as its config has them."""
        arguments = self.config.get("config")  # a function is its own name there, and an unreadable layer has none
        return arguments if isinstance(arguments, Mapping) else {}

    def with_arguments(self, arguments: Mapping[str, Any]) -> LayerSpec:
        """The layer with these arguments in its config, in place of all that it has."""
        return replace(self, config={**self.config, "config": arguments})

    def called(self, name: str) -> LayerSpec:
        """The layer under another name; the base keeps its variables where it did."""
        return self._kept_at(self.all_places(), name)

    def _kept_at(self, places: tuple[Place | None, ...], name: str) -> LayerSpec:
        own = all(place == (name, index) for index, place in enumerate(places))
        return replace(self, name=name, stored=replace(self.stored, places=None if own else places))

    def place(self, index: int) -> Place | None:
        """Where the base keeps one of its variables; None for one that it got by new arguments."""
        places = self.stored.places
        return places[index] if places is not None else (self.name, index)

    def all_places(self) -> tuple[Place | None, ...]:
        """Where the base keeps each of its variables."""
        return tuple(self.place(index) for index in range(len(self.variables or ())))

    def rebuilt(self, variables: tuple[VariableSpec, ...]) -> LayerSpec:
        """It with the variables that Keras made for it anew, each at the place of the one that it continues."""
        old, continued = self.variables or (), self.continues(variables)
        places = tuple(None if index is None else self.place(index) for index in continued)
        if any(each.shared_path for each in old):  # Keras has no word for it: the base's own graph found it out
            variables = tuple(
                each if index is None else replace(each, shared_path=old[index].shared_path)
                for index, each in zip(continued, variables, strict=True)
            )
        return replace(self, variables=variables)._kept_at(places, self.name)

    def continues(self, variables: tuple[VariableSpec, ...]) -> list[int | None]:
        """For each variable that Keras made anew, the index of the layer's variable that it continues."""
        old = self.variables or ()
        alike = [each.shape for each in old] == [each.shape for each in variables]
        return continued([each.path for each in old], [each.path for each in variables], alike)

    @property
    def tied(self) -> frozenset[str]:
        """Where a file of the base keeps its weights: two layers with the same place there hold the same variable."""
        return frozenset(map(self.stored.at, self.weights))

    @property
    def weights(self) -> tuple[VariableSpec, ...]:
        """Its variables as Keras counts them: `layer.weights`, which leaves out the state of random generators."""
        return tuple(each for each in self.variables or () if each.is_weight)

    @property
    def num_parameters(self) -> int:
        """As `layer.count_params()`."""
        return sum(each.num_elements for each in self.weights)
