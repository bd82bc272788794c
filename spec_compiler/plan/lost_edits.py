"""What the user wrote and the result has nothing of, because a later section goes on without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.edits.cut import CutAt
from spec_compiler.edits.outputs import Outputs
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.language.places import in_section, section_place
from spec_compiler.spec import Spec

_OUTPUTS = Origin("outputs", ("outputs",))


@dataclass
class Made:
    """Every layer that the edits have made or changed so far, by the place in the spec that says so.

    `layers` has those that an entry makes, at the entry; `changed` those that `set` or `input` gave other arguments or
    `rename` another name; `moved` the calls that take another tensor since a `remove`, or are the output since then.
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
        if in_section(path)[0] == "remove":
            moved = [name for name, node in graph.nodes.items() if name in before.nodes and node != before.nodes[name]]
            self.moved[path] = moved + [ref.node for ref in graph.output_refs if ref not in before.output_refs]
        for layer in graph.layers.values():
            if layer.is_new and layer.origin.path[: len(path)] == path:
                self.layers.setdefault(layer.origin.path, []).append(layer.name)
            elif layer.changed_by is not None and _is_told_here(layer.changed_by.path, path):
                self.changed.setdefault(path, []).append(layer.name)
            if layer.renamed_by is not None and in_section(path) == ("rename",):
                self.changed[layer.renamed_by.path] = [layer.name]


def _is_told_here(changed_by: Path, path: Path) -> bool:
    is_input = in_section(path) == ("input",) and changed_by[: len(path)] == path
    return is_input or (in_section(path)[0] == "set" and changed_by == path)


def _followed(call: str, names: Mapping[str, str]) -> str:
    """A layer, or a call of one, under the layer's new name."""
    layer, at, number = call.partition("@")
    return f"{names.get(layer, layer)}{at}{number}"


def check_lost(spec: Spec, before: Graph, made: Made, graph: Graph) -> Graph:
    """The graph after all edits, proven to have something of each edit and of each base.

    `before` is the graph of the base.

    Raises:
        SpecError: SC306 for layers of the head that no output depends on, SC311 for a base that none does, SC310 for
            each other edit, or entry of one, of which nothing is left.
    """
    # By the place in the spec, not by name: an entry with `each` makes many, of which one that is left is enough.
    there = {layer.origin.path for layer in graph.layers.values()}
    lost = {path: names for path, names in made.layers.items() if path not in there}
    for problems in (
        [*_of_head(made, lost, graph), *_of_bases(spec, before, graph)],
        [*_of_cut(spec, before, graph), *_of_edits(spec, made, lost, graph)],
    ):
        if problems:
            raise SpecError(problems)
    return graph


def _of_head(made: Made, lost: dict[Path, list[str]], graph: Graph) -> Iterator[Diagnostic]:
    entries = [path for path in made.layers if in_section(path)[0] == "head"]
    origins = {path: graph.removed.get(made.layers[path][0], _OUTPUTS) for path in entries if path in lost}
    gone = [path for path, origin in origins.items() if origin.section not in ("remove", "replace")]  # on purpose
    by = origins[gone[-1]] if gone else _OUTPUTS
    if gone and gone == entries and by.section == "outputs":
        last = made.layers[gone[-1]][0]
        ends = ", ".join(dict.fromkeys(graph.nodes[ref.node].layer for ref in graph.output_refs))
        yield Diagnostic(
            "SC306",
            f"`{by.place}` takes nothing of the `head`, no layer of it is left",
            by.path,
            help=f"name its last layer as well, as in `outputs: [{ends}, {last}]`, or remove the `head`",
            related=(("the `head` is here", section_place(gone[0])),),
        )
        return
    for path in gone:
        yield Diagnostic(
            "SC306",
            f"no output depends on the new layer `{made.layers[path][0]}`",
            path,
            help="name it in `outputs`, or in the `from:` of another layer",
            related=((f"`{by.place}` is here", by.path),),
        )


def _of_bases(spec: Spec, before: Graph, graph: Graph) -> Iterator[Diagnostic]:
    for name in spec.bases or ():
        kept = (layer.wrapped or layer for layer in graph.layers.values())
        if any(f"{layer.name_in_base}/".startswith(f"{name}/") for layer in kept):
            continue
        said = {str(path[-1]): path for path, _ in spec.sections()}
        by = next((key for key in ("outputs", "head", "cut_at") if key in said), "base")
        ends = ", ".join(ref.node for ref in before.output_refs)
        yield Diagnostic(
            "SC311",
            f"no output depends on the base `{name}`, nothing of it is left",
            ("bases", name),
            at_key=True,
            help=f"join the bases in `head`, as in `{{Concatenate: {{}}, from: [{ends}]}}`, or take `{name}` out",
            related=((f"`{by}` goes on without it, here", said.get(by, (by,))),),
        )


def _of_cut(spec: Spec, before: Graph, graph: Graph) -> Iterator[Diagnostic]:
    """SC310 for a `cut_at` above what another section makes the output."""
    cut, path = spec.section(CutAt), spec.place("cut_at")
    name = cut.root.text if cut is not None else ""
    remover = graph.removed.get(name)
    now = graph.renamed.get(name, name)
    if spec.steps or name not in before.nodes or now in graph.nodes or now in graph.layers:
        return
    if remover is not None and remover.section in ("replace", "remove"):
        return  # the cut counts: they put its layer away afterwards, on purpose
    by = "outputs" if spec.section(Outputs) is not None else "head"
    yield Diagnostic(
        "SC310",
        f"`{by}` ends before `{name}`, so `cut_at` changes nothing",
        path,
        help=f"remove it, or take `{name}` in `{by}`",
        related=((f"`{by}` is here", spec.place(by)),),
    )


def _of_edits(spec: Spec, made: Made, lost: dict[Path, list[str]], graph: Graph) -> Iterator[Diagnostic]:
    """SC310 for each edit of which nothing is left, or for those entries of its chain."""
    for path, calls in made.moved.items():
        if calls and not any(name in graph.nodes or _is_folded(name, graph) for name in calls):
            yield _pointless("what follows the layers that this entry removes is not left", calls[0], path, graph)
    for path, names in made.changed.items():
        key = in_section(path)[0]
        if key in ("input", "rename") and not any(name in graph.layers for name in names):
            if any(origin.path[: len(path)] == path for origin in _of_values(graph)):
                continue  # another input stands in the place of this one, and kernels are as this one made them
            what = "changes" if key == "input" else "renames"
            yield _pointless(f"`{names[0]}`, which this {what}, is not left", names[0], path, graph)
    for edit, _ in spec.edits():
        if len(in_section(edit)) == 1:  # the sections that are no lists speak for themselves
            continue
        entries = {path: names for path, names in made.layers.items() if path[: len(edit)] == edit}
        gone = {path: each for path, each in entries.items() if path in lost and not _on_purpose(spec, each[0], graph)}
        names = made.changed.get(edit, [])
        if names and not any(name in graph.layers or _is_folded(name, graph) for name in names):
            yield _pointless("nothing of what this entry changes is left", names[0], edit, graph)
        elif entries and len(gone) == len(entries):
            yield _pointless("nothing of what this entry makes is left", next(iter(gone.values()))[0], edit, graph)
        else:
            for path, made_there in gone.items():
                yield _pointless(f"the new layer `{made_there[0]}` is not left", made_there[0], path, graph)


def _of_values(graph: Graph) -> Iterator[Origin]:
    """The edits that gave layers their values, those as well that gave what others were made of."""
    for layer in graph.layers.values():
        adapter = layer.adapter
        while adapter is not None:
            yield adapter.origin
            adapter = adapter.earlier


def _on_purpose(spec: Spec, name: str, graph: Graph) -> bool:
    """Whether a later step took a layer away by its name: only its order lets it."""
    origin = graph.removed.get(name)
    return bool(spec.steps) and origin is not None and origin.section in ("remove", "replace")


def _is_folded(name: str, graph: Graph) -> bool:
    """Whether a layer, or a call of one, is part of another since a `fold`."""
    return name in graph.removed and graph.removed[name].section == "fold"


def _pointless(fact: str, name: str, path: Path, graph: Graph) -> Diagnostic:
    origin = graph.layers[name].origin if name in graph.layers else graph.removed[name]  # by one of the same name
    by = origin.place
    return Diagnostic(
        "SC310",
        f"{fact}, `{by}` goes on without it",
        path,
        help=f"remove it, or change `{by}`",
        related=((f"`{by}` is here", origin.path),),
    )
