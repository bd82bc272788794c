"""`check --fix`: what is written where, what stays byte for byte, and when nothing is written."""

from __future__ import annotations

import json
import os
import random
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spec_compiler.cli.main import cli
from spec_compiler.compiler import checked
from spec_compiler.diagnostics import Diagnostic
from spec_compiler.diagnostics.advice import Add, Advice, Change, Remove, Rename, Space, Wrap, Write
from spec_compiler.spec import load_spec
from spec_compiler.spec.fixed_text import made
from spec_compiler.spec.fixing import Fixed, fixed
from spec_compiler.spec.others import Tier
from spec_compiler.spec.permissions import EVERYTHING
from spec_compiler.text.changed_data import NotWritten, Step
from spec_compiler.text.yaml_edits import edited
from tests.conftest import FIXTURES
from tests.fuzz.breaking import KINDS, broken
from tests.fuzz.slips import slips
from tests.fuzz.valid_specs import SECTIONS, VGG, keep_graphs

CASES = sorted(path for folder in ("fixed", "old-forms") for path in (FIXTURES / folder).glob("*.yaml"))
BREAKS = {
    "LF": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "no last line break": lambda text: text.rstrip("\n"),
}


@pytest.fixture(autouse=True, scope="module")
def _vgg16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:  # a graph that was made without Keras, which no other test is to read
        patch.setenv("SPEC_COMPILER_CACHE", str(tmp_path_factory.mktemp("cache")))
        keep_graphs(load_spec({"spec": 1, "base": VGG}))
        yield


def check(text: str) -> tuple[Tier, tuple[Diagnostic, ...]]:
    return checked(text if "\n" in text else f"{text}\n", EVERYTHING, static=True, file="spec.yaml")


def fix(text: str) -> Fixed:
    return fixed(text, "spec.yaml", check)


def told(result: Fixed) -> str:
    lines = [f"fixed {each.diagnostic.code} {each.line}:{each.column}: {each.said}" for each in result.done]
    text = "".join(f"{line}\n" for line in [*lines, "", *map(str, result.diagnostics)])
    return text.replace(os.getcwd(), "FOLDER")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_written(path: Path, golden: Callable[[Path | str, str], None]) -> None:
    text = path.read_text(encoding="utf-8")
    result = fix(text)
    golden(path.with_suffix(".after"), result.text)
    golden(path.with_suffix(".said.txt"), told(result))
    assert not fix(result.text).done  # twice is as once
    wrong = [each for each in result.errors if each.code != "SC501"]  # files that miss, miss before as well
    assert len(wrong) <= len([each for each in check(text)[1] if each.severity == "error"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("breaks", BREAKS.values(), ids=list(BREAKS))
def test_line_breaks_stay(path: Path, breaks: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    assert fix(breaks(text)).text == breaks(fix(text).text)


@pytest.mark.thorough
def test_slips_of_one_letter_are_mended_and_nothing_else_changes(tmp_path: Path) -> None:
    outcomes = []
    for each in slips(40, 3, tmp_path):
        outcomes.append(each.outcome)
        if each.outcome == "mended":  # or the others are mended, where the slip is in a name that the spec gives
            assert each.fixed.text == each.right or each.slipped in each.fixed.text
        assert each.outcome != "two names" or each.fixed.text == each.wrong
        assert not fixed(each.fixed.text, str(tmp_path / "spec.yaml"), check).done
    assert outcomes.count("mended") >= 0.9 * len(outcomes)
    assert not outcomes.count("offered")


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "very long"])
def test_however_a_spec_is_broken_it_never_checks_worse(kind: str) -> None:
    chance = random.Random(kind)
    for _ in range(4):
        case = broken(SECTIONS, kind, chance)
        text = case.text.decode("utf-8", "replace") if case is not None else SECTIONS
        before = [each for each in check(text)[1] if each.severity == "error"]
        result = fix(text)
        assert len(result.errors) <= len(before)
        assert not fix(result.text).done


@pytest.mark.thorough
def test_hundreds_of_mistakes_are_mended_in_seconds() -> None:
    wrong = "spec: 1\nbase: {application: VGG16}\nhead:\n" + "  - Dense: {unit: 3}  # so\n" * 300
    start = time.monotonic()
    assert fix(wrong).text == wrong.replace("unit:", "units:")
    assert time.monotonic() - start < 20  # one by one it takes minutes


FLOW = "a: {b: 1, c: [x, y]}  # end\n"
BLOCK = "# top\na:\n  b: 1  # one\n  # of c\n  c:\n    - x\n    - y  # last\n\n# below\nd: 2\n"
EDITS: list[tuple[str, Step, str]] = [
    (FLOW, Step(("a", "b"), Write(2)), "a: {b: 2, c: [x, y]}  # end\n"),
    (FLOW, Step(("a", "b"), Rename("e")), "a: {e: 1, c: [x, y]}  # end\n"),
    (FLOW, Step(("a",), Add("e", [1, "t: u"])), "a: {b: 1, c: [x, y], e: [1, 't: u']}  # end\n"),
    (FLOW, Step(("a", "b"), Remove()), "a: {c: [x, y]}  # end\n"),
    (FLOW, Step(("a", "c"), Remove()), "a: {b: 1}  # end\n"),
    (FLOW, Step(("a", "c", 0), Remove()), "a: {b: 1, c: [y]}  # end\n"),
    (FLOW, Step(("a", "c", 1), Remove()), "a: {b: 1, c: [x]}  # end\n"),
    (FLOW, Step(("a", "c", 1), Wrap("each")), "a: {b: 1, c: [x, {each: y}]}  # end\n"),
    (FLOW, Step(("a", "c"), Wrap("each")), "a: {b: 1, c: {each: [x, y]}}  # end\n"),
    ("a: &x [y]  # z\nb: *x\n", Step(("a",), Wrap("each")), "a: {each: &x [y]}  # z\nb: *x\n"),
    ("a: &x y\nb: *x  # z\n", Step(("b",), Wrap("each")), "a: &x y\nb: {each: *x}  # z\n"),
    ("a: &x\n  - y\nb: *x\n", Step(("a",), Wrap("each")), "a:\n  each: &x\n    - y\nb: *x\n"),
    ("vars: {n: 1}\na: ${n}\n", Step(("a",), Wrap("each")), "vars: {n: 1}\na: {each: '${n}'}\n"),
    ('a: "${in.x // 2}"\n', Step(("a",), Write("in.y"), chars=(2, 6)), 'a: "${in.y // 2}"\n'),
    (FLOW, Step(("a", "c"), Write("x")), "a: {b: 1, c: x}  # end\n"),
    ("a: {}\n", Step(("a",), Add("b", 1)), "a: {b: 1}\n"),
    ("a: {b:1}\n", Step(("a", "b:1"), Space()), "a: {b: 1}\n"),
    ("- Dense\n", Step((0,), Add("units", 4)), "- Dense: {units: 4}\n"),
    ("- Dense: 4\n", Step((0, "Dense", "units"), Write(8)), "- Dense: 8\n"),
    ("a:   # nothing\n", Step(("a",), Write(1)), "a: 1   # nothing\n"),
    ("a: 'it''s'\n", Step(("a",), Write("it's 2")), "a: 'it''s 2'\n"),
    ('a: "x"\n', Step(("a",), Write('"')), 'a: "\\""\n'),
    ("a: x_y_z\n", Step(("a",), Write("Y"), chars=(2, 3)), "a: x_Y_z\n"),
    ("? a\n: 1\n", Step(("a",), Rename("b")), "? b\n: 1\n"),
    ("a: &x 1\nb: *x\n", Step(("b",), Write(2)), "a: &x 2\nb: *x\n"),
    (BLOCK, Step(("a", "c"), Rename("e")), BLOCK.replace("  c:", "  e:")),
    (BLOCK, Step(("a", "c", 0), Write("z")), BLOCK.replace("- x", "- z")),
    (BLOCK, Step(("a", "c", 0), Write({"D": 1})), BLOCK.replace("- x", "- D: 1")),
    (BLOCK, Step(("a",), Add("e", 1)), BLOCK.replace("# last\n", "# last\n  e: 1\n")),
    (BLOCK, Step((), Add("e", 1, first=True)), BLOCK.replace("a:", "e: 1\na:")),
    (BLOCK, Step((), Add("e", 1)), f"{BLOCK}e: 1\n"),
    (BLOCK, Step(("d",), Remove()), BLOCK.replace("d: 2\n", "")),
    (BLOCK, Step(("a", "c", 0), Remove()), BLOCK.replace("    - x\n", "")),
    (
        BLOCK,
        Step(("a", "c"), Wrap("each")),
        BLOCK.replace("c:\n    - x\n    - y", "c:\n    each:\n      - x\n      - y"),
    ),
    ("- layers: a\n  with: b\n", Step((0, "layers"), Remove()), "- with: b\n"),
]


@pytest.mark.parametrize(
    ("text", "step", "after"), EDITS, ids=[f"{n}-{type(e[1].change).__name__}" for n, e in enumerate(EDITS)]
)
@pytest.mark.parametrize("breaks", BREAKS.values(), ids=list(BREAKS))
def test_a_change_in_a_text(text: str, step: Step, after: str, breaks: Callable[[str], str]) -> None:
    assert edited(breaks(text), step).rstrip("\r\n") == breaks(after).rstrip("\r\n")


def test_a_key_is_added_behind_a_line_without_a_break() -> None:
    assert edited("c: 3\na: 1", Step((), Add("b", 2))) == "c: 3\na: 1\nb: 2"


REFUSED: list[tuple[str, Step]] = [
    ("a: 1\nb: 2\n", Step(("a",), Rename("b"))),
    ("a: 1\n", Step(("b",), Rename("c"))),
    ("a: 1\n", Step(("a", "b"), Rename("c"))),
    ("a: |\n  x\n", Step(("a",), Write("y"))),
    ("a:\n  b: 1  # told\n  c: 2\n", Step(("a",), Write(1))),
    ("a:\n  b: 1  # told\n  c: 2\n", Step(("a", "b"), Remove())),
    ("a:\n  b: 1\n", Step(("a", "b"), Remove())),
    ("- a\n", Step((0,), Remove())),
    ("vars: {n: 1}\na: x_${n}\n", Step(("a",), Write("y"))),
    ("vars: {n: 1}\na: x_${n}_y\n", Step(("a",), Write("z"), chars=(7, 8))),
    ('a: "\\x61b"\n', Step(("a",), Write("z"), chars=(0, 1))),
    ("a: {b: 1}\n", Step(("a",), Add("b", 2))),
    ("a: [1]\n", Step(("a",), Add("b", 2))),
    ("a: 1\n", Step(("a", 3), Write(2))),
    ("a: {b: 1}\n", Step(("a", "b"), Space())),
]


@pytest.mark.parametrize(("text", "step"), REFUSED)
def test_what_is_not_written(text: str, step: Step) -> None:
    with pytest.raises(NotWritten):
        edited(text, step)


def test_a_change_in_several_steps() -> None:
    """As an old form of the language is to become the new one: each step is at its place after those before."""
    text = "replace:\n  - each: type:ReLU  # all of them\n    layers: [ELU]\n"
    changes: tuple[Change, ...] = (Rename("with", ("..", "layers")), Wrap("each"), Rename("layers"))
    diagnostic = Diagnostic("SC101", "is written so", ("replace", 0, "each"), help=Advice("write it so", *changes))
    new, done = made(text, diagnostic)
    assert new == "replace:\n  - layers: {each: type:ReLU}  # all of them\n    with: [ELU]\n"
    assert (done.line, done.column) == (3, 5)


def run(folder: Path, *words: str) -> Result:
    os.chdir(folder)
    return CliRunner().invoke(cli, ["check", "--static", *words], standalone_mode=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_bytes("\ufeffspec: 1\r\nbase: {aplication: VGG16}  # é\r\n".encode())
    (tmp_path / "b.yaml").write_text("spec: 1\nbase: {application: VGG16}\nhed: [Flaten, {Dens: ten}]\n")
    return tmp_path


def status(result: Result) -> object:
    return result.exception.code if isinstance(result.exception, SystemExit) else result.exception


def test_files_are_written_with_their_mark_breaks_and_permissions(folder: Path) -> None:
    (folder / "a.yaml").chmod(0o640)
    result = run(folder, "--fix", "a.yaml", "b.yaml", "a.yaml")
    assert (folder / "a.yaml").read_bytes() == "\ufeffspec: 1\r\nbase: {application: VGG16}  # é\r\n".encode()
    assert stat.S_IMODE((folder / "a.yaml").stat().st_mode) == 0o640
    assert "head: [Flatten, {Dense: ten}]" in (folder / "b.yaml").read_text()
    assert result.output.startswith(
        "fixed SC101 a.yaml:2:8: `aplication` → `application`\nfixed SC101 b.yaml:3:1: `hed`"
    )
    assert "got the text `'ten'`" in result.output
    assert "2 specs checked" in result.output
    assert status(result) == 1
    assert sorted(os.listdir(folder)) == ["a.yaml", "b.yaml"]
    before = (folder / "b.yaml").stat()
    assert "fixed" not in run(folder, "--fix", "a.yaml", "b.yaml").output
    assert (folder / "b.yaml").stat().st_ino == before.st_ino  # nothing to write, so it is not written


def test_a_diff_writes_nothing(folder: Path) -> None:
    before = (folder / "b.yaml").read_bytes()
    result = run(folder, "--fix", "--diff", "b.yaml")
    assert result.stdout.splitlines()[:2] == ["--- b.yaml", "+++ b.yaml"]
    assert "+head: [Flatten, {Dense: ten}]" in result.stdout
    assert "got the text `'ten'`" in result.stderr
    assert (folder / "b.yaml").read_bytes() == before
    assert status(result) == 1


def test_the_fixes_as_json(folder: Path) -> None:
    data = json.loads(run(folder, "--fix", "--format", "json", "a.yaml").stdout)
    assert [(each["code"], each["line"], each["before"], each["after"]) for each in data["fixed"]] == [
        ("SC101", 2, "aplication", "application")
    ]
    assert not data["diagnostics"]
    assert "fixed" not in json.loads(run(folder, "--format", "json", "a.yaml").stdout)


def test_what_set_says_is_not_written(folder: Path) -> None:
    (folder / "a.yaml").write_text(right := "spec: 1\nbase: {application: VGG16}\nhead: [Flatten]\n")
    result = run(folder, "--fix", "a.yaml", "--set", "head[0]=Flaten")
    assert "did you mean `Flatten`?" in result.output
    assert (folder / "a.yaml").read_text() == right
    assert status(result) == 1


def test_links_and_what_is_no_file_are_not_written(folder: Path) -> None:
    (folder / "link.yaml").symlink_to("b.yaml")
    os.mkfifo(folder / "pipe.yaml")
    before = (folder / "b.yaml").read_bytes()
    for name in ("link.yaml", "pipe.yaml"):  # nobody writes into the pipe
        error = run(folder, "--fix", name).exception
        assert "SC508" in str(error), error
    assert (folder / "b.yaml").read_bytes() == before
    assert "+head" in run(folder, "--fix", "--diff", "link.yaml").stdout


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2\n", "", "a: [1\n", "- 1\n", "\x00", "a: 1\na: 2\n"])
def test_what_is_no_spec_is_told_and_stays(folder: Path, text: str) -> None:
    (folder / "a.yaml").write_text(text)
    result = run(folder, "--fix", "a.yaml")
    assert status(result) == 1, result.output
    assert (folder / "a.yaml").read_text() == text


def test_a_missing_file_and_one_that_is_no_text_are_told(folder: Path) -> None:
    (folder / "a.yaml").write_bytes(b"\xff\xfe")
    assert status(run(folder, "--fix", "missing.yaml")) == 2
    assert status(run(folder, "--fix", "a.yaml")) == 1


def test_a_confined_spec_is_mended(folder: Path) -> None:
    assert "fixed SC101" in run(folder, "--fix", "--restrict-paths", "b.yaml").output


def test_a_base_in_another_file_stays(folder: Path) -> None:
    (folder / "a.yaml").write_text("spec: 1\nbase: {spec: b.yaml}\n")
    before = (folder / "b.yaml").read_bytes()
    assert "did you mean `head`?" in run(folder, "--fix", "a.yaml").output
    assert (folder / "b.yaml").read_bytes() == before


@pytest.mark.parametrize("words", [["--diff"], ["--fix", "--diff", "--format", "json"], ["--fix", "--sandbox"]])
def test_what_does_not_go_together(folder: Path, words: list[str]) -> None:
    error = run(folder, *words, "a.yaml").exception
    assert type(error).__name__ == "UsageError", error
