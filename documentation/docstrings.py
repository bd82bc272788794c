"""A docstring in its parts: what it says, its sections, its examples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SECTION = re.compile(r"^(Args|Raises|Returns|Attributes|Example|Examples):\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+): ", re.MULTILINE)


@dataclass(frozen=True)
class Docstring:
    """Its prose as Markdown, the entries of `Args` and `Attributes` by name, and what it raises."""

    says: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    raises: str = ""

    @property
    def first(self) -> str:
        """Its first sentence.

        >>> Docstring("What it is (`a.b`). More of it.").first
        'What it is (`a.b`).'
        """
        return re.split(r"(?<=[.])\s", self.says.split("\n\n")[0])[0]


def docstring(thing: Any) -> Docstring:
    """The docstring of a function, a class or a property; examples are left to those who run them.

    >>> docstring(docstring).arguments
    {}
    """
    text = inspect.cleandoc(thing.__doc__ or "")
    parts = _SECTION.split(re.split(r"^>>> ", text, maxsplit=1, flags=re.MULTILINE)[0])
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    raises = re.sub(r"^\w+: ", "", _flat(sections.get("Raises", "")))
    return Docstring(
        "\n\n".join(_flat(each) for each in re.split(r"\n\s*\n", parts[0].strip())),
        _entries(sections.get("Args", "")),
        _entries(sections.get("Attributes", "")),
        raises,
    )


def _entries(section: str) -> dict[str, str]:
    parts = _ENTRY.split(inspect.cleandoc(section))
    return {name: _flat(says) for name, says in zip(parts[1::2], parts[2::2], strict=True)}


def _flat(text: str) -> str:
    return " ".join(text.split())
