"""What values show in a cell of a notebook: every text as text, no script, nothing fetched, and a short `repr`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import check_spec, load_spec
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.diagnostics.cells import MOST_ROWS, Markup, cell, element, said, table, text
from spec_compiler.exporting.card import Card, Input, Output
from spec_compiler.exporting.comparison import Compared, Exported
from spec_compiler.exporting.formats import format_of
from spec_compiler.locking.gathered import Dependency
from spec_compiler.locking.lock_file import Lock
from spec_compiler.plan.ledger import LedgerRow, WeightAction, WeightLedger
from spec_compiler.reproducing.verification import LayerState, VariableState, Verification
from spec_compiler.search.notebook import table_html
from spec_compiler.search.trial import Trial
from spec_compiler.training.history import History, Row
from spec_compiler.training.measure import Measure
from tests.unit.pictures import awkward

BAD = "<script>alert(1)</script>\" onload='x' & \u202e\x1b[31m`a"
NAME = BAD.replace("/", "")  # no name has a slash
BROKEN = f"spec: 1\nbase: {{application: VGG16, weights: null}}\n{json.dumps(BAD)}: 1\n"


def card() -> Card:
    takes = Input(name=BAD, layer=BAD, shape=(None, 8), dtype="float32")
    gives = Output(
        name=BAD, layer=BAD, shape=(None, 2), dtype=BAD, classes=(BAD,) * 6, largest_difference=1e-7, tolerance=1e-4
    )
    return Card(
        format="onnx", precision="float32", model=BAD, files={BAD: "0"}, inputs=(takes,), outputs=(gives,),
        runtime=BAD, probes=BAD, made_with={BAD: BAD},
    )  # fmt: skip


def ledger() -> WeightLedger:
    rows = [
        LedgerRow(f"{BAD}{at}", BAD, action, BAD, (3, 4), "float32", 12, BAD, "ab" * 16, "ab" * 16, formula=BAD)
        for at, action in enumerate(ACTIONS * 10)
    ]
    return WeightLedger(tuple(rows), 40, unused=(BAD,), unverified=(BAD,))


def trained() -> History:
    return History((Row(1, BAD, {BAD: 0.5}, 0.1, 2.0),))


TAGS = {
    *("style", "div", "p", "b", "i", "span", "code", "pre", "dl", "dt", "dd", "img", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ACTIONS: tuple[WeightAction, ...] = ("copied", "adapted", "initialized", "dropped")
DRIFT = (Diagnostic("SC513", BAD, ("freeze",), notes=(BAD,), help=BAD),)
SHOWN: dict[str, Callable[[], str]] = {
    "an error": lambda: check_spec(BROKEN, static=True)._repr_html_(),  # type: ignore[attr-defined]
    "a diagnostic": lambda: DRIFT[0]._repr_html_(),
    "a caught error": lambda: SpecError(DRIFT)._repr_html_(),
    "a spec": lambda: load_spec(f"spec: 1\nname: {json.dumps(NAME)}\ndescription: {json.dumps(BAD)}\n")._repr_html_(),
    "a spec of data": lambda: load_spec({"spec": 1, "name": NAME, "description": BAD, "cut_at": BAD})._repr_html_(),
    "a plan": lambda: awkward()._repr_mimebundle_()["text/html"],
    "a ledger": lambda: ledger()._repr_html_(),
    "a history": lambda: trained()._repr_html_(),
    "a card": lambda: card()._repr_html_(),
    "an export": lambda: Exported(
        (BAD,), format_of("m.onnx"), "float32", 1, BAD, BAD, (Compared(BAD, 1.0, 1.0, 0.1, (1, 2)),), card(), (BAD,)
    )._repr_html_(),
    "a lock": lambda: Lock(
        BAD, {}, {BAD: BAD}, {}, {BAD: Dependency(BAD, (BAD,), BAD, 3, "ab" * 32)}, {"layers": {BAD: "ab" * 32}}
    )._repr_html_(),
    "a verification": lambda: Verification(
        BAD, BAD, (LayerState(BAD, BAD, (VariableState(BAD, "differs", 3),), (BAD,)),), DRIFT, (BAD,)
    )._repr_html_(),
    "a sweep": lambda: table_html(
        [Trial(1, "failed", {BAD: BAD}, reason=BAD)], (BAD,), Measure(BAD), BAD
    ),
}  # fmt: skip


class Read(HTMLParser):
    """The elements and the text of a page; each element that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.said += data


@pytest.mark.parametrize("name", SHOWN)
def test_names_of_strangers_are_text(name: str) -> None:
    page = SHOWN[name]()
    read = Read(page)
    assert read.open == []
    tags = {tag for tag, _ in read.found}
    assert tags <= TAGS
    attributes = {key for _, each in read.found for key in each}
    assert attributes <= {"class", "colspan", "style", "src", "alt", "open"}
    assert all(str(each["src"]).startswith("data:image/") for _, each in read.found if "src" in each)
    assert not re.search(r"url\(|@import|\u202e|\x1b", page)
    if name != "a plan":  # its awkward names are others
        assert "<script>alert(1)</script>" in read.said
        assert "\\u202e" in read.said


@pytest.mark.parametrize("name", SHOWN)
def test_all_have_one_look(name: str) -> None:
    page = SHOWN[name]()
    style, body = page.split("</style>\n", 1)
    assert style == cell().split("</style>\n")[0]
    assert body.startswith('<div class="sc-cell">')
    assert "style=" not in re.sub(r"<img[^>]*>", "", body)


def test_every_class_has_a_look() -> None:
    style = cell()
    used = {
        word for show in SHOWN.values() for _, each in Read(show()).found for word in (each.get("class") or "").split()
    }
    unseen = {"kept", "as-is", "wide", "error"}  # plain ones
    assert {word for word in used - unseen if f".{word}" not in style} == set()


def test_values_are_short_as_text() -> None:
    lock = Lock("spec.yaml", {"vars": list(range(999))}, {"keras": "3.15.1"}, {}, {}, {"layers": {"a": "0" * 64}})
    assert repr(lock) == "<Lock of spec.yaml: 0 files, 1 layers; keras 3.15.1>"
    assert len(repr(card().model_copy(update={"files": {"m.onnx": "0"}}))) < 500
    named = Card.model_validate(card().model_dump() | {"files": {"m.onnx": "0" * 64}})
    assert repr(named).startswith("<Card of m.onnx: onnx in float32, ")


def test_many_rows_are_left_out_in_the_middle() -> None:
    page = table(("at",), [(at,) for at in range(100)])
    assert page.count("<tr>") == 1 + MOST_ROWS + 1
    assert "… 76 more …" in page
    assert "<td>11</td>" in page
    assert "<td>88</td>" in page
    assert "<td>12</td>" not in page
    assert table(("at",), [(at,) for at in range(MOST_ROWS)]).count("<tr>") == 1 + MOST_ROWS


def test_only_our_own_markup_is_markup() -> None:
    assert element("p", "<b>", Markup("<b>x</b>")) == "<p>&lt;b&gt;<b>x</b></p>"
    assert text("a\nb") == "a\\u000ab"
    assert said("use `a<b`, then `c`") == "use <code>a&lt;b</code>, then <code>c</code>"
    assert said("one ` alone <b>") == "one ` alone &lt;b&gt;"


def test_the_carets_are_below_what_is_meant() -> None:
    (found,) = check_spec("spec: 1\nbase: {application: VGG16, weights: null}\ncut_att: pool\n", static=True)
    read = Read(found._repr_html_())
    lines = read.said.splitlines()
    (at,) = [number for number, line in enumerate(lines) if "cut_att: pool" in line]
    assert lines[at].index("cut_att") == lines[at + 1].index("^^^^^^^")
    assert "help: did you mean cut_at?" in read.said


def test_a_spec_shows_its_own_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "# why <b>\nspec: 1\nname: mine # short\ncut_at: pool\nhead:\n  - Dense: {units: 3}\n", encoding="utf-8"
    )
    read = Read(load_spec(file)._repr_html_())
    assert file.read_text(encoding="utf-8").strip() in read.said
    assert "mine mine.yaml" in read.said
    assert "b" in {tag for tag, _ in read.found}
