"""Commands as tests call them, in this process: exceptions come through."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from spec_compiler.cli.main import cli
from spec_compiler.diagnostics import SpecError


def call(*arguments: str) -> Result:
    """What a command prints, and its exit status."""
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def assert_refused(words: str, code: str, message: str, help: str) -> None:
    """Calls a command that makes one mistake, and compares what is said of it."""
    with pytest.raises(SpecError) as caught:
        call(*words.split())
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert message in found.message
    assert help in (found.help or "")
