"""Notebooks on the site: mkdocs-jupyter shows them, and leaves their links as they are."""

from __future__ import annotations

import re

_LINK = re.compile(r'(?<=href=")(?![a-z]+:)([^"#]+)\.(?:md|ipynb)(?=[#"])')


def with_pages(html: str) -> str:
    """A notebook's page whose links to other pages lead to them.

    >>> with_pages('<a href="../lock.md#a">')
    '<a href="../lock.html#a">'
    """
    return _LINK.sub(r"\1.html", html)
