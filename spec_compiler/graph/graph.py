"""What a model looks like, with no framework inside: immutable values, questions about them, and rewrite verbs.

The words are Keras's: a *layer* is an object with weights, a *node* is one call of a layer. A layer that is called
twice has two nodes, `name@0` and `name@1`. Plain operations (`x + 3`) are layers of kind "operation".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.graph.group_change import GroupChange
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import (
    Node,
    Structure,
    TensorSpec,
    ValueRef,
    filtered,
    map_references,
    references,
)
from spec_compiler.graph.relabelled import relabelled
from spec_compiler.graph.topological import topological


class Coming(NamedTuple):
    """What the section that is being applied, and those after it in the order of the sections, will still make."""

    section: str
    order: tuple[str, ...]
    layers: tuple[LayerSpec, ...]
    names: Mapping[str, tuple[str, Origin]] = {}


class LeftOut(NamedTuple):
    """A layer that an edit of many was to change and leaves as it is: why, and where the spec says that edit."""

    layer: str
    reason: str
    origin: Origin


class Shaped(NamedTuple):
    """A graph with every shape, and the layers of the one that it was made from: while those stay, the shapes hold."""

    graph: Graph
    layers: Mapping[str, LayerSpec]

    def holds_for(self, layer: LayerSpec) -> bool:
        """Whether a layer is still the one whose shapes these are."""
        return self.layers.get(layer.name) == layer

    def relabelled(self, names: Mapping[str, str], calls: Mapping[str, str] | None = None) -> Shaped:
        """Both as `Graph.relabelled` names them."""
        layers = {names.get(old, old): layer for old, layer in self.layers.items()}
        called = {name: layer if name == layer.name else layer.called(name) for name, layer in layers.items()}
        return Shaped(self.graph.relabelled(names, calls), called)


@dataclass(frozen=True, repr=False)
class Graph:
    """A model: its layers, its nodes in a topological order, and the structures of its inputs and outputs.

    `removed` remembers which edit took a node of the base away, so that a later section that names it can be told;
    `coming` knows what later edits make, for a section that names it too early.
    """

    name: str
    layers: Mapping[str, LayerSpec]
    nodes: Mapping[str, Node]
    inputs: Structure
    outputs: Structure
    removed: Mapping[str, Origin] = field(default_factory=dict)
    positions: tuple[str, ...] = ()  # names of the base's `model.layers`, in order
    idle: frozenset[str] = frozenset()  # inputs that no output of the base depends on
    warnings: tuple[Diagnostic, ...] = ()  # what the edits found legal but worth saying
    left: tuple[LeftOut, ...] = ()  # what edits of many layers left as it is
    coming: Coming | None = None  # while edits are applied
    originals: Mapping[str, LayerSpec] = field(default_factory=dict)  # the base's layers, while edits are applied
    original_nodes: Mapping[str, Node] = field(default_factory=dict)  # and its nodes
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # in files that the spec names, meanwhile
    lora_files: Mapping[str, Any] = field(default_factory=dict)  # of adapters that the spec names, meanwhile
    shaped: Shaped | None = None  # its own shapes, where an edit that needs them was given or has worked them out
    groups: tuple[GroupChange, ...] = ()  # channels that edits made fewer or more
    inference: bool = False  # whether every BatchNormalization stays in inference mode, also what is made trainable

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.layers)} layers, {len(self.nodes)} calls>"

    # questions

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """For each node the nodes that take one of its tensors, in order, each once."""
        users: dict[str, dict[str, None]] = {name: {} for name in self.nodes}  # a dict, for a set that keeps the order
        for node in self.nodes.values():
            for ref in node.inputs:
                users[ref.node][node.name] = None
        return {name: tuple(names) for name, names in users.items()}

    @cached_property
    def calls(self) -> Mapping[str, tuple[str, ...]]:
        """For each layer the names of its nodes, in order."""
        calls: dict[str, list[str]] = defaultdict(list)
        for node in self.nodes.values():
            calls[node.layer].append(node.name)
        return {name: tuple(nodes) for name, nodes in calls.items()}

    @cached_property
    def input_refs(self) -> tuple[ValueRef, ...]:
        """The model's inputs, flat."""
        return tuple(references(self.inputs))

    @cached_property
    def output_refs(self) -> tuple[ValueRef, ...]:
        """The model's outputs, flat."""
        return tuple(references(self.outputs))

    def layer_of(self, node: str) -> LayerSpec:
        """The layer that a node calls."""
        return self.layers[self.nodes[node].layer]

    def spec_of(self, ref: ValueRef) -> TensorSpec | None:
        """Shape and dtype of a tensor, None where they are not inferred yet."""
        outputs = self.nodes[ref.node].outputs
        return outputs[ref.index] if ref.index < len(outputs) else None

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        """From the names of kept layers in the base to those here, where they differ."""
        return {layer.base_name: name for name, layer in self.layers.items() if layer.base_name is not None}

    def ancestors(self, names: Iterable[str], without: ValueRef | None = None) -> set[str]:
        """The nodes that the given ones depend on, themselves included; other than through the tensor `without`."""
        return _reached(names, lambda name: [ref.node for ref in self.nodes[name].inputs if ref != without])

    def descendants(self, names: Iterable[str]) -> set[str]:
        """The nodes that depend on the given ones, themselves included."""
        return _reached(names, self.consumers.__getitem__)

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names in the graph's topological order."""
        wanted = set(names)
        return tuple(name for name in self.nodes if name in wanted)

    @property
    def num_parameters(self) -> int:
        """As `model.count_params()`: each variable once, however many layers hold it."""
        tied = {layer.name for layer in self.tied_layers}
        held = {layer.stored.at(each): each.num_elements for layer in self.tied_layers for each in layer.weights}
        return sum(held.values()) + sum(each.num_parameters for name, each in self.layers.items() if name not in tied)

    @cached_property
    def tied_layers(self) -> tuple[LayerSpec, ...]:
        """The layers that hold a variable of another one, and those others."""
        if not any(each.shared_path for layer in self.layers.values() for each in layer.variables or ()):
            return ()
        kept = [layer for layer in self.layers.values() if not layer.is_new]  # no file of the base keeps a new one's
        holders = Counter(place for layer in kept for place in layer.tied)
        return tuple(layer for layer in kept if any(holders[place] > 1 for place in layer.tied))

    @cached_property
    def used(self) -> frozenset[str]:
        """The nodes that an output depends on, and the inputs that were without use in the base."""
        return frozenset(self.ancestors(ref.node for ref in self.output_refs)) | self.idle

    # rewrite verbs

    def with_its_shapes(self) -> Graph:
        """It with the shapes of its tensors, where an edit that needs them was given them."""
        if self.shaped is None:
            return self
        known = self.shaped.graph.nodes
        return replace(
            self,
            nodes={
                name: replace(node, outputs=known[name].outputs) if name in known else node
                for name, node in self.nodes.items()
            },
        )

    def spliced(
        self,
        origin: Origin,
        *,
        drop: Iterable[str] = (),
        layers: Iterable[LayerSpec] = (),
        after: Mapping[str, Sequence[Node]] | None = None,
        rewire: Mapping[tuple[str | None, ValueRef], ValueRef] | None = None,
    ) -> Graph:
        """The graph less the nodes in `drop`, with new layers and calls, and with edges that lead elsewhere.

        `after` places the new calls: behind a node, or in its place where it is dropped. `rewire` leads from
        `(consumer, tensor)` to the tensor that this consumer takes instead; the consumer None is the model's output.
        """
        gone, places, edges = set(drop), after or {}, rewire or {}
        instead = {old: new for (_, old), new in edges.items()} if gone else {}
        touched = {consumer for consumer, _ in edges}
        nodes: dict[str, Node] = {}
        for name, node in self.nodes.items():
            if name not in gone:
                if name in touched:  # the rest stays the same object: equality and what a node has cached cost nothing
                    node = node.with_inputs(lambda ref, name=name: edges.get((name, ref), ref))  # type: ignore[misc]
                if node.sized_by is not None and node.sized_by.node in gone:
                    node = replace(node, sized_by=instead.get(node.sized_by, node.sized_by))
                nodes[name] = node
            nodes.update((each.name, each) for each in places.get(name, ()))
        outputs = self.outputs
        if None in touched:
            outputs = map_references(self.outputs, lambda ref: edges.get((None, ref), ref))
        called = {node.layer for node in nodes.values()}
        added = {layer.name: layer for layer in layers}
        kept = {name: layer for name, layer in self.layers.items() if name in called and name not in added}
        removed = dict(self.removed)
        for name, node in self.nodes.items():  # in order, so that messages do not depend on hashes
            if name in gone:
                names = (name, node.layer, self.layers[node.layer].name_in_base)
                removed.update((lost, origin) for lost in names if lost not in nodes and lost not in kept)
        return replace(self, nodes=nodes, layers={**kept, **added}, outputs=outputs, removed=removed)

    def relabelled(self, names: Mapping[str, str], calls: Mapping[str, str] | None = None) -> Graph:
        """The same graph with layers under other names, and their calls with them; where the base keeps them stays.

        `names` leads from a layer's name to its new one. `calls` does so for calls whose names are not their layer's
        with the same number. Where the model takes a mapping, an input's key goes with its name: data is fed by it.
        """
        return relabelled(self, names, calls)

    def given_names(self, names: Mapping[str, str], by: Mapping[str, Origin]) -> Graph:
        """The graph with layers under names that an edit gives them, in Keras too; `by` says where, by the old names.

        What the base calls a kept one stays known: its weights, its state and its calls are found by that.
        """
        graph = self.relabelled(names)
        layers = dict(graph.layers)
        for old, new in names.items():
            layer, was = layers[new], self.layers[old]
            if "name" in layer.arguments:
                layer = layer.with_arguments({**layer.arguments, "name": new})
            base_name = None if was.is_new or was.name_in_base == new else was.name_in_base
            layers[new] = replace(layer, keras_name=None, base_name=base_name, renamed_by=by.get(old, was.renamed_by))
        return replace(graph, layers=layers)

    def numbered_calls(self) -> Graph:
        """The graph with a number behind the call that a layer had alone until an edit called it once more."""
        calls = {name: f"{name}@0" for name, nodes in self.calls.items() if len(nodes) > 1 and name in nodes}
        return self.relabelled({}, calls) if calls else self

    def under_names_of(self, result: Graph) -> Graph:
        """A base with its layers under the names that a result has for them, so that the two can be compared."""
        renamed = self.relabelled(result.renamed) if result.renamed else self
        # the only call of a layer that the result calls once more has a number there
        calls = {
            name: f"{name}@0" for name in renamed.nodes if name not in result.nodes and f"{name}@0" in result.nodes
        }
        return renamed.relabelled({}, calls) if calls else renamed

    def edges_from(self, ref: ValueRef) -> Iterator[tuple[str | None, ValueRef]]:
        """Every use of a tensor, as `spliced` takes them: its consumers, and None where it is an output."""
        for consumer in self.consumers[ref.node]:
            if ref in self.nodes[consumer].inputs:
                yield consumer, ref
        if ref in self.output_refs:
            yield None, ref

    def pruned(self, origin: Origin) -> Graph:
        """The graph less everything that no output depends on, inputs too but for those that served none before."""
        kept = self.used
        inputs = self.inputs
        if not all(ref.node in kept for ref in self.input_refs):
            inputs = filtered(self.inputs, kept)
        gone = [name for name in self.nodes if name not in kept]
        return replace(self, inputs=inputs).spliced(origin, drop=gone) if gone else self

    def sorted(self) -> Graph:
        """The same graph with its nodes in a topological order that stays as near to the present one as it can.

        Raises:
            InvalidGraph: a cycle.
        """
        done = topological(self.nodes)
        return self if list(done) == list(self.nodes) else replace(self, nodes=done)


def _reached(starts: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += neighbours(name)
    return seen
