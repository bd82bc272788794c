"""The page that runs in a browser, built once and served to a headless Chromium; every request is kept."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
NODE = ROOT / "playground" / "node_modules" / "pyodide"
