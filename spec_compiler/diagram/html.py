"""A plan as one HTML file that needs nothing else: picture, details, tables, and the spec beside them."""

from __future__ import annotations

import json
import re
from html import escape
from importlib.resources import files

from spec_compiler.diagnostics.printable import printable_lines
from spec_compiler.diagram.report import Matches, report_data
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.text.source import Source

PAGE = files("spec_compiler.diagram").joinpath("page")
# Its script: one file for each thing that it shows or does, together one function. `start` needs all of them.
SCRIPTS = (
    "data",
    "elements",
    "words",
    "boxes",
    "drawing",
    "camera",
    "view",
    "pointer",
    "selection",
    "details",
    "spec",
    "search",
    "figures",
    "table",
    "keyboard",
    "start",
)


def to_html(
    plan: Plan,
    *,
    source: Source | None = None,
    ledger: WeightLedger | None = None,
    context: int = 1,
    matches: Matches | None = None,
) -> str:
    """The report of a plan: a page that opens from a file and fetches nothing.

    `source` adds the spec, its lines linked to the nodes that they made; `ledger` adds the checksums of the weights.

    >>> from spec_compiler.graph import Graph
    >>> empty = Graph("empty", {}, {}, (), ())
    >>> to_html(Plan("nothing", empty, empty)).splitlines()[0]
    '<!doctype html>'
    """
    data = report_data(plan, source=source, ledger=ledger, context=context, matches=matches)
    parts = {
        "TITLE": escape(printable_lines(plan.name)),
        "STYLE": _part("report.css"),
        "LAYOUT": _part("layout.js"),
        "SCRIPT": "\n".join(_part(f"{name}.js") for name in SCRIPTS),
        "DATA": _embedded(json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
    }
    # In one pass: a layer may be called `@DATA@`, and what was put in is not looked at again.
    return re.sub(r"@([A-Z]+)@", lambda marker: parts[marker[1]], _part("report.html"))


def _part(name: str) -> str:
    return PAGE.joinpath(name).read_text(encoding="utf-8")


def _embedded(text: str) -> str:
    """JSON that nothing in it can end; characters that are not seen stand as escapes, as the page shows them too."""
    text = text.replace("<", "\\u003c")  # `</script>` in a name would end the element
    return text if text.isprintable() else "".join(each if _is_seen(each) else json.dumps(each)[1:-1] for each in text)


def _is_seen(character: str) -> bool:
    return character.isprintable() or printable_lines(character) == character
