"""Blocks by the names of the places where they stand."""

from __future__ import annotations

from itertools import count

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.edits.new_names import Match
from spec_compiler.edits.scope import Made, Scope
from spec_compiler.language.entries import LayerEntry
from spec_compiler.language.layer_names import MATCH


def block_name(made: Made, match: Match, entry: LayerEntry, path: Path, scope: Scope) -> str:
    """The name of a block where it stands: its own, or that of its definition with a number.

    Raises:
        SpecError: SC204.
    """
    known = made.by_entry.get((match.layer, path))
    if known is not None:
        return known
    graph = made.graph
    below = (match.layer or "").rpartition("/")[0]
    prefix = scope.prefix or (f"{below}/" if below else "")
    # names with a slash are of blocks, bases and nested models
    first = {
        name.split("/", prefix.count("/") + 1)[prefix.count("/")]
        for name in (*graph.layers, *made.layers)
        if name.startswith(prefix)
    }
    copies = range(1, len(entry.copies) + 1) if len(entry.copies) > 1 else ("",)

    def is_taken(name: str) -> bool:
        return any((f"{name}_{copy}" if copy else name) in first for copy in copies)

    if entry.name is not None:
        name = match.filled_in(entry.name)
        if is_taken(name):
            message = f"a layer or block named `{name}` is already there"
            place = (*path, *entry.name_path)
            help = "write another name"
            if made.several and MATCH not in entry.name:
                help = f"put `{MATCH}` into it, which stands for the layer that was matched"
            raise SpecError.single("SC204", message, path=place, help=help)
    else:
        title = str(entry.block)
        name = next(
            each for each in (f"{title}_{number}" if number else title for number in count()) if not is_taken(each)
        )
    made.by_entry[match.layer, path] = f"{prefix}{name}"
    return f"{prefix}{name}"
