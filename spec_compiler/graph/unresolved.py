"""What is said of a name or a pattern that matches no layer: near names, what took it away, what makes it later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, near
from spec_compiler.graph import Coming, Graph
from spec_compiler.graph.enclosed import near_name, reach, same_name
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.language.patterns import LONGEST, glob
from spec_compiler.language.selectors import KEYWORDS, Term, as_a_list


def in_keyword(layer: LayerSpec, keyword: str) -> bool:
    """Whether `base`, `head`, `new` or `all` means a layer."""
    section = layer.origin.section
    return {"all": True, "base": section == "base", "new": layer.is_new, "head": section == "head"}[keyword]


def is_class(layer: LayerSpec, name: str) -> bool:
    """Whether a layer is of the class, `package>Name` by its bare name too."""
    return name in (layer.class_name, layer.class_name.rpartition(">")[2])


def no_layer(name: str, graph: Graph, path: Path = (), chars: tuple[int, int] | None = None) -> SpecError:
    """The error for a name that no layer has: one that was taken away, or one with near names."""
    bare = name.partition("@")[0]
    told = partial(SpecError.single, path=path, chars=chars)
    for known in (name, bare):
        if known in graph.removed and known not in graph.layers:
            origin = graph.removed[known]
            return told(
                "SC206",
                f"`{known}` is no longer there, `{origin.section}` took it away",
                related=[(f"`{origin.section}` took it away", origin.path)],
                help="name a layer that is still there, or change that section",
            )
    renamed = next((layer for layer in graph.layers.values() if layer.base_name == bare), None)
    if renamed is not None:
        by = renamed.renamed_by or renamed.cause
        return told(
            "SC206",
            f"`{bare}` is called `{renamed.name}` by now",
            related=[(f"`{by.section}` renamed it", by.path)] if by is not None else [],
            help=f"write `{renamed.name}`",
        )
    if graph.coming is not None and bare in (graph.coming.names or ()):
        old, here = (graph.coming.names or {})[bare], graph.coming.section
        return told(
            "SC201",
            f"no layer named `{name}` yet, `rename` calls `{old}` so after `{here}`",
            notes=(_order(graph.coming),),
            related=[("it is renamed here", ("rename", old))],
            help=f"write `{old}`",
        )
    later = _coming(graph, lambda layer: layer.name == bare)
    if later is not None:
        return _too_early(f"no layer named `{name}` yet", later, graph, path, chars)
    if "@" in name and bare in graph.calls:
        calls = graph.calls[bare]
        return told(
            "SC201",
            f"`{bare}` has no call `{name}`",
            help=f"its calls are {', '.join(f'`{each}`' for each in calls)}" if len(calls) > 1 else f"write `{bare}`",
        )
    names = dict.fromkeys([*graph.layers, *graph.nodes, *(KEYWORDS if chars is None else ())])
    otherwise = near_name(graph, name) or "`spec-compiler layers` prints the names"
    help = as_a_list(name) if chars is None else None
    help = help or same_name(graph, name) or did_you_mean(name, names, otherwise)
    return SpecError.single("SC201", f"no layer named `{name}`", path=path, chars=chars, help=help)


def _coming(graph: Graph, wanted: Callable[[LayerSpec], bool]) -> LayerSpec | None:
    """The first layer of those that this section or a later one will make that is wanted."""
    return next((layer for layer in (graph.coming.layers if graph.coming else ()) if wanted(layer)), None)


def _order(coming: Coming) -> str:
    return f"the sections are applied in the order {', '.join(f'`{each}`' for each in coming.order)}"


def _too_early(
    fact: str, later: LayerSpec, graph: Graph, path: Path, chars: tuple[int, int] | None = None
) -> SpecError:
    """The error for what is not there because it is made later, with the order of the sections."""
    assert graph.coming is not None
    here, there = graph.coming.section, later.origin.section
    if here == there:
        order, help = "the entries of a section are applied from above", "move that entry up"
    else:
        order = _order(graph.coming)
        help = f"write it into `{there}` itself"
        if here == "set":
            help += ": the arguments belong to the new layer's entry"
    made = "it" if f"`{later.name}`" in fact else f"`{later.name}`"
    return SpecError.single(
        "SC201",
        f"{fact}, `{there}` makes {made} {'later' if here == there else f'after `{here}`'}",
        path=path,
        chars=chars,
        notes=(order,),
        related=[(f"`{later.name}` is made here", later.origin.path)],
        help=help,
    )


def _matches(term: Term, layer: LayerSpec) -> bool:
    """Whether a keyword, a class or a pattern is meant for a layer."""
    if term.form == "keyword":
        return in_keyword(layer, term.text)
    if term.form == "type":
        return is_class(layer, term.parts[0])
    return term.form in ("regex", "glob") and term.matches()(layer.name)


def _matches_inside(term: Term, name: str, layer: LayerSpec) -> bool:
    """Whether a class or a pattern is meant for a layer inside of a closed model, `name` with that model's."""
    if term.form == "type":
        return is_class(layer, term.parts[0])
    return term.form in ("regex", "glob") and term.matches()(name)


def _lost_positions(term: Term, graph: Graph) -> SpecError:
    """The error for positions of the base of whose layers none is left."""
    start, stop = term.positions
    inside = graph.positions[start:stop]
    one = len(inside) == 1
    named = f"is the position of `{inside[0]}`" if one else f"are the positions of `{inside[0]}` to `{inside[-1]}`"
    name = inside[-1]
    origin = graph.layers[name].origin if name in graph.layers else graph.removed[name]
    return SpecError.single(
        "SC206",
        f"`{term.text}` {named} in the base, which `{origin.section}` took away",
        path=term.path,
        related=[(f"`{origin.section}` took `{name}` away", origin.path)],
        notes=("positions count the base's own layers, whatever is cut or added",),
        help="name layers that are still there, or change that section",
    )


def nothing(term: Term, graph: Graph) -> SpecError:
    """The error for a pattern, a class, a keyword or positions that match no layer: SC201, or SC206 where they did."""
    if term.form == "slice":
        return _lost_positions(term, graph)
    later = _coming(graph, lambda layer: _matches(term, layer))
    if later is not None:
        return _too_early(f"`{term.text}` matches no layer yet", later, graph, term.path)
    if term.form == "keyword":
        help: str | None = "this spec adds no layer there"
    elif term.form == "type" and (several := as_a_list(term.text)) is not None:
        help = several
    elif term.form == "type":
        classes = sorted({layer.class_name for layer in graph.layers.values()})
        listed = ", ".join(f"`{name}`" for name in classes[:8])
        is_pattern = len(term.parts[0]) <= LONGEST and any(sign in term.parts[0] for sign in "*?[")
        matches = glob(term.parts[0]) if is_pattern else None
        alike = [f"type:{name}" for name in classes if matches is not None and matches(name)]
        help = did_you_mean(term.parts[0], classes, f"its classes are {listed}{', …' if len(classes) > 8 else ''}")
        if alike:  # a pattern, which only names have
            help = f"write the classes out: `[{', '.join(alike)}]`"
    else:
        several = as_a_list(term.text) if term.form == "glob" else None
        help = several or _near_pattern(term, graph) or "`spec-compiler layers` prints the names"
    taken = term.matches() if term.form == "glob" else None
    gone = sorted(name for name in graph.removed if taken is not None and taken(name))
    if gone:
        origin = graph.removed[gone[0]]
        return SpecError.single(
            "SC206",
            f"`{term.text}` matches only layers that `{origin.section}` took away",
            path=term.path,
            related=[(f"`{origin.section}` took `{gone[0]}` away", origin.path)],
            help="name layers that are still there, or change that section",
        )
    help = reach(graph, lambda name, layer: _matches_inside(term, name, layer)) or help
    what = {"type": f"no layer of class `{term.parts[0]}`"}.get(term.form, f"`{term.text}` matches no layer")
    return SpecError.single("SC201", what, path=term.path, help=help)


def _near_pattern(term: Term, graph: Graph) -> str | None:
    """For a glob that misses, the same pattern with its literal part mended: `blok2_*` -> `block2_*`."""
    if term.form != "glob":
        return None
    head = re.split(r"[*?\[]", term.text, maxsplit=1)[0]
    if len(head) < 2:
        return None
    sizes = range(max(1, len(head) - 2), len(head) + 3)
    prefixes = _ordered({name[:size] for name in graph.layers for size in sizes if len(name) >= size})
    for mended in near(head, prefixes):
        pattern = mended + term.text[len(head) :]
        if len(pattern) <= LONGEST and any(map(glob(pattern), graph.layers)):
            return f"did you mean `{pattern}`?"
    return None


def _ordered(names: Iterable[str]) -> Sequence[str]:
    return sorted(names, key=lambda name: (len(name), name))
