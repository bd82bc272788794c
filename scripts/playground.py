"""The page that checks and plans specs in a browser, as a folder of files for any server: `make try`.

`python scripts/playground.py OUT` needs `npm ci` in `playground/`, and Keras for what the page knows of it, which is
kept in `out/known` until the code or Keras changes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "playground"
NODE = PAGE / "node_modules"
KNOWN = ROOT / "out" / "known"

WHEELS = (
    "--only-binary=:all: --platform pyemscripten_2026_0_wasm32 --platform any --python-version 3.14 --implementation cp"
)
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
# What is never asked for in the page. `memory/reader_code.py` says what of `backend` it reads as text.
LEFT_OUT = re.compile(
    r"__pycache__|/(search|evaluation|exporter|sandbox|building|reproducing|learned)/|/trainer\.py"
    r"|/backend/(catalogue|exporting|training|weights)/|schemas/[a-z-]*\.schema\.json|^/pydantic/(v1|mypy)"
)
# The specs to begin from, each with the words in the list.
EXAMPLES = {
    "vgg16_cats_dogs": "A new head",
    "vgg16_fast_stem": "Two layers replaced by one",
    "resnet50_two_classes": "Two classes on ResNet50",
    "vgg16_unet": "A U-Net on VGG16",
    "inception_v3_custom_input": "Another input",
    "gallery/squeeze_and_excitation": "Attention behind each block",
    "gallery/fpn": "A feature pyramid",
    "gallery/truncated_mobilenetv2": "MobileNetV2, cut",
    "gallery/stochastic_depth": "Stochastic depth",
    "gallery/lora": "LoRA",
    "gallery/siamese": "Siamese",
}


def main(out: Path) -> None:
    """Writes the page into a folder that is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    bundled(out)
    for name in PYODIDE:
        (out / "pyodide").mkdir(exist_ok=True)
        shutil.copyfile(NODE / "pyodide" / name, out / "pyodide" / name)
    lock = json.loads((NODE / "pyodide" / "pyodide-lock.json").read_text())
    (out / "pyodide" / "pyodide-lock.json").write_text(json.dumps({**lock, "packages": {}}))  # nothing is installed
    with tempfile.TemporaryDirectory() as folder:
        gathered(Path(folder, "python"))
        zipped(Path(folder, "python"), Path(folder, "python.zip"))
        node("compile.mjs", str(Path(folder, "python.zip")), str(out / "python.zip"))
    (out / "known").mkdir()
    names = [known_to(out, name, entries) for name, entries in sorted(by_application().items())]
    manifest = {"known": names, "examples": examples(), "bytes": squeezed(python_of(out))}
    (out / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    told(out)


def bundled(out: Path) -> None:
    """The page and its scripts. The nonce lets the editor's own style in, and no other."""
    common = ["--bundle", "--format=esm", "--minify", "--target=es2022", "--log-level=warning", "--legal-comments=none"]
    esbuild = NODE / ".bin" / "esbuild"
    entries = [str(PAGE / "src" / f"{name}.js") for name in ("app", "python", "draw")]
    subprocess.run([esbuild, *entries, *common, f"--outdir={out}"], check=True, cwd=PAGE)
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    nonce = base64.b64encode(hashlib.sha256((out / "app.js").read_bytes()).digest()[:12]).decode()
    (out / "index.html").write_text(page.replace("NONCE", nonce), encoding="utf-8")
    for name in ("style.css", "icon.svg"):
        shutil.copyfile(PAGE / name, out / name)


def gathered(folder: Path) -> None:
    """All that the page's Python has beside its standard library, unpacked in a folder."""
    wheels = folder.parent / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    requirements = ["--require-hashes", "-r", str(PAGE / "requirements.txt"), "-d", str(wheels)]
    subprocess.run([*pip, *WHEELS.split(), *requirements], check=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if not LEFT_OUT.search(f"/{name}")])
    for source, target in ((ROOT / "spec_compiler", "spec_compiler"), (ROOT / "schemas", "spec_compiler/schemas")):
        for path in source.rglob("*"):
            place = f"/{target}/{path.relative_to(source).as_posix()}"
            if path.is_file() and not LEFT_OUT.search(place):
                (folder / place[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / place[1:])
    for path in (PAGE / "python").glob("*.py"):
        shutil.copyfile(path, folder / path.name)


def zipped(folder: Path, target: Path) -> None:
    """A folder as an archive."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())


def node(*arguments: str) -> None:
    """Runs a script of the page's in Node."""
    subprocess.run(["node", *arguments], check=True, cwd=PAGE)


def by_application() -> dict[str, dict[str, Any]]:
    """The memory's entries by application, those of none under `common`; made by Keras where there are none yet."""
    sys.path.insert(0, str(ROOT))
    from spec_compiler.keras_facts.catalogue import application_names
    from spec_compiler.memory.bases import keras_version
    from spec_compiler.memory.reader_code import code_checksum

    specs = [str(ROOT / "specs" / f"{name}.yaml") for name in EXAMPLES]
    asked = [ROOT / "spec_compiler/backend/catalogue/known.py", *map(Path, specs)]
    asking = hashlib.sha256(b"".join(path.read_bytes() for path in asked)).hexdigest()
    folder = KNOWN / f"{keras_version()}-{code_checksum()[:16]}-{asking[:16]}"
    if not (folder / "done").exists():
        print("asking Keras for its applications, once: about four minutes", flush=True)
        command = [sys.executable, "-m", "spec_compiler.backend.catalogue.known", *specs]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "SPEC_COMPILER_CACHE": str(folder)})
        (folder / "done").touch()
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        key = json.dumps(entry["key"])
        names = [name for name in application_names() if f'"application": "{name}"' in key] or ["common"]
        for name in names:
            found.setdefault(name, {})[path.name] = entry
    return found


def known_to(out: Path, name: str, entries: dict[str, Any]) -> str:
    """Writes what is known of an application; its name."""
    data = json.dumps(entries, separators=(",", ":")).encode()
    (out / "known" / f"{name}.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    return name


def examples() -> list[dict[str, str]]:
    """The specs to begin from."""
    rows = []
    for name, title in EXAMPLES.items():
        text = (ROOT / "specs" / f"{name}.yaml").read_text(encoding="utf-8")
        rows.append({"name": name.rpartition("/")[2], "title": title, "text": without_schema(text)})
    return rows


def without_schema(text: str) -> str:
    """A spec less the line that tells an editor on a machine where the schema lies."""
    return re.sub(r"^# yaml-language-server:.*\n", "", text, flags=re.M)


def python_of(out: Path) -> list[Path]:
    """What Python and the package are made of."""
    return [*(out / "pyodide").iterdir(), out / "python.zip", out / "python.js", out / "known" / "common.json.gz"]


def told(out: Path) -> None:
    """Prints what the first visit loads, and what comes later."""
    first = sorted([*python_of(out), *(out / name for name in ("index.html", "style.css", "app.js", "manifest.json"))])
    known = sorted((out / "known").iterdir())
    for path in first:
        print(f"  {path.relative_to(out)!s:32} {path.stat().st_size:12,}")
    print(f"first visit: {total(first):,} bytes, as a server that compresses sends them {squeezed(first):,}")
    print(f"the first picture: {(out / 'draw.js').stat().st_size:,} bytes, {squeezed([out / 'draw.js']):,}")
    print(f"{len(known)} files of what Keras said: {total(known):,} bytes, each loaded when a spec names it")


def total(paths: list[Path]) -> int:
    """The bytes of files."""
    return sum(path.stat().st_size for path in paths)


def squeezed(paths: list[Path]) -> int:
    """The bytes of files, each by itself compressed."""
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "out" / "try").resolve())
