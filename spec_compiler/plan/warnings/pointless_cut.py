"""SC310: a `cut_at` at the output, or above what another section makes the output.

Edits of which nothing is left have the same code; those who apply them find them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.edits.cut import CutAt
from spec_compiler.edits.outputs import Outputs
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

_CUT_NOTHING = ("start_at", "input", "freeze")  # behind another step the output is no longer that of the base


def pointless_cut(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """At most one warning, at `cut_at`."""
    cut, path = spec.section(CutAt), spec.place("cut_at")
    earlier = takewhile(lambda section: section != path, (place for place, _ in spec.sections()))
    if cut is None or (spec.steps and any(section[-1] not in _CUT_NOTHING for section in earlier)):
        return
    before, after, name = plan.before, plan.after, cut.root.text
    ends = [ref.node for ref in before.output_refs]
    remover = after.removed.get(name)
    if len(ends) == 1 and name in (ends[0], before.nodes[ends[0]].layer):
        message = f"`cut_at: {name}` cuts nothing, it is the model's output already"
        yield Diagnostic("SC310", message, path, help="remove it")
    elif remover is not None and remover.section in ("replace", "remove"):
        return  # the cut counts: they put its layer away afterwards, on purpose
    elif name in before.nodes and after.renamed.get(name, name) not in after.nodes:
        by = "outputs" if spec.section(Outputs) is not None else "head"
        message = f"`{by}` ends before `{name}`, so `cut_at` changes nothing"
        there = ((f"`{by}` is here", spec.place(by)),)
        yield Diagnostic("SC310", message, path, help=f"remove it, or take `{name}` in `{by}`", related=there)
