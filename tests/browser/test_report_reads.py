"""What a reader of the report meets first: where it opens, what each pane says, the way by keyboard, the overview."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from spec_compiler.diagram import to_html
from spec_compiler.plan import Plan
from spec_compiler.text.yaml_text import parse_source
from tests.browser.conftest import Page
from tests.unit.graphs import chain, residual
from tests.unit.pictures import changed, frozen, inserted, replaced, residual_tower

SPEC = """\
# yaml-language-server: $schema=../schemas/model-spec.schema.json
# What this example is for.
# And for whom.
spec: 1
base: {application: VGG16}
insert:
  - after: image
    with:
      - Conv2D: {filters: 8, kernel_size: 3, name: new_conv}
freeze: [pool, dense] # one comment stays
"""
IN_VIEW = """((name) => { const pane = document.querySelector('.pane').getBoundingClientRect();
  const box = [...document.querySelectorAll('.box[data-box]')].find((each) => each.ariaLabel.startsWith(name + ','));
  const at = box.getBoundingClientRect(); return at.top >= pane.top && at.bottom <= pane.bottom; })(arguments[0])"""
LABELS = "[...document.querySelectorAll(arguments[0] + ' .box[data-box]')].map((each) => each.ariaLabel)"


def show(browser: Page, folder: Path, plan: Plan, spec: str = "") -> None:
    file = folder / "report.html"
    file.write_text(to_html(plan, source=parse_source(spec) if spec else None), encoding="utf-8")
    browser.open(file)


def long_and_frozen() -> Plan:
    """Thirty layers in a row, frozen, the change at the end."""
    names = ["in", *(f"l{number}" for number in range(1, 30))]
    base = chain(*names)
    return Plan("long", base, frozen(inserted(base, "l28"), names[1:]))


def test_finding_N14_a_long_picture_opens_at_its_top(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, long_and_frozen())
    assert browser.run(IN_VIEW, "in")
    assert not browser.run(IN_VIEW, "new")
    next(chip for chip in browser.all("#counts button") if "new" in chip.text).click()
    assert browser.run(IN_VIEW, "new")
    assert browser.text("#detail .head b") == "new"


def test_finding_N14_counts_lead_from_one_layer_to_the_next(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, replaced())
    chip = next(chip for chip in browser.all("#counts button") if "dropped" in chip.text)
    for name in ("conv1", "conv2", "conv1"):
        chip.click()
        assert browser.text("#detail .head b") == name


def test_finding_N14_the_pane_before_says_what_was(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, replaced())
    browser.all("#views button")[1].click()
    before, after = (browser.run(LABELS, f".pane[data-column='{column}']") for column in ("before", "after"))
    assert not [label for label in before if "→" in label]
    assert [label for label in after if "trainable → frozen" in label]
    show(browser, tmp_path, changed())
    browser.all("#views button")[1].click()
    before, after = (browser.run(LABELS, f".pane[data-column='{column}']") for column in ("before", "after"))
    assert next(label for label in before if label.startswith("a, ")) == "a, changed, Dense, (None, 8) · 64 params"
    assert "(None, 8) → (None, 4)" in next(label for label in after if label.startswith("a, "))
    assert [text for text in browser.run(TEXTS) if "→" in text and "frozen" not in text]


TEXTS = "[...document.querySelectorAll('.pane[data-column=after] .box text')].map((each) => each.textContent)"


def test_finding_N14_the_table_can_be_filtered_by_frozen(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, replaced())
    assert [chip.text for chip in browser.all("#states button")] == ["new", "dropped", "frozen", "kept"]
    for word in ("new", "dropped", "kept"):
        next(chip for chip in browser.all("#states button") if chip.text == word).click()
    names = browser.run("[...document.querySelectorAll('#body .link')].map((each) => each.innerText)")
    assert names == ["pool", "dense"]


def test_finding_N14_the_skip_link_goes_to_a_layer(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, replaced(), SPEC)
    for _ in range(2):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if browser.run("document.activeElement.className") == "skip":
            break
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("document.activeElement.classList.contains('box')")
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert browser.run("document.activeElement.ariaLabel")


def test_finding_N14_few_tabs_lead_to_the_first_layer(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, replaced(), SPEC)
    tabs = 0
    while not browser.run("document.activeElement.classList.contains('box')"):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        tabs += 1
    assert tabs <= 14
    first = browser.one(".line.linked[tabindex='0']")
    first.send_keys(Keys.ARROW_DOWN)
    assert browser.run("document.activeElement.dataset.line") > first.get_attribute("data-line")


def test_finding_N14_comments_leave_room_for_the_spec(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, replaced(), SPEC)
    lines = (
        "[...document.querySelectorAll('.line')].filter((each) => each.offsetParent).map((each) => each.dataset.line)"
    )
    assert browser.run(lines) == [str(line) for line in range(1, 10)][:1] + [str(line) for line in range(3, 10)]
    assert "What this example is for." in browser.text(".line.short")
    browser.one(".more").click()
    assert len(browser.run(lines)) == 10
    browser.one(".more").click()
    assert len(browser.run(lines)) == 8
    assert "one comment stays" in browser.text("#lines")


def test_finding_N14_the_overview_of_a_large_model_can_be_seen(browser: Page, tmp_path: Path) -> None:
    base = residual_tower(60)
    show(browser, tmp_path, Plan("tower", base, frozen(inserted(base, "b30_add"), ["b1_x"])))
    browser.one("#folding").click()
    browser.one("#fit").click()
    assert browser.run("document.querySelector('.pane').classList.contains('far')")
    fill = "getComputedStyle(document.querySelector('.box[data-box]' + arguments[0] + ' .frame')).fill"
    panel = browser.run("getComputedStyle(document.querySelector('.panel')).backgroundColor")
    assert len({browser.run(fill, kind) for kind in (".kept:not(.toggled)", ".new", ".toggled")} | {panel}) == 4
    browser.run("document.querySelector('.box.new').dispatchEvent(new MouseEvent('click', {bubbles: true, detail: 1}))")
    assert not browser.run("document.querySelector('.pane').classList.contains('far')"), "a press goes there"
    assert browser.text("#detail .head b") == "new"


def test_finding_N14_the_whole_input_is_said_in_words(browser: Page, tmp_path: Path) -> None:
    show(browser, tmp_path, Plan("same", residual(), residual()))
    assert browser.run("document.body.innerText.includes('whole × whole')") is False


@pytest.mark.parametrize("make", [replaced, changed, long_and_frozen])
def test_finding_N14_printing_shows_every_name(browser: Page, tmp_path: Path, make: object) -> None:
    show(browser, tmp_path, make())  # type: ignore[operator]
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelector('.pane').classList.contains('far')") is False
    assert browser.errors() == []
