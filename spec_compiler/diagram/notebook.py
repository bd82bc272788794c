"""What a plan shows of itself in a notebook: a picture where there is an engine, and always a tree of text."""

from __future__ import annotations

from spec_compiler.diagram.dot import to_dot
from spec_compiler.diagram.draw import DrawError, render
from spec_compiler.diagram.tree import to_tree
from spec_compiler.plan import Plan
from spec_compiler.plan.contracted import row


def mimebundle(plan: Plan, *, note: str = "") -> dict[str, str]:
    """The plan's `diff` as SVG and as text, by MIME type; `note` goes below the text.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> mimebundle(Plan("nothing", empty, empty))["text/plain"]
    'nothing: diff'
    """
    made = [f"weights of {' · '.join(row(each))}" for each in plan.contracts]
    bundle = {"text/plain": "\n".join(filter(None, (to_tree(plan, "diff").rstrip("\n"), *made, note)))}
    try:
        svg = render(to_dot(plan, "diff"), "svg").decode("utf-8")
    except DrawError:
        return bundle
    # A notebook puts it into a page of HTML, where an XML declaration would be text.
    return {"image/svg+xml": svg[svg.index("<svg") :], **bundle}
