"""The variables of a base that a result has no more."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.graph import Graph
from spec_compiler.keras_facts.lora import part_of
from spec_compiler.plan.ledger import LedgerRow
from spec_compiler.weights.assignments import row_of, sources_of


def dropped(base: Graph, result: Graph) -> Iterator[LedgerRow]:
    """A row for each variable of the base that the result has no more."""
    copied = {place for spec in result.layers.values() if spec.keeps_weights for place in spec.all_places()}
    copied |= {place for spec in result.layers.values() for place in sources_of(spec)}
    kept = {place[0]: spec for spec in result.layers.values() for place in spec.all_places() if place is not None}
    for spec in base.layers.values():
        origin = result.removed.get(spec.name)
        why = f"its layer was taken away by {f'`{origin.place}`' if origin else 'the spec'}"
        for index, variable in enumerate(spec.variables or ()):
            if spec.place(index) not in copied:
                stays = kept.get(spec.name)
                merged = stays.adapter if stays is not None and part_of(variable.path) is not None else None
                by = stays.changed_by if stays is not None else None
                text = f"new arguments, given by `{by.place}`" if by else why
                if merged is not None and merged.absorbs_lora:
                    text = f"merged into the kernel by `{merged.origin.place}`"
                yield row_of(spec, variable, "dropped", text)
