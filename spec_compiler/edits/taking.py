"""What entries of a chain take: the tensors that `from` names, those of calls that are not in the graph yet as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, near, under
from spec_compiler.edits.ends import count_outputs, model_output, single_output, tensor
from spec_compiler.edits.new_names import Match
from spec_compiler.edits.scope import Made, Scope
from spec_compiler.graph import Graph
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.language.entries import ABOVE, IN, LayerEntry
from spec_compiler.language.selectors import Selector


@dataclass
class Taking:
    """What one chain has taken so far: `nodes` are its calls, `foreign` the tensors of others, with their places."""

    made: Made
    match: Match
    nodes: list[Node] = field(default_factory=list)
    foreign: list[tuple[ValueRef, Path]] = field(default_factory=list)

    def takes(
        self, entry: LayerEntry, above: tuple[ValueRef, ...] | None, scope: Scope, path: Path
    ) -> dict[object, tuple[ValueRef, ...]]:
        """The tensors that an entry takes, as `call_of` wants them."""
        if entry.takes is None:
            if above is None:
                above = scope.flows_in = (model_output(self.made.graph, path),)
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
        graph = self.made.graph
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
        so_far = graph if text in graph.nodes or text in graph.layers else self.so_far()
        try:
            ref = tensor(selector, so_far, "`from`")
        except SpecError as error:
            raise _or_a_word(error, text, [*scope.named, *graph.layers]) from None
        if ref.node in graph.nodes:
            self.foreign.append((ref, path))
        return (ref,)

    def _one_of(self, several: tuple[ValueRef, ...], name: str, number: int) -> ValueRef:
        graph = self.so_far()
        known = count_outputs(graph, several[0].node) if len(several) == 1 else len(several)
        if known is not None and number >= known:
            help = f"it puts out {known} tensor{'s' if known > 1 else ''}"
            raise SpecError.single("SC201", f"there is no `{name}.{number}`", help=help)
        layer = self.made.layers.get(graph.nodes[several[0].node].layer)
        if known is None and layer is not None:
            self.made.layers[layer.name] = replace(layer, has_named_outputs=True)
        return several[number] if len(several) > 1 else ValueRef(several[0].node, number)

    def refuse_several(self, refs: tuple[ValueRef, ...], path: Path, text: str | None = None) -> None:
        """SC303 for a layer with several outputs, taken without a number."""
        if len({ref.node for ref in refs}) == 1:
            with under(*path):
                single_output(self.so_far(), refs[0].node)
        message = f"`{text or ABOVE}` is {len(refs)} tensors, this place takes one"
        raise SpecError.single("SC303", message, path=path)

    def so_far(self) -> Graph:
        """The graph with what this edit has made; nothing leads to the new calls yet."""
        graph, mine = self.made.graph, {node.name: node for node in self.nodes}
        layers = {**graph.layers, **self.made.layers}
        return replace(graph, layers=layers, nodes={**graph.nodes, **self.made.nodes, **mine})


def _or_a_word(error: SpecError, text: str, names: Sequence[str]) -> SpecError:
    """The error of a name that nothing has, which may be a word of `from` with a slip."""
    words = [word for word in near(text, [IN, ABOVE, *names]) if word in (IN, ABOVE)]
    if not words or error.diagnostics[0].code != "SC201" or error.diagnostics[0].related:
        return error
    help = did_you_mean(text, [IN, ABOVE, *names])
    return SpecError(replace(each, help=help) for each in error.diagnostics)
