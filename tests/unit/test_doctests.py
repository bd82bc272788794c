"""The examples in docstrings, of every module that needs no Keras."""

from __future__ import annotations

import sys

import pytest

from tests.doctests import check_examples, modules_with_examples


@pytest.mark.parametrize("name", modules_with_examples(backend=False))
def test_finding_N18_examples_in_docstrings_are_true(name: str) -> None:
    loaded = "keras" in sys.modules
    check_examples(name)
    assert ("keras" in sys.modules) == loaded, "the examples of this module started Keras"
