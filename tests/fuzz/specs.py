"""The fuzzer of specs: valid ones, broken at a known place, are checked as `check --static` does.

    python -m tests.fuzz.specs --count 100000 --seed 1

Demanded of each: nothing is raised, every diagnostic lies inside of the file, it takes less than a second, and memory
does not grow. Measured, by kind: how often the mistake is told, and how often at the broken line or at a line that
names what stood there. What failed once is kept in `corpus/specs`, which the unit tests run. With `--backend` each is
checked with Keras too, which is slow.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spec_compiler import check_spec
from spec_compiler.diagnostics import Diagnostic, render
from tests.fuzz.breaking import KINDS, Broken, broken
from tests.fuzz.valid_specs import prepare

CORPUS = Path(__file__).parent / "corpus" / "specs"
SECONDS, MEGABYTES, RATE = 1.0, 20.0, 0.95
WARM = 1_000  # cases before memory is measured


@dataclass
class Report:
    """What a run found. `failures` are texts with what went wrong; `missed` a few told far from the mistake."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[tuple[Broken, str]] = field(default_factory=list)
    missed: list[tuple[Broken, Diagnostic]] = field(default_factory=list)
    slowest: float = 0.0
    growth: float = 0.0

    def rate(self, kind: str | None = None) -> float:
        """How many of the told mistakes were told at their place; of all kinds, where none is named."""
        kinds = list(KINDS) if kind is None else [kind]
        told = sum(self.counts[each, "told"] for each in kinds)
        return sum(self.counts[each, "at its place"] for each in kinds) / told if told else 1.0

    def __str__(self) -> str:
        rows = [f"{'kind':<20} {'cases':>7} {'told':>7} {'at its place':>13}"]
        for kind in KINDS:
            cases, told = self.counts[kind, "cases"], self.counts[kind, "told"]
            rows.append(f"{kind:<20} {cases:>7,} {told:>7,} {self.rate(kind):>13.1%}")
        cases = sum(self.counts[kind, "cases"] for kind in KINDS)
        told = sum(self.counts[kind, "told"] for kind in KINDS)
        rows.append(f"{'all':<20} {cases:>7,} {told:>7,} {self.rate():>13.1%}")
        rows.append(
            f"slowest {self.slowest * 1000:.0f} ms, memory {self.growth:+.1f} MB, {len(self.failures)} failures"
        )
        return "\n".join(rows)


def run(count: int, seed: int, *, backend: bool = False) -> Report:
    """So many broken specs, the same for the same seed."""
    chance, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        valid = prepare(folder)
        kinds = list(KINDS)
        start = 0.0
        done = 0
        while done < count:
            chosen = chance.choice(valid)
            case = broken(chosen.text, kinds[done % len(kinds)], chance)
            if case is None:
                continue
            done += 1
            _one(case, chosen.warnings, folder, report, backend)
            if done == WARM:
                gc.collect()
                start = resident()
        gc.collect()
        report.growth = resident() - start if done > WARM else 0.0
    return report


def timed(text: bytes, folder: Path) -> tuple[Sequence[Diagnostic], str | None, float]:
    """As `checked`, and the seconds of this process; a second time where it was slow, and the lesser of both.

    A collection of garbage may have fallen into the first, or the machine may have paused.
    """
    took = []
    while True:
        began = time.thread_time()
        found, problem = checked(text, folder)
        took.append(time.thread_time() - began)
        if len(took) > 1 or took[0] <= SECONDS:
            return found, problem, min(took)


def _one(case: Broken, usual: frozenset[str], folder: Path, report: Report, backend: bool) -> None:
    report.counts[case.kind, "cases"] += 1
    found, problem, seconds = timed(case.text, folder)
    report.slowest = max(report.slowest, seconds)
    if problem is None and seconds > SECONDS:
        problem = f"took {seconds:.1f} s"
    if problem is None and backend:
        _, problem = checked(case.text, folder, static=False)
    if problem is not None:
        report.failures.append((case, problem))
    elif told := [each for each in found if each.message not in usual]:
        report.counts[case.kind, "told"] += 1
        if any(at_its_place(each, case) for each in told):
            report.counts[case.kind, "at its place"] += 1
        elif len(report.missed) < 200:
            report.missed.append((case, told[0]))


def checked(text: bytes, folder: Path, *, static: bool = True) -> tuple[Sequence[Diagnostic], str | None]:
    """The diagnostics of a text, and what is wrong with them: an exception, a place outside of the file."""
    path = folder / "broken.yaml"
    path.write_bytes(text)
    try:
        found = check_spec(os.fspath(path), static=static, restrict_paths=True)
        shown = [f"{render(each)}{each!r}" for each in found]
    except Exception:
        return (), traceback.format_exc(limit=-6)
    lines = text.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for each, said in zip(found, shown, strict=True):
        if each.file is not None and Path(each.file).name != path.name:
            continue  # of a spec that this one starts from
        if each.line is None and each.code not in ("SC004", "SC005"):  # of the whole file
            return found, f"no place: {said}"
        if each.line is not None:
            inside = 1 <= each.line <= len(lines) and 1 <= (each.column or 1) <= len(lines[each.line - 1]) + 1
            if not inside or (each.end_column is not None and each.end_column <= (each.column or 1)):
                return found, f"outside of the file: {said}"
    return found, None


def at_its_place(diagnostic: Diagnostic, case: Broken) -> bool:
    """Whether a diagnostic is at a broken line, at one that names what stood there, or names it itself."""
    if diagnostic.line is None:
        return True  # the whole file
    if diagnostic.line in case.lines:
        return True
    if any(f"line {line}" in note for line in case.lines for note in diagnostic.notes):
        return True
    said = f"{diagnostic.message} {diagnostic.help} {diagnostic.source_line}"
    return any(word in said for word in case.words if len(word) > 2)


def keep(case: Broken) -> Path:
    """The text in the corpus."""
    CORPUS.mkdir(parents=True, exist_ok=True)
    path = CORPUS / f"{case.kind.replace(' ', '-')}-{hashlib.sha256(case.text).hexdigest()[:10]}.yaml"
    path.write_bytes(case.text)
    return path


def resident() -> float:
    """The memory of this process in MB."""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("VmRSS")) / 1024


def main() -> int:
    """Runs from the command line; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", action="store_true", help="check each with Keras as well")
    parser.add_argument("--missed", type=int, default=0, metavar="N", help="show N mistakes that were told elsewhere")
    options = parser.parse_args()
    began = time.perf_counter()
    report = run(options.count, options.seed, backend=options.backend)
    seconds = time.perf_counter() - began
    for case, problem in report.failures:
        print(f"{keep(case)}\n{problem}\n")
    for case, diagnostic in report.missed[: options.missed]:
        print(f"--- {case.kind}, lines {sorted(case.lines)}\n{case.text.decode(errors='replace')}\n{diagnostic}\n")
    print(f"{report}\n{options.count:,} specs in {seconds:.0f} s, seed {options.seed}")
    bad = bool(report.failures) or report.growth > MEGABYTES or report.rate() < RATE
    return int(bad)


if __name__ == "__main__":
    if "SPEC_COMPILER_CACHE" not in os.environ:
        os.environ["SPEC_COMPILER_CACHE"] = tempfile.mkdtemp(prefix="spec-compiler-fuzz-")
    sys.exit(main())
