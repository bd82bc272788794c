"""What `docs/try.md` says of the page that runs in a browser, and what its files say."""

from __future__ import annotations

import re
from pathlib import Path

from spec_compiler.keras_facts.application_sizes import sizes
from spec_compiler.keras_facts.catalogue import application_names, catalogue
from spec_compiler.memory.shapes.rules import RULES

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "try.md").read_text(encoding="utf-8").split())
APP = (ROOT / "playground" / "src" / "app.js").read_text(encoding="utf-8")


def test_the_figures_of_the_page_are_so() -> None:
    assert f"all {len(application_names())} applications as Keras {catalogue()['keras']} makes them" in PAGE
    seconds = re.search(r"CHECK_SECONDS = (\d+)", APP)
    assert seconds is not None
    assert f"takes longer than {seconds[1]} seconds is ended" in PAGE
    assert not {"MultiHeadAttention", "LSTM"} & RULES.keys()


def test_sizes_are_of_the_keras_of_the_catalogue() -> None:
    assert sizes()["keras"] == catalogue()["keras"]
    assert set(sizes()["step"]) <= set(application_names())
    assert set(sizes()["step"].values()) <= {1, 32}


def test_the_page_loads_from_itself_alone() -> None:
    sources = [*(ROOT / "playground" / "src").glob("*.js"), ROOT / "playground" / "style.css"]
    page = (ROOT / "playground" / "index.html").read_text(encoding="utf-8")
    for text in (page, *(path.read_text(encoding="utf-8") for path in sources)):
        addresses = re.findall(r"https?://[^\s\"'`)]+", re.sub(r"^\s*//.*$", "", text, flags=re.M))
        assert addresses == []
    assert "default-src 'none'" in page
    assert "'unsafe-" not in page
    assert "innerHTML" not in "".join(path.read_text(encoding="utf-8") for path in sources)
