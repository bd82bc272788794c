"""An environment without Keras: what the base install brings, and nothing else, made of this environment's packages."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def project() -> dict[str, object]:
    """What `pyproject.toml` says of the project."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        found: dict[str, object] = tomllib.load(stream)["project"]
    return found


def installed_with(requirements: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    """The distributions that pip would install for requirements, by their names."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [(Requirement(each), "") for each in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        distribution = importlib.metadata.distribution(requirement.name)
        name = distribution.metadata["Name"]
        if name not in found or requirement.extras:
            found[name] = distribution
            extras = requirement.extras or {""}
            waiting += [(Requirement(each), extra) for each in distribution.requires or () for extra in extras]
    return found


_SESSION = """
import contextlib, io, json, sys
from spec_compiler.cli import main
said = []
for call in json.loads(sys.argv[1]):
    out, err, status = io.StringIO(), io.StringIO(), 0
    sys.argv = ["spec-compiler", *call.split()]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            status = stop.code or 0
    said.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(said))
"""


class Bare:
    """A folder of links to the packages of the base install, and processes that see these alone."""

    def __init__(self, folder: Path) -> None:
        self.packages = folder / "packages"
        self.packages.mkdir(parents=True)
        dependencies = project()["dependencies"]
        assert isinstance(dependencies, list)
        self.distributions = installed_with(dependencies)
        for distribution in self.distributions.values():
            for name in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
                link = self.packages / name
                if not link.exists():
                    link.symlink_to(str(distribution.locate_file(name)))

    def run(self, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Calls the package's command."""
        return self.python("-m", "spec_compiler", *words, cwd=cwd, **variables)

    def session(self, *calls: str, cwd: Path, **variables: str) -> list[subprocess.CompletedProcess[str]]:
        """Calls the command several times, in one process, as starting Python takes longer than most of them."""
        done = self.python("-c", _SESSION, json.dumps(calls), cwd=cwd, **variables)
        assert done.returncode == 0, done.stderr
        return [
            subprocess.CompletedProcess(call, *said) for call, said in zip(calls, json.loads(done.stdout), strict=True)
        ]

    def python(self, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs Python, which looks for packages in the folder, and for this one in the repository."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "KERAS"))}
        places = {"PYTHONPATH": os.pathsep.join((str(self.packages), str(ROOT))), "PYTHONNOUSERSITE": "1"}
        return subprocess.run(
            [sys.executable, "-S", *words],  # without it the packages of the environment would be found as well
            cwd=cwd,
            env={**kept, **places, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
