"""The pages of the site: where each lies in the repository, and where its links lead.

No mkdocs here, so that the tests of pages and links need none.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pymdownx.slugs import slugify

from spec_compiler.text.yaml_text import read_source

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Pages of the site that lie elsewhere: their names on the site, and in the repository.
ELSEWHERE = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "governance.md": "GOVERNANCE.md",
    "security-policy.md": "SECURITY.md",
    "benchmarks.md": "benchmarks/RESULTS.md",
}
FRONT = {"README.md": "index.md"}  # who comes from the code host is at the front of the site

# Code is skipped: a fence, then spans, of as many backticks as they begin with.
_PARTS = re.compile(
    r"(?P<code>^(?P<fence>[ ]*(?:`{3,}|~{3,}))[^\n]*\n.*?^(?P=fence)[ ]*$|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<before>\]\(|\b(?:src|href)=\")(?P<target>[^)\s\"]+)(?=[)\s\"])",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ID = re.compile(r"<[a-z]+ [^>]*\bid=\"([^\"]+)\"")
_slug = slugify(case="lower")  # GitHub's anchors; the site is told to have the same


@dataclass(frozen=True)
class Pages:
    """The pages of a repository by their names on the site, such as `language.md`."""

    root: Path = ROOT

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every page that there is."""
        docs = self.root / "docs"
        found = (path.relative_to(docs).as_posix() for kind in ("md", "ipynb") for path in docs.rglob(f"*.{kind}"))
        return tuple(sorted({*found, *ELSEWHERE}))

    @cached_property
    def navigation(self) -> tuple[str, ...]:
        """The pages that the navigation leads to, in its order."""
        return tuple(_pages_of(read_source(self.root / "mkdocs.yml").data["nav"]))

    @cached_property
    def repository(self) -> str:
        """The address of the repository, which stands in pyproject.toml and nowhere else."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return str(project["urls"]["Repository"]).rstrip("/")

    def file(self, page: str) -> Path:
        """The file of a page."""
        return self.root / ELSEWHERE.get(page, f"docs/{page}")

    def page(self, file: Path) -> str | None:
        """The page that a file is; None where it is none."""
        if not file.is_relative_to(self.root):
            return None
        place = file.relative_to(self.root).as_posix()
        elsewhere = FRONT | {place: name for name, place in ELSEWHERE.items()}
        if place in elsewhere:
            return elsewhere[place]
        return place.removeprefix("docs/") if place.startswith("docs/") else None

    def on_the_site(self, page: str, link: str) -> str:
        """What a link of a page is on the site: a page of it, or for another file of the repository its address.

        >>> link = Pages().on_the_site("how-to.md", "../specs/gallery/one_layer.yaml")
        >>> link.removeprefix(Pages().repository)
        '/blob/main/specs/gallery/one_layer.yaml'
        >>> Pages().on_the_site("contributing.md", "docs/rules.md#sc101")
        'rules.md#sc101'
        """
        if is_elsewhere(link) or link.startswith("#"):
            return link
        file, anchor = target(self.file(page), link)
        hash_ = f"#{anchor}" if anchor else ""
        name = self.page(file)
        if name is not None:
            return posixpath.relpath(name, posixpath.dirname(page) or ".") + hash_
        if not file.exists() or not file.is_relative_to(self.root):
            return link  # mkdocs says that it is broken
        kind = "tree" if file.is_dir() else "blob"
        return f"{self.repository}/{kind}/main/{file.relative_to(self.root).as_posix()}{hash_}"


def _pages_of(navigation: Any) -> Iterator[str]:
    for each in navigation if isinstance(navigation, list) else [navigation]:
        if isinstance(each, str):
            yield each
        else:
            for inside in each.values():
                yield from _pages_of(inside)


def markdown(file: Path) -> str:
    """The Markdown of a page; of a notebook that of its cells."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    cells = (each for each in json.loads(text)["cells"] if each["cell_type"] == "markdown")
    return "\n\n".join("".join(each["source"]) for each in cells)


def target(file: Path, link: str) -> tuple[Path, str]:
    """The file that a link in a file names, and the anchor in it."""
    path, _, anchor = link.partition("#")
    return (Path(os.path.normpath(file.parent / path)) if path else file), anchor


def is_elsewhere(link: str) -> bool:
    """Whether a link leads out of the repository, or to what `make docs` puts beside the pages."""
    return re.match(r"[a-z]+:|playground/", link) is not None


def links(text: str) -> list[str]:
    """The targets of the links of a page, pictures too, but for what stands in code.

    >>> links("[a](b.md#c), `[d](e.md)`, ![f](g.png)")
    ['b.md#c', 'g.png']
    """
    return [match["target"] for match in _PARTS.finditer(text) if match["target"]]


def with_links(text: str, changed: Callable[[str], str]) -> str:
    """A page with other targets of its links."""
    return _PARTS.sub(
        lambda found: f"{found['before']}{changed(found['target'])}" if found["target"] else found[0], text
    )


def anchors(text: str) -> set[str]:
    """The anchors of a page: those of its headings, and those that it says itself.

    >>> sorted(anchors('# One `two`: three!\\n\\n<a id="sc101"></a>\\n\\n```\\n# no heading\\n```'))
    ['one-two-three', 'sc101']
    """
    bare = _PARTS.sub(lambda found: found[0] if found["ticks"] or found["target"] else "", text)
    headings = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each) for each in _HEADING.findall(bare))
    return {*(_slug(re.sub(r"[`*]", "", each), "-") for each in headings), *_ID.findall(bare)}
