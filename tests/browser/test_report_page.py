"""The report in a real browser: it opens, searches, shows, folds, links, sorts and prints, on a desk and on a phone."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from spec_compiler.diagram import to_html, to_mermaid
from spec_compiler.diagram.picture import draw_up
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import LedgerRow, WeightLedger
from spec_compiler.text.yaml_text import parse_source
from tests.browser.conftest import Page
from tests.unit.pictures import awkward, changed, cut, inserted, long_chain, replaced, residual_tower, siamese

SPEC = """\
spec: 1
base: {application: VGG16}
insert:
  # what is new
  - after: image
    with:
      - Conv2D: {filters: 8, kernel_size: 3, name: new_conv}
freeze: [pool, dense]
"""
SIZES = [(1440, 900), (390, 844)]


@pytest.fixture
def page(browser: Page, tmp_path: Path) -> Page:
    checksum = "0123456789abcdef" * 4
    row = LedgerRow("scores", "kernel", "copied", "kept", (8, 8), "float32", 64, "w.h5:k", checksum, checksum)
    source = parse_source(SPEC, "fast_stem.yaml")
    file = tmp_path / "report.html"
    file.write_text(to_html(replaced(), source=source, ledger=WeightLedger((row,), 1)), encoding="utf-8")
    browser.open(file)
    return browser


def show(browser: Page, folder: Path, plan: Plan, width: int = 1440, height: int = 900) -> None:
    file = folder / "report.html"
    file.write_text(to_html(plan), encoding="utf-8")
    browser.open(file, width, height)


def labels(page: Page, pane: str = ".pane") -> list[str]:
    found: list[str] = page.run(
        f"[...document.querySelectorAll('{pane} .box[data-box]')].map((each) => each.getAttribute('aria-label'))"
    )
    return found


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("make", [replaced, changed, siamese, cut, awkward])
def test_it_opens_without_an_error(
    browser: Page, tmp_path: Path, make: object, dark: bool, width: int, height: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(to_html(make(), source=parse_source(SPEC)), encoding="utf-8")  # type: ignore[operator]
    browser.open(file, width, height, dark=dark)
    assert browser.run("document.documentElement.dataset.ready") == "true"
    assert browser.run("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert browser.run("document.documentElement.scrollWidth") <= width, "nothing is wider than the screen"
    assert browser.errors() == []
    assert browser.run("performance.getEntriesByType('resource').length") == 0


def test_every_node_is_a_box_with_a_name(page: Page) -> None:
    found = labels(page)
    for name in ("image", "conv1", "conv2", "new_conv", "pool", "dense", "scores"):
        assert any(label.startswith(f"{name}, ") for label in found), name
    assert all(page.run("[...document.querySelectorAll('.box[data-box] > title')].map((each) => each.textContent)"))


def test_a_click_shows_the_layer(page: Page) -> None:
    page.run("[...document.querySelectorAll('.box')].find((box) => box.ariaLabel.startsWith('scores')).id = 'here'")
    page.run("document.querySelector('#here').scrollIntoView()")
    page.one("#here .frame").click()
    detail = page.text("#detail")
    for part in ("scores", "Dense", "activation", "relu", "0123456789abcdef" * 4, "the same in the result", "w.h5:k"):
        assert part in detail, part
    assert page.run("document.querySelector('.box.selected').ariaLabel").startswith("scores")
    assert page.run("document.querySelector('#body .selected button').innerText") == "scores"


def test_search_finds_by_name_and_class(page: Page) -> None:
    page.one("body").send_keys("/")
    page.one("#find").send_keys("conv")
    assert page.text("#found") == "1 of 3"
    page.one("#find").send_keys(Keys.ENTER)
    assert page.text("#found") == "2 of 3"
    assert len(page.all(".box.hit")) == 3
    page.one("#find").send_keys("nothing at all")
    assert page.text("#found") == "none"
    page.one("#find").send_keys(Keys.ESCAPE)
    assert not page.all(".box.hit")


def test_lines_of_the_spec_lead_to_layers_and_back(page: Page) -> None:
    line = page.one('.line[data-line="6"]')
    assert "new_conv" in line.text
    line.click()
    assert page.text("#detail .head b") in ("conv1", "new_conv")
    page.one("#find").send_keys("new_conv")
    page.one(".place").click()
    assert [row.get_attribute("data-line") for row in page.all(".line.on")] == ["4", "5", "6"]
    page.one('.line[data-line="7"]').click()
    assert page.text("#detail .head b") == "pool"
    assert {label.split(",")[0] for label in labels(page, ".pane .hit")} == set() or len(page.all(".box.hit")) == 2


def test_links_between_layers(page: Page) -> None:
    page.one("#find").send_keys("scores")
    next(button for button in page.all("#detail .link") if button.text == "dense").click()
    assert page.text("#detail .head b") == "dense"
    assert page.run("location.hash") == "#layer=dense"


def test_a_link_to_a_layer_opens_there(browser: Page, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    base = long_chain(200)
    file.write_text(to_html(Plan("one", base, inserted(base, "l150"))), encoding="utf-8")
    browser.open(file, anchor="#layer=l42")
    assert browser.text("#detail .head b") == "l42"
    assert browser.run("document.querySelector('.box.selected').ariaLabel").startswith("l42")


def test_side_by_side_panes_move_together(page: Page) -> None:
    page.all("#views button")[1].click()
    assert [pane.get_attribute("data-column") for pane in page.all(".pane")] == ["before", "after"]
    before, after = labels(page, ".pane:first-child"), labels(page, ".pane:last-child")
    assert any(label.startswith("conv1") for label in before)
    assert not any(label.startswith("conv1") for label in after)
    page.one("#in").click()
    moved = page.run("[...document.querySelectorAll('.pane > svg > g')].map((each) => each.getAttribute('transform'))")
    assert moved[0] == moved[1]
    heights = page.run(
        "[...document.querySelectorAll('.pane')].map((pane) => [...pane.querySelectorAll('.box')]"
        ".find((box) => box.ariaLabel.startsWith('scores')).getBoundingClientRect().top)"
    )
    assert heights[0] == heights[1], "kept layers are level"


def test_folds_open_and_close(browser: Page, tmp_path: Path) -> None:
    base = long_chain(120)
    show(browser, tmp_path, Plan("one", base, inserted(base, "l60")))
    few = len(labels(browser))
    assert few < 10
    assert any("layers unchanged" in label for label in labels(browser))
    browser.one("#folding").click()
    assert len(labels(browser)) == 121
    browser.one("#folding").click()
    assert len(labels(browser)) == few
    browser.run(
        "document.querySelector('.box.fold').dispatchEvent(new MouseEvent('click', {bubbles: true, detail: 2}))"
    )
    assert len(labels(browser)) > few
    browser.one("#find").send_keys("l100")
    assert browser.text("#detail .head b") == "l100"


def test_the_keyboard_walks_along_connections(page: Page) -> None:
    page.one("#find").send_keys("new_conv")
    page.run("document.querySelector('.box.selected').focus()")
    for key, name in ((Keys.ARROW_DOWN, "pool"), (Keys.ARROW_DOWN, "dense"), (Keys.ARROW_UP, "pool")):
        page.driver.switch_to.active_element.send_keys(key)
        assert page.text("#detail .head b") == name
    assert page.run("document.activeElement.ariaLabel").startswith("pool")


def test_zoom_by_keys_and_wheel(page: Page) -> None:
    scale = "Number(/scale\\(([\\d.]+)\\)/.exec(document.querySelector('.pane g').getAttribute('transform'))[1])"
    before = page.run(scale)
    page.one("body").send_keys("+")
    assert page.run(scale) > before
    page.run(
        "document.querySelector('.pane').dispatchEvent(new WheelEvent('wheel',"
        " {deltaY: 300, ctrlKey: true, bubbles: true, cancelable: true, clientX: 700, clientY: 500}))"
    )
    assert page.run(scale) < before
    page.one("body").send_keys("0")
    assert page.run(scale) <= 1


def test_the_table_sorts_and_filters(page: Page) -> None:
    names = "[...document.querySelectorAll('#body .link')].map((each) => each.innerText)"
    page.run("[...document.querySelectorAll('#head button')].find((each) => each.innerText.startsWith('Name')).click()")
    assert page.run(names) == sorted(page.run(names))
    page.one("#filter").send_keys("conv")
    assert page.run(names) == ["conv1", "conv2", "new_conv"]
    assert page.text("#shown") == "3 of 7"
    next(chip for chip in page.all("#states button") if chip.text == "dropped").click()
    assert page.run(names) == ["new_conv"]
    page.one("#body .link").click()
    assert page.text("#detail .head b") == "new_conv"


def test_light_and_dark(page: Page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.run(colour)
    page.one("#theme").click()
    assert page.run("document.documentElement.dataset.theme") == "dark"
    assert page.run(colour) != light


def test_it_prints(page: Page) -> None:
    printed = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert page.errors() == []
    assert page.run("document.querySelector('.pane svg').hasAttribute('viewBox')") is False


def test_text_is_easy_to_read(page: Page) -> None:
    """Contrast of 4.5 to 1 or more, as WCAG's level AA asks, in both themes."""
    for _ in range(2):
        faint = page.run(CONTRAST)
        assert faint == []
        page.one("#theme").click()


CONTRAST = """(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const linear = (c) => (c / 255 <= .03928 ? c / 255 / 12.92 : ((c / 255 + .055) / 1.055) ** 2.4);
  const light = (colour) => colour.slice(0, 3).map(linear)
    .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
  const behind = (each) => { for (; each; each = each.parentElement) {
    const c = rgb(getComputedStyle(each).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  const faint = [];
  const texts = 'h1, h2, p, dt, dd, td, th, button, pre, .what, .was, .chip, .no, output';
  for (const each of document.querySelectorAll(texts)) {
    if (!each.innerText?.trim() || !each.offsetParent) continue;
    const a = light(rgb(getComputedStyle(each).color)), b = light(behind(each));
    if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) faint.push(each.outerHTML.slice(0, 90));
  }
  for (const box of document.querySelectorAll('.box[data-box]')) {
    const fill = light(rgb(getComputedStyle(box.querySelector('.frame')).fill));
    for (const text of box.querySelectorAll(':scope > text')) {
      const a = light(rgb(getComputedStyle(text).fill));
      if ((Math.max(a, fill) + .05) / (Math.min(a, fill) + .05) < 4.5) faint.push(text.textContent);
    }
  }
  return faint;
})()"""


@pytest.mark.parametrize(("width", "height"), [SIZES[0], pytest.param(*SIZES[1], marks=pytest.mark.slow)])
def test_ten_thousand_layers_open_in_three_seconds(browser: Page, tmp_path: Path, width: int, height: int) -> None:
    base = residual_tower(3333)
    file = tmp_path / "report.html"
    file.write_text(to_html(Plan("big", base, inserted(base, "b1500_add"))), encoding="utf-8")
    assert file.stat().st_size < 10_000_000
    start = time.monotonic()
    browser.open(file, width, height)
    assert browser.run("document.documentElement.dataset.ready") == "true"
    assert time.monotonic() - start < 3
    browser.one("body").send_keys("f")
    assert browser.run("document.querySelectorAll('.box').length") < 2000, "only what is in sight is drawn"
    browser.one("#find").send_keys("b3000_y")
    assert browser.text("#detail .head b") == "b3000_y"
    assert browser.run("document.querySelector('.box.selected').ariaLabel").startswith("b3000_y")
    assert browser.errors() == []


def test_mermaid_draws_what_we_write(browser: Page, tmp_path: Path) -> None:
    """The real mermaid lays every flowchart out, each box with its name as it is."""
    script = Path(__file__).parents[1] / "node" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
    if not script.exists():
        pytest.skip("mermaid is not installed: `make node` installs it where there is npm")
    file = tmp_path / "mermaid.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><body><script src='{script.as_uri()}'></script>", "utf-8")
    browser.open(file)
    browser.driver.set_script_timeout(60)
    for plan in (replaced(), changed(), siamese(), cut(), awkward()):
        drawn = browser.driver.execute_async_script(DRAW, to_mermaid(plan, "diff"))
        assert "error" not in drawn
        boxes = [box for drawing in draw_up(plan, "diff") for box in drawing.boxes]
        assert drawn["boxes"] == len(boxes)
        for box in boxes:
            known = box.name.replace("\t", "\\u0009").replace("\x00", "\\u0000")
            assert "".join(known.split()) in drawn["text"], box.name


DRAW = """
const [chart, done] = arguments;
mermaid.initialize({startOnLoad: false});
mermaid.render('drawn', chart).then(({svg}) => {
  document.body.innerHTML = svg;
  const boxes = document.querySelectorAll('g.node'), text = [...boxes].map((each) => each.textContent).join(' ');
  done({boxes: boxes.length, text: text.replace(/\\s/g, '')});
}).catch((error) => done({error: String(error)}));
"""
