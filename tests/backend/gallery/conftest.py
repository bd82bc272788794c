"""The folder that the gallery's weights are written to, once a session."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder for `base_file`."""
    return tmp_path_factory.mktemp("weights")
