"""What mkdocs is told beyond mkdocs.yml: pages of the root, links to files of the repository, anchors as on GitHub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File
from pymdownx.slugs import slugify

sys.path.insert(0, str(Path(__file__).parents[1]))  # mkdocs loads this file by its path

from documentation.notebooks import with_pages
from documentation.pages import ELSEWHERE, Pages, with_links

PAGES = Pages()


def on_config(config: Any) -> Any:
    """The address of the repository, and anchors of headings that are the same on the site and on the code host."""
    config.repo_url = PAGES.repository
    config.repo_name = "Source"
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    return config


def on_files(files: Any, config: Any) -> Any:
    """With the pages that lie elsewhere."""
    for name in ELSEWHERE:
        files.append(File.generated(config, name, content=PAGES.file(name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """With the links of the site."""
    return with_links(markdown, lambda link: PAGES.on_the_site(page.file.src_uri, link))


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """With the links of notebooks, which no other plugin sees."""
    return with_pages(html) if page.file.src_uri.endswith(".ipynb") else html
