"""What the cache believes, and what it does not."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import check_spec, load_spec
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.node import Node, ValueRef
from spec_compiler.graph.plain import NotPlain, from_plain, to_plain
from spec_compiler.keras_facts import settings as keras_settings
from spec_compiler.language.base import Base
from spec_compiler.memory.bases import base_key, keep_graph, recall_graph
from tests.unit.graphs import chain, graph, residual, shared


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def key_of(**arguments: Any) -> Any:
    base = load_spec({"spec": 1, "base": {"application": "VGG16", "weights": None, **arguments}}).base
    assert isinstance(base, Base)
    return base_key(base, Folder("."))


@pytest.mark.parametrize("made", [chain("in", "a", "b"), residual(), shared()], ids=["chain", "residual", "shared"])
def test_a_graph_comes_back_as_it_was(made: Graph) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(made)))) == made
    keep_graph(key_of(), made)
    assert recall_graph(key_of()) == made


def test_constants_and_structures_come_back() -> None:
    made = graph({"in": [], "a": ["in"]})
    odd = Node(
        "a",
        "a",
        ((ValueRef("in"), [1, None, "x"], 2.5),),
        {"training": False, "axis": (1, -1)},
        made.nodes["a"].outputs,
    )
    made = Graph(made.name, made.layers, {"in": made.nodes["in"], "a": odd}, [made.inputs], {"x": made.outputs})
    assert from_plain(json.loads(json.dumps(to_plain(made)))) == made


def test_what_json_cannot_say_is_not_kept(folder: Path) -> None:
    made = graph({"in": [], "a": ["in"]})
    odd = Node("a", "a", (ValueRef("in"), object()))
    made = Graph(made.name, made.layers, {"in": made.nodes["in"], "a": odd}, made.inputs, made.outputs)
    with pytest.raises(NotPlain):
        to_plain(made)
    keep_graph(key_of(), made)
    assert recall_graph(key_of()) is None
    assert not list(folder.glob("*")) if folder.exists() else True


@pytest.mark.parametrize("damage", ["truncate", "letter", "key", "not json", "another graph", "empty"])
def test_a_damaged_or_foreign_entry_is_not_believed(damage: str, folder: Path) -> None:
    keep_graph(key_of(), chain("in", "a", "b"))
    (path,) = folder.glob("*.json")
    text = path.read_text()
    entry = json.loads(text)
    path.write_text(
        {
            "truncate": text[: len(text) // 2],
            "letter": text.replace("units", "unitz"),
            "key": json.dumps({**entry, "key": {**entry["key"], "keras": "0.0.1"}}),
            "not json": "hello",
            "another graph": json.dumps({**entry, "data": "{}"}),
            "empty": "",
        }[damage]
    )
    assert recall_graph(key_of()) is None


def test_other_arguments_and_settings_are_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_graph(key_of(), chain("in", "a"))
    assert recall_graph(key_of(include_top=False)) is None
    monkeypatch.setattr(keras_settings, "_loaded", lambda: None)  # other tests of this process may have loaded Keras
    monkeypatch.setenv("KERAS_BACKEND", "another")
    assert recall_graph(key_of()) is None


def test_parallel_writers_leave_a_whole_entry(folder: Path) -> None:
    made = chain("in", *(f"l{at}" for at in range(300)))
    threads = [threading.Thread(target=keep_graph, args=(key_of(), made)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recall_graph(key_of()) == made
    assert [path.suffix for path in folder.iterdir()] == [".json"]


def test_the_cache_can_be_off_or_impossible(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", "off")
    keep_graph(key_of(), chain("in", "a"))
    assert recall_graph(key_of()) is None
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "file" / "below"))
    keep_graph(key_of(), chain("in", "a"))
    assert recall_graph(key_of()) is None


def test_names_are_checked_without_keras_once_the_base_is_known() -> None:
    spec = {"spec": 1, "base": {"application": "VGG16", "weights": None}, "cut_at": "b1"}
    assert check_spec(spec, static=True) == ()
    keep_graph(key_of(), chain("in", "block1", "block2"))
    (found,) = check_spec(spec, static=True)
    assert (found.code, found.path) == ("SC201", ("cut_at",))
