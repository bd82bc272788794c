"""The comment: each spec with its mistakes, or with its plan and picture; what it shows of a stranger's is text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scripts.pull_request.plans import Planned

MARKER = "<!-- spec-compiler: plans -->"
LONGEST = 65_000  # characters; GitHub takes 65,536
MOST_SPECS = 20


def comment(plans: Sequence[Planned], left_out: int = 0) -> str:
    """The Markdown of all plans, cut between specs where it would be too long."""
    head = f"{MARKER}\n## Plans of model specs\n"
    if not plans:
        return f"{head}\nNo spec differs from the base.\n"
    wrong = sum(each.is_wrong for each in plans)
    verdict = f"**{_count(wrong, 'spec')} at fault.**" if wrong else "No mistakes."
    text = f"{head}\n{_count(len(plans) + left_out, 'spec')} changed. {verdict}\n"
    for number, each in enumerate(plans):
        part = _one(each)
        left = left_out + len(plans) - number
        if len(text) + len(part) > LONGEST - 200:
            short = _one(each, whole=False)
            part = short if len(text) + len(short) <= LONGEST - 200 else ""
        if not part:
            return f"{text}\n{_count(left, 'more spec')}, for which there is no room.\n"
        text += part
    return text + (f"\n{_count(left_out, 'more spec')} not planned, {MOST_SPECS} at most are.\n" if left_out else "")


def _one(planned: Planned, whole: bool = True) -> str:
    changed = planned.changed
    lines = [f"\n### {code(changed.path)}: {changed.what}\n"]
    if planned.mistakes:
        lines += [fenced(planned.mistakes if whole else planned.mistakes[:4000])]
    if planned.why_not:
        lines += [f"{planned.why_not}\n"]
    if planned.difference and whole:
        lines += ["What it makes, beside what it makes in the base:\n", _below(planned.difference, named=False)]
        lines += [f"<details><summary>The whole plan</summary>\n\n{_below(planned.plan)}\n</details>\n"]
    elif planned.plan and whole:
        lines += [_below(planned.plan)]
    elif planned.plan:
        lines += ["The plan is too long for this comment: `spec-compiler plan` shows it.\n"]
    return "\n".join(lines)


def _below(markdown: str, named: bool = True) -> str:
    """A plan's Markdown with its heading below those of the comment, or without it."""
    return re.sub(r"\A### (.*\n)", r"#### \1" if named else "", markdown.strip()).strip() + "\n"


def fenced(text: str) -> str:
    """Any text as a block of code, whatever fences it holds.

    >>> print(fenced("a ``` b"))
    ````text
    a ``` b
    ````
    <BLANKLINE>
    """
    longest = max((len(each) for each in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}\n"


def code(text: str) -> str:
    """Any text as code within a line.

    >>> code("a`b")
    '`a\u02cbb`'
    """
    return "`" + re.sub(r"[^\S ]|[\x00-\x1f]", " ", text).replace("`", "ˋ") + "`"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
