"""The page of questions says of each spec in the gallery what the spec says."""

from __future__ import annotations

import re

import pytest

from tests.markdown import ROOT

GALLERY = ROOT / "specs" / "gallery"
ANSWER = re.compile(
    r"^### ([^\n]+)\n\n([^\n]+)\n\[`(\w+)\.yaml`\]\(\.\./specs/gallery/\3\.yaml\)\n\n```yaml\n(.*?)^```$", re.M | re.S
)
ANSWERS = ANSWER.findall((ROOT / "docs" / "how-to.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("question", "says", "name", "lines"), ANSWERS, ids=[name for _, _, name, _ in ANSWERS])
def test_an_answer_is_its_spec(question: str, says: str, name: str, lines: str) -> None:
    spec = (GALLERY / f"{name}.yaml").read_text(encoding="utf-8")
    assert spec.startswith(f"# {question}\n# {says}\nspec: 1\n")
    assert f"\n{lines}" in f"{spec}\n"


def test_every_spec_of_the_gallery_is_an_answer_and_compared_with_keras() -> None:
    specs = {each.stem for each in GALLERY.glob("*.yaml")}
    assert {name for _, _, name, _ in ANSWERS} == specs
    compared = "".join(
        each.read_text(encoding="utf-8") for each in (ROOT / "tests" / "backend" / "gallery").glob("test_*.py")
    )
    assert {name for name in specs if f'"{name}"' not in compared} == set()
