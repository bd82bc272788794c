"""What shows that a contract holds: an equation between an adapted layer and layers of the base, to be tried on inputs.

`adapters/equations.py` makes the usual ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spec_compiler.graph.adapter import Recipe, Values
    from spec_compiler.graph.layer_spec import Place

Array = Any  # of numpy, as in `adapter.py`
Pair = tuple[Array, Array]  # of ours, of the base's


@dataclass(frozen=True)
class Equation:
    """That an adapted layer, on what it takes in the result, puts out what layers of the base put out on it.

    It is tried in two ways: by itself, on the tensors that reach the layer in the result, and, where `whole`, along
    the way from the model's inputs, where what follows equals what the base's own run puts out there.

    Attributes:
        layers: the layers by their names in the base, each called on what the one before puts out, through what
            stands between them there, as a Dropout before a folded BatchNormalization; with none the layer puts out
            what it takes.
        takes: of an array that the layer takes in the result, what it is called on and what `layers` are, or None where
            nothing is to be tried on it; None for that array, both of them.
        gives: of the two outputs, ours and the base's, what of each is to be equal; None for all of it.
        alone: whether it is tried by itself; what several tensors or a flattened one must be told for is not.
        rearranged: whether the channels that it puts out are fewer, more or in another order, so that without `gives`
            only what comes later is compared.
        logits: whether activations are left out, its own and that of the last of `layers`.
        zeros: whether it puts out zeros, as the last layer of a branch that adds nothing; `layers` say nothing then.
        whole: whether what follows it equals the base's as well: nothing of its inputs and outputs is left out.
        feeds: of an array that the result's input takes, what the base's input takes; None for the same.
        reference: what variables of the base hold in the model that the result equals, by their places, such as a
            kernel with zeros for channels that left; all others are as the base has them.
    """

    layers: tuple[str, ...] = ()
    takes: Callable[[Values, Array], Pair | None] | None = None
    gives: Callable[[Values, Array, Array], Pair] | None = None
    alone: bool = True
    rearranged: bool = False
    logits: bool = False
    zeros: bool = False
    whole: bool = True
    feeds: Callable[[Array], Array] | None = None
    reference: Mapping[Place, Recipe] = field(default_factory=dict)

    def before(self, later: Equation) -> Equation:
        """`later` of what this one takes: an array goes through this one's `takes` and `feeds` first."""
        first_takes, then_takes, first_feeds, then_feeds = self.takes, later.takes, self.feeds, later.feeds

        def takes(values: Values, x: Array) -> Pair | None:
            pair = first_takes(values, x) if first_takes else (x, x)
            then = then_takes(values, pair[1]) if pair and then_takes else pair
            return (x, then[1]) if then else None

        def feeds(x: Array) -> Array:
            x = first_feeds(x) if first_feeds else x
            return then_feeds(x) if then_feeds else x

        return replace(
            later,
            takes=takes if first_takes or then_takes else None,
            feeds=feeds if first_feeds or then_feeds else None,
        )
