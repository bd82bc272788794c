"""What is said of a name or a pattern that matches no layer: near names, what took it away, what makes it later."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import partial

from spec_compiler.diagnostics import Path, SpecError, did_you_mean, near, quoted, write
from spec_compiler.diagnostics.near import num_slips, offered
from spec_compiler.graph import Coming, Graph
from spec_compiler.graph.enclosed import near_name, reach, same_name
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.graph.matches import in_keyword, is_class
from spec_compiler.language.patterns import LONGEST, glob
from spec_compiler.language.places import STEPS
from spec_compiler.language.selectors import KEYWORDS, Term, as_a_list

MOST_NAMES, MOST_ALIKE = 1000, 200  # that a pattern which misses is compared with, in whole and in each of its parts
_STILL_THERE = "name a layer that is still there, or change that section"
_FROM_ABOVE = "the entries of a section are applied from above"
_ANY_STILL_THERE = "name layers that are still there, or change that section"


def no_layer(name: str, graph: Graph, path: Path = (), chars: tuple[int, int] | None = None) -> SpecError:
    """The error for a name that no layer has: one that was taken away, or one with near names."""
    bare = name.partition("@")[0]
    told = partial(SpecError.single, path=path, chars=chars)
    gone = next((each for each in (name, bare) if each in graph.removed and each not in graph.layers), None)
    if gone is not None:
        origin = graph.removed[gone]
        return told(
            "SC206",
            f"`{gone}` is no longer there, `{origin.place}` took it away",
            notes=_why_too_late(origin, graph),
            related=[(f"`{origin.place}` took it away", origin.path)],
            help=_STILL_THERE,
        )
    renamed = next((layer for layer in graph.layers.values() if layer.base_name == bare), None)
    if renamed is not None:
        by = renamed.renamed_by or renamed.cause
        return told(
            "SC206",
            f"`{bare}` is called `{renamed.name}` by now",
            notes=_why_too_late(by, graph) if by is not None else (),
            related=[(f"`{by.place}` renamed it", by.path)] if by is not None else [],
            help=write(renamed.name, f"write `{renamed.name}`"),
        )
    if "/" in name and (inside := _in_renamed(name, graph, path, chars)) is not None:
        return inside
    if graph.coming is not None and bare in graph.coming.names:
        (old, by), here = graph.coming.names[bare], graph.coming.section
        return told(
            "SC201",
            f"no layer named `{name}` yet, `{by.place}` calls `{old}` so after `{here}`",
            notes=(_order(graph.coming),),
            related=[("it is renamed here", by.path)],
            help=f"write `{old}`",
        )
    later = _coming(graph, lambda layer: layer.name == bare)
    if later is not None:
        return _too_early(f"no layer named `{name}` yet", later, graph, path, chars)
    if "@" in name and bare in graph.calls:
        calls = graph.calls[bare]
        several, alone = f"its calls are {quoted(calls)}", write(bare, f"write `{bare}`")
        return told("SC201", f"`{bare}` has no call `{name}`", help=several if len(calls) > 1 else alone)
    is_whole = chars is None  # an end of a range is no keyword, and no list
    names = dict.fromkeys([*graph.layers, *graph.nodes, *(KEYWORDS if is_whole else ())])
    otherwise = near_name(graph, name) or "`spec-compiler layers` prints the names"
    help = (as_a_list(name) if is_whole else None) or same_name(graph, name) or _of_a_class(name)
    help = help or did_you_mean(name, names, otherwise)
    below = [each for each in graph.in_order(graph.nodes) if each.startswith(f"{name}/")]
    if below and is_whole:
        help = f"it stands open, its layers are called `{name}/…`; the last of them is `{below[-1]}`"
    return told("SC201", f"no layer named `{name}`", help=help)


def _of_a_class(name: str) -> str | None:
    """For a name that is a class behind a misspelt `type:`."""
    prefix, _, class_name = name.partition(":")
    return offered([f"type:{class_name}"]) if class_name and num_slips(prefix.lower(), "type", 1) <= 1 else None


def _coming(graph: Graph, wanted: Callable[[LayerSpec], bool]) -> LayerSpec | None:
    """The first layer of those that this section or a later one will make that is wanted."""
    return next((layer for layer in (graph.coming.layers if graph.coming else ()) if wanted(layer)), None)


def _order(coming: Coming) -> str:
    what = "steps" if coming.section.startswith(STEPS) else "sections"
    return f"the {what} are applied in the order {quoted(coming.order)}"


def _why_too_late(by: Origin, graph: Graph) -> tuple[str, ...]:
    """The order in which an edit came before the section that is applied; nothing once all are."""
    if graph.coming is None:
        return ()
    return (_FROM_ABOVE if by.section == graph.coming.section else _order(graph.coming),)


def _too_early(
    fact: str, later: LayerSpec, graph: Graph, path: Path, chars: tuple[int, int] | None = None
) -> SpecError:
    """The error for what is not there because it is made later, with the order of the sections."""
    assert graph.coming is not None
    here, there = graph.coming.section, later.origin.place
    if here == there:
        order, help = _FROM_ABOVE, "move that entry up"
    else:
        order = _order(graph.coming)
        help = f"write it into `{there}` itself"
        if here == "set":
            help += ": the arguments belong to the new layer's entry"
        if here.startswith(STEPS):
            help = f"move this step below `{there}`"
    what = "it" if f"`{later.name}`" in fact else f"`{later.name}`"
    return SpecError.single(
        "SC201",
        f"{fact}, `{there}` makes {what} {'later' if here == there else f'after `{here}`'}",
        path=path,
        chars=chars,
        notes=(order,),
        related=[(f"`{later.name}` is made here", later.origin.path)],
        help=help,
    )


def _matches(term: Term, name: str, layer: LayerSpec) -> bool:
    """Whether a class or a pattern is meant for a layer; `name` says the closed model that it is inside of, if any."""
    if term.form == "type":
        return is_class(layer, term.parts[0])
    return term.form in ("regex", "glob") and term.matches()(name)


def positions_of(whose: str, graph: Graph) -> tuple[str, ...]:
    """The base's layers in the order of its positions; of one base of several, or of a nested model, only its own."""
    if whose in ("", "base"):
        return graph.positions
    return tuple(name for name in graph.positions if is_inside(name, whose, graph))


def is_inside(name: str, whose: str, graph: Graph) -> bool:
    """Whether a layer is of a base or nested model, be it that `rename` gave it a name without the model's."""
    in_base = graph.layers[name].name_in_base if name in graph.layers else name
    return in_base.startswith(f"{whose}/")


def _taken_away(fact: str, term: Term, name: str, graph: Graph, notes: tuple[str, ...] = ()) -> SpecError:
    """SC206 for an element of which an edit left nothing, with the place of the edit that took `name` away."""
    origin = graph.layers[name].origin if name in graph.layers else graph.removed[name]  # by one of the same name
    related, notes = [(f"`{origin.place}` took `{name}` away", origin.path)], (*notes, *_why_too_late(origin, graph))
    return SpecError.single("SC206", fact, path=term.path, related=related, notes=notes, help=_ANY_STILL_THERE)


def _no_model(term: Term, graph: Graph) -> SpecError:
    """The error for a base or nested model that is not there, or of which nothing is left."""
    gone = next((name for name in graph.removed if name.startswith(f"{term.whose}/")), None)
    if gone is not None:
        fact = f"nothing of `{term.whose}` is left, `{graph.removed[gone].place}` took it away"
        return _taken_away(fact, term, gone, graph)
    inside = _in_renamed(term.text, graph, term.path)
    if inside is not None:
        return inside
    models = dict.fromkeys(name.rpartition("/")[0] for name in graph.layers if "/" in name)
    models |= {name: None for name, layer in graph.layers.items() if layer.inner is not None}
    otherwise = f"there are {quoted(models)}" if models else "this model has neither"
    message = f"no base and no nested model is called `{term.whose}`"
    known = (*models, *(("base",) if term.form == "slice" else ()))
    help = offered(near(term.whose, known), "{}" + term.text.removeprefix(term.whose)) or otherwise
    return SpecError.single("SC201", message, path=term.path, help=help)


def _in_renamed(text: str, graph: Graph, path: Path, chars: tuple[int, int] | None = None) -> SpecError | None:
    """The error for what leads into a nested model by its new name; None where the name is none."""
    model = graph.layers.get(re.split(r"[/\[]", text, maxsplit=1)[0].strip())
    if model is None or model.inner is None or model.renamed_by is None:
        return None
    old, by = model.name_in_base, model.renamed_by
    return SpecError.single(
        "SC201",
        f"`{text}` leads into `{model.name}`, which `{by.place}` renames as a whole",
        path=path,
        chars=chars,
        notes=_why_too_late(by, graph),
        related=[("it is renamed here", by.path)],
        help=f"leave `{old}` out of `{by.place}`, then `{text.replace(model.name, old, 1)}` is what you mean",
    )


def _lost_positions(term: Term, graph: Graph) -> SpecError:
    """The error for positions of the base of whose layers none is left."""
    start, stop = term.positions
    inside = positions_of(term.whose, graph)[start:stop]
    one = len(inside) == 1
    named = f"is the position of `{inside[0]}`" if one else f"are the positions of `{inside[0]}` to `{inside[-1]}`"
    name = inside[-1]
    origin = graph.layers[name].origin if name in graph.layers else graph.removed[name]
    fact = f"`{term.text}` {named} in the base, which `{origin.place}` took away"
    notes = ("positions count the base's own layers, whatever is cut or added",)
    return _taken_away(fact, term, name, graph, notes)


def nothing(term: Term, graph: Graph) -> SpecError:
    """The error for a pattern, a class, a keyword or positions that match no layer: SC201, or SC206 where they did."""
    if term.form == "slice" and positions_of(term.whose, graph):
        return _lost_positions(term, graph)
    if term.whose:
        return _no_model(term, graph)
    is_keyword = term.form == "keyword"
    later = _coming(
        graph, lambda layer: in_keyword(layer, term.text) if is_keyword else _matches(term, layer.name, layer)
    )
    if later is not None:
        return _too_early(f"`{term.text}` matches no layer yet", later, graph, term.path)
    if is_keyword:
        help: str | None = "this spec adds no layer there"
    elif term.form == "type" and (several := as_a_list(term.text)) is not None:
        help = several
    elif term.form == "type":
        classes = sorted({layer.class_name for layer in graph.layers.values()})
        is_pattern = len(term.parts[0]) <= LONGEST and any(sign in term.parts[0] for sign in "*?[")
        matches = glob(term.parts[0]) if is_pattern else None
        alike = [f"type:{name}" for name in classes if matches is not None and matches(name)]
        otherwise = f"its classes are {quoted(classes[:8])}{', …' if len(classes) > 8 else ''}"
        help = offered(near(term.parts[0], classes), "type:{}") or otherwise
        if alike:  # a pattern, which only names have
            help = write(alike, f"write the classes out: `[{', '.join(alike)}]`")
    else:
        several = as_a_list(term.text) if term.form == "glob" else None
        help = several or _near_pattern(term, graph) or "`spec-compiler layers` prints the names"
    gone = sorted(filter(term.matches(), graph.removed)) if term.form == "glob" else []
    if gone:
        fact = f"`{term.text}` matches only layers that `{graph.removed[gone[0]].place}` took away"
        return _taken_away(fact, term, gone[0], graph)
    help = reach(graph, partial(_matches, term)) or help
    what = {"type": f"no layer of class `{term.parts[0]}`"}.get(term.form, f"`{term.text}` matches no layer")
    return SpecError.single("SC201", what, path=term.path, help=help)


def _near_pattern(term: Term, graph: Graph) -> str | None:
    """For a glob that misses, the same pattern with its literal part mended: `blok2_*` -> `block2_*`."""
    if term.form != "glob":
        return None
    head = re.split(r"[*?\[]", term.text, maxsplit=1)[0]
    if len(head) < 2:
        return _near_parts(term.text, graph)
    sizes = range(max(1, len(head) - 2), len(head) + 3)  # a slip or two make it that much longer or shorter
    prefixes = {name[:size] for name in graph.layers for size in sizes if len(name) >= size}
    for mended in near(head, sorted(prefixes, key=lambda prefix: (len(prefix), prefix))):
        pattern = mended + term.text[len(head) :]
        if len(pattern) <= LONGEST and any(map(glob(pattern), graph.layers)):
            return offered([pattern])
    return _near_parts(term.text, graph)


def _near_parts(text: str, graph: Graph) -> str | None:
    """For a glob that misses, the same with one slip mended in any of its literal parts, that which matches most."""
    parts = re.split(r"([*?]|\[[^\]]*\])", text)
    names = [name for name in itertools.islice(graph.layers, MOST_NAMES) if len(name) <= LONGEST]
    found: dict[str, tuple[int, int]] = {}
    for at, part in enumerate(parts):
        if at % 2 or len(part) < 3 or len(text) > LONGEST:
            continue
        before, after = "".join(parts[:at]), "".join(parts[at + 1 :])
        likely = [*itertools.islice(filter(glob(f"{before}*{after}"), names), MOST_ALIKE)]
        sizes = range(len(part) - 1, len(part) + 2)
        words = {name[start : start + size] for name in likely for size in sizes for start in range(len(name))}
        for word in sorted(word for word in words if num_slips(word, part, 1) == 1):
            pattern = f"{before}{word}{after}"
            if len(pattern) <= LONGEST and (count := sum(map(glob(pattern), likely))):
                found[pattern] = (count, len(pattern))
    return offered([pattern for pattern, rank in found.items() if rank == max(found.values())])
