"""A spec in a cell of a notebook: its own text, or its data as YAML where it was made of none."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, code, element, heading
from spec_compiler.diagnostics.printable import printable_lines

if TYPE_CHECKING:
    from spec_compiler.spec.spec import Spec

_LINE = re.compile(r"(?P<start>\s*(?:- )*)(?P<key>[\w./-]+(?=:(?: |$)))?(?P<rest>.*?)(?P<comment>(?:^|(?<= ))#.*)?$")


def shown(spec: Spec) -> Iterator[Markup]:
    """Its name, its file, and what it says."""
    source = spec.source
    file = element("span", os.path.basename(source.file)) if source.file else ""
    yield heading(spec.name or "spec", file)
    if spec.description:
        yield element("p", spec.description, kind="muted")
    text = source.text or "\n".join(
        f"{key}: {json.dumps(value, default=str, ensure_ascii=False)}" for key, value in source.data.items()
    )
    yield element("div", code(Markup("\n".join(map(_line, printable_lines(text).rstrip().split("\n"))))), kind="yaml")


def _line(line: str) -> str:
    found = _LINE.match(line)
    assert found is not None
    start, key, rest, comment = (escape(each or "") for each in found.groups())
    return f"{start}{f'<b>{key}</b>' if key else ''}{rest}{f'<i>{comment}</i>' if comment else ''}"
