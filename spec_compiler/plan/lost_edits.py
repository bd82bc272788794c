"""What the user wrote and the result has nothing of, because a later section goes on without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec


@dataclass
class Made:
    """Every layer that the edits have made or changed so far, by the place in the spec that says so.

    `layers` has those that an entry makes, at the entry; `changed` those that a `set` gave other arguments; `moved` the
    calls that take another tensor since a `remove`, where the output does not.
    """

    layers: dict[Path, list[str]] = field(default_factory=dict)
    changed: dict[Path, list[str]] = field(default_factory=dict)
    moved: dict[Path, list[str]] = field(default_factory=dict)

    def note(self, before: Graph, graph: Graph, path: Path) -> None:
        """Remembers what the edit at a path made of the graph before it."""
        now = {layer.name_in_base: name for name, layer in graph.layers.items() if not layer.is_new}
        names = {name: now.get(layer.name_in_base, name) for name, layer in before.layers.items() if not layer.is_new}
        if any(name != new for name, new in names.items()):  # an edit has given names, whichever it is
            for noted in (self.changed, self.moved):
                noted.update({at: [_followed(name, names) for name in there] for at, there in noted.items()})
        # Where the output moved, what was removed was the end of the model, and nothing is left to lead past it.
        if path[0] == "remove" and before.output_refs == graph.output_refs:
            self.moved[path] = [
                name for name, node in graph.nodes.items() if name in before.nodes and node != before.nodes[name]
            ]
        for layer in graph.layers.values():
            if layer.is_new and layer.origin.path[: len(path)] == path:
                self.layers.setdefault(layer.origin.path, []).append(layer.name)
            elif layer.changed_by is not None and layer.changed_by.path == path and path[0] == "set":
                self.changed.setdefault(path, []).append(layer.name)


def _followed(call: str, names: Mapping[str, str]) -> str:
    """A layer, or a call of one, under the layer's new name."""
    layer, at, number = call.partition("@")
    return f"{names.get(layer, layer)}{at}{number}"


def check_lost(spec: Spec, before: Graph, made: Made, graph: Graph) -> Graph:
    """The graph after all edits, with a warning for each edit, or each entry of one, of which nothing is left.

    `before` is the graph of the base.

    Raises:
        SpecError: SC306 for layers of the head that no output depends on, SC311 for a base that none does.
    """
    # By the place in the spec, not by name: an entry with `each` makes many, of which one that is left is enough.
    there = {layer.origin.path for layer in graph.layers.values()}
    lost = {path: names for path, names in made.layers.items() if path not in there}
    problems = [*_of_head(made, lost, graph), *_of_bases(spec, before, graph)]
    if problems:
        raise SpecError(problems)
    warnings = [*_of_edits(spec, made, lost, graph)]
    return replace(graph, warnings=(*graph.warnings, *warnings)) if warnings else graph


def _of_head(made: Made, lost: dict[Path, list[str]], graph: Graph) -> Iterator[Diagnostic]:
    entries = [path for path in made.layers if path[0] == "head"]
    gone = [path for path in entries if path in lost]
    if gone and gone == entries:
        last = made.layers[gone[-1]][0]
        ends = ", ".join(dict.fromkeys(graph.nodes[ref.node].layer for ref in graph.output_refs))
        yield Diagnostic(
            "SC306",
            "`outputs` takes nothing of the `head`, no layer of it is left",
            ("outputs",),
            help=f"name its last layer as well, as in `outputs: [{ends}, {last}]`, or remove the `head`",
            related=(("the `head` is here", ("head",)),),
        )
        return
    for path in gone:
        yield Diagnostic(
            "SC306",
            f"no output depends on the new layer `{made.layers[path][0]}`",
            path,
            help="name it in `outputs`, or in the `from:` of another layer",
            related=(("`outputs` is here", ("outputs",)),),
        )


def _of_bases(spec: Spec, before: Graph, graph: Graph) -> Iterator[Diagnostic]:
    for name in spec.bases or ():
        if any(f"{layer.name_in_base}/".startswith(f"{name}/") for layer in graph.layers.values()):
            continue
        by = next(key for key in ("outputs", "head", "cut_at", "base") if getattr(spec, key) is not None)
        ends = ", ".join(ref.node for ref in before.output_refs)
        yield Diagnostic(
            "SC311",
            f"no output depends on the base `{name}`, nothing of it is left",
            ("bases", name),
            at_key=True,
            help=f"join the bases in `head`, as in `{{Concatenate: {{}}, from: [{ends}]}}`, or take `{name}` out",
            related=((f"`{by}` goes on without it, here", (by,)),),
        )


def _of_edits(spec: Spec, made: Made, lost: dict[Path, list[str]], graph: Graph) -> Iterator[Diagnostic]:
    """SC310 for each edit of which nothing is left, or for those entries of its chain."""
    for path, calls in made.moved.items():
        if calls and not any(name in graph.nodes for name in calls):
            yield _pointless("what follows the layers that this entry removes is not left", calls[0], path, graph)
    for edit, _ in spec.edits():
        if len(edit) == 1:  # the sections that are no lists speak for themselves
            continue
        entries = {path: names for path, names in made.layers.items() if path[:2] == edit}
        gone = {path: names for path, names in entries.items() if path in lost}
        names = made.changed.get(edit, [])
        if names and not any(name in graph.layers for name in names):
            yield _pointless("nothing of what this entry changes is left", names[0], edit, graph)
        elif entries and len(gone) == len(entries):
            yield _pointless("nothing of what this entry makes is left", next(iter(gone.values()))[0], edit, graph)
        else:
            for path, made_there in gone.items():
                yield _pointless(f"the new layer `{made_there[0]}` is not left", made_there[0], path, graph)


def _pointless(fact: str, name: str, path: Path, graph: Graph) -> Diagnostic:
    origin = graph.layers[name].origin if name in graph.layers else graph.removed[name]  # by one of the same name
    by = origin.section
    return Diagnostic(
        "SC310",
        f"{fact}, `{by}` goes on without it",
        path,
        help=f"remove the entry, or change `{by}`",
        related=((f"`{by}` is here", origin.path),),
    )
