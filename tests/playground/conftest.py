"""The page that runs in a browser, built once and served to a headless Chromium; every request is kept."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import BROWSERS, FLAGS

ROOT = Path(__file__).parents[2]
NODE = ROOT / "playground" / "node_modules" / "pyodide"
SECONDS = 90  # until Python is there, on a machine that does much else

PASTED = """(() => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", arguments[0]);
  const event = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
  document.querySelector(".cm-content").dispatchEvent(event);
})()"""

# The page's own policy lets nobody fetch what an image is made of, so it is kept where it is made.
KEPT = """window.pictures = [];
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => { if (blob.type === "image/svg+xml") pictures.push(blob); return make(blob); };"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it takes a while: the page is built, and starts a Python."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("slow")


class Handler(http.server.SimpleHTTPRequestHandler):
    """A server of files that keeps what it is asked for."""

    extensions_map = {  # noqa: RUF012 - as the class has it
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }
    asked: list[str] = []  # noqa: RUF012 - of all
    held = threading.Event()  # no answer to what is known of ResNet152, while it is set

    def do_GET(self) -> None:
        if "ResNet152.json" in self.path:
            while self.held.is_set():
                time.sleep(0.1)
        super().do_GET()

    def log_message(self, format: str, *arguments: Any) -> None:
        self.asked.append(self.path)


class Page:
    """The page in a tab."""

    def __init__(self, driver: Any, address: str, asked: list[str]) -> None:
        self.driver, self.address, self.asked = driver, address, asked

    def open(self, fragment: str = "", width: int = 1440, height: int = 900, *, dark: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": scheme})
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(self.address + fragment)
        self.until("document.documentElement.dataset.ready === 'true'", "Python is there")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {script}", *arguments)

    def until(self, condition: str, what: str, seconds: float = SECONDS) -> None:
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"never: {what}; the page says: {self.text('#status')}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        return str(self.run("document.querySelector(arguments[0]).textContent", selector))

    def write(self, text: str) -> None:
        """Puts a text in the place of the spec, as who pastes it does, and waits for the answer."""
        before = self.run("document.documentElement.dataset.checks")
        self.driver.find_element("css selector", ".cm-content").send_keys(Keys.CONTROL, "a")
        self.run(PASTED, text)
        self.until(f"document.documentElement.dataset.checks !== {json.dumps(before)}", "an answer")

    def tab(self, name: str) -> None:
        self.driver.find_element("css selector", f"#tab-{name}").click()

    def problems(self) -> list[tuple[str, int | None]]:
        """The codes and lines that are shown."""
        rows = "[...document.querySelectorAll('#problems li')].map((each) => [each.querySelector('.code').textContent,"
        found = self.run(rows + " each.querySelector('.place')?.textContent ?? null])")
        return [(code, int(place.split()[1].strip(",")) if place else None) for code, place in found]

    def errors(self) -> list[str]:
        return [each["message"] for each in self.driver.get_log("browser") if each["level"] in ("SEVERE", "WARNING")]


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the page, with the files of the code at hand."""
    if not NODE.exists() or shutil.which("node") is None:
        pytest.skip("what the page is made of is not here: `make try` installs it, with npm")
    spec = importlib.util.spec_from_file_location("playground", ROOT / "scripts" / "playground.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out = ROOT / "out" / "try"
    module.main(out)
    return out


@pytest.fixture(scope="session")
def page(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("no Chromium with its chromedriver on this machine: `make browser` installs them")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": KEPT})
    try:
        yield Page(driver, f"http://127.0.0.1:{server.server_address[1]}/index.html", Handler.asked)
    finally:
        driver.quit()
        server.shutdown()
        server.server_close()
