"""The gallery in the docs has every example spec; `make gallery` writes it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_the_gallery_has_the_spec_as_it_is(spec: Path) -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert spec.read_text(encoding="utf-8").rstrip() in page, "stale: run `make gallery`"
    picture = ROOT / "docs" / "images" / "gallery" / f"{spec.stem}.svg"
    assert f"images/gallery/{spec.stem}.svg" in page
    ElementTree.parse(picture)
    assert picture.stat().st_size < 150_000
