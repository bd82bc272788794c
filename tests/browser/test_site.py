"""The documentation site, built and opened from the disk: all fits on the screen, nothing comes from elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from documentation.pages import Pages
from tests.browser.conftest import Page
from tests.markdown import ROOT

SIZES = [(1440, 900), (390, 844)]
KINDS = ("index.html", "gallery.html", "language/edits.html", "commands/change.html", "formats/plan.html")
PAGES = [name.rpartition(".")[0] + ".html" for name in Pages().navigation]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return folder


def test_the_pages_are_built(site: Path) -> None:
    assert [name for name in PAGES if not (site / name).is_file()] == []
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    assert size < 25_000_000


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES, ids=["desk", "phone"])
def test_every_page_fits_and_leads_on(site: Path, browser: Page, width: int, height: int, dark: bool) -> None:
    fits_and_leads_on(site, browser, PAGES, width, height, dark=dark)


@pytest.mark.parametrize(("width", "height", "dark"), [(1440, 900, False), (390, 844, True)], ids=["desk", "phone"])
def test_pages_of_each_kind_fit_and_lead_on(site: Path, browser: Page, width: int, height: int, dark: bool) -> None:
    fits_and_leads_on(site, browser, KINDS, width, height, dark=dark)


def fits_and_leads_on(site: Path, browser: Page, names: Iterable[str], width: int, height: int, *, dark: bool) -> None:
    for name in names:
        browser.open(site / name, width, height, dark=dark)
        assert browser.errors() == [], name
        assert browser.run("document.documentElement.scrollWidth") <= width, f"{name} is wider than the screen"
        elsewhere = (
            "performance.getEntriesByType('resource').map(e => e.name).filter(e => !/^(file|data|blob):/.test(e))"
        )
        assert browser.run(elsewhere) == [], name
        onward = browser.run(
            "[...document.querySelectorAll('article a[href], .md-footer a[href]')].map(e => e.href.split('#')[0])"
            ".filter(e => e.startsWith('file:') && e !== location.href.split('#')[0]).length"
        )
        assert onward > 0, f"{name} leads nowhere on"
        scheme = browser.run("document.body.getAttribute('data-md-color-scheme')")
        assert scheme == ("slate" if dark else "default"), name


def test_wide_tables_scroll_inside_of_themselves(site: Path, browser: Page) -> None:
    browser.open(site / "layer-classes.html", 390, 844)
    wrapped = browser.run(
        "[...document.querySelectorAll('article table')].every(e => e.closest('.md-typeset__scrollwrap') !== null)"
    )
    assert wrapped


def test_the_search_works_from_the_disk(site: Path, browser: Page) -> None:
    browser.open(site / "index.html")
    browser.one("body").send_keys("/")
    field = browser.one(".md-search__input")
    field.send_keys("round_to")
    links = "document.querySelectorAll('.md-search-result__item a').length"
    WebDriverWait(browser.driver, 10).until(lambda _: browser.run(links))
    assert "edits" in str(browser.run("document.querySelector('.md-search-result__item a').href"))


def test_the_keyboard_reaches_the_text(site: Path, browser: Page) -> None:
    """The first stop of the tabulator skips to the content; what has the focus is seen."""
    browser.open(site / "how-it-works.html")
    browser.one("body").send_keys(Keys.TAB)
    assert "md-skip" in browser.run("document.activeElement.className")
    for _ in range(30):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if browser.run("document.activeElement.closest('article') !== null"):
            break
    assert browser.run("document.activeElement.closest('article') !== null"), "the keyboard does not reach the text"
