"""One thing is accepted where a list is meant, and means the same."""

from __future__ import annotations

from typing import Any

import pytest

from spec_compiler import SpecError, load_spec
from spec_compiler.spec.permissions import Permissions

ALONE: dict[str, dict[str, Any]] = {
    "head": {"head": "Flatten"},
    "head, with arguments": {"head": {"Dense": {"units": 10}}},
    "remove": {"remove": "type:Dropout"},
    "insert": {"insert": {"after": "block1_pool", "with": {"Dropout": 0.3}}},
    "replace": {"replace": {"layers": "block1_conv1", "with": {"Conv2D": {"filters": 64, "kernel_size": 3}}}},
    "set": {"set": {"layers": "block5_pool", "to": {"strides": 1}}},
    "prune": {"prune": {"channels": {"block1_conv1": 3}}},
    "take": {"inputs": {"gray": {"shape": [8, 8, 1], "feeds": "image", "weights": {"take": 2}}}},
    "train": {"train": {"phase": "all", "epochs": 1, "callbacks": "TerminateOnNaN"}},
    "metrics": {"compile": {"optimizer": "adam", "loss": "mse", "metrics": "mae"}},
    "augment": {"data": {"train": "images", "augment": {"RandomFlip": "horizontal"}}},
}
LISTS = (
    "head",
    "remove",
    "insert",
    "replace",
    "set",
    "train",
    "layers",
    "with",
    "callbacks",
    "metrics",
    "augment",
    "prune",
    "block1_conv1",
    "take",
)


def listed(value: Any) -> Any:
    """The same with every list written out; `layers` and `train` are texts where they name something."""
    if not isinstance(value, dict):
        return value
    is_text = {key: key in ("layers", "train") and isinstance(each, str) for key, each in value.items()}
    return {key: [listed(each)] if key in LISTS and not is_text[key] else listed(each) for key, each in value.items()}


@pytest.mark.parametrize("section", ALONE)
def test_it_means_the_same(section: str) -> None:
    alone, several = (load_spec({"spec": 1, **data}) for data in (ALONE[section], listed(ALONE[section])))
    key = next(iter(ALONE[section]))
    assert getattr(alone, key) == getattr(several, key)
    if key != "inputs":  # its parts are told their input by functions, which are never equal
        assert [edit for _, edit in alone.edits()] == [edit for _, edit in several.edits()]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("spec: 1\nhead: Flaten\n", "SC202", 2, 7),
        ("spec: 1\nhead:\n  Dense:\n    unit: 3\n", "SC106", 4, 5),
        ("spec: 1\ninsert:\n  after: a\n  with: {Dropuot: 0.3}\n", "SC202", 4, 10),
        ("spec: 1\nreplace: {layers: a..b..c, with: Flatten}\n", "SC104", 2, 19),
        ("spec: 1\nhead: {Lambda: {function: 'a:b'}}\n", "SC112", 2, 8),
        ("spec: 1\nprune: {channels: {conv1: -3}}\n", "SC103", 2, 27),
        ("spec: 1\ninput: {channels: 1, weights: {take: x}}\n", "SC103", 2, 38),
        ("spec: 1\nhead: {Flatten: {}, Dense: 10}\n", "SC105", 2, 21),
    ],
)
def test_what_is_wrong_stands_where_it_is_written(text: str, code: str, line: int, column: int) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(text, allowed=Permissions())
    found = caught.value.diagnostics[0]
    assert (found.code, found.line, found.column) == (code, line, column)
