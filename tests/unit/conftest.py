"""What the tests share that need no Keras."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.forked import Forked


@pytest.fixture(scope="package", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Graphs that these tests make up are not remembered by those that ask Keras, in the same process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEC_COMPILER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def commands() -> Iterator[Forked]:
    """Processes in which the commands that need no Keras are imported, and nothing has been done yet."""
    found = Forked(
        "import spec_compiler.cli.commands.check, spec_compiler.cli.commands.bases\n"
        "import spec_compiler.diagram, spec_compiler.trainer"
    )
    yield found
    found.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is not said to be thorough is quick."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("thorough") is None:
            item.add_marker("quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported and collected is no garbage: looking through it again and again takes a tenth of the time."""
    gc.freeze()
