"""Takes docs/images/report.png and report-dark.png: the report of an example, in a headless Chromium."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from spec_compiler import compile_spec

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "specs" / "vgg16_hed_fast_stem.yaml"
SIZE = {"width": 1600, "height": 1000, "deviceScaleFactor": 1, "mobile": False}


def main() -> int:
    """Writes both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(compile_spec(SPEC).report(), encoding="utf-8")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/p"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
            for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
                driver.get(page.as_uri())
                driver.save_screenshot(str(ROOT / "docs" / "images" / name))
        finally:
            driver.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
