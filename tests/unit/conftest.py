"""What the tests share that need no Keras."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.unit.forked import Forked


@pytest.fixture(scope="session")
def commands() -> Iterator[Forked]:
    """Processes in which the commands that need no Keras are imported, and nothing has been done yet."""
    found = Forked(
        "import spec_compiler.cli.commands.check, spec_compiler.cli.commands.bases\n"
        "import spec_compiler.diagram, spec_compiler.trainer"
    )
    yield found
    found.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported and collected is no garbage: looking through it again and again takes a tenth of the time."""
    gc.freeze()
