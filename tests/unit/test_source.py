"""Positions, limits and YAML's traps."""

from __future__ import annotations

import pytest

from spec_compiler import load_spec
from spec_compiler.diagnostics import Diagnostic, SpecError, render
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.text.overrides import overridden
from spec_compiler.text.yaml_text import MAX_BYTES, parse_source


def place(text: str, *path: str | int, **how: object) -> tuple[int | None, int | None, int | None]:
    source = parse_source(text)
    found = source.locate(Diagnostic("SC103", "wrong", path, **how))  # type: ignore[arg-type]
    return found.line, found.column, found.end_column


def test_the_place_of_values_keys_and_parts() -> None:
    text = "spec: 1\ninsert:\n  - after: block1_pool..x\n    layers: [Flatten, 'Dense']\n"
    assert place(text, "insert", 0, "after") == (3, 12, 26)
    assert place(text, "insert", 0, "after", at_key=True) == (3, 5, 10)
    assert place(text, "insert", 0, "after", chars=(13, 14)) == (3, 25, 26)
    assert place(text, "insert", 0, "layers", 1) == (4, 24, 29)


def test_a_missing_place_is_its_nearest_parent() -> None:
    assert place("spec: 1\nbase: {file: a.keras}\n", "base", "weights", "map") == (2, 1, 5)


def test_quotes_and_escapes_do_not_move_a_part() -> None:
    assert place('a: "x..y"\n', "a", chars=(3, 4)) == (1, 8, 9)
    assert place('a: "\\u0078..y"\n', "a", chars=(3, 4)) == (1, 4, 15)  # not one to one: the whole value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("0x10", 16),
        ("010", 10),
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("2024-01-01", "2024-01-01"),
        ("0:15", "0:15"),
        ("'1'", "1"),
        ("..a", "..a"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert parse_source(f"a: {text}\n").data == {"a": value}


def test_aliases_are_values() -> None:
    source = parse_source("a: &x {Dense: 3}\nb: [*x, *x]\n")
    assert source.data == {"a": {"Dense": 3}, "b": [{"Dense": 3}, {"Dense": 3}]}
    assert source.locate(Diagnostic("SC103", "wrong", ("b", 1, "Dense"))).line == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "a: &a [x]\n"
            + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9) if n else '*a'}]\n" for n in range(12)),
            "SC005",
        ),
        ("[" * 10_000, "SC005"),
        ("a: " * 3, "SC001"),
        ("x" * (MAX_BYTES + 1), "SC005"),
        ("a: " + "9" * 5000, "SC103"),
        ("a: !!python/name:os.system x", "SC006"),
        ("<<: {a: 1}", "SC006"),
        ("? [a]\n: b", "SC006"),
        ("a: \x07", "SC001"),
    ],
    ids=["alias bomb", "nesting", "nested keys", "size", "digits", "tag", "merge key", "list key", "control"],
)
def test_hostile_text_is_refused(text: str, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_source(text)
    assert caught.value.diagnostics[0].code == code


def test_bytes_that_are_not_utf_8_have_a_place(tmp_path: object) -> None:
    from pathlib import Path

    from spec_compiler.text.yaml_text import read_source

    path = Path(str(tmp_path)) / "latin.yaml"
    path.write_bytes(b"spec: 1\nname: caf\xe9\n")
    with pytest.raises(SpecError) as caught:
        read_source(path)
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].line) == ("SC004", 2)


def test_overrides_replace_values_anywhere() -> None:
    source = parse_source("base: {weights: imagenet}\ninsert:\n  - after: a\n")
    done = overridden(source, ["base.weights=null", "insert[0].after=b", "base.input_shape=[8, 8, 3]", "seed=3"])
    assert done.data == {
        "base": {"weights": None, "input_shape": [8, 8, 3]},
        "insert": [{"after": "b"}],
        "seed": 3,
    }
    assert source.data["base"] == {"weights": "imagenet"}


@pytest.mark.parametrize("text", ["base", "=1", "insert[3].after=b", "base=[", "insert.x.y=1"])
def test_an_override_that_leads_nowhere(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        overridden(parse_source("insert:\n  - after: a\n"), [text])
    assert caught.value.diagnostics[0].code == "SC109"


def test_a_long_line_is_shown_around_the_caret() -> None:
    text = "a: [" + ", ".join(f"name{n}" for n in range(100)) + "]\n"
    shown = render(parse_source(text).locate(Diagnostic("SC201", "no layer named `name70`", ("a", 70))))
    line, caret = shown.split("\n")[3:5]
    assert line[caret.index("^") : caret.rindex("^") + 1] == "name70"
    assert len(line) < 140


def test_python_hands_over_what_it_has() -> None:
    numpy = pytest.importorskip("numpy")
    base = {"application": "VGG16"}
    spec = load_spec({"spec": 1, "base": base, "head": [{"Dense": numpy.int64(3)}]}, overrides="base.weights=null")
    assert spec.base is not None
    assert spec.base.weights.kind == "none"
    assert spec.source.data["head"] == [{"Dense": 3}]
    assert type(spec.source.data["head"][0]["Dense"]) is int
    with pytest.raises(TypeError, match="a spec is a path, a YAML text, a dict or a `Spec`, got `int`"):
        load_spec(5)  # type: ignore[arg-type]


def under_override(assignments: list[str], *path: str | int, **how: object) -> str:
    """The part of an override's text that a diagnostic underlines."""
    source = overridden(parse_source("spec: 1\nbase: {weights: null}\ncut_at: [a, b]\n"), assignments)
    found = source.locate(Diagnostic("SC103", "wrong", path, **how)).override  # type: ignore[arg-type]
    return found.text[found.start : found.end] if found else ""


def test_what_an_override_set_is_at_fault_itself() -> None:
    assert under_override(["base.weights=a.keras"], "base", "weights") == "a.keras"
    assert under_override(["base.weights=a..b"], "base", "weights", chars=(3, 4)) == "b"
    assert under_override(["cut_at[1]= block"], "cut_at", 1) == "block"
    assert under_override(["base.weights.map.x=1"], "base", "weights") == "weights"
    assert under_override(["base.weights.map.x=1"], "base", "weights", "map", "x", at_key=True) == "x"
    assert under_override(["base={file: x}"], "base", "file") == "{file: x}"
    assert under_override(["cut_at=a", "cut_at=b"], "cut_at") == "b"
    assert under_override(["cut_at[1]=block"], "cut_at", 0) == ""
    assert under_override(["base.weights=1"], "base", "weights", at_key=True) == ""


def test_missing_files_are_told_together() -> None:
    bases = "spec: 1\nbases:\n  one: {file: no.keras}\n  two: {application: VGG16, weights: no.weights.h5}\n"
    with pytest.raises(SpecError) as caught:
        missing_files(load_spec(bases))
    assert [(each.code, each.line) for each in caught.value.diagnostics] == [("SC501", 3), ("SC501", 4)]
    with pytest.raises(SpecError) as caught:
        missing_files(load_spec(bases), weights=False)
    assert [each.line for each in caught.value.diagnostics] == [3]
    missing_files(load_spec("spec: 1\nbase: {application: VGG16}\n"))
