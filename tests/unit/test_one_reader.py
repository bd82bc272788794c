"""Files from elsewhere are opened in one module for each kind; the package's own source is walked for any other."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "spec_compiler"

MODULES: dict[str | tuple[str, str], set[str]] = {
    "h5py": {
        "reading/hdf5.py",
        "writing/hdf5.py",
        "backend/models/legacy_saving.py",
        "backend/models/compiled.py",
    },  # two only write, one reads what Keras has just written for it
    # the second only writes, the third reads what Keras has just saved for it
    "zipfile": {"reading/archive.py", "backend/array_files.py", "backend/models/saving.py"},
    "tarfile": set(),
    "pickle": set(),
    "shelve": set(),
    "dill": set(),
    "joblib": set(),
    "safetensors": set(),  # whose files are read without it, as arrays are not to be in memory
}
CALLS: dict[str | tuple[str, str], set[str]] = {
    ("np", "load"): {"reading/arrays.py"},
    ("numpy", "load"): set(),
    ("np", "fromfile"): set(),
    ("np", "memmap"): set(),
    ("np", "loadtxt"): set(),
    ("np", "genfromtxt"): set(),
    # JSON that this package wrote itself or that is the user's own: its tables, its cache, Keras's settings, and values
    # of a spec, which is text that was parsed already
    ("json", "load"): {"memory/cache.py", "keras_facts/settings.py"},
    ("json", "loads"): {
        *("reading/text.py", "memory/cache.py"),
        *("keras_facts/catalogue.py", "keras_facts/applications.py", "keras_facts/argument_values.py"),
        "keras_facts/application_sizes.py",
        *("backend/catalogue/write.py", "backend/training/strategies.py", "cli/sandbox_child.py", "sandbox/results.py"),
        "search/channel.py",  # between two processes of this package
        "backend/models/saving.py",  # of a model that Keras has just saved for it
    },
    # what Keras opens by itself: `admitted` proves the whole file first
    ("model", "load_weights"): {
        "backend/weights/references.py",
        "backend/models/applications.py",
        "backend/training/fitting.py",
    },
    ("saving", "load_model"): {"backend/saved_models.py"},
    ("models", "load_model"): set(),
}
FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def read_by(path: Path) -> set[str | tuple[str, str]]:
    """`reads` of a file."""
    return reads(ast.parse(path.read_text(encoding="utf-8")))


def reads(tree: ast.AST) -> set[str | tuple[str, str]]:
    """The modules of `MODULES` that a module imports, and the calls of `CALLS` that it makes."""
    found: set[str | tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
            found |= {((node.module or "").split(".")[-1], each.name) for each in node.names}
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            found.add((owner, node.attr))
    return found & {*MODULES, *CALLS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_finding_S8_no_other_module_opens_such_a_file(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    allowed = MODULES | CALLS
    assert {each for each in read_by(path) if place not in allowed[each]} == set()


def test_the_walk_finds_each_way_to_say_it() -> None:
    ways = {
        "import h5py": "h5py",
        "from h5py import h5d": "h5py",
        "import h5py._hl.files": "h5py",
        "from zipfile import ZipFile": "zipfile",
        "numpy.load(x)": ("numpy", "load"),
        "from numpy import load": ("numpy", "load"),
        "with np.load(x) as y: pass": ("np", "load"),
        "keras.saving.load_model(x)": ("saving", "load_model"),
        "self.model.load_weights(x)": ("model", "load_weights"),
    }
    assert {text: reads(ast.parse(text)) for text in ways} == {text: {found} for text, found in ways.items()}


def test_each_exception_is_still_needed() -> None:
    said = {path.relative_to(PACKAGE).as_posix(): read_by(path) for path in FILES}
    unused = [
        (what, place) for what, places in (MODULES | CALLS).items() for place in places if what not in said[place]
    ]
    assert unused == []
