"""What selectors match, and what they say when they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph.joined import joined
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.graph.resolve import resolve, resolve_one
from spec_compiler.language.selectors import Selector
from tests.unit.graphs import chain, graph, residual, shared

BLOCKS = chain("in", "block1_conv1", "block1_conv2", "block1_pool", "block2_conv1", "block2_pool", "top")


def names(raw: Any, within: Any = BLOCKS) -> tuple[str, ...]:
    return resolve(Selector.parse(raw), within)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("block1_pool", "block1_pool"),
        ("block1_conv2..block2_conv1", "block1_conv2 block1_pool block2_conv1"),
        ("..block1_conv1", "in block1_conv1"),
        ("block2_pool..", "block2_pool top"),
        ("block1_conv2..<block2_conv1", "block1_conv2 block1_pool"),
        ("..<block1_conv2", "in block1_conv1"),
        ("base[1:3]", "block1_conv1 block1_conv2"),
        ("block1_*", "block1_conv1 block1_conv2 block1_pool"),
        ("block[12]_pool", "block1_pool block2_pool"),
        ("block?_conv1", "block1_conv1 block2_conv1"),
        ("/conv[12]$/", "block1_conv1 block1_conv2 block2_conv1"),
        ("type:InputLayer", "in"),
        ("[0:2]", "in block1_conv1"),
        ("[-2:]", "block2_pool top"),
        ("[:1]", "in"),
        (["0:2"], "in block1_conv1"),
        ([{-1: None}], "top"),
        (["top", "in"], "in top"),
        ("all", "in block1_conv1 block1_conv2 block1_pool block2_conv1 block2_pool top"),
        ({"layers": "base", "except": ["block*", "top"]}, "in"),
        ({"layers": "block1_*", "expect": 3}, "block1_conv1 block1_conv2 block1_pool"),
        ({"layers": "all", "where": {"activation": "relu"}, "except": "block*"}, "in top"),
    ],
)
def test_a_selector_matches(raw: Any, expected: str) -> None:
    assert names(raw) == tuple(expected.split())


def test_a_range_holds_every_path_between_its_ends() -> None:
    assert names("a..add", residual()) == ("a", "b", "c", "add")
    assert names("b..add", residual()) == ("b", "c", "add")


def test_a_name_means_all_calls_and_an_index_one() -> None:
    assert names("tower", shared()) == ("tower@0", "tower@1")
    assert names("tower@1", shared()) == ("tower@1",)


def test_a_name_that_looks_like_a_pattern_is_a_name() -> None:
    odd = graph({"in": [], "conv[1]": ["in"], "conv1": ["conv[1]"]})
    assert names("conv[1]", odd) == ("conv[1]",)


@pytest.mark.parametrize(
    ("raw", "code", "path", "help"),
    [
        ("blok1_pool", "SC201", (), "did you mean `block1_pool`"),
        (["block1_*", "blok2_*"], "SC201", (1,), "did you mean `block2_*`?"),
        ("type:dense", "SC201", (), "did you mean `Dense`?"),
        ("[9:12]", "SC201", (), "positions 0 to 6"),
        ("head", "SC201", (), None),
        ({"layers": "all", "except": "x"}, "SC201", ("except",), None),
        ({"layers": "all", "except": "all"}, "SC201", ("layers",), None),
        ({"layers": "all", "where": {"activaton": "relu"}}, "SC201", ("where", "activaton"), "activation"),
        ({"layers": "all", "where": {"activation": "gelu"}}, "SC201", ("where", "activation"), None),
        ({"layers": "block1_*", "expect": 4}, "SC207", ("expect",), "block1_conv1"),
        ("top..in", "SC301", (), "runs backwards, write `in..top`"),
    ],
)
def test_a_selector_that_misses(raw: Any, code: str, path: tuple[Any, ...], help: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        names(raw)
    diagnostic = caught.value.diagnostics[0]
    assert (diagnostic.code, diagnostic.path) == (code, path)
    assert help is None or help in (diagnostic.help or "")


def test_both_ends_of_a_range_are_reported() -> None:
    with pytest.raises(SpecError) as caught:
        names("x..y")
    assert [each.chars for each in caught.value.diagnostics] == [(0, 1), (3, 4)]


@pytest.mark.parametrize(
    "raw", ["", " ", 3, [], {}, {"layers": []}, "a..b..c", "..", "/(/", "type:", {"layers": "a", "exept": "b"}, [["a"]]]
)
def test_a_selector_that_is_none(raw: Any) -> None:
    with pytest.raises(SpecError):
        Selector.parse(raw)


def test_one_layer_is_one_call_of_one_layer() -> None:
    assert resolve_one(Selector.parse("tower@0"), shared(), "`cut_at`") == "tower@0"
    with pytest.raises(SpecError, match="called 2 times"):
        resolve_one(Selector.parse("tower"), shared(), "`cut_at`")
    with pytest.raises(SpecError, match="matches 2 layers"):
        resolve_one(Selector.parse("block*_pool"), BLOCKS, "`cut_at`")


TWO = joined({"left": chain("in", "a", "b"), "right": chain("in", "a", "c")})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("left/..", "left/in left/a left/b"),
        (["right/..", "left/b"], "left/b right/in right/a right/c"),
        ("right[1:]", "right/a right/c"),
        ("left[-1:]", "left/b"),
        ("left/a..<left/b", "left/a"),
    ],
)
def test_one_of_several_bases(raw: Any, expected: str) -> None:
    assert names(raw, TWO) == tuple(expected.split())


@pytest.mark.parametrize(
    ("raw", "message", "help"),
    [
        ("lefd/..", "no base and no nested model is called `lefd`", "did you mean `left`?"),
        ("lefd[0:2]", "no base and no nested model is called `lefd`", "did you mean `left`?"),
        ("left[7:9]", "`left[7:9]` selects no position", "`left` has 3 layers, at positions 0 to 2"),
        ("left/a..<left/a", "`left/a..<left/a` selects no layer, nothing stands between the two", None),
    ],
)
def test_what_is_none_of_several_bases(raw: str, message: str, help: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        names(raw, TWO)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("SC201", message)
    assert help is None or diagnostic.help == help


def test_a_base_of_which_nothing_is_left() -> None:
    def right(names: Any) -> Any:
        return {key: value for key, value in names.items() if key.startswith("right/")}

    gone = replace(TWO, layers=right(TWO.layers), nodes=right(TWO.nodes), positions=())
    gone = replace(gone, removed={"left/a": Origin("remove")}, inputs=[], outputs=[])
    with pytest.raises(SpecError) as caught:
        names("left/..", gone)
    assert caught.value.diagnostics[0].message == "nothing of `left` is left, `remove` took it away"


@pytest.mark.parametrize(
    ("bound", "expected"), [(">=64", "b c"), ("> 64", "c"), ("<64", "a"), ("<= 64", "a b"), (">=1000", None), (64, "b")]
)
def test_a_bound_of_numbers(bound: Any, expected: str | None) -> None:
    within = chain("in", "a", "b", "c")
    filters = {"a": 32, "b": 64, "c": 128}
    layers = {
        name: layer.with_arguments({**layer.arguments, "filters": filters[name]}) if name in filters else layer
        for name, layer in within.layers.items()
    }
    raw = {"layers": "[1:]", "where": {"filters": bound}}
    if expected is not None:
        assert names(raw, replace(within, layers=layers)) == tuple(expected.split())
        return
    with pytest.raises(SpecError) as caught:
        names(raw, replace(within, layers=layers))
    assert caught.value.diagnostics[0].code == "SC201"


def test_an_open_range_that_runs_backwards_stays_open() -> None:
    with pytest.raises(SpecError) as caught:
        names("block2_pool..<block1_conv1")
    help = caught.value.diagnostics[0].help
    assert help == "the range runs backwards, write `block1_conv1..<block2_pool`"
