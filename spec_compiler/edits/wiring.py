"""Entries of new layers as calls: what each takes, what it makes, and under which names others find that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, under
from spec_compiler.edits.block_names import block_name
from spec_compiler.edits.ends import count_outputs, model_output
from spec_compiler.edits.joins import Call, call_of
from spec_compiler.edits.new_names import layer_name, make_layer, name_in_keras, unused_name
from spec_compiler.edits.scope import Block, Scope
from spec_compiler.edits.taking import Taking
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter
from spec_compiler.graph.invariants import check_size
from spec_compiler.graph.keras_names import flat
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.unresolved import no_layer
from spec_compiler.keras_facts.output_counts import output_count
from spec_compiler.keras_facts.training import TRAINED_APART
from spec_compiler.language.adapted import NewWeights
from spec_compiler.language.entries import LayerEntry
from spec_compiler.language.flow import uses_flow
from spec_compiler.language.layer_names import snake_case


@dataclass
class Walk(Taking):
    """One chain while it is made; `instead_of` is the call in whose place it stands."""

    instead_of: Node | None = None

    def entries(self, entries: Sequence[LayerEntry], path: Path, scope: Scope) -> tuple[ValueRef, ...]:
        """Makes the calls of entries that stand one below the other; the tensors that the last one puts out."""
        above = scope.flows_in
        for index, entry in enumerate(entries):
            place = (*path, index)
            takes = self.takes(entry, above, scope, place)
            if entry.block is not None:
                above = self._block(entry, takes, place, scope)
            elif entry.layer is not None:
                above = self._once_more(entry, takes, place, scope)
            else:
                above = self._layer(entry, takes, place, scope, is_first=index == 0 and scope.around is None)
            self._check_size(place)
        assert above is not None  # there is no chain without an entry
        return above

    def _check_size(self, path: Path) -> None:
        graph = self.made.graph
        check_size(len(graph.layers) + len(self.made.layers) + len(self.nodes), path, len(graph.positions))

    # what an entry makes

    def _layer(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, scope: Scope, is_first: bool
    ) -> tuple[ValueRef, ...]:
        made = self.made
        name = made.by_entry.get((self.match.layer, path))
        if name is None:
            name = self._named(entry, path, scope)
            keras_name = flat(name) if scope.prefix else None
            if self.match.layer is not None and not scope.prefix:
                keras_name = name_in_keras(made.graph.layers[self.match.layer], name)
            adapter = self._adapter(entry, takes, path)
            made.layers[name] = make_layer(name, entry, made.origin, path, keras_name, adapter)
            made.by_entry[self.match.layer, path] = name
        call = self._call(entry, takes, path, is_first)
        node = name if self.match.call is None else f"{name}@{self.match.call}"
        self.nodes.append(Node(node, name, call.args, call.kwargs, sized_by=self._sized_by(entry, scope, path)))
        return self._known(entry, node, name, scope, path)

    def _adapter(self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path) -> Adapter | None:
        """What gives a new layer the values that its `weights` say."""
        if entry.weights is None:
            return None
        from spec_compiler.edits.entry_weights import adapter_of  # a check that adapts nothing is to start without it

        place = (*path, "weights")
        with under(*place):
            refs = [ref for refs in takes.values() for ref in refs]
            return adapter_of(entry.weights, self.match, self._origin(place), self.so_far(), refs)

    def _origin(self, path: Path) -> Origin:
        return Origin(self.made.origin.section, (*self.made.origin.path, *path))

    def _known(self, entry: LayerEntry, node: str, name: str, scope: Scope, path: Path) -> tuple[ValueRef, ...]:
        """The tensors of a new call, from now on found by its names."""
        layer = self.made.layers.get(name)
        if layer is not None:
            number = output_count(layer.class_name, layer.arguments, self.nodes[-1].kwargs)
        else:
            number = count_outputs(self.so_far(), node)  # as many as its other calls put out
        refs = tuple(ValueRef(node, index) for index in range(number or 1))
        own = () if entry.layer is not None else (name, name.removeprefix(scope.prefix))
        for known in (entry.name, self.match.filled_in(entry.name) if entry.name else None, node, *own):
            if known is not None:
                scope.named[known] = refs
        return refs

    def _named(self, entry: LayerEntry, path: Path, scope: Scope) -> str:
        """The name of a new layer; within a block it is the block's and its own."""
        made = self.made
        if scope.prefix:
            local = entry.name or snake_case(entry.class_name)
            wanted = f"{scope.prefix}{local}"
            if entry.name is None:
                return unused_name(made.graph, wanted, made.layers)
            if wanted in made.layers:
                message = f"the block has a layer named `{entry.name}` already"
                place = (*path, *entry.name_path)
                raise SpecError.single("SC204", message, path=place, help="write another name")
            return wanted
        return layer_name(made.graph, entry, made.layers, path, self.match, made.free, made.several)

    def _call(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, is_first: bool
    ) -> Call:
        """The call's arguments; the first entry of a replacement keeps those of the call in whose place it stands."""
        graph, old = self.made.graph, self.instead_of
        if old is None or not is_first or entry.takes is not None:
            return call_of(graph, entry, takes, path)
        was = graph.layers[old.layer]
        if entry.class_name == was.class_name:
            tensors = iter([ref for refs in takes.values() for ref in refs])
            moved = dict(zip(old.data_inputs, tensors, strict=False))
            same = replace(old, sized_by=None).with_inputs(lambda ref: moved.get(ref, ref))
            return Call(same.args, {**same.kwargs, **entry.call})
        call = call_of(graph, entry, takes, path)
        if entry.class_name in TRAINED_APART and isinstance(old.kwargs.get("training"), bool):
            return Call(call.args, {"training": old.kwargs["training"], **call.kwargs})
        return call

    def _sized_by(self, entry: LayerEntry, scope: Scope, path: Path) -> ValueRef | None:
        """The tensor that `in` means in the entry's values, None where they use none."""
        if not uses_flow(entry.arguments):
            return None
        if scope.flows_in is None:
            scope.flows_in = (model_output(self.made.graph, path),)
        if len(scope.flows_in) > 1:
            message = f"`in` is {len(scope.flows_in)} tensors here, a size of it is none of one"
            raise SpecError.single("SC303", message, path=path, help="join them before")
        return scope.flows_in[0]

    def _once_more(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, scope: Scope
    ) -> tuple[ValueRef, ...]:
        """One more call of a layer that is there, or of a block that this edit has made."""
        graph = self.so_far()
        name = self.match.filled_in(str(entry.layer)) if self.match.layer is not None else str(entry.layer)
        for prefix in scope.prefixes():
            if f"{prefix}{name}" in graph.layers:
                name = f"{prefix}{name}"
                break
            if f"{prefix}{name}" in self.made.blocks:
                return self._block_once_more(entry, f"{prefix}{name}", takes, path, scope)
        if name not in graph.layers:
            with under(*path, "layer"):
                raise _no_such_layer(name, graph, self.made.blocks)
        if graph.layers[name].kind == "input":
            message = f"`{name}` is an input of the model, which is not called"
            raise SpecError.single("SC303", message, path=(*path, "layer"), help=f"take it with `from: {name}`")
        call = call_of(graph, entry, takes, path)
        node = self._call_name(entry, name, graph, path, scope)
        self.nodes.append(Node(node, name, call.args, call.kwargs))
        return self._known(entry, node, name, scope, path)

    def _call_name(self, entry: LayerEntry, layer: str, graph: Graph, path: Path, scope: Scope) -> str:
        """The name of one more call: its own, or the layer's with a number."""
        if entry.name is not None:
            name = scope.prefix + self.match.filled_in(entry.name)
            name = name if self.match.call is None else f"{name}@{self.match.call}"
            if name in graph.nodes or name in graph.layers:
                message = f"a layer named `{name}` is already there"
                place = (*path, *entry.name_path)
                raise SpecError.single("SC204", message, path=place, help="write another name")
            return name
        numbers = (f"{layer}@{number}" for number in count(1))
        return next(name for name in numbers if name not in graph.nodes)

    # blocks

    def _block(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, scope: Scope
    ) -> tuple[ValueRef, ...]:
        """The layers of a block, each copy on what the one before puts out."""
        above = tuple(ref for refs in takes.values() for ref in refs)
        name = block_name(self.made, self.match, entry, path, scope)
        for number, body in enumerate(entry.copies, 1):
            prefix = f"{name}/" if len(entry.copies) == 1 else f"{name}_{number}/"
            start = len(self.nodes)
            inside = Scope(above, prefix, scope)
            ends = self.entries(body, (*path, entry.class_name, "copies", number - 1), inside)
            block = self.made.blocks[prefix[:-1]] = Block(tuple(self.nodes[start:]), above, ends)
            if entry.weights is not None:
                self._give_weights(entry.weights, prefix[:-1], block, path)
            scope.named[prefix[:-1].removeprefix(scope.prefix)] = scope.named[prefix[:-1]] = above = ends
        scope.named[name.removeprefix(scope.prefix)] = scope.named[name] = above
        if entry.name is not None:
            scope.named[entry.name] = above
        return above

    def _give_weights(self, weights: NewWeights, name: str, block: Block, path: Path) -> None:
        """Lets the layers of a block that its `weights` are for have an adapter each."""
        from spec_compiler.edits.entry_weights import adapters_of_block  # as above

        place = (*path, "weights")
        with under(*place):
            for layer, adapter in adapters_of_block(weights, name, block, self._origin(place), self.so_far()):
                self.made.layers[layer] = replace(self.made.layers[layer], adapter=adapter)

    def _block_once_more(
        self,
        entry: LayerEntry,
        block: str,
        takes: Mapping[object, tuple[ValueRef, ...]],
        path: Path,
        scope: Scope,
    ) -> tuple[ValueRef, ...]:
        """Every call of a block again, on other tensors: its weights are shared."""
        nodes, flowed_in, ends = self.made.blocks[block]
        tensors = tuple(ref for refs in takes.values() for ref in refs)
        if len(tensors) != len(flowed_in):
            message = f"`{block}` takes {len(flowed_in)} tensors, here are {len(tensors)}"
            raise SpecError.single("SC401", message, path=(*path, "from"))
        moved: dict[ValueRef, ValueRef] = dict(zip(flowed_in, tensors, strict=True))
        graph = self.so_far()
        known = set(graph.nodes)
        for node in nodes:
            name = next(each for each in (f"{node.layer}@{number}" for number in count(1)) if each not in known)
            known.add(name)
            self.nodes.append(replace(node.with_inputs(lambda ref: moved.get(ref, ref)), name=name, sized_by=None))
            for index in range(count_outputs(graph, node.name) or 1):
                moved[ValueRef(node.name, index)] = ValueRef(name, index)
        refs = tuple(moved.get(ref, ref) for ref in ends)
        if entry.name is not None:
            scope.named[self.match.filled_in(entry.name)] = scope.named[entry.name] = refs
        return refs


def _no_such_layer(name: str, graph: Graph, blocks: Mapping[str, object]) -> SpecError:
    """The error for `layer: NAME` where nothing has the name."""
    error = no_layer(name, graph)
    near = did_you_mean(name, [*blocks, *graph.layers])
    return SpecError(
        replace(each, help=near) if near and each.code == "SC201" and not each.related else each
        for each in error.diagnostics
    )
