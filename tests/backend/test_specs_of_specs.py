"""finding_S11: specs that start from one another: each is followed once, none without end, weights only to be built."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import check_spec, compile_spec, plan_spec, planning
from spec_compiler.backend.unfilled import Unfilled
from spec_compiler.plan.editing import apply_edits
from spec_compiler.spec.others import MAX_DEPTH

HEAD = "head: [{Add: {}, from: [a/only, b/only]}]\n"


def tiny(folder: Path) -> None:
    inputs = keras.Input((4,), name="in")
    model = keras.Model(inputs, keras.layers.Dense(4, name="only")(inputs), name="tiny")
    model.save(folder / "tiny.keras")


def following(folder: Path, count: int, bases: str) -> str:
    """Specs of which each starts from the next, named in `bases` as `BASE`; the last starts from a file."""
    tiny(folder)
    for level in range(count):
        base = f"{{spec: s{level + 1}.yaml}}" if level + 1 < count else "{file: tiny.keras}"
        text = f"spec: 1\nname: s{level}\n{bases.replace('BASE', base)}\n"
        (folder / f"s{level}.yaml").write_text(text)
    return str(folder / "s0.yaml")


def diamond(folder: Path, levels: int) -> str:
    return following(folder, levels, "bases: {a: BASE, b: BASE}")


def chain(folder: Path, length: int) -> str:
    return following(folder, length, "base: BASE")


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each spec's model was given its weights."""
    found: Counter[str] = Counter()
    fill = Unfilled.fill

    def counted(planned: Unfilled) -> Any:
        found[planned.plan.name] += 1
        return fill(planned)

    monkeypatch.setattr(Unfilled, "fill", counted)
    return found


def test_a_check_fills_nothing_and_follows_each_file_once(
    tmp_path: Path, filled: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: Counter[str] = Counter()

    def counted(spec: Any, *rest: Any) -> Any:
        followed[spec.name] += 1
        return apply_edits(spec, *rest)

    monkeypatch.setattr(planning, "apply_edits", counted)
    spec = diamond(tmp_path, 5)
    assert check_spec(spec) == ()
    assert set(followed.values()) == {1}
    assert not filled


def test_what_is_built_of_a_diamond_has_every_weight(tmp_path: Path, filled: Counter[str]) -> None:
    model = compile_spec(diamond(tmp_path, 3)).model
    tiny = keras.models.load_model(tmp_path / "tiny.keras")
    kernels = [layer.kernel for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert len(kernels) == 8
    assert len({id(each) for each in kernels}) == 8  # two bases share no layer
    assert all(
        (keras.ops.convert_to_numpy(each) == keras.ops.convert_to_numpy(tiny.layers[1].kernel)).all()
        for each in kernels
    )
    assert filled == {"s0": 1, "s1": 1, "s2": 1}


def test_thirteen_specs_that_join_the_next_twice(tmp_path: Path) -> None:
    spec = diamond(tmp_path, 13)
    start = time.process_time()
    (found,) = check_spec(spec)
    assert (found.code, found.line) == ("SC005", 3)
    assert Path(found.file or "").name == "s6.yaml"  # which 128 flow into
    assert time.process_time() - start < 10


def test_a_chain_has_an_end(tmp_path: Path) -> None:
    for static in (True, False):
        (found,) = check_spec(chain(tmp_path, 61), static=static)
        assert (found.code, found.line, found.column) == ("SC005", 3, 14)
        assert Path(found.file or "").name == f"s{MAX_DEPTH - 1}.yaml"
    (tmp_path / "short").mkdir()
    assert check_spec(chain(tmp_path / "short", MAX_DEPTH)) == ()


def test_a_circle_is_told_where_it_closes(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.yaml").write_text(
            f"spec: 1\nbases: {{x: {{spec: {other}.yaml}}, y: {{spec: {other}.yaml}}}}\n"
        )
    for static in (True, False):
        (found,) = check_spec(str(tmp_path / "a.yaml"), static=static)
        assert (found.code, Path(found.file or "").name, found.line) == ("SC304", "b.yaml", 2)


def test_warnings_of_a_spec_inside_are_told_once_in_their_own_file(tmp_path: Path) -> None:
    tiny(tmp_path)
    (tmp_path / "inner.yaml").write_text(
        "spec: 1\nname: inner\nvars: {unused: 3}\nbase: {file: tiny.keras}\ncut_at: only\n"
    )
    (tmp_path / "outer.yaml").write_text("spec: 1\nbases: {a: {spec: inner.yaml}, b: {spec: inner.yaml}}\n" + HEAD)
    outer = str(tmp_path / "outer.yaml")
    expected = [("SC111", "inner.yaml", 3), ("SC313", "inner.yaml", 5)]
    assert [(each.code, Path(each.file or "").name, each.line) for each in check_spec(outer)] == expected
    plan_spec(outer)
    assert [(each.code, Path(each.file or "").name, each.line) for each in check_spec(outer, static=True)] == expected
    assert [(each.code, Path(each.file or "").name) for each in compile_spec(outer).warnings] == [
        ("SC111", "inner.yaml"),
        ("SC313", "inner.yaml"),
    ]


def test_a_weight_map_of_a_spec_inside_is_told_without_its_weights(tmp_path: Path, filled: Counter[str]) -> None:
    tiny(tmp_path)
    model = keras.models.load_model(tmp_path / "tiny.keras")
    model.save_weights(tmp_path / "tiny.weights.h5")
    (tmp_path / "inner.yaml").write_text("spec: 1\nbase: {file: tiny.keras, weights: {file: nope.weights.h5}}\n")
    (tmp_path / "outer.yaml").write_text("spec: 1\nbase: {spec: inner.yaml}\n")
    (found,) = check_spec(str(tmp_path / "outer.yaml"))
    assert (found.code, Path(found.file or "").name, found.line) == ("SC501", "inner.yaml", 2)
    assert not filled
