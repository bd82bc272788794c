"""A plan in each of the formats that `plan --format` knows."""

from __future__ import annotations

import json

from spec_compiler.cli.markdown import plan_markdown
from spec_compiler.cli.show import plan_text
from spec_compiler.cli.terminal import NEWLINE
from spec_compiler.diagram import to_tree
from spec_compiler.plan import Plan

PLAN_FORMATS = ("text", "tree", "markdown", "json")
PLAN_SUFFIXES = {".txt": "text", ".md": "markdown", ".json": "json"}


def plan_as(plan: Plan, format: str) -> str:
    """The plan as text that ends in a line break.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> plan_as(Plan("nothing", empty, empty), "tree")
    'nothing: diff\\n'
    """
    if format == "json":
        return json.dumps(plan.to_json(), indent=2) + "\n"
    if format == "markdown":
        return plan_markdown(plan)
    if format == "tree":
        return to_tree(plan, "diff")
    return plan_text(plan) + NEWLINE
