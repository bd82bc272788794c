"""The real mermaid package, run in Node on flowcharts that we wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

NODE = Path(__file__).parents[1] / "node"


def parse_all(charts: Mapping[str, str]) -> dict[str, str]:
    """What mermaid says of each chart: its type, or its message where it does not parse.

    The test is skipped where Node is absent; where only the packages are, they are installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no Node with npm on this machine: mermaid cannot run")
    if not (NODE / "node_modules" / "mermaid").is_dir():
        done = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=NODE, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    done = subprocess.run(
        [node, "parse.js"], cwd=NODE, input=json.dumps(charts), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found
