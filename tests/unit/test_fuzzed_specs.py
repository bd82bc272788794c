"""finding_S23 and the fuzzer of specs: a short run of it, what failed once, and memory over thousands of new texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from spec_compiler.diagnostics import Diagnostic
from tests.fuzz import specs
from tests.fuzz.breaking import KINDS
from tests.fuzz.specs import CORPUS, MEGABYTES, RATE, checked, run
from tests.fuzz.valid_specs import SECTIONS, Valid

KEPT = sorted(CORPUS.glob("*"))
GROWTH = """
import gc, sys
from tests.fuzz.specs import resident
from spec_compiler import check_spec
def spec(number):
    base = "spec: 1\\nbase: {application: VGG16, weights: null}\\n"
    return base + [
        f"hed{number}: 3\\n",
        f"head: [{{Dense{number}: 3}}]\\n",
        f"head: [{{Dense: {{units: 'x{number}'}}}}]\\n",
        f"cut_at: [{number}\\n",
        f"freeze: /a{number}(/\\n",
        f"freeze: 'conv{number}_*'\\nset: [{{layers: 'b{number}*', to: {{units: x}}}}]\\n",
        f"insert: [{{after: fc{number}, with: [{{Dropout: {number}.5}}]}}]\\nname: a{number}\\n",
        f"vars: {{a{number}: 1}}\\nhead: [{{Dense: '${{b{number}}}'}}]\\n",
        f"name: '{'x' * 3000}{number}'\\ndata: {{train: folder{number}}}\\n",
    ][number % 9]
for number in range(300):
    check_spec(spec(number), static=True)
gc.collect()
before = resident()
for number in range(300, 3_300):
    assert check_spec(spec(number), static=True) or number % 9 in (5,)
gc.collect()
print(resident() - before)
"""


@pytest.mark.thorough
def test_broken_specs_are_told_where_they_are_broken() -> None:
    report = run(510, seed=13)
    assert not report.failures, report.failures[0]
    assert report.rate() >= RATE, f"{report}\n{report.missed[0]}"
    assert all(report.counts[kind, "told"] for kind in KINDS), report


def test_the_fuzzer_finds_what_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception, a place outside of the file, and a mistake that is told elsewhere."""
    valid = [Valid("everything", SECTIONS, frozenset())]
    monkeypatch.setattr(specs, "prepare", lambda folder: valid)

    def raising(*args: object, **how: object) -> tuple[Diagnostic, ...]:
        raise KeyError("a bug")

    monkeypatch.setattr(specs, "check_spec", raising)
    assert "KeyError" in run(17, seed=1).failures[0][1]
    for line, column in ((10_000, 1), (1, 10_000)):
        monkeypatch.setattr(specs, "check_spec", lambda *_, **__: (Diagnostic("SC101", "", line=line, column=column),))  # noqa: B023
        assert run(17, seed=1).failures[0][1].startswith("outside of the file")
    monkeypatch.setattr(specs, "check_spec", lambda *_, **__: (Diagnostic("SC101", "", line=1, column=1),))
    assert run(170, seed=1).rate() < RATE


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_failed_once(path: Path, tmp_path: Path) -> None:
    _, problem = checked(path.read_bytes(), tmp_path)
    assert problem is None


@pytest.mark.thorough
def test_memory_is_flat_over_thousands_of_texts() -> None:
    done = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < MEGABYTES
