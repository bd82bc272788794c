"""Folding keeps pictures small and true: a fold is connected, of one kind, and no path leaves it and comes back."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_compiler.diagram.fold import Edge, fold, nearby, runs
from spec_compiler.diagram.merged import merge
from spec_compiler.plan import Plan
from tests.unit.pictures import frozen, inserted, long_chain, residual_tower, with_shape


def path(text: str) -> list[Edge]:
    return list(pairwise(text))


@pytest.mark.parametrize(
    ("order", "edges", "foldable", "groups"),
    [
        ("abcde", path("abcde"), "abcde", ["abcde"]),
        ("abcde", path("abcde"), "abde", []),  # two on either side are too few
        ("abcxdef", path("abcxdef"), "abcdef", ["abc", "def"]),
        ("abcdef", [*path("abcf"), *path("adef")], "abcdef", ["abcdef"]),  # both branches and their join
        ("abcxyd", [*path("abxcd"), *path("yd")], "abcd", []),
        ("abcxdefg", [*path("abcxdefg"), ("c", "e")], "abcdefg", ["abc", "defg"]),  # a shortcut around the edit
        ("abcxdefg", [*path("abcdefg"), *path("axg")], "abcdefg", ["abcdef"]),  # g lies behind the edit x
    ],
)
def test_groups(order: str, edges: list[Edge], foldable: str, groups: list[str]) -> None:
    assert fold(order, edges, dict.fromkeys(foldable)) == tuple(tuple(group) for group in groups)


def test_kinds_do_not_mix() -> None:
    kinds = {**dict.fromkeys("abc", "frozen"), **dict.fromkeys("def", "trainable")}
    assert fold("abcdef", path("abcdef"), kinds) == (("a", "b", "c"), ("d", "e", "f"))


def test_nearby_looks_both_ways() -> None:
    assert nearby(path("abcdefg"), ["d"], 0) == {"d"}
    assert nearby(path("abcdefg"), ["d"], 2) == set("bcdef")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[Edge], dict[str, int]]:
    order = [str(number) for number in range(draw(st.integers(1, 14)))]
    pairs = [(source, target) for at, target in enumerate(order) for source in order[:at]]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    kinds = draw(st.dictionaries(st.sampled_from(order), st.integers(0, 1)))
    return order, edges, kinds


@given(graphs())
def test_any_graph_stays_acyclic_and_groups_are_connected(given_: tuple[list[str], list[Edge], dict[str, int]]) -> None:
    order, edges, kinds = given_
    groups = fold(order, edges, kinds, minimum=2)
    box = {node: group for group in groups for node in group}
    assert sum(map(len, groups)) == len(box), "a node is in two groups"
    sorter: TopologicalSorter[object] = TopologicalSorter()
    for source, target in edges:
        if box.get(source, source) != box.get(target, target):
            sorter.add(box.get(target, target), box.get(source, source))
    sorter.prepare()  # raises CycleError
    for group in groups:
        assert len({kinds[node] for node in group}) == 1
        inside = [edge for edge in edges if set(edge) <= set(group)]
        assert nearby(inside, group[:1], len(group)) == set(group)


def lengths(plan: Plan, context: int = 1) -> list[int]:
    return [len(group) for group in runs(merge(plan), context=context)]


def test_a_small_graph_is_drawn_whole() -> None:
    base = long_chain(30)
    assert lengths(Plan("small", base, inserted(base, "l15"))) == []


def test_an_insert_folds_what_lies_before_and_after_it() -> None:
    base = long_chain(60)
    plan = Plan("one_insert", base, inserted(base, "l30"))
    assert lengths(plan) == [29, 27]  # in, l1 … l29, l30, new, l31, l32 … l58, l59
    assert lengths(plan, context=3) == [27, 25]
    assert lengths(plan, context=0) == [30, 28]


def test_frozen_and_trainable_runs_are_apart() -> None:
    base = long_chain(60)
    after = frozen(base, [f"l{number}" for number in range(1, 21)])
    assert lengths(Plan("half_frozen", base, after)) == [20, 38]


def test_a_patchy_freeze_does_not_make_the_picture_large_again() -> None:
    base = long_chain(200)
    after = frozen(base, [f"l{number}" for number in range(1, 200) if number // 3 % 2])
    assert lengths(Plan("patchy", base, after)) == [198]


def test_a_change_of_every_shape_folds_as_well() -> None:
    base = long_chain(60)
    assert lengths(Plan("another_input", base, with_shape(base, list(base.nodes)[:-1], (None, 9)))) == [57]


def test_an_edit_in_a_branch_splits_at_the_branch() -> None:
    base = residual_tower(16)
    groups = runs(merge(Plan("branch", base, inserted(base, "b5_x"))))
    assert len(groups) == 2
    assert convex(groups, list(base.nodes))


def convex(groups: Sequence[Sequence[str]], order: Sequence[str]) -> bool:
    position = {name: at for at, name in enumerate(order)}
    return max(position[name] for name in groups[0]) < min(position[name] for name in groups[1])
