"""Whether the pages are whole: no link leads nowhere, the navigation has each page, and each page leads on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from documentation.pages import Pages, anchors, is_elsewhere, links, markdown, target


def broken_links(pages: Pages) -> Iterator[str]:
    """Links to files that are not there, and to anchors that a page has not."""
    known: dict[Path, set[str]] = {}
    for here in (pages.root / "README.md", *map(pages.file, pages.names)):
        where = here.relative_to(pages.root).as_posix()
        for link in links(markdown(here)):
            if is_elsewhere(link):
                continue
            file, anchor = target(here, link)
            if not file.exists():
                yield f"{where}: the link `{link}` leads to no file"
            elif anchor and file.suffix == ".md":
                if file not in known:
                    known[file] = anchors(markdown(file))
                if anchor not in known[file]:
                    yield f"{where}: the link `{link}` leads to no heading or anchor of `{file.name}`"


def unreached(pages: Pages) -> Iterator[str]:
    """Pages that the navigation does not lead to, or twice, and entries of it without a page."""
    for name in pages.names:
        if name not in pages.navigation:
            yield f"{pages.file(name).relative_to(pages.root).as_posix()}: `nav` in mkdocs.yml does not lead there"
    for name, times in Counter(pages.navigation).items():
        if name not in pages.names:
            yield f"mkdocs.yml: there is no page `{name}`"
        elif times > 1:
            yield f"mkdocs.yml: `nav` has `{name}` {times} times"


def dead_ends(pages: Pages) -> Iterator[str]:
    """Pages whose text leads to no other page."""
    for name in pages.names:
        here = pages.file(name)
        found = (target(here, link)[0] for link in links(markdown(here)) if not is_elsewhere(link))
        onward = {pages.page(file) for file in found} - {None, name}
        if not onward & {*pages.names}:
            yield f"{here.relative_to(pages.root).as_posix()}: it leads to no other page"
