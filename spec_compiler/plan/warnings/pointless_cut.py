"""SC313: a `cut_at` at the output. A spec whose cut `--set` moves may come to it."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def pointless_cut(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """At most one warning, at `cut_at`."""
    if spec.cut_at is None:
        return
    before, name = plan.before, spec.cut_at.root.text
    ends = [ref.node for ref in before.output_refs]
    if len(ends) == 1 and name in (ends[0], before.nodes[ends[0]].layer):
        message = f"`cut_at: {name}` cuts nothing, it is the model's output already"
        yield Diagnostic("SC313", message, ("cut_at",), help="remove it")
