"""finding_S13: sizes that no machine has are told before anything is made, at what is at fault."""

from __future__ import annotations

from typing import Any

import pytest

from spec_compiler import check_spec, load_spec
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.plan import memory_needed as memory
from tests.fuzz.valid_specs import keep_graphs
from tests.unit.graphs import chain
from tests.unit.pictures import with_layer

VGG16 = "spec: 1\nbase: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3]}\n"
ABSURD = ("2147483648", "9223372036854775807", "1" + "0" * 30, "1" + "0" * 450)


@pytest.mark.parametrize("size", ABSURD)
@pytest.mark.parametrize(
    "text",
    [
        "head: [{Dense: SIZE}]",
        "head: [{Dense: {units: SIZE}}]",
        "head: [{Conv2D: {filters: SIZE, kernel_size: 3}}]",
        "head: [{Conv2D: {filters: 3, kernel_size: [3, SIZE]}}]",
        "head: [{ZeroPadding2D: {padding: [[1, SIZE], [1, 1]]}}]",
        "head: [{Reshape: {target_shape: [-1, SIZE]}}]",
        "head: [{RepeatVector: SIZE}]",
        "head: [{UpSampling2D: {size: SIZE}}]",
        "head: [{TimeDistributed: {layer: {Dense: SIZE}}}]",
        "head: [{Embedding: {input_dim: SIZE, output_dim: 3}}]",
        "head: [{MultiHeadAttention: {num_heads: SIZE, key_dim: 2}}]",
        "input: {shape: [SIZE, 64, 3]}",
        "input: {channels: SIZE}",
        "set: [{layers: block1_conv1, to: {filters: SIZE}}]",
        "train: [{phase: main, epochs: SIZE}]",
    ],
)
def test_absurd_sizes(text: str, size: str) -> None:
    keep_graphs(load_spec(VGG16))
    found = check_spec(VGG16 + text.replace("SIZE", size) + "\n", static=True)
    assert found
    assert {each.code for each in found} <= {"SC103", "SC107"}, found
    assert all(each.line == 3 for each in found)


def test_absurd_sizes_of_the_base_and_of_python() -> None:
    (found,) = check_spec(
        "spec: 1\nbase: {application: VGG16, weights: null, include_top: false, input_shape: [2147483648, 64, 3]}\n",
        static=True,
    )
    assert (found.code, found.path) == ("SC107", ("base", "input_shape", 0))
    for size in (2**31, 2**63, 10**30, 10**5000):
        (found,) = check_spec({"spec": 1, "head": [{"Dense": size}]}, static=True)
        assert found.code == "SC107"
        assert len(found.message) < 200


def test_large_numbers_that_are_no_sizes() -> None:
    text = VGG16 + "head: [{Dropout: {rate: 0.5, seed: 4294967296}}, {Dense: 2147483647}]\n"
    assert check_spec(text, static=True) == ()


def test_what_does_not_fit_is_told_at_the_largest_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = with_layer(chain("in", "a", "b", "c"), "b", origin=Origin("head", ("head", 1)))
    monkeypatch.setattr(memory, "available_bytes", lambda: 3 * 8 * 8 * 4)
    memory.check_memory(graph)
    memory.check_gradients(graph)
    monkeypatch.setattr(memory, "available_bytes", lambda: 700)
    monkeypatch.setattr(memory, "layer_bytes", lambda layer: {"b": 400}.get(layer.name, 200 if layer.variables else 0))
    for check in (memory.check_memory, memory.check_gradients):
        with pytest.raises(SpecError) as caught:
            check(graph)
        (found,) = caught.value.diagnostics
        assert (found.code, found.path) == ("SC114", ("head", 1))
        assert "need 800 B, 400 B of them for `b`, and 700 B are left" in found.message
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.check_memory(graph)


@pytest.mark.parametrize(("limit", "used", "left"), [("1000", "400", 600), ("1000", "2000", 0), ("max", "1", None)])
def test_the_limit_of_a_container_counts(
    limit: str, used: str, left: int | None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "max").write_text(limit + "\n")
    (tmp_path / "current").write_text(used + "\n")
    files = tuple(str(tmp_path / each) for each in ("max", "current", "stat"))
    monkeypatch.setattr(memory, "_CGROUPS", (files,))
    found = memory.available_bytes()
    assert found is not None
    assert found == left if left is not None else found > 1_000_000


@pytest.mark.parametrize("prefix", ["", "total_"])
def test_files_that_the_kernel_keeps_in_memory_are_no_use_of_it(
    prefix: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that has read a large dataset would seem to be full."""
    stat = f"{prefix}active_file 200\n{prefix}inactive_file 500\nanon 200\n"
    for name, text in (("max", "1000\n"), ("current", "900\n"), ("stat", stat)):
        (tmp_path / name).write_text(text)
    files = tuple(str(tmp_path / each) for each in ("max", "current", "stat"))
    monkeypatch.setattr(memory, "_CGROUPS", (files,))
    assert memory.available_bytes() == 800


def test_memory_that_runs_out_is_told_and_other_errors_are_not() -> None:
    graph = chain("in", "a")
    for error in (MemoryError(), RuntimeError("OOM when allocating tensor"), ValueError("RESOURCE_EXHAUSTED: …")):
        with pytest.raises(SpecError, match="SC114"), memory.enough_memory(graph):
            raise error
    with pytest.raises(KeyError), memory.enough_memory(graph):
        raise KeyError("a bug")
