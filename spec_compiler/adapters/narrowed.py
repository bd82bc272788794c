"""Variables of which channels left or were copied: what `prune` and `widen` leave in the layers that they reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from spec_compiler.adapters.folded import IntoBehind
from spec_compiler.adapters.which import Which, variable_key
from spec_compiler.channels.atoms import Line, Use
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Array, Preserves, Recipe, Sliceable, Values, outgrown, recipe_of
from spec_compiler.graph.equation import Equation, Pair
from spec_compiler.graph.layer_spec import LayerSpec, Place
from spec_compiler.graph.node import ValueRef


@dataclass(frozen=True, eq=False)
class _Picks:
    """Those channels of what the base's layer puts out that are left, of those that an earlier choice left."""

    which: Which
    axes: Mapping[int, Line]
    earlier: _Picks | None = None

    def __call__(self, values: Values, ours: Array, theirs: Array) -> Pair:
        if self.earlier is not None:
            theirs = self.earlier(values, ours, theirs)[1]
        for at, line in self.axes.items():
            theirs = theirs.take(self.which.places(line, values), at)
        return ours, theirs


@dataclass(frozen=True)
class Narrowed(Adapter):
    """A layer of which channels left: slices of the variables that it had before."""

    strategy: ClassVar = "prune"

    before: LayerSpec
    which: Which = field(compare=False, repr=False)
    text: str = ""  # how those are chosen that stay
    inexact: str = ""  # why no masked model equals the result
    rearranged: bool = False  # whether other channels come out of it than before

    @property
    def layer_before(self) -> LayerSpec:
        """As `Adapter.layer_before`."""
        return self.before

    @property
    def formula(self) -> str:
        """What stays of every variable."""
        return f"the slices of the channels that stay, {self.text}"

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """Every variable that has another shape than before, or was adapted before.

        Raises:
            Unfit: another edit gave the layer variables of another shape.
        """
        made: dict[int, Recipe] = {}
        old, new = self.before.variables or (), layer.variables or ()
        for index, at in enumerate(self.before.continues(new)):
            was = recipe_of(self.before, at) if at is not None else None  # none of a bias that it got since
            if was is None or at is None:
                continue
            shape = self._shape(at)
            if new[index].shape not in (shape, old[at].shape):
                raise outgrown(new[index], shape)
            if old[at].shape != new[index].shape:
                formula = f"{was.formula}; then {self.formula}" if was.formula else self.formula
                made[index] = Recipe(was.sources, formula, self._make(was, at))
            elif was.formula:  # another adapter's work, which this one leaves as it is
                made[index] = was
        return made

    def _shape(self, index: int) -> tuple[int, ...]:
        """That of a variable, with the channels that are left."""
        shape = list((self.before.variables or ())[index].shape)
        for use in self._uses(index):
            shape[use.axis] = self.which.channels.number(use.line, self.which.example)
        return tuple(shape)

    def _make(self, was: Recipe, index: int) -> Callable[[Values], Array]:
        key = variable_key(self.before, index)

        def make(values: Values) -> Array:
            counts = values.decided(self.which)
            old: Sliceable = was.make(values) if was.formula else values.unread(*was.sources)
            return self.which.channels.array(old, key, counts)

        return make

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That from the inputs on it computes what the base does, whose readers are deaf to the channels that left."""
        if self.inexact or (self.before.adapter is None and self.before.changed_by is not None):
            return None  # what another edit made of it is not what the base has
        if self._holds_shifts():
            return None  # the base has nothing that is deaf to the channels and still hears their shifts
        earlier = self.before.adapter.tried(self.before, graph) if self.before.adapter is not None else None
        if earlier is None and self.before.adapter is not None:
            return None  # nor is what an adapter made that keeps no function
        equation = earlier or Equation((layer.name_in_base,))
        equation = replace(equation, whole=equation.whole and not self._misses_channels())
        reference = {**equation.reference, **self._deaf()}
        rearranged = self.rearranged or equation.rearranged
        if equation.zeros:  # as many as come out, whatever it hears
            return replace(equation, whole=True, rearranged=rearranged, reference=reference)
        known = self.which.channels.graph
        call = known.calls[self.before.name][0]
        inputs = list(dict.fromkeys(known.nodes[call].data_inputs))
        taken, given = self._changed(inputs[0]), self._changed(ValueRef(call))
        if isinstance(self.before.adapter, Narrowed) or equation.takes is not None or equation.gives is not None:
            gives = equation.gives
            if given and gives is not None:  # of what the base's puts out the earlier one has chosen some already
                gives = _Picks(self.which, given, gives) if isinstance(gives, _Picks) else None
            rearranged = rearranged or (gives is None and equation.gives is not None)
            return replace(equation, gives=gives, alone=False, rearranged=rearranged, reference=reference)
        return replace(
            equation,
            takes=self._spread(taken) if taken else None,
            gives=_Picks(self.which, given) if given else None,
            alone=equation.alone and (not taken or len(inputs) == 1),
            rearranged=rearranged and not given,
            reference=reference,
        )

    def _changed(self, ref: ValueRef) -> dict[int, Line]:
        """The axes of a tensor, the batch first, along which channels leave or are copied, with their lines."""
        channels, counts = self.which.channels, self.which.example
        axes = enumerate(channels.found.lines((), ref), 1)
        return {at: line for at, line in axes if line is not None and channels.number(line, counts) != len(line)}

    def _spread(self, axes: Mapping[int, Line]) -> Callable[[Values, Array], Pair]:
        """What a layer takes, and the same with every channel where the base has it, zeros for those that left."""

        def takes(values: Values, x: Array) -> Pair:
            import numpy as np  # as below

            sizes = [len(axes[at]) if at in axes else size for at, size in enumerate(x.shape)]
            whole = np.zeros(sizes, x.dtype)
            places = (
                self.which.places(axes[at], values) if at in axes else np.arange(size) for at, size in enumerate(sizes)
            )
            whole[np.ix_(*places)] = x
            return x, whole

        return takes

    def _deaf(self) -> dict[Place, Recipe]:
        """What the base's variables hold in the masked model: each slice times how much of it is heard at the end."""
        found: dict[Place, Recipe] = {}
        for index in range(len(self.before.variables or ())):
            place = self.before.place(index) if self.before.keeps_weights else None
            if place is not None and any(use.role == "takes" for use in self._uses(index)):
                found[place] = Recipe((place,), "", self._heard(place, index))
        return found

    def _misses_channels(self) -> bool:
        """Whether a new layer hears fewer channels: the base has none that could be deaf to them in its place."""
        if self.before.keeps_weights or self.strategy != Narrowed.strategy:
            return False
        channels, counts = self.which.channels, self.which.example
        uses = (use for index in range(len(self.before.variables or ())) for use in self._uses(index))
        return any(use.role == "takes" and channels.number(use.line, counts) != len(use.line) for use in uses)

    def _holds_shifts(self) -> bool:
        """Whether its bias holds what a BatchNormalization in front, which is folded, adds to channels that left."""
        earlier = self.earlier
        while earlier is not None and not isinstance(earlier, IntoBehind):
            earlier = earlier.earlier
        counts, root = self.which.example, self.which.channels.root
        uses = (use for index in range(len(self.before.variables or ())) for use in self._uses(index))
        return earlier is not None and any(use.role == "takes" and not counts[root[use.line]].all() for use in uses)

    def _uses(self, index: int) -> tuple[Use, ...]:
        return self.which.channels.uses_of(variable_key(self.before, index))

    def _heard(self, place: Place, index: int) -> Callable[[Values], Array]:
        def make(values: Values) -> Array:
            array = values.read(place)
            for axis, size in enumerate(array.shape):
                heard = self._shares(values, index, axis, None)
                if heard is not None and len(heard) == size:
                    shape = [-1 if each == axis else 1 for each in range(array.ndim)]
                    array = array * heard.astype(array.dtype).reshape(shape)
            return array

        return make

    def _shares(self, values: Values, index: int, axis: int, shares: Array) -> Array:
        """For each index along an axis that is summed over, before all narrowing, how much of it is heard.

        `shares` are those after this adapter; None where all is heard, or where the axis is not summed over.
        """
        import numpy as np  # a check that adapts nothing is to start without it

        use = next((each for each in self._uses(index) if each.axis == axis and each.role == "takes"), None)
        if use is not None:
            counts = values.decided(self.which)
            many = self.which.channels.counts_along(use, counts)
            places = self.which.channels.index(use.line, counts)
            heard = np.zeros(len(use.line))
            np.add.at(heard, places, (1.0 if shares is None else shares) / many[places])
            shares = heard
        earlier = self.earlier
        while earlier is not None and not isinstance(earlier, Narrowed):  # which changes no channel of what is taken
            earlier = earlier.earlier
        return earlier._shares(values, index, axis, shares) if earlier is not None else shares

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """That of the masked model, where there is one."""
        if self.inexact:
            return "not", f"the masked model computes something else: {self.inexact}"
        return "exact", "the function of the base in which the channels that leave are masked"


@dataclass(frozen=True)
class Widened(Narrowed):
    """A layer with copies of its channels, or with a share for each copy of those that it reads."""

    strategy: ClassVar = "widen"

    @property
    def formula(self) -> str:
        """What becomes of every variable."""
        return "channels repeated; what sums over them divided by how often"

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function."""
        return "exact", "the function"
