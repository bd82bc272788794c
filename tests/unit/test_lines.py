"""finding_S21: one definition of a line, for reader, messages and reports: each place is where an editor has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spec_compiler import check_spec
from spec_compiler.cli.reports import github, report
from spec_compiler.cli.sarif import sarif
from spec_compiler.diagnostics import Diagnostic, SpecError, render
from spec_compiler.diagnostics.text_lines import width
from spec_compiler.text.yaml_text import parse_source, read_source

WRONG = "spec: 1\nname: NAME\nbase: {application: VGG16}\nhed: 3\n"  # the last key is wrong


def found_in(text: str, tmp_path: Path) -> Diagnostic:
    path = tmp_path / "spec.yaml"
    path.write_bytes(text.encode())
    (found,) = check_spec(str(path), static=True)
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_line_breaks_of_every_kind(end: str, start: str, tmp_path: Path) -> None:
    """An editor shows each of them as the end of a line, and no byte order mark."""
    found = found_in(start + WRONG.replace("\n", end), tmp_path)
    assert (found.code, found.line, found.column, found.end_column, found.source_line) == ("SC101", 4, 1, 4, "hed: 3")
    region = sarif([found])["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 4, "startColumn": 1, "endColumn": 4}
    assert "line=4,col=1,endColumn=4" in github(found)
    assert json.loads(report([found], "json", "", {}))["diagnostics"][0]["line"] == 4


def test_a_byte_order_mark_moves_no_column() -> None:
    with pytest.raises(SpecError) as caught:
        parse_source('\ufeffa: "x\n')
    assert (caught.value.diagnostics[0].line, caught.value.diagnostics[0].column) == (1, 4)


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c", "\ufeff", "\x80", "\uffff"])
@pytest.mark.parametrize("comment", [True, False])
def test_what_some_readers_take_for_the_end_of_a_line(letter: str, comment: bool, tmp_path: Path) -> None:
    """ruamel ends a comment at U+2028, an editor does not: what stands behind it would be read and not be seen."""
    text = WRONG.replace("NAME", f"a # b{letter}c" if comment else f"a{letter}b")
    found = found_in(text, tmp_path)
    assert (found.code, found.line, found.column) == ("SC001", 2, 12 if comment else 8)
    assert f"U+{ord(letter):04X}" in found.message


@pytest.mark.parametrize("letter", ["\\u2028", "\\x85", "\\f", "\\x1b", "\\uFEFF"])
def test_the_same_as_an_escape_is_a_letter_of_a_text(letter: str, tmp_path: Path) -> None:
    found = found_in(WRONG.replace("NAME", f'"a{letter}b"'), tmp_path)
    assert (found.code, found.line, found.column) == ("SC101", 4, 1)


@pytest.mark.parametrize(("letters", "columns"), [("äöü", 3), ("層層", 4), ("\U0001f600", 2), ("e\u0301", 1)])
def test_columns_behind_wide_letters(letters: str, columns: int, tmp_path: Path) -> None:
    """A column counts code points, as SARIF is told; the caret stands where a terminal shows the letter."""
    found = found_in(
        f'spec: 1\nbase: {{application: VGG16}}\nhead: [{{Dense: {{name: "{letters}", units: x}}}}]\n', tmp_path
    )
    column = len('head: [{Dense: {name: "", units: ') + len(letters) + 1
    assert (found.line, found.column, found.end_column) == (3, column, column + 1)
    line, caret = render(found).split("\n")[3:5]
    assert width(line[: line.index("x}")]) == caret.index("^")
    assert width(letters) == columns
    assert sarif([found])["runs"][0]["columnKind"] == "unicodeCodePoints"


def test_bytes_that_are_no_text_are_counted_in_letters(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes("spec: 1\r# ü\rname: 層".encode() + b"\xff\n")
    with pytest.raises(SpecError) as caught:
        read_source(path)
    assert (caught.value.diagnostics[0].line, caught.value.diagnostics[0].column) == (3, 8)


def test_a_spec_writes_nothing_into_the_terminal_but_text(tmp_path: Path) -> None:
    """Escapes of YAML make any letter, and messages show what a spec says: here it would colour the terminal."""
    found = found_in('spec: 1\nbase: {application: "\\e[31mVGG16\\e[0m\\u202E"}\n', tmp_path)
    assert "\\u001b[31mVGG16" in render(found)
    assert all(each.isprintable() or each == "\n" for each in render(found))
    assert repr(found).isprintable()
