"""Blocks, imports, variables that hold lists and mappings: what they become, and where mistakes in it are told."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import load_spec
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.edits.head import Head
from spec_compiler.spec.output_paths import files_named
from spec_compiler.spec.permissions import Permissions
from spec_compiler.text.arithmetic import evaluate
from spec_compiler.text.blocks import expanded
from spec_compiler.text.imports import imported, library_block, library_names
from spec_compiler.text.overrides import overridden
from spec_compiler.text.source import Source
from spec_compiler.text.yaml_text import parse_source, read_source
from tests.markdown import ROOT, blocks

BLOCK = """
blocks:
  conv_block:
    vars: {filters: null, size: 3}
    layers:
      - Conv2D: {filters: "${filters}", kernel_size: "${size}"}
      - ReLU
"""


def data(text: str, *overrides: str) -> Any:
    return expanded(overridden(parse_source(text), overrides)).data


def told(source: Source, *path: str | int, **how: Any) -> tuple[Any, ...]:
    """File, line and column of a mistake at a path of expanded data, and what is noted beside it."""
    found = source.locate(Diagnostic("SC103", "wrong", path, **how))
    return found.file, found.line, found.column, found.notes


def codes(error: pytest.ExceptionInfo[SpecError]) -> list[tuple[str, int | None]]:
    return [(each.code, each.line) for each in error.value.diagnostics]


def test_a_list_is_spliced_where_it_is_an_entry_of_a_list_and_nowhere_else() -> None:
    text = 'vars: {size: [4, 5], stem: [ReLU, "${deep}"]}\n'.replace('"${deep}"', "Flatten")
    text += 'head: ["${stem}", {Dense: "${size}"}]\ninput: {shape: ["${size}", 3]}\noutputs: "${stem}"\n'
    assert data(text) == {
        "head": ["ReLU", "Flatten", {"Dense": [4, 5]}],
        "input": {"shape": [4, 5, 3]},
        "outputs": ["ReLU", "Flatten"],
    }


def test_variables_use_those_above_them_spliced_as_well() -> None:
    text = 'vars: {a: [1, 2], b: [0, "${a}"], c: {x: "${b}"}}\nname: ["${b}", "${c}"]\n'
    assert data(text) == {"name": [0, 1, 2, {"x": [0, 1, 2]}]}


def test_a_block_becomes_its_copies() -> None:
    text = BLOCK + "head:\n  - {conv_block: {filters: 8, times: 2, name: stage}, from: x, call: {training: true}}\n"
    copy = [{"Conv2D": {"filters": 8, "kernel_size": 3}}, "ReLU"]
    made = {"block conv_block": {"name": "stage", "copies": [copy, copy]}, "from": "x", "call": {"training": True}}
    assert data(text) == {"head": [made]}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("head: b", ("head",)),
        ("head: [b]", ("head", 0)),
        ("insert: {after: x, with: b}", ("insert", "with")),
        ("insert: [{after: x, with: [b]}]", ("insert", 0, "with", 0)),
        ("replace: [{layers: b, with: [ReLU, b]}]", ("replace", 0, "with", 1)),
        ("steps: [{head: [b]}, {insert: [{after: b, with: b}]}]", ("steps", 1, "insert", 0, "with")),
        ("vars: {v: [b]}\nhead: ['${v}']", ("head", 0)),
    ],
)
def test_blocks_stand_wherever_new_layers_do(text: str, path: tuple[Any, ...]) -> None:
    found = data(f"blocks: {{b: {{layers: Flatten}}}}\n{text}\n")
    for part in path:
        found = found[part]
    assert found == {"block b": {"name": None, "copies": [["Flatten"]]}}


def test_selectors_and_arguments_are_no_entries() -> None:
    text = "blocks: {b: {layers: [Flatten]}}\nreplace: [{layers: b, with: [ReLU]}]\nfreeze: b\n"
    assert data(text) == {"replace": [{"layers": "b", "with": ["ReLU"]}], "freeze": "b"}


def test_a_block_sees_its_parameters_and_the_variables_of_the_spec() -> None:
    text = """
vars: {rate: 0.5, filters: 1, units: 10}
blocks:
  outer:
    vars: {filters: 2, wide: "${filters * 2}"}
    layers:
      - inner: {size: "${filters}"}
      - Dense: "${wide}"
  inner:
    vars: {size: null}
    layers: [{Dense: "${size + filters}"}, {Dropout: "${rate}"}]
head: [{outer: {filters: "${units}"}}]
"""
    (outer,) = data(text)["head"]
    inner, dense = outer["block outer"]["copies"][0]
    assert inner["block inner"]["copies"] == [[{"Dense": 11}, {"Dropout": 0.5}]]  # the spec's `filters`, not outer's
    assert dense == {"Dense": 20}


def test_what_flows_in_stays_and_copies_are_counted() -> None:
    text = """
vars: {ratio: 16, negative: -2}
blocks:
  b:
    vars: {ratio: 8}
    layers:
      - Dense: "${in.channels // ratio}"
      - Dense: "${in.channels}"
      - Dropout: {rate: "${0.1 * index / count}", name: "d${index}"}
head: [{b: {times: 2}}, {Dense: "${in.channels * (ratio + negative)}"}]
"""
    block, dense = data(text)["head"]
    first, second = block["block b"]["copies"]
    assert first == [
        {"Dense": "${in.channels // 8}"},
        {"Dense": "${in.channels}"},
        {"Dropout": {"rate": 0.05, "name": "d1"}},
    ]
    assert second[2] == {"Dropout": {"rate": 0.1, "name": "d2"}}
    assert dense == {"Dense": "${in.channels * (16 + (-2))}"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + 2 * b", 13),
        ("(a + 2) * b", 25),
        ("a // 2", 1),
        ("a / 2", 1.5),
        ("a % 2", 1),
        ("-a", -3),
        ("1e1 + b", 15.0),
    ],
)
def test_arithmetic(text: str, value: float) -> None:
    found = evaluate(text, {"a": 3, "b": 5})
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        *("a ** 9", "f(1)", "a.b", "'x'", "True", "[1]", "a if a else 1", "1 +", "", "a // 0", "1e308 * 10", "9" * 300),
        *("(" * 150 + "1" + ")" * 49, "1j", "a; b", "a = 1", "lambda: 1", "t", "x", "9" * 30, "a @ a", "~a"),
    ],
)
def test_what_is_no_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        evaluate(text, {"a": 3, "b": 5})


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A spec with all that moves places, and a file that it imports."""
    monkeypatch.chdir(tmp_path)
    Path("common.yaml").write_text(
        "vars: {width: 32}\nblocks:\n  wide:\n    vars: {units: null, rate: 0.5}\n    layers:\n"
        '      - Dense: "${units}"\n      - Dropout: "${rate}"\n      - narrow: {units: "${units}"}\n'
        '  narrow:\n    vars: {units: null}\n    layers: {Dense: {units: "${units}", use_bias: 7}}\n'
    )
    Path("spec.yaml").write_text(
        "imports: common.yaml\nvars:\n  stem: [ReLU, {Dense: 3}]\n  options: {units: 10}\n"
        'head:\n  - "${stem}"\n  - Dense: "${options}"\n  - wide: {units: "${width}", times: 2}\n  - se: {ratio: 2}\n'
    )
    return expanded(imported(read_source("spec.yaml")))


def test_a_parameter_is_told_where_it_is_given(source: Source) -> None:
    at = ("head", 3, "block wide", "copies", 1)
    given = ("spec.yaml", 8, 20)
    assert told(source, *at, 0, "Dense") == (*given, ("`wide` takes it here (common.yaml, line 6)",))
    inner = told(source, *at, 2, "block narrow", "copies", 0, 0, "Dense", "units")
    notes = ("`narrow` takes it here (common.yaml, line 11)", "`wide` takes it here (common.yaml, line 8)")
    assert inner == (*given, notes)


def test_what_a_block_says_itself_is_told_there_with_its_use(source: Source) -> None:
    at = ("head", 3, "block wide", "copies", 0)
    default = told(source, *at, 1, "Dropout")
    notes = ("`wide` takes it here (line 7)", "`wide` is used here (spec.yaml, line 8)")
    assert default == ("common.yaml", 4, 31, notes)
    inner = told(source, *at, 2, "block narrow", "copies", 0, 0, "Dense", "use_bias")
    notes = ("`narrow` is used here (line 8)", "`wide` is used here (spec.yaml, line 8)")
    assert inner == ("common.yaml", 11, 51, notes)
    library = told(source, "head", 4, "block se", "copies", 0, 0, "GlobalAveragePooling2D", "keepdims")
    assert library[0] == "spec_compiler/blocks/se.yaml"
    assert library[3] == ("`se` is used here (spec.yaml, line 9)",)


def test_a_use_is_told_at_the_use(source: Source) -> None:
    assert told(source, "head", 3, "block wide", at_key=True)[:3] == ("spec.yaml", 8, 5)
    assert told(source, "head", 3, "block wide", "name")[:2] == ("spec.yaml", 8)


def test_what_is_in_a_variable_is_told_there(source: Source) -> None:
    assert told(source, "head", 1, "Dense") == ("spec.yaml", 3, 24, ("it is used here (line 6)",))
    assert told(source, "head", 2, "Dense", "units")[:3] == ("spec.yaml", 4, 20)
    assert told(source, "head", 2, "Dense")[:3] == ("spec.yaml", 7, 13)  # the whole of it is wrong where it is used


def test_the_place_of_a_block_in_a_text_is_that_of_its_use(source: Source) -> None:
    assert source.used_at(("head", 3, "block wide", "copies", 1, 0)) == ("head", 2, "wide")
    assert source.used_at(("head", 1)) == ("head", 0)


def test_an_override_reaches_everything(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ["vars.width=5", "vars.options.units=6", "vars.stem[0]=Flatten", "blocks.wide.vars.rate=2"]
    found = expanded(overridden(imported(read_source("spec.yaml")), overrides))
    assert found.data["head"][0] == "Flatten"
    assert found.data["head"][2] == {"Dense": {"units": 6}}
    copy = found.data["head"][3]["block wide"]["copies"][0]
    assert copy[:2] == [{"Dense": 5}, {"Dropout": 2}]
    at = ("head", 3, "block wide", "copies", 0)
    rate = found.locate(Diagnostic("SC107", "wrong", (*at, 1, "Dropout")))
    width = found.locate(Diagnostic("SC107", "wrong", (*at, 0, "Dense")))
    assert [each.override and each.override.text for each in (rate, width)] == [overrides[3], overrides[0]]


def test_imports_may_be_set(source: Source) -> None:
    Path("other.yaml").write_text("vars: {width: 3}\nblocks: {wide: {layers: Flatten, vars: {units: 1}}}\n")
    spec = load_spec("imports: [none.yaml]\nspec: 1\n", overrides=["imports[0]=other.yaml"])
    assert "imports" not in spec.source.data
    assert spec.source.unused == spec.source.unused_blocks == ()  # a file may bring what this spec does not need


def test_modules_stay_in_imports(source: Source) -> None:
    found = imported(parse_source("imports: [common.yaml, my_layers]\n"))
    assert found.data["imports"] == ["my_layers"]
    assert found.locate(Diagnostic("SC103", "wrong", ("imports", 0))).column == 24


def test_what_is_imported_is_a_file_that_the_spec_reads(source: Source) -> None:
    Path("spec.yaml").write_text("spec: 1\nimports: common.yaml\n")
    assert str(Path("common.yaml").absolute()) in {
        str(Path(each).absolute()) for each in files_named(load_spec("spec.yaml"), set())
    }


def test_imports_stay_in_the_folder_where_paths_are_restricted(source: Source) -> None:
    Path("sub").mkdir()
    Path("sub/spec.yaml").write_text("spec: 1\nimports: ../common.yaml\n")
    Path("sub/link.yaml").symlink_to("../common.yaml")
    assert load_spec("sub/spec.yaml").source.data == {"spec": 1}
    for name in ("../common.yaml", "link.yaml", str(Path("common.yaml").absolute())):
        Path("sub/spec.yaml").write_text(f"spec: 1\nimports: [{name}]\n")
        with pytest.raises(SpecError) as error:
            load_spec("sub/spec.yaml", allowed=Permissions(paths=False))
        assert codes(error) == [("SC510", 2)]


def test_code_in_a_block_needs_permission() -> None:
    text = "spec: 1\nblocks: {b: {layers: [{Lambda: {function: 'm:f'}}]}}\nhead: [b]\n"
    with pytest.raises(SpecError) as error:
        load_spec(text, allowed=Permissions())
    assert ("SC112", 2) in codes(error)


def test_what_multiplies_is_told_at_once() -> None:
    rows = "".join(f"  b{n}: {{layers: [b{n - 1}, b{n - 1}]}}\n" for n in range(1, 31))
    for text in (
        f"blocks:\n  b0: {{layers: ReLU}}\n{rows}head: b30\n",
        "blocks:\n  b: {layers: [ReLU]}\nhead: [" + "{b: {times: 1000}}, " * 100 + "]\n",
        "blocks:\n  b: {vars: {x: null}, layers: [{Dense: '${x}'}]}\nhead: [{b: {x: "
        + str([0] * 900)
        + ", times: 900}}]\n",
    ):
        began = time.perf_counter()
        with pytest.raises(SpecError) as error:
            data(text)
        assert [code for code, _ in codes(error)] == ["SC005"]
        assert time.perf_counter() - began < 5


def test_unused_blocks_and_variables() -> None:
    text = "vars: {a: 1, b: 2, c: 3}\nblocks:\n  x: {layers: [{Dense: '${a * 2}'}]}\n  y: {layers: [z]}\n"
    text += "  z: {layers: ReLU}\n"
    found = expanded(parse_source(text + "head: [x, {Dense: '${in.channels // b}'}]\n"))
    assert (found.unused, found.unused_blocks) == (("c",), ("y",))


def test_an_expanded_spec_is_expanded_once() -> None:
    text = "spec: 1\nvars: {a: [ReLU, Flatten]}\nhead: ['${a}', {Dense: 3}, Dropout: 0.1]\n"
    spec = load_spec(text)
    again = load_spec(spec, overrides=["head[3].Dropout=0.5"])
    assert again.source.data["head"] == ["ReLU", "Flatten", {"Dense": 3}, {"Dropout": 0.5}]
    assert told(again.source, "head", 2, "Dense")[1:3] == (3, 24)


@pytest.mark.parametrize("name", library_names())
def test_a_block_of_the_package_is_whole(name: str) -> None:
    """It says what it is, is alone in its file, and takes values for what it must be given."""
    source = library_block(name)
    assert list(source.data) == ["blocks"]
    assert list(source.data["blocks"]) == [name]
    assert source.data["blocks"][name]["description"].endswith(".")
    assert source.text.startswith("# ")
    assert "http" in source.text or "keras/src" in source.text
    needed = {key: 8 for key, value in source.data["blocks"][name]["vars"].items() if value is None}
    (made,) = expanded(Source({"head": [{name: needed}]}, "")).data["head"]
    assert made[f"block {name}"]["copies"][0]


def test_a_block_of_the_spec_comes_before_one_of_the_package() -> None:
    (made,) = data("blocks: {se: {layers: Flatten}}\nhead: [se]\n")["head"]
    assert made["block se"]["copies"] == [["Flatten"]]


def test_the_page_says_what_is_so() -> None:
    page = ROOT / "docs" / "blocks.md"
    first, second = (data(block) for block in blocks(page, "yaml"))
    assert [len(each["block conv_block"]["copies"]) for each in first["head"]] == [1, 3]
    assert second["input"] == {"shape": [96, 96, 3]}
    assert second["head"][0] == {"Conv2D": {"filters": 64, "kernel_size": 1}}
    assert second["head"][1:3] == ["GlobalAveragePooling2D", {"Dropout": 0.3}]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", page.read_text(encoding="utf-8"), re.M))
    assert rows == {name: library_block(name).data["blocks"][name]["description"] for name in library_names()}


class Alike:
    """Objects that are all written the same."""

    def __repr__(self) -> str:
        return "alike"


def test_what_is_written_alike_is_not_taken_for_the_same() -> None:
    given = [1, 1.0, True, "1", Alike(), Alike()]
    entries = [{"own": {"value": value}} for value in given]
    block = {"vars": {"value": None}, "layers": [{"my_layers:Own": {"value": "${value}"}}]}
    head = load_spec({"spec": 1, "blocks": {"own": block}, "head": entries}).section(Head)
    assert head is not None
    made = [entry.copies[0][0].arguments["value"] for entry in head.root]
    assert [(type(value), value) for value in made] == [(type(value), value) for value in given]
