"""A picture in a real browser, whose font for Helvetica is often a wider one: no text leaves its box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec_compiler.diagram import draw, to_dot
from spec_compiler.plan import Plan
from tests.browser.conftest import Page
from tests.unit.pictures import changed, cut, replaced, siamese

OUTSIDE = """[...document.querySelectorAll('g.node')].flatMap((node) => {
  const shapes = [...node.querySelectorAll('polygon, path, ellipse')].map((each) => each.getBoundingClientRect());
  const right = Math.max(...shapes.map((each) => each.right));
  const texts = [...node.querySelectorAll('text')].filter((each) => each.textContent.trim());
  return texts.filter((each) => each.getBoundingClientRect().right > right).map((each) => each.textContent);
})"""
TOUCHING = """[...document.querySelectorAll('g.node')].flatMap((node) => {
  const texts = [...node.querySelectorAll('text')].filter((each) => each.textContent.trim());
  const boxes = texts.map((each) => [each.textContent, each.getBoundingClientRect()]);
  return boxes.flatMap(([text, one]) => boxes
    .filter(([, other]) => other.left > one.left && other.left < one.right - 0.5)
    .filter(([, other]) => Math.abs(other.bottom - one.bottom) < 3)
    .map(([other]) => `${text} | ${other}`));
})"""


@pytest.mark.parametrize("view", ["diff", "side-by-side"])
@pytest.mark.parametrize("make", [replaced, changed, siamese, cut])
def test_texts_stay_in_their_boxes(make: Callable[[], Plan], view: str, browser: Page, tmp_path: Path) -> None:
    browser.open(draw(to_dot(make(), view), tmp_path / "picture.svg"), 2400, 1600)
    assert browser.run("document.querySelectorAll('g.node text').length") > 4
    assert browser.run(OUTSIDE) == []
    assert browser.run(TOUCHING) == []
