"""The examples in docstrings, of the modules that need Keras."""

from __future__ import annotations

import pytest

from tests.doctests import check_examples, modules_with_examples


@pytest.mark.parametrize("name", modules_with_examples(backend=True))
def test_finding_N18_examples_in_docstrings_are_true(name: str) -> None:
    check_examples(name)
