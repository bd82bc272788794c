"""Damaged model files, made by the thousand: each gives a located diagnostic, or the model with the right values.

Small files of three formats with values that no initializer makes are damaged as disks and people do it, then checked
and compiled in this process. Another result without a word passes only where the format has no checksum and the ledger
says so; how often that happened is counted. A case is made from its seed and its number alone::

    python -m tests.fuzz.model_files --count 10000 --seed 1
    python -m tests.fuzz.model_files --seed 1 --only 1234    # this one again, with its traceback

A file that fails is put into `tests/fuzz/corpus`, where the tests find it from then on.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tests.fuzz.damage import Case, damaged, originals

CORPUS = Path(__file__).parent / "corpus"
Outcome = Literal["error", "right", "unverified", "another model"]


class Failure(Exception):
    """A case that is none of the outcomes there should be."""


class Bench:
    """A folder in which cases are run, and what the undamaged files give there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = originals(folder)
        self.right = {suffix: self._compiled(suffix, data) for suffix, data in self.files.items()}

    def outcome(self, case: Case) -> Outcome:
        """What comes of a case.

        Raises:
            Failure: it is a traceback, a diagnostic without a place, or another model without a word.
        """
        from spec_compiler import SpecError, check_spec

        spec = self._written(case.suffix, case.data)
        try:
            found = [each for each in check_spec(spec) if each.severity == "error"]
            compiled = None if found else self._compiled(case.suffix, case.data)
        except SpecError as error:
            found, compiled = list(error.diagnostics), None
        except Exception as error:
            raise Failure(f"{type(error).__name__}: {error}") from error
        if compiled is None:
            lost = [each for each in found if not (each.line and each.column)]
            if lost or not found:
                raise Failure(f"a diagnostic without a place: {lost}")
            return "error"
        (weights, unverified), (right, _) = compiled, self.right[case.suffix]
        if len(weights) == len(right) and all(map(_same, weights, right)):
            return "right"
        if case.is_sealed:  # whole again after it was changed: then it is another file, not a damaged one
            return "another model"
        if case.suffix == ".keras" or not unverified:
            raise Failure("another model without a word")
        return "unverified"

    def _written(self, suffix: str, data: bytes) -> Path:
        file = self.folder / f"damaged{suffix}"
        file.write_bytes(data)
        text = f"file: {file.name}" if suffix != ".weights.h5" else f"file: model.keras\n  weights: {file.name}"
        spec = self.folder / f"spec{suffix}.yaml"
        spec.write_text(f"spec: 1\nname: damaged\nbase:\n  {text}\n", encoding="utf-8")
        return spec

    def _compiled(self, suffix: str, data: bytes) -> tuple[list[Any], tuple[str, ...]]:
        from spec_compiler import compile_spec

        compiled = compile_spec(self._written(suffix, data))
        return [np.asarray(each) for each in compiled.model.get_weights()], compiled.weights.unverified


def _same(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--here", action="store_true", help="in this process, which a crash of HDF5 then ends")
    options = parser.parse_args()
    if options.only is not None:
        return _run(range(options.only, options.only + 1), options.seed)[1]
    if options.here:
        counts, failed = _run(range(options.first, options.count), options.seed)
        print(json.dumps({"counts": counts, "failed": failed}))
        return 1 if failed else 0
    return _in_children(options.count, options.seed)


_EACH = 1000  # cases to a process, as Keras keeps something of each model


def _in_children(count: int, seed: int) -> int:
    """Runs cases in processes of their own: HDF5 is written in C, and a damaged file may crash it or hold it."""
    counts: collections.Counter[str] = collections.Counter()
    failed, first, start = 0, 0, time.monotonic()
    while first < count:
        until = min(count, first + _EACH)
        command = [sys.executable, "-m", "tests.fuzz.model_files", "--here", "--seed", str(seed), "--first", str(first)]
        at = first
        with subprocess.Popen([*command, "--count", str(until)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith("at "):
                    at = int(line.split()[1])
                elif line.startswith("{"):
                    found = json.loads(line)
                    counts.update(found["counts"])
                    failed += found["failed"]
                    at = until
                else:
                    print(line, end="", flush=True)
        if at < until:
            counts.update({"before a crash": at - first})
            failed += 1
            print(f"case {at} of seed {seed}: the process ended with {child.returncode}", flush=True)
        first = min(at + 1, until) if at < until else until
    listed = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    print(f"{count} damaged files of seed {seed} in {time.monotonic() - start:.0f} s: {listed}; {failed} failed")
    return 1 if failed else 0


def _run(numbers: range, seed: int) -> tuple[dict[str, int], int]:
    """How many cases came to what, and how many failed; a failed one is named and kept."""
    os.environ.setdefault("SPEC_COMPILER_CACHE", tempfile.mkdtemp(prefix="spec-compiler-fuzz-"))
    import keras

    counts: collections.Counter[str] = collections.Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number in numbers:
            print(f"at {number}", flush=True)
            case = damaged(number, seed, bench.files)
            text = f"case {number} of seed {seed}, {case.suffix}, {case.damage}"
            kept = CORPUS / f"{seed}-{number}{case.suffix}.gz"
            kept.write_bytes(
                gzip.compress(case.data, mtime=0)
            )  # before it is run, so that it is there where that ends the process
            faulthandler.dump_traceback_later(_LONGEST, exit=True)
            before = time.monotonic()
            try:
                counts[bench.outcome(case)] += 1
                kept.unlink()
            except Failure as failure:
                failed += 1
                print(f"{text}: {failure}", flush=True)
                if len(numbers) == 1:
                    raise
            took = time.monotonic() - before
            if took > _SLOW:
                print(f"{text}: {took:.1f} s", flush=True)
            faulthandler.cancel_dump_traceback_later()
            if number % 50 == 49:
                keras.utils.clear_session(free_memory=False)
    return dict(counts), failed


_SLOW, _LONGEST = 5, 60  # seconds


if __name__ == "__main__":
    sys.exit(main())
