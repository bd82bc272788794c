"""`explain` with the names of the language: what the pages of the language say, and near names for wrong ones."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from spec_compiler.cli.main import cli
from spec_compiler.spec.described import explained, names
from spec_compiler.spec.reference import DOCS, pages
from spec_compiler.spec.schema import spec_schema


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["explain", *arguments])
    return result.exit_code, result.output


def test_a_section_with_its_keys() -> None:
    status, said = call("prune")
    assert status == 0
    assert said.startswith("prune\nFewer channels for layers that stay")
    for part in (
        "keep (a number or a whole number)",
        "What stays: a share below 1",
        "    prune: {layers: 'type:Conv2D', keep: 0.5}",
    ):
        assert part in said
    assert "](#" not in said
    assert max(map(len, said.splitlines())) <= 100


def test_a_key_by_itself_and_of_a_section() -> None:
    assert call("prune.round_to") == call("round_to")
    assert "multiple of this" in call("round_to")[1]
    listed = [line for line in call("layers")[1].splitlines() if line.endswith(".layers")]
    assert set(listed) >= {"replace.layers", "set.layers", "prune.layers", "widen.layers"}


def test_what_has_just_the_name_comes_first() -> None:
    assert call("expect")[1].startswith("expect\nWhat must hold of the result")
    assert "set.expect" in call("expect")[1]


def test_forms_by_their_names() -> None:
    assert call("input_weights") == call("input weights") == call("input weights form")
    assert "the sum over all old channels" in " ".join(call("input_weights")[1].split())


@pytest.mark.parametrize(
    ("wrong", "offered"),
    [("prun", "`prune`"), ("batchsize", "`batch_size`"), ("prune.kep", "`prune.keep`"), ("SC2O1", "`SC201`")],
)
def test_near_names(wrong: str, offered: str) -> None:
    status, said = call(wrong)
    assert status == 2
    assert offered in said


def test_it_says_what_the_page_says() -> None:
    """Every section of the language has a name here, and every name is on a page."""
    assert spec_schema()["properties"].keys() <= set(names())
    page = "".join((DOCS / each).read_text(encoding="utf-8") for each in pages())
    for name in names():
        for each in explained(name):
            first = each.says.partition(". ")[0].partition(" Its value")[0]
            assert first.replace("|", "\\|") in page, name
