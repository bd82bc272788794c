"""New layers as a graph of their own: what `replace`, `insert` and `head` put into a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, near, under
from spec_compiler.edits.ends import count_outputs, model_output, single_output, tensor
from spec_compiler.edits.joins import Call, call_of
from spec_compiler.graph import Graph
from spec_compiler.graph.invariants import check_size
from spec_compiler.graph.keras_names import flat
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.unresolved import no_layer
from spec_compiler.keras_facts.output_counts import output_count
from spec_compiler.language.entries import ABOVE, IN, MATCH, PLACEHOLDERS, LayerEntry, snake_case
from spec_compiler.language.flow import uses_flow
from spec_compiler.language.selectors import Selector

LONGEST_NAME = 250  # characters: it becomes the name of a file and of a group in files, each up to 255 bytes


@dataclass(frozen=True)
class Match:
    """What an edit matched: the one layer, if it is one, which of its calls, and which of the matches it is, from 1."""

    layer: str | None = None
    call: int | None = None
    index: int = 1
    count: int = 1

    def filled_in(self, text: str) -> str:
        """A text with the placeholders of names filled in, the layer by its name without its base or model."""
        last = (self.layer or "").rpartition("/")[2]
        for placeholder, value in zip(PLACEHOLDERS, (last, str(self.index), str(self.count)), strict=True):
            text = text.replace(placeholder, value)
        return text


NOTHING = Match()


class Chain(NamedTuple):
    """New calls, the tensors that the last one puts out, and what they take of the graph, each with its place."""

    nodes: tuple[Node, ...]
    ends: tuple[ValueRef, ...]
    takes: tuple[tuple[ValueRef, Path], ...]

    @property
    def exit(self) -> ValueRef:
        """The one tensor of the end, of a chain that `add` was to end in one."""
        return self.ends[0]


@dataclass
class Scope:
    """What `from` may name beside the graph's layers: what flows in, and the entries of one chain or block so far."""

    flows_in: tuple[ValueRef, ...] | None  # None where it is only asked for when it is used: the model's one output
    prefix: str = ""  # of the layers of a block
    around: Scope | None = None
    named: dict[str, tuple[ValueRef, ...]] = field(default_factory=dict)

    def find(self, text: str) -> tuple[ValueRef, ...] | None:
        """The tensors of an entry, those of a block before those around it."""
        found = self.named.get(text)
        return found if found is not None or self.around is None else self.around.find(text)


@dataclass
class Chains:
    """Makes the chains of one edit: their layers once for each matched layer, their calls once for each of its calls.

    A replacement of a layer that is called twice so stays one layer that is called twice.

    Attributes:
        path: leads from the edit to its list of entries.
        free: layers that leave the graph with this edit, so that a new one may take their name.
        several: whether the edit may match several layers, each of which gets a chain.
        layers: every layer made so far, by name.
    """

    graph: Graph
    entries: Sequence[LayerEntry]
    origin: Origin
    path: Path
    free: Collection[str] = ()
    several: bool = False
    layers: dict[str, LayerSpec] = field(default_factory=dict)
    _made: dict[tuple[str | None, Path], str] = field(default_factory=dict)  # a layer by its match and its entry
    _nodes: dict[str, Node] = field(default_factory=dict)
    _blocks: dict[str, tuple[tuple[Node, ...], tuple[ValueRef, ...], tuple[ValueRef, ...]]] = field(
        default_factory=dict
    )

    def add(self, takes: Sequence[ValueRef] | None, match: Match = NOTHING, instead_of: Node | None = None) -> Chain:
        """The calls of a chain, the first on `takes` (on a list where there are several), each next on the one before.

        `takes` is None for the model's one output, where the end may be several tensors as well. `instead_of` is the
        call whose arguments the first one keeps.

        Raises:
            SpecError: SC204 a name that another layer has, SC205 `{name}` without a layer that it could stand for,
                SC401 several tensors for a layer that takes one, SC113 more layers or a longer name than may be, and
                what `from` and `layer` name wrongly.
        """
        num_layers = len(self.graph.layers) + len(self.layers) + len(self.entries)
        check_size(num_layers, num_base_layers=len(self.graph.positions))
        walk = _Walk(self, match, instead_of)
        ends = walk.entries(self.entries, self.path, Scope(None if takes is None else tuple(takes)))
        if takes is not None and len(ends) > 1:
            walk.refuse_several(ends, (*self.path, len(self.entries) - 1))
        self._nodes.update((node.name, node) for node in walk.nodes)
        return Chain(tuple(walk.nodes), ends, tuple(walk.foreign))


@dataclass
class _Walk:
    """One chain while it is made."""

    chains: Chains
    match: Match
    instead_of: Node | None
    nodes: list[Node] = field(default_factory=list)
    foreign: list[tuple[ValueRef, Path]] = field(default_factory=list)

    def entries(self, entries: Sequence[LayerEntry], path: Path, scope: Scope) -> tuple[ValueRef, ...]:
        """Makes the calls of entries that stand one below the other; the tensors that the last one puts out."""
        above = scope.flows_in
        for index, entry in enumerate(entries):
            place = (*path, index)
            takes = self._takes(entry, above, scope, place)
            if entry.block is not None:
                above = self._block(entry, takes, place, scope)
            elif entry.layer is not None:
                above = self._once_more(entry, takes, place, scope)
            else:
                above = self._layer(entry, takes, place, scope, is_first=above is scope.flows_in)
            self._check_size(place)
        assert above is not None  # there is no chain without an entry
        return above

    def _check_size(self, path: Path) -> None:
        graph = self.chains.graph
        check_size(len(graph.layers) + len(self.chains.layers) + len(self.nodes), path, len(graph.positions))

    # what an entry takes

    def _takes(
        self, entry: LayerEntry, above: tuple[ValueRef, ...] | None, scope: Scope, path: Path
    ) -> dict[object, tuple[ValueRef, ...]]:
        """The tensors that an entry takes, as `call_of` wants them."""
        if entry.takes is None:
            if above is None:
                above = scope.flows_in = (model_output(self.chains.graph, path),)
            if above is not scope.flows_in and len(above) > 1:
                self.refuse_several(above, path)
            return {None if len(above) == 1 else 0: above}
        takes: dict[object, tuple[ValueRef, ...]] = {}
        for (place, selector), key in zip(entry.sources, entry.takes, strict=True):
            with under(*path, *place):
                takes[key] = self._source(selector, above, scope, (*path, *place))
        if list(takes) == [None] and len(takes[None]) > 1:  # `from: in`, where several flow in
            takes = {0: takes[None]}
        return takes

    def _source(
        self, selector: Selector, above: tuple[ValueRef, ...] | None, scope: Scope, path: Path
    ) -> tuple[ValueRef, ...]:
        """The tensors that one element of a `from` names; errors are relative to it."""
        graph = self.chains.graph
        text = self.match.filled_in(selector.text) if self.match.layer is not None else selector.text
        if text in (IN, ABOVE):
            found = scope.flows_in if text == IN else above
            if found is None:
                found = scope.flows_in = (model_output(graph),)
            if text == ABOVE and found is not scope.flows_in and len(found) > 1:
                self.refuse_several(found, ())
            return found
        found = scope.find(text)
        if found is not None:
            if len(found) > 1:
                self.refuse_several(found, (), text)
            return found
        name, dot, number = text.rpartition(".")
        several = scope.find(name) if dot and number.isdecimal() else None
        if several is not None:
            return (self._one_of(several, name, int(number)),)
        selector = selector if text == selector.text else Selector.parse(text)
        # Only where it must be: to copy the whole graph for each of 5,000 layers takes their square.
        so_far = graph if text in graph.nodes or text in graph.layers else self._so_far()
        try:
            ref = tensor(selector, so_far, "`from`")
        except SpecError as error:
            raise _or_a_word(error, text, [*scope.named, *graph.layers]) from None
        if ref.node in graph.nodes:
            self.foreign.append((ref, path))
        return (ref,)

    def _one_of(self, several: tuple[ValueRef, ...], name: str, number: int) -> ValueRef:
        graph = self._so_far()
        known = count_outputs(graph, several[0].node) if len(several) == 1 else len(several)
        if known is not None and number >= known:
            help = f"it puts out {known} tensor{'s' if known > 1 else ''}"
            raise SpecError.single("SC201", f"there is no `{name}.{number}`", help=help)
        layer = self.chains.layers.get(graph.nodes[several[0].node].layer)
        if known is None and layer is not None:
            self.chains.layers[layer.name] = replace(layer, has_named_outputs=True)
        return several[number] if len(several) > 1 else ValueRef(several[0].node, number)

    def refuse_several(self, refs: tuple[ValueRef, ...], path: Path, text: str | None = None) -> None:
        """SC303 for a layer with several outputs, taken without a number."""
        if len({ref.node for ref in refs}) == 1:
            with under(*path):
                single_output(self._so_far(), refs[0].node)
        message = f"`{text or ABOVE}` is {len(refs)} tensors, this place takes one"
        raise SpecError.single("SC303", message, path=path)

    def _so_far(self) -> Graph:
        """The graph with what this edit has made; nothing leads to the new calls yet."""
        graph, mine = self.chains.graph, {node.name: node for node in self.nodes}
        layers = {**graph.layers, **self.chains.layers}
        return replace(graph, layers=layers, nodes={**graph.nodes, **self.chains._nodes, **mine})

    # what an entry makes

    def _layer(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, scope: Scope, is_first: bool
    ) -> tuple[ValueRef, ...]:
        chains = self.chains
        name = chains._made.get((self.match.layer, path))
        if name is None:
            name = self._named(entry, path, scope)
            keras_name = flat(name) if scope.prefix else None
            if self.match.layer is not None and not scope.prefix:
                keras_name = _keras_name(chains.graph.layers[self.match.layer], name)
            chains.layers[name] = make_layer(name, entry, chains.origin, path, keras_name)
            chains._made[self.match.layer, path] = name
        call = self._call(entry, takes, path, is_first)
        node = name if self.match.call is None else f"{name}@{self.match.call}"
        self.nodes.append(Node(node, name, call.args, call.kwargs, sized_by=self._sized_by(entry, scope, path)))
        return self._known(entry, node, name, scope, path)

    def _known(self, entry: LayerEntry, node: str, name: str, scope: Scope, path: Path) -> tuple[ValueRef, ...]:
        """The tensors of a new call, from now on found by its names."""
        layer = self.chains.layers.get(name)
        if layer is not None:
            number = output_count(layer.class_name, layer.arguments, self.nodes[-1].kwargs)
        else:
            number = count_outputs(self._so_far(), node)  # as many as its other calls put out
        refs = tuple(ValueRef(node, index) for index in range(number or 1))
        own = () if entry.layer is not None else (name, name.removeprefix(scope.prefix))
        for known in (entry.name, self.match.filled_in(entry.name) if entry.name else None, node, *own):
            if known is not None:
                scope.named[known] = refs
        return refs

    def _named(self, entry: LayerEntry, path: Path, scope: Scope) -> str:
        """The name of a new layer; within a block it is the block's and its own."""
        chains = self.chains
        if scope.prefix:
            local = entry.name or snake_case(entry.class_name)
            wanted = f"{scope.prefix}{local}"
            if entry.name is None:
                return unused_name(chains.graph, wanted, chains.layers)
            if wanted in chains.layers:
                message = f"the block has a layer named `{entry.name}` already"
                place = (*path, *entry.name_path)
                raise SpecError.single("SC204", message, path=place, help="write another name")
            return wanted
        return layer_name(chains.graph, entry, chains.layers, path, self.match, chains.free, chains.several)

    def _call(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, is_first: bool
    ) -> Call:
        """The call's arguments; the first entry of a replacement keeps those of the call in whose place it stands."""
        graph, old = self.chains.graph, self.instead_of
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
            scope.flows_in = (model_output(self.chains.graph, path),)
        if len(scope.flows_in) > 1:
            message = f"`in` is {len(scope.flows_in)} tensors here, a size of it is none of one"
            raise SpecError.single("SC303", message, path=path, help="join them before")
        return scope.flows_in[0]

    def _once_more(
        self, entry: LayerEntry, takes: Mapping[object, tuple[ValueRef, ...]], path: Path, scope: Scope
    ) -> tuple[ValueRef, ...]:
        """One more call of a layer that is there, or of a block that this edit has made."""
        graph = self._so_far()
        name = self.match.filled_in(str(entry.layer)) if self.match.layer is not None else str(entry.layer)
        for prefix in _prefixes(scope):
            if f"{prefix}{name}" in graph.layers:
                name = f"{prefix}{name}"
                break
            if f"{prefix}{name}" in self.chains._blocks:
                return self._block_once_more(entry, f"{prefix}{name}", takes, path, scope)
        if name not in graph.layers:
            with under(*path, "layer"):
                raise _no_such_layer(name, graph, self.chains._blocks)
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
        name = self._block_name(entry, path, scope)
        for number, body in enumerate(entry.copies, 1):
            prefix = f"{name}/" if len(entry.copies) == 1 else f"{name}_{number}/"
            start = len(self.nodes)
            inside = Scope(above, prefix, scope)
            ends = self.entries(body, (*path, entry.class_name, "copies", number - 1), inside)
            self.chains._blocks[prefix[:-1]] = (tuple(self.nodes[start:]), above, ends)
            scope.named[prefix[:-1].removeprefix(scope.prefix)] = scope.named[prefix[:-1]] = above = ends
        scope.named[name.removeprefix(scope.prefix)] = scope.named[name] = above
        if entry.name is not None:
            scope.named[entry.name] = above
        return above

    def _block_name(self, entry: LayerEntry, path: Path, scope: Scope) -> str:
        known = self.chains._made.get((self.match.layer, path))
        if known is not None:
            return known
        graph = self.chains.graph
        below = (self.match.layer or "").rpartition("/")[0]
        prefix = scope.prefix or (f"{below}/" if below else "")
        # names with a slash are of blocks, bases and nested models
        first = {
            name.split("/", prefix.count("/") + 1)[prefix.count("/")]
            for name in (*graph.layers, *self.chains.layers)
            if name.startswith(prefix)
        }
        copies = range(1, len(entry.copies) + 1) if len(entry.copies) > 1 else ("",)

        def is_taken(name: str) -> bool:
            return any((f"{name}_{copy}" if copy else name) in first for copy in copies)

        if entry.name is not None:
            name = self.match.filled_in(entry.name)
            if is_taken(name):
                message = f"a layer or block named `{name}` is already there"
                place = (*path, *entry.name_path)
                help = "write another name"
                if self.chains.several and MATCH not in entry.name:
                    help = f"put `{MATCH}` into it, which stands for the layer that was matched"
                raise SpecError.single("SC204", message, path=place, help=help)
        else:
            title = str(entry.block)
            name = next(
                each for each in (f"{title}_{number}" if number else title for number in count()) if not is_taken(each)
            )
        self.chains._made[self.match.layer, path] = f"{prefix}{name}"
        return f"{prefix}{name}"

    def _block_once_more(
        self,
        entry: LayerEntry,
        block: str,
        takes: Mapping[object, tuple[ValueRef, ...]],
        path: Path,
        scope: Scope,
    ) -> tuple[ValueRef, ...]:
        """Every call of a block again, on other tensors: its weights are shared."""
        nodes, flowed_in, ends = self.chains._blocks[block]
        tensors = tuple(ref for refs in takes.values() for ref in refs)
        if len(tensors) != len(flowed_in):
            message = f"`{block}` takes {len(flowed_in)} tensors, here are {len(tensors)}"
            raise SpecError.single("SC401", message, path=(*path, "from"))
        moved: dict[ValueRef, ValueRef] = dict(zip(flowed_in, tensors, strict=True))
        graph = self._so_far()
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


# Classes that a call may tell whether they are being trained, whatever the model is told.
TRAINED_APART = (
    "BatchNormalization",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
)


def _or_a_word(error: SpecError, text: str, names: Sequence[str]) -> SpecError:
    """The error of a name that nothing has, which may be a word of `from` with a slip."""
    words = [word for word in near(text, [IN, ABOVE, *names]) if word in (IN, ABOVE)]
    if not words or error.diagnostics[0].code != "SC201" or error.diagnostics[0].related:
        return error
    help = did_you_mean(text, [IN, ABOVE, *names])
    return SpecError(replace(each, help=help) for each in error.diagnostics)


def _prefixes(scope: Scope) -> Iterator[str]:
    """The beginnings of names in a block, the innermost first."""
    inner: Scope | None = scope
    while inner is not None:
        yield inner.prefix
        inner = inner.around
    yield ""


def _no_such_layer(name: str, graph: Graph, blocks: Mapping[str, object]) -> SpecError:
    """The error for `layer: NAME` where nothing has the name."""
    error = no_layer(name, graph)
    near = did_you_mean(name, [*blocks, *graph.layers])
    return SpecError(
        replace(each, help=near) if near and each.code == "SC201" and not each.related else each
        for each in error.diagnostics
    )


def call_numbers(graph: Graph, nodes: Sequence[str]) -> list[int | None]:
    """For each of the chosen nodes its number among those of its layer, None where it is the only one.

    A node is chosen twice where two of the edges that lead to it are.
    """
    layers = [graph.nodes[name].layer for name in nodes]
    counts = Counter(layers)
    numbers = {layer: count() for layer in counts}
    return [next(numbers[layer]) if counts[layer] > 1 else None for layer in layers]


def matches_of(graph: Graph, nodes: Sequence[str]) -> list[Match]:
    """The matches that chosen nodes are; the calls of one layer are one match."""
    order = {layer: index for index, layer in enumerate(dict.fromkeys(graph.nodes[name].layer for name in nodes), 1)}
    numbers = call_numbers(graph, nodes)
    return [
        Match(graph.nodes[name].layer, number, order[graph.nodes[name].layer], len(order))
        for name, number in zip(nodes, numbers, strict=True)
    ]


def make_layer(name: str, entry: LayerEntry, origin: Origin, path: Path, keras_name: str | None = None) -> LayerSpec:
    """A new layer, as the entry at `path` below the edit says."""
    config = {"class_name": entry.class_name, "config": dict(entry.arguments)}
    trainable = bool(entry.arguments.get("trainable", True))
    made_by = Origin(origin.section, (*origin.path, *path))
    return LayerSpec(name, entry.class_name, config, trainable=trainable, origin=made_by, keras_name=keras_name)


def check_takes(graph: Graph, chain: Chain, users: Collection[str], dropped: Collection[str] = ()) -> None:
    """Proves that a chain takes nothing that depends on what it puts out, nor what leaves with the edit.

    `users` are the calls that take its end.

    Raises:
        SpecError: SC319, SC206; at the `from`.
    """
    if not chain.takes:
        return
    after = graph.descendants(users)
    for ref, path in chain.takes:
        if ref.node in dropped:
            message = f"`{ref.node}` is what this replaces, it is gone once the new layers are there"
            raise SpecError.single("SC206", message, path=path, help="take `in`, which flows into it, or another layer")
        if ref.node in after:
            message = f"`{ref.node}` depends on what these layers put out, it cannot flow into them"
            raise SpecError.single("SC319", message, path=path, help="take a layer that comes before this place")


def _keras_name(match: LayerSpec, name: str) -> str | None:
    """The name in Keras of a layer that stays with the matched one, below the base or the model that this is of."""
    prefix, slash, last = name.rpartition("/")
    below, _, matched = match.name.rpartition("/")
    if not slash or prefix != below:
        return None
    before = match.name_in_keras.removesuffix(matched)
    return f"{before}{last}" if before != match.name_in_keras else flat(name)


def layer_name(
    graph: Graph,
    entry: LayerEntry,
    beside: Mapping[str, LayerSpec],
    path: Path,
    match: Match = NOTHING,
    free: Collection[str] = (),
    several: bool = False,
) -> str:
    """The name that the entry says, or one made from its class that nobody has.

    Raises:
        SpecError: SC204, SC205.
    """
    if entry.name is None:
        return unused_name(graph, snake_case(entry.class_name), beside)
    name = entry.name
    if match.layer is None:
        _refuse_placeholders(entry, path)
    else:
        below, slash, matched = match.layer.rpartition("/") if MATCH in name else ("", "", "")
        # One of thousands of placeholders is not written out: only how long it would be is told.
        length = len(name) + name.count(MATCH) * (len(matched) - len(MATCH))
        name = f"{below}{slash}{match.filled_in(name)}" if length <= LONGEST_NAME else "x" * length
    if len(name) - len((match.layer or "").rpartition("/")[0]) > LONGEST_NAME:
        message = f"the name of this layer has {len(name):,} characters, {LONGEST_NAME} are the most"
        raise SpecError.single("SC113", message, path=(*path, *entry.name_path), help="write a shorter one")
    if (name in graph.layers and name not in free) or name in beside:
        other = graph.layers.get(name) or beside[name]
        place: Path = ("base",)
        by, where = "the base has it", "the base is here"
        if other.is_new:
            by, where, place = f"`{other.origin.section}` made it", "the other one is made here", other.origin.path
        help = f"write another name, for example `{unused_name(graph, name, beside)}`"
        if several and not any(each in entry.name for each in (MATCH, "{index}")):
            help = f"put `{MATCH}` into it, which stands for the layer that was matched"
        raise SpecError.single(
            "SC204",
            f"a layer named `{name}` is already there, {by}",
            path=(*path, *entry.name_path),
            help=help,
            related=[] if several else [(where, place)],
        )
    return name


def _refuse_placeholders(entry: LayerEntry, path: Path) -> None:
    name = entry.name or ""
    placeholder = next((each for each in PLACEHOLDERS if each in name), None)
    if placeholder is None:
        return
    start = name.index(placeholder)
    raise SpecError.single(
        "SC205",
        f"`{placeholder}` stands for one matched layer, this region has several",
        path=(*path, *entry.name_path),
        chars=(start, start + len(placeholder)),
        help="write the name out, or take `layers: {each: …}`, which replaces the layers one by one",
    )


def unused_name(graph: Graph, wanted: str, beside: Container[str] = ()) -> str:
    """`wanted`, or a `wanted_1`, `wanted_2` … that no layer has or had: the first, where there are not very many."""

    in_keras = {layer.keras_name for layer in graph.layers.values()}

    def taken(name: str) -> bool:
        return (
            name in graph.layers or name in graph.nodes or name in graph.removed or name in beside or name in in_keras
        )

    if not taken(wanted):
        return wanted
    below, step = 0, 1
    while taken(f"{wanted}_{below + step}"):  # in growing steps, as a head of 10,000 layers would ask 50 million times
        below, step = below + step, step * 2 if step >= 64 else step + 1 if below >= 64 else 1
    while step > 1:
        half = step // 2
        below, step = (below, half) if not taken(f"{wanted}_{below + half}") else (below + half, step - half)
    return f"{wanted}_{below + 1}"
