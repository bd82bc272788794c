"""Running the examples in docstrings: which modules have some, and that each of them says what it says it does."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(r"^\s*>>> ", re.M)
FOLDERS = ("spec_compiler", "tests", "benchmarks", "scripts", "documentation")


def modules_with_examples(*, backend: bool) -> list[str]:
    """The modules whose text has examples, those that may need Keras or all others."""
    files = [
        file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py")) if "node_modules" not in file.parts
    ]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if ("backend" in file.relative_to(ROOT).parts) == backend and EXAMPLE.search(file.read_text(encoding="utf-8"))
    ]


class Finder(doctest.DocTestFinder):
    """Finds those of a class as well that says it is of the package: tracebacks name it as users import it."""

    def _from_module(self, module: Any, object: Any) -> bool:
        is_public = getattr(object, "__module__", None) == "spec_compiler" != module.__name__
        if is_public:
            return bool(inspect.getsourcefile(object.__init__) == module.__file__)
        return bool(super()._from_module(module, object))  # type: ignore[misc]


def check_examples(name: str) -> None:
    """Runs a module's examples, and proves that none in its text was passed over."""
    module = importlib.import_module(name)
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    found = [each for each in Finder(exclude_empty=True).find(module) if each.examples]
    assert sum(len(each.examples) for each in found) == len(EXAMPLE.findall(text))
    said: list[str] = []
    for each in found:
        doctest.DocTestRunner(verbose=False).run(each, out=said.append)
    assert not said, "".join(said)
