"""The documentation site is whole, and each check of it fails where what it looks for is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from documentation.__main__ import CHECKS, main
from documentation.complete import left_out, stale, untested
from documentation.notebooks import with_pages
from documentation.pages import Pages
from documentation.whole import broken_links, dead_ends, unreached
from tests.markdown import ROOT

PAGES = Pages()


@pytest.fixture
def copy(tmp_path: Path) -> Pages:
    """The repository with pages of its own, which a test may break."""
    for each in ROOT.iterdir():
        if each.name in ("docs", "benchmarks"):
            shutil.copytree(each, tmp_path / each.name, ignore=shutil.ignore_patterns("images", "*.py"))
        elif each.suffix in (".md", ".yml", ".toml"):
            shutil.copy(each, tmp_path)
        elif not each.name.startswith(".") and each.name not in ("out", "build"):
            (tmp_path / each.name).symlink_to(each)
    (tmp_path / "docs" / "images").symlink_to(ROOT / "docs" / "images")
    return Pages(tmp_path)


def appended(pages: Pages, name: str, text: str) -> Pages:
    file = pages.root / name
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    return Pages(pages.root)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_site_is_whole(check: object) -> None:
    assert [*check(PAGES)] == []  # type: ignore[operator]


def test_the_copy_is_whole_too(copy: Pages) -> None:
    assert [problem for check in CHECKS for problem in check(copy)] == []


@pytest.mark.parametrize("page", ["docs/how-to.md", "docs/rules.md", "README.md", "CONTRIBUTING.md"])
@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("[there](nowhere.md)", "the link `nowhere.md` leads to no file"),
        ("![picture](images/nowhere.png)", "the link `images/nowhere.png` leads to no file"),
        ('<img src="images/nowhere.png">', "the link `images/nowhere.png` leads to no file"),
        ("[here](#nowhere)", "the link `#nowhere` leads to no heading or anchor"),
    ],
)
def test_a_broken_link_is_found(copy: Pages, page: str, link: str, says: str) -> None:
    (problem,) = broken_links(appended(copy, page, link))
    assert problem.startswith(f"{page}: {says}")


def test_a_link_in_code_is_none(copy: Pages) -> None:
    assert [*broken_links(appended(copy, "docs/how-to.md", "`[a](b.md)`\n\n```\n[c](d.md)\n```"))] == []


def test_a_link_to_another_page_and_its_anchor_is_looked_up(copy: Pages) -> None:
    right = appended(copy, "docs/how-to.md", "[a](rules/fields.md#sc101) [b](../specs/hed_edges.yaml)")
    assert [*broken_links(right)] == []
    wrong = appended(copy, "docs/how-to.md", "[a](rules/fields.md#sc100) [b](../specs/hed.yaml)")
    assert len([*broken_links(wrong)]) == 2


def test_a_page_that_the_navigation_forgets_is_found(copy: Pages) -> None:
    (copy.root / "docs" / "new.md").write_text("# New\n\n[on](index.md)\n", encoding="utf-8")
    assert [*unreached(Pages(copy.root))] == ["docs/new.md: `nav` in mkdocs.yml does not lead there"]


def test_an_entry_of_the_navigation_without_a_page_is_found(copy: Pages) -> None:
    file = copy.root / "mkdocs.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("- how-to.md", "- howto.md"), encoding="utf-8")
    assert sorted(unreached(Pages(copy.root))) == [
        "docs/how-to.md: `nav` in mkdocs.yml does not lead there",
        "mkdocs.yml: there is no page `howto.md`",
    ]


def test_a_page_that_leads_nowhere_on_is_found(copy: Pages) -> None:
    (copy.root / "docs" / "lora.md").write_text("# LoRA\n\n[up](#lora)\n", encoding="utf-8")
    assert [*dead_ends(Pages(copy.root))] == ["docs/lora.md: it leads to no other page"]


def test_links_of_a_notebook_lead_to_pages_of_the_site() -> None:
    said = (
        '<a href="../lock.md">a</a> <a href="b.ipynb#c">b</a> <a href="https://x.org/d.md">d</a> <a href="#e.md">e</a>'
    )
    shown = (
        '<a href="../lock.html">a</a> <a href="b.html#c">b</a> <a href="https://x.org/d.md">d</a> <a href="#e.md">e</a>'
    )
    assert with_pages(said) == shown


def without(pages: Pages, name: str, text: str, other: str = "") -> Pages:
    file = pages.root / name
    before = file.read_text(encoding="utf-8")
    assert text in before
    file.write_text(before.replace(text, other), encoding="utf-8")
    return pages


@pytest.mark.parametrize(
    ("page", "text", "says"),
    [
        (
            "language/edits.md",
            '<a id="prune.keep"></a>',
            "docs/language: no page has the section, key or form `prune.keep`",
        ),
        ("language/edits.md", "## `prune`", "docs/language: no page has the section, key or form `prune`"),
        ("language/forms.md", "## edge form", "docs/language: no page has the section, key or form `edge-form`"),
        ("rules/names.md", '<a id="sc201"></a>', "docs/rules: no page has the rule `sc201`"),
        ("python/specs.md", "## `plan_spec`", "docs/python: no page has the public name `plan_spec`"),
        ("commands/change.md", "## `plan`", "docs/commands: no page has the command or option `plan`"),
        (
            "commands/change.md",
            '<a id="plan--set"></a>',
            "docs/commands: no page has the command or option `plan--set`",
        ),
        ("formats/lock.md", "lock.schema.json", "docs/formats: no page has the format of `lock.schema.json`"),
    ],
)
def test_what_no_page_has_is_found(copy: Pages, page: str, text: str, says: str) -> None:
    assert [*left_out(without(copy, f"docs/{page}", text))] == [says]


@pytest.mark.parametrize("page", ["language.md", "rules.md", "python.md", "commands.md", "formats.md", "tasks.md"])
def test_a_page_that_somebody_wrote_into_is_found(copy: Pages, page: str) -> None:
    assert [*stale(appended(copy, f"docs/{page}", "More."))] == [f"docs/{page}: it is stale, `make schemas` writes it"]


def test_a_block_that_nobody_runs_is_found(copy: Pages) -> None:
    number = len((copy.root / "docs" / "lock.md").read_text(encoding="utf-8").splitlines()) + 3
    (problem,) = untested(appended(copy, "docs/lock.md", "```yaml\nspec: 1 # of nobody\n```"))
    assert problem == f"docs/lock.md:{number}: nobody runs this yaml block"


def test_a_command_that_is_not_there_is_found(copy: Pages) -> None:
    wrong = appended(copy, "docs/lock.md", "`spec-compiler lokc spec.yaml` `spec-compiler lock spec.yaml --forse`")
    assert [*untested(wrong)] == [
        "docs/lock.md: there is no `spec-compiler lokc`",
        "docs/lock.md: there is no `spec-compiler lock --forse`",
    ]


def test_whatever_is_wrong_ends_the_build(copy: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(copy) == 0
    assert main(appended(copy, "docs/lora.md", "[there](nowhere.md)")) == 1
    assert capsys.readouterr().out == "docs/lora.md: the link `nowhere.md` leads to no file\n"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "docs: setup\n\t$(BIN)/python -m documentation\n" in makefile
