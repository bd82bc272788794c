"""Ours beside the other way, in one run: `make bench`. Prints the table of `benchmarks/RESULTS.md` and writes it.

Every figure is a ratio of medians over rounds, in which the sides take turns; each side of each round is a fresh
process. A bound is missed when every round's own ratio misses it: a single quiet round in which it holds is enough,
as noise makes runs slower, never faster. Both sides must give the same bits.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

ROOT = Path(__file__).parents[1]
VGG16_BYTES = 138_357_544 * 4
LARGE = ("stem", "cut", "memory", "prune:", "widen:")  # tasks whose sides take much memory
PREPARED_BYTES = 3 * VGG16_BYTES  # of the sides, the hand-written one needs most: two models


@dataclass(frozen=True)
class Row:
    """One comparison: a figure of our side over one of the other, at most `bound`."""

    what: str
    task: str
    ours: str
    other: str
    bound: float | None
    unit: str = "ratio"


ROWS = (
    Row("VGG16 with a new stem, from legacy H5 | the hand-written loop", "stem:.h5", "ours", "hand", 0.5),
    Row("VGG16 cut at `block2_pool`, new head, from legacy H5 | by hand", "cut:.h5", "ours", "hand", 0.1),
    Row("VGG16 with a new stem, from legacy H5 | reading the file with h5py", "stem:.h5", "ours", "raw", 5),
    Row("VGG16 with a new stem, from `.weights.h5` | reading the file with h5py", "stem:.weights.h5", "ours", "raw", 5),
    Row("VGG16 with a new stem, from `.keras` | reading the file with h5py", "stem:.keras", "ours", "raw", 5),
    Row("the cut, from legacy H5 | reading the whole file with h5py", "cut:.h5", "ours", "raw", 5),
    Row("the cut, from `.weights.h5` | reading the whole file with h5py", "cut:.weights.h5", "ours", "raw", 5),
    Row("the cut, from `.keras` | reading the whole file with h5py", "cut:.keras", "ours", "raw", 5),
    Row("ResNet50 in memory, one layer replaced | `clone_model` + `set_weights`", "memory", "ours", "hand", 0.5),
    Row("a chain, planned: 10,000 layers | 1,000 layers", "chain:plan", "10000", "1000", 13),
    Row("a chain, compiled: 10,000 layers | 1,000 layers", "chain:compile", "10000", "1000", 13),
    Row("a residual net, planned: 10,000 layers | 1,000 layers", "residual:plan", "10000", "1000", 13),
    Row("a residual net, compiled: 10,000 layers | 1,000 layers", "residual:compile", "10000", "1000", 13),
    Row("`check --static`, whole process | importing pydantic, ruamel.yaml, jsonschema", "static", "ours", "other", 2),
    Row("the same of ten blocks in a hundred entries | the same", "static:blocks", "ours", "other", 2),
    Row("`plan` the second time, whole process | the first time", "plan", "second", "first", None),
    Row("ResNet50 pruned: planned without Keras (seconds)", "pruned", "ours", "", 0.5, "seconds"),
    Row("the same, `check --static`, whole process (seconds)", "static:pruned", "ours", "", None, "seconds"),
    # The copy is of the same bytes: in memory the result's own, from a file all that the base has. Where ours copies a
    # model in memory it copies no byte, so that this is no measure and has no bound; it stands there to be known.
    Row(
        "VGG16 pruned by half, in memory | the narrower one by `clone_model` + `set_weights`",
        "prune:VGG16",
        "ours",
        "hand",
        1.3,
    ),
    Row("the same | the narrower one by ours, which shares its tensors", "prune:VGG16", "ours", "result", None),
    Row("VGG16 pruned by half, from `.keras` | copied as it is", "prune:VGG16.keras", "ours", "copy", 1.3),
    Row("VGG16 pruned by half, from legacy H5 | copied as it is", "prune:VGG16.h5", "ours", "copy", 1.3),
    Row(
        "VGG16 widened, in memory | the wider one by `clone_model` + `set_weights`", "widen:VGG16", "ours", "hand", 1.3
    ),
    Row("the same | the wider one by ours, which shares its tensors", "widen:VGG16", "ours", "result", None),
    Row("VGG16 widened, from `.keras` | copied as it is", "widen:VGG16.keras", "ours", "copy", 1.3),
    Row(
        "ResNet50 pruned by half, in memory | the narrower one by `clone_model` + `set_weights`",
        "prune:ResNet50",
        "ours",
        "hand",
        1.3,
    ),
    Row("the same | the narrower one by ours, which shares its tensors", "prune:ResNet50", "ours", "result", None),
    Row(
        "ResNet50 widened, in memory | the wider one by `clone_model` + `set_weights`",
        "widen:ResNet50",
        "ours",
        "hand",
        1.3,
    ),
    Row("the same | the wider one by ours, which shares its tensors", "widen:ResNet50", "ours", "result", None),
    Row("VGG16 with a new stem, `build`, whole process | plain Keras", "build:stem", "ours", "hand", 0.35),
    Row("VGG16 cut at `block2_pool`, `build`, whole process | plain Keras", "build:cut", "ours", "hand", 0.1),
    Row("VGG16 as it is, `build`, whole process | plain Keras", "build:all", "ours", "hand", None),
    Row("NASNetLarge: resolve, edits, check, plan (seconds)", "edits", "ours", "", 0.1, "seconds"),
    Row("NASNetLarge: folded diff to SVG after the plan (seconds)", "diagram", "ours", "", 1.0, "seconds"),
)


SPEC = str(ROOT / "specs" / "vgg16_hed_fast_stem.yaml")
BLOCKS = str(ROOT / "benchmarks" / "blocks.yaml")
PRUNED = str(ROOT / "benchmarks" / "pruned.yaml")
FOLDER = ROOT / "out" / "benchmarks"  # where `tasks` makes VGG16's files
BUILDS = ("ours", "hand")
BUILT = {
    "stem": """spec: 1
base: {file: vgg16.keras}
replace:
  - layers: block1_conv1..block1_conv2
    with: [{Conv2D: {name: new_conv, filters: 64, kernel_size: 5, padding: same, activation: relu}}]
""",
    "cut": "spec: 1\nbase: {file: vgg16.keras}\ncut_at: block2_pool\n",
    "all": "spec: 1\nbase: {file: vgg16.keras}\n",
}
BY_HAND = """
import keras, sys
base = keras.models.load_model({file!r})
made = base
if sys.argv[1] == "stem":
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.Conv2D(64, 5, padding="same", activation="relu", name="new_conv")(inputs)
    for layer in base.layers[3:]:
        x = layer(x)
    made = keras.Model(inputs, x)
if sys.argv[1] == "cut":
    made = keras.Model(base.input, base.get_layer("block2_pool").output)
made.save({made!r})
"""
COMMAND = [str(Path(sys.executable).with_name("spec-compiler"))]
IMPORTS = "import pydantic, ruamel.yaml, jsonschema"
PROCESSES = {  # what is timed as a whole process, side by side
    "static": {
        "ours": [*COMMAND, "check", "--static", SPEC],
        "other": [sys.executable, "-c", IMPORTS],
    },
    "static:blocks": {
        "ours": [*COMMAND, "check", "--static", BLOCKS],
        "other": [sys.executable, "-c", IMPORTS],
    },
    "static:pruned": {"ours": [*COMMAND, "check", "--static", PRUNED]},
    "plan": {
        "first": ["env", "SPEC_COMPILER_CACHE=off", *COMMAND, "plan", SPEC],
        "second": [*COMMAND, "plan", SPEC],
    },
}


def _process(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def built(task: str, side: str) -> dict[str, Any]:
    """What a whole process takes that makes a file of a file: `build`, or Keras by hand."""
    spec = FOLDER / f"{task}.yaml"
    spec.write_text(BUILT[task], encoding="utf-8")
    ours = [*COMMAND, "build", str(spec), "-o", str(FOLDER / "built.keras"), "--force"]
    hand = [sys.executable, "-c", BY_HAND.format(file=str(FOLDER / "vgg16.keras"), made=str(FOLDER / "hand.keras"))]
    if side == "ours":  # Keras is asked for the shapes once, which is no part of the building
        subprocess.run(ours, check=True, capture_output=True)
    start = time.perf_counter()
    process = subprocess.Popen(ours if side == "ours" else [*hand, task], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"build:{task} {side} failed")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"seconds": time.perf_counter() - start, "peak": peak, "bits": None}


def one(task: str, side: str) -> None:
    """Runs one side of a task in this process, and prints what it took."""
    if task in PROCESSES:
        seconds = [_process(PROCESSES[task][side]) for _ in range(9 if task.startswith("static") else 1)]
        print(json.dumps({"seconds": statistics.median(seconds), "peak": 0, "bits": None}))
        return
    if task.startswith("build:"):
        print(json.dumps(built(task.removeprefix("build:"), side)))
        return
    from benchmarks.tasks import fingerprint, run_of, warm_up

    warm_up()
    run, layers = run_of(task, side)
    if task.startswith(LARGE):
        prepare_memory()
    before = _peak()
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    peak = _peak() - before
    bits = fingerprint(result, layers) if layers and side in ("ours", "hand") else None
    print(json.dumps({"seconds": seconds, "peak": peak, "bits": bits}))


def prepare_memory() -> None:
    """Has the system get memory ready for what is timed next, and forgets the peak that this makes.

    On a virtual machine the first touch of a gigabyte takes a second or two where the host has to find it, and 0.1 s
    where it need not; which of the two it is has nothing to do with what is compared. Where the peak cannot be
    forgotten (Linux has `/proc/self/clear_refs`), nothing is prepared.
    """
    if _forget_peak():
        numpy.ones(PREPARED_BYTES, "uint8")
        if not _forget_peak():
            raise SystemExit("the peak could be forgotten once, but not again")


def _forget_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak() -> int:
    """The most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measured(task: str, side: str) -> dict[str, Any]:
    """One run of a side in a fresh process."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__)), "--one", task, side]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task} {side} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Runs every comparison; exit status 1 where a bound is missed by more than the noise, or the bits differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="a part of a task's name")
    parser.add_argument("--one", nargs=2, metavar=("TASK", "SIDE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(*asked.one)
        return 0
    subprocess.run(
        [sys.executable, "-m", "benchmarks.tasks"],
        cwd=ROOT,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    # What an installer does, and a checkout may not have had: byte code for the package, and once a plan of the spec
    # whose base is to be known.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "spec_compiler")], check=True)
    subprocess.run([*COMMAND, "plan", PRUNED], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*COMMAND, "plan", SPEC], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    chosen = [row for row in ROWS if not asked.only or asked.only in row.task]
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    pairs = list(dict.fromkeys((row.task, side) for row in chosen for side in (row.ours, row.other) if side))
    for number in range(asked.rounds):
        for task, side in pairs:
            runs.setdefault((task, side), []).append(measured(task, side))
        print(f"round {number + 1} of {asked.rounds} done", file=sys.stderr)
    lines, failed = table(chosen, runs)
    text = "\n".join(lines) + "\n"
    print(text)
    if not asked.only:
        (ROOT / "benchmarks" / "RESULTS.md").write_text(text, encoding="utf-8")
    return int(failed)


def table(rows: list[Row], runs: dict[tuple[str, str], list[dict[str, Any]]]) -> tuple[list[str], bool]:
    """The results as Markdown, and whether a bound was missed."""
    from importlib.metadata import version

    versions = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow", "numpy", "h5py"))
    rounds = max(len(each) for each in runs.values())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. "
        + " ".join((__doc__ or "").split("\n\n")[1].split())
        + " Why a build is as quick as it is: [from file to file](../docs/build.md).",
        "",
        f"{rounds} rounds, {os.cpu_count()} cores, Python {platform.python_version()} ({platform.machine()}), "
        + versions,
        "",
        "| what, measured against what | median | ratio of medians | at most | |",
        "|---|---|---|---|---|",
    ]
    failed = False
    for row in rows:
        ours = [each["seconds"] for each in runs[row.task, row.ours]]
        if row.unit == "seconds":
            figure, best, shown = statistics.median(ours), min(ours), "–"
            medians = f"{figure:.3f} s"
        else:
            other = [each["seconds"] for each in runs[row.task, row.other]]
            figure = statistics.median(ours) / statistics.median(other)
            best = min(one / two for one, two in zip(ours, other, strict=True))
            shown = f"{figure:.3f}"
            medians = f"{statistics.median(ours):.2f} s, {statistics.median(other):.2f} s"
        missed = row.bound is not None and best > row.bound
        failed |= missed
        verdict = (
            ""
            if row.bound is None
            else "missed"
            if missed
            else "holds"
            if figure <= row.bound
            else "holds in the quietest round"
        )
        lines.append(f"| {row.what.replace(' | ', ' / ')} | {medians} | {shown} | {row.bound or '–'} | {verdict} |")
        bits = {each["bits"] for side in ("ours", "hand") for each in runs.get((row.task, side), [])} - {None}
        if len(bits) > 1:
            failed = True
            lines.append(f"| {row.what}: the two sides differ in their bits | | | | failed |")
    for task in ("stem:.h5", "stem:.keras", "stem:.weights.h5"):
        if (task, "ours") in runs:
            peak = statistics.median(each["peak"] for each in runs[task, "ours"])
            bound = 1.2 * VGG16_BYTES + 60e6
            failed |= peak > bound
            lines.append(
                f"| peak memory of `{task}` above the start / bytes of the result "
                f"| {peak / 1e6:.0f} MB, {VGG16_BYTES / 1e6:.0f} MB "
                f"| {peak / VGG16_BYTES:.3f} | {bound / 1e6:.0f} MB | {'holds' if peak <= bound else 'missed'} |"
            )
    for task, share, most in (("stem", 0.15, None), ("cut", None, 120e6), ("all", None, None)):
        if (f"build:{task}", "ours") not in runs:
            continue
        ours, hand = (statistics.median(each["peak"] for each in runs[f"build:{task}", side]) for side in BUILDS)
        bound = most or (share * hand if share else None)
        verdict = "" if bound is None else "holds" if ours <= bound else "missed"
        failed |= verdict == "missed"
        at_most = f"{most / 1e6:.0f} MB" if most else share or "–"
        lines.append(
            f"| peak memory of `build:{task}`, whole process / plain Keras "
            f"| {ours / 1e6:.0f} MB, {hand / 1e6:.0f} MB | {ours / hand:.3f} | {at_most} | {verdict} |"
        )
    return lines, failed


if __name__ == "__main__":
    sys.exit(main())
