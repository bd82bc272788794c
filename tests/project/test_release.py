"""Wheel and sdist: what is in them, what they say of themselves, and that the same commit makes the same bytes."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.project.environments import ROOT, called, tool

pytestmark = pytest.mark.slow
SINCE = {"SOURCE_DATE_EPOCH": "1700000000"}
NOT_IN_WHEELS = ("tests", "benchmarks", "docs", "scripts", "examples", "specs", "documentation")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of this project, with other times and rights than here, and with what must not go along."""
    folder = tmp_path_factory.mktemp("release") / "copy"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            (folder / name).chmod(0o755 if (ROOT / name).stat().st_mode & 0o100 else 0o600)
    for stray in ("spec_compiler/__pycache__/a.pyc", "out/model.keras", "runs/x/best.keras", ".venv/b", "dist/old.whl"):
        (folder / stray).parent.mkdir(parents=True, exist_ok=True)
        (folder / stray).write_text("stray")
    return folder


def built(copy: Path, folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist."""
    done = called(tool("python"), "-m", "hatchling", "build", "-d", folder, cwd=copy, **SINCE)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def files(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(copy, tmp_path_factory.mktemp("dist"))


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_holds_the_package_and_nothing_else(files: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(files[0]) as archive:
        names = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "spec_compiler", "schemas"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    package = {f"spec_compiler/{name}" if name.startswith("schemas/") else name for name in tracked}
    own = {name for name in names if name.startswith("spec_compiler/")}
    assert own == package
    for each in ("schemas/model-spec.schema.json", "schemas/keras-catalogue/layers.json", "diagnostics/rules/SC101.md"):
        assert f"spec_compiler/{each}" in own
    assert any(name.startswith("spec_compiler/blocks/") and name.endswith(".yaml") for name in own)
    assert "spec_compiler/py.typed" in own
    rest = {re.sub(r"^spec_compiler-\d[\d.]*\d", "", name) for name in names - own}
    assert rest == {
        *(f".dist-info/{each}" for each in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")),
        ".data/data/share/man/man1/spec-compiler.1",
    }


def test_the_sdist_holds_what_builds_and_tests_it(files: tuple[Path, Path], copy: Path) -> None:
    with tarfile.open(files[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert not [name for name in names if "stray" in name or "__pycache__" in name or "node_modules" in name]
    assert not {name.partition("/")[0] for name in names} & {"out", "runs", ".venv", "dist", "build"}
    left = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} - names
    assert {name.split("/")[0] for name in left} <= {
        *(
            ".ci",
            ".git",
            ".gitattributes",
            ".github",
            ".pre-commit-config.yaml",
            ".containerignore",
            ".dockerignore",
            "Containerfile",
        ),  # this repository's own workflow
        *("out", "runs", ".venv", "dist", "spec_compiler"),  # stray: see `copy`
    }
    assert {name for name in left if name.startswith("spec_compiler")} == {"spec_compiler/__pycache__/a.pyc"}


def test_the_metadata_is_what_an_index_takes(files: tuple[Path, Path]) -> None:
    done = called(tool("twine"), "check", "--strict", *files, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    done = called(tool("check-wheel-contents"), files[0], cwd=ROOT)
    assert done.returncode == 0, done.stdout
    said = metadata(files[0])
    known = called(tool("python"), "-c", "import trove_classifiers as t; print(*t.classifiers, sep='\\n')", cwd=ROOT)
    assert {*said.get_all("Classifier", [])} <= {*known.stdout.splitlines()}
    assert said["License-Expression"] == "MIT"
    extras = {each for each in said.get_all("Requires-Dist", []) if "extra ==" not in each}
    assert not [each for each in extras if re.match(r"keras|tensorflow|jax|torch", each)]


def test_links_of_the_readme_lead_somewhere_on_an_index(files: tuple[Path, Path]) -> None:
    text = str(metadata(files[0]).get_payload())
    links = [each for pair in re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', text) for each in pair if each]
    assert len(links) > 5
    (address,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"].values()
    own = [each for each in links if not each.startswith("#")]
    assert [each for each in own if not each.startswith("https://")] == []
    paths = [re.sub(rf"^{re.escape(address)}/(blob|raw)/main/", "", each).partition("#")[0] for each in own]
    assert [each for each in paths if not each.startswith("https://") and not (ROOT / each).exists()] == []


def test_the_same_commit_makes_the_same_bytes(files: tuple[Path, Path], copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "another place"
    shutil.copytree(copy, other)
    for path in other.rglob("*.py"):
        path.touch()
        path.chmod(0o644)
    for first, second in zip(files, built(other, tmp_path / "dist"), strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


def test_the_citation_is_one() -> None:
    done = called(tool("check-jsonschema"), "--builtin-schema", "vendor.citation-file-format", "CITATION.cff", cwd=ROOT)
    assert done.returncode == 0, done.stdout
