"""SC313: a `cut_at` at the output. A spec whose cut `--set` moves may come to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.edits.cut import CutAt
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

_CUT_NOTHING = ("start_at", "input", "freeze")  # behind another step the output is no longer that of the base


def pointless_cut(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """At most one warning, at `cut_at`."""
    cut, path = spec.section(CutAt), spec.place("cut_at")
    earlier = takewhile(lambda section: section != path, (place for place, _ in spec.sections()))
    if cut is None or (spec.steps and any(section[-1] not in _CUT_NOTHING for section in earlier)):
        return
    before, name = plan.before, cut.root.text
    ends = [ref.node for ref in before.output_refs]
    if len(ends) == 1 and name in (ends[0], before.nodes[ends[0]].layer):
        message = f"`cut_at: {name}` cuts nothing, it is the model's output already"
        yield Diagnostic("SC313", message, path, help="remove it")
