"""Every rule's wrong example gives its code, and its right one gives nothing."""

from __future__ import annotations

import pytest

from spec_compiler import check_spec
from spec_compiler.diagnostics import RULES
from spec_compiler.rules import explanation

NOT_IN_A_SPEC = {  # they depend on files, on the command line, on a model that the caller passes, or on data
    *("SC004", "SC005", "SC109", "SC208", "SC304", "SC305", "SC502", "SC504", "SC508", "SC509", "SC510"),
    *("SC602", "SC603", "SC604", "SC606", "SC607", "SC608", "SC609"),
}


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_examples_are_true(code: str) -> None:
    explained = explanation(code)
    assert len(explained.text) > 40
    if explained.wrong is None or explained.right is None:
        assert code in NOT_IN_A_SPEC
        return
    assert code in {each.code for each in check_spec(explained.wrong)}
    assert check_spec(explained.right) == ()
