"""A rule or a warning is complete: whichever piece is missing, a test here says what to write, without Keras."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable
from pathlib import Path

from spec_compiler.diagnostics import rules
from spec_compiler.diagnostics.rules import FAMILIES, RULES
from spec_compiler.diagnostics.rules.pages import explanation
from spec_compiler.plan import warnings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "spec_compiler"
PAGES, CONTENTS = Path(rules.FOLDER), Path(warnings.__file__)
FIXTURES = ROOT / "tests" / "fixtures" / "invalid"
SPECS = [*FIXTURES.glob("*.yaml"), *(FIXTURES / "runs").glob("*.yaml")]
WARNINGS = {path.stem: path for path in CONTENTS.parent.glob("[!_]*.py")}
CODE = re.compile(r"SC\d{3}")
EXAMPLE = r"\n\n(```(yaml|python|console)\n.*?\n```\n\n?)+"
PIECES = {  # of a page, in order
    r"# {code}: [^\n]+[^\n.]\n\n": "begins with `# {code}: ` and what it means in one line, without a full stop",
    r"(A warning\.\n\n)?(?!A warning)((?!\nWrong:)[^#]){40,}": "says why, below `A warning.` if it is one",
    rf"\nWrong:{EXAMPLE}": "shows what is wrong: `Wrong:` and a `yaml` block",
    rf"Right:{EXAMPLE}$": "ends with what is right: `Right:` and a block",
}


def given(path: Path) -> set[str]:
    """The codes that a module gives to what it says: the texts in it that are a code and nothing else."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if CODE.fullmatch(text)}


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nothing(missing: Iterable[str]) -> None:
    """Fails with a line for each thing that is missing."""
    lines = list(missing)
    assert not lines, "\n" + "\n".join(lines)


def test_every_code_has_a_page() -> None:
    modules = {path: given(path) for path in sorted(PACKAGE.rglob("*.py"))}
    nothing(
        f"{where(path)} gives {code}, a rule without a page: write {where(PAGES / code)}.md"
        for path, codes in modules.items()
        for code in sorted(codes - RULES.keys())
    )
    nothing(f"nothing gives {code}: remove its page" for code in sorted(RULES.keys() - set().union(*modules.values())))


def test_every_page_says_what_the_rule_is() -> None:
    for page in sorted(PAGES.glob("*.md")):
        code, text = page.stem, page.read_text(encoding="utf-8")
        assert CODE.fullmatch(code), f"{page.name} is not called as a code: SC and three digits"
        assert code[:3] in FAMILIES, f"{page.name} is of no family: codes begin with one of {[*FAMILIES]}"
        place = 0
        for piece, said in PIECES.items():
            there = re.compile(piece.replace("{code}", code), re.S).match(text, place)
            place = there.end() if there else -1
            assert there is not None, f"a page {said.format(code=code)}. {page.name} does not"
        assert explanation(code).right.files


def test_every_rule_has_a_fixture() -> None:
    codes = {path.name.split("-")[0] for path in SPECS}
    nothing(
        f"{code} has no fixture: write {where(FIXTURES)}/{code}-what-is-wrong.yaml, then `make golden`"
        for code in sorted(RULES.keys() - codes)
    )
    nothing(f"there is a fixture of {code}, but no such rule" for code in sorted(codes - RULES.keys()))


def test_every_fixture_has_its_text() -> None:
    texts = {path.with_suffix("").with_suffix(".yaml") for path in FIXTURES.rglob("*.expect.txt")}
    nothing(f"{where(path)} has no `.expect.txt`: `make golden`, then read it" for path in sorted({*SPECS} - texts))
    nothing(f"{where(path)} is gone, its `.expect.txt` is still there" for path in sorted(texts - {*SPECS}))


def test_the_changelog_names_every_rule() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    named = set(CODE.findall(text))
    for first, last in re.findall(r"(SC\d{3}) to (SC\d{3})", text):
        named |= {code for code in RULES if first <= code <= last}
    nothing(f"CHANGELOG.md does not name {code}: add a line under Added" for code in sorted(RULES.keys() - named))


def test_every_warning_is_a_file_in_the_table_of_contents() -> None:
    told = {warning.__name__ for warning in (*warnings.OF_THE_SPEC, *warnings.OF_THE_PLAN)}
    modules = {name: importlib.import_module(f"{warnings.__name__}.{name}") for name in sorted(WARNINGS)}
    nothing(f"{WARNINGS[name].name} has no function `{name}`" for name in modules if not hasattr(modules[name], name))
    place = f"OF_THE_PLAN (or OF_THE_SPEC) in {where(CONTENTS)}"
    nothing(f"nobody is told of `{name}`: add it to {place}" for name in modules if name not in told)
    assert told == WARNINGS.keys()


def test_every_warning_has_one_code_of_a_warning() -> None:
    for path in WARNINGS.values():
        codes = given(path)
        assert len(codes) == 1, f"{path.name} gives {sorted(codes)}: a file for each warning"
        (code,) = codes
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert said.startswith(f"{code}: "), f"{path.name} begins with its code: `{code}: …` in the first line"
        if code in RULES:  # otherwise another test says so
            severity = RULES[code].severity
            assert severity == "warning", f"{code} is an error: {code}.md needs `A warning.` after its title"
