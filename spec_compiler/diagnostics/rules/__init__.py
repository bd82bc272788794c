"""The kinds of mistakes: their codes, which never change their meaning. All that there is to say of one is its page.

A page is `<code>.md` beside this module. It begins with the code and the title, and `A warning.` where it is no error;
`pages` reads the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]

FAMILIES = {
    "SC0": "YAML",
    "SC1": "fields",
    "SC2": "names",
    "SC3": "topology",
    "SC4": "shapes",
    "SC5": "weights and files",
    "SC6": "training",
}
FOLDER = os.path.dirname(__file__)


class Rule(NamedTuple):
    """One kind of mistake: its stable code (never reused), what it means in one line, and the rest of its page."""

    code: str
    title: str
    severity: Severity
    text: str

    @property
    def family(self) -> str:
        """What it is about: `YAML`, `fields`, `names` and so on."""
        return FAMILIES[self.code[:3]]


class Rules(Mapping[str, Rule]):
    """The rules by their codes, in order. A page is read once its rule is asked for: a good spec costs none."""

    def __getitem__(self, code: str) -> Rule:
        if code not in self._codes:
            raise KeyError(code)
        return _read(code)

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    @cached_property
    def _codes(self) -> tuple[str, ...]:
        return tuple(sorted(name.removesuffix(".md") for name in os.listdir(FOLDER) if name.endswith(".md")))


@cache
def _read(code: str) -> Rule:
    with open(os.path.join(FOLDER, f"{code}.md"), encoding="utf-8") as file:
        heading, _, rest = file.read().partition("\n\n")
    text = rest.removeprefix("A warning.\n\n")
    return Rule(code, heading.removeprefix(f"# {code}: "), "error" if text == rest else "warning", text)


RULES = Rules()
