"""Runs docs/tutorial.md from top to bottom and writes what it printed, and its pictures, into it: `make tutorial`.

With `--check` the page stays, and is compared with what came out; figures may differ, as another CPU rounds otherwise.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
PICTURES = ROOT / "docs" / "images" / "tutorial"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NOISE = re.compile(
    r"^(?:WARNING: All log messages before absl|[IWE]0000 ).*\n", re.M
)  # TensorFlow, where there is no GPU


def main(arguments: list[str]) -> int:
    """Writes the page, or with `--check` says whether it is as it would be written."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "scripts").symlink_to(ROOT / "scripts")
        text = run_page(PAGE.read_text(encoding="utf-8"), folder)
        if "--check" in arguments:
            same = without_figures(text) == without_figures(PAGE.read_text(encoding="utf-8"))
            print("tutorial.md is up to date" if same else "tutorial.md is stale: run `make tutorial`")
            if not same:
                (ROOT / "out").mkdir(exist_ok=True)
                (ROOT / "out" / "tutorial.md").write_text(text, encoding="utf-8")
            return 0 if same else 1
        minutes = max(1, round((time.monotonic() - begun) / 60))
        text = re.sub(r"took \d+ minutes?", f"took {minutes} minute{'s' if minutes > 1 else ''}", text)
        PAGE.write_text(text, encoding="utf-8")
        draw(folder)
    return 0


def run_page(page: str, folder: Path) -> str:
    """The page with what its blocks print, run one after the other in a folder."""
    printed = ""

    def ran(block: re.Match[str]) -> str:
        nonlocal printed
        language, text = block[1], block[2]
        if language == "console":
            commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
            text = "".join(f"$ {command}\n{output(['bash', '-c', command], folder)}" for command in commands)
        elif language == "python":
            printed = output([sys.executable, "-c", text], folder)
        elif language == "text":
            text = printed
        else:
            name = re.match(r"# (\S+)\n", text)
            assert name is not None, text
            (folder / name[1]).write_text(text, encoding="utf-8")
        return f"```{language}\n{text}```"

    return BLOCK.sub(ran, page)


def output(command: list[str], folder: Path) -> str:
    """What a command prints; where it fails and says no error of ours, the script ends."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(ROOT),
        "SPEC_COMPILER_CACHE": str(folder / ".cache"),
    }
    print(*command[2:], sep="\n", flush=True)
    done = subprocess.run(  # noqa: S603 - the page is ours
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    said = NOISE.sub("", done.stdout)
    if done.returncode and "error[" not in said:
        raise SystemExit(said)
    return said.strip("\n") + "\n" if said.strip() else ""


def without_figures(page: str) -> str:
    """A page as far as it is the same on every machine."""
    page = re.sub(r"; taken wrongly: .*", "", page)
    return re.sub(r"[ -]*\d[\d,.]*(?:e-?\d+)?[ -]*", "#", page)


def draw(folder: Path) -> None:
    """The pictures of the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "plan.svg", PICTURES / "plan.svg")
    shutil.copy(folder / "runs" / "first" / "curves.png", PICTURES / "curves.png")
    contact_sheet(folder / "photos").save(PICTURES / "photographs.png", optimize=True)
    screenshot(folder / "report" / "report.html", PICTURES / "mistakes.png")


def contact_sheet(folder: Path, each: int = 8, side: int = 72, gap: int = 6) -> Image.Image:
    """Some pictures of each class, a class a row."""
    classes = sorted(place.name for place in (folder / "train").iterdir())
    sheet = Image.new("RGB", (each * (side + gap) - gap, len(classes) * (side + gap) - gap), "white")
    for row, name in enumerate(classes):
        files = random.Random(3).sample(sorted(folder.glob(f"*/{name}/*.jpg")), each)  # noqa: S311 - no secret
        for column, file in enumerate(files):
            sheet.paste(Image.open(file).resize((side, side)), (column * (side + gap), row * (side + gap)))
    return sheet


def screenshot(page: Path, picture: Path, width: int = 1000) -> None:
    """A page as a headless Chromium shows it."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    with tempfile.TemporaryDirectory() as profile:
        for flag in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}/p",
        ):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            size = {"width": width, "height": 600, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            light = [{"name": "prefers-color-scheme", "value": "light"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
            driver.get(page.as_uri())
            height = driver.execute_script("return document.documentElement.scrollHeight")
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size | {"height": height})
            driver.save_screenshot(str(picture))
        finally:
            driver.quit()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
