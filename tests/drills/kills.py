"""Commands killed at random moments, most of them while they write."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.drills.checks import Failed, bits, check_artefact, check_clean, check_pair, check_shards, check_whole
from tests.drills.commands import Running, command

COMMANDS = ("build", "shards", "lock", "diagram", "train", "features", "apply", "export")
MOST_ATTEMPTS = 6  # of one run of `train`; the last is not killed
ENDS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}


@dataclass
class Kills:
    """Kills in a folder with a project in it; the same seed kills at the same chosen moments."""

    folder: Path
    random: random.Random
    count: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    dirty: bool = False

    def drill(self, kills: int, say: Callable[[str], None], names: Sequence[str] = COMMANDS) -> None:
        """Kills these commands so many times in all.

        Raises:
            Failed: something does not hold.
        """
        drills = [getattr(self, name) for name in names]
        for number in range(kills):
            drills[number % len(drills)](number)
            if number % 20 == 19:
                say(f"{number + 1} kills: {self.told}")

    @property
    def told(self) -> str:
        """How many of the kills met a command how."""
        return ", ".join(f"{count} {what}" for what, count in sorted(self.count.items()))

    def build(self, number: int) -> None:
        """A model and its ledger, each time with another name for a layer."""
        words = ["build", "spec.yaml", "-o", "out/built.keras", "--force", "--set", f"head[0].Dense.name=n{number}"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])
        check_pair(self.folder / "out" / "built.keras", self.folder / "out" / "built.ledger.json")

    def shards(self, number: int) -> None:
        """Weights in several files, each time in another number of them."""
        size = ("0.001", "0.0015", "1")[number % 3]
        words = ["build", "plain.yaml", "-o", "out/many.weights.json", "--max-shard-size", size, "--force"]
        words += ["--set", f"head[0].Dense.units={number % 5 + 500}"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])
        check_shards(self.folder / "out" / "many.weights.json", self.folder / "out" / "many.ledger.json")

    def export(self, number: int) -> None:
        """An artefact for another runtime, a file or a folder, with its card."""
        output = ("model.onnx", "saved", "model.tflite")[number % 3]
        words = ["export", "model.keras", "-o", f"out/{output}", "--force"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])
        check_artefact(self.folder / "out" / output)

    def lock(self, number: int) -> None:
        """A lock that is renewed, each time with another name for a layer."""
        words = ["lock", "spec.yaml", "-o", "out/spec.lock", "--force", "--set", f"head[0].Dense.name=n{number}"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])

    def apply(self, number: int) -> None:
        """A model and its ledger, of a plan."""
        plan = self.folder / "out" / "plan.json"
        if not plan.exists():
            self.finished(["plan", "spec.yaml", "-o", "out/plan.json"])
        words = ["apply", "out/plan.json", "-o", "out/applied.keras", "--force"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])
        check_pair(self.folder / "out" / "applied.keras", self.folder / "out" / "applied.ledger.json")

    def diagram(self, number: int) -> None:
        """A picture or a report."""
        suffix = ("svg", "png", "html", "txt")[number // len(COMMANDS) % 4]
        words = ["diagram", "spec.yaml", "-o", f"out/drawn.{suffix}", "--force"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])

    def features(self, number: int) -> None:
        """A table of what a model puts out."""
        suffix = ("npz", "csv")[number // len(COMMANDS) % 2]
        words = ["features", "model.keras", "pictures", "-o", f"out/table.{suffix}", "--force"]
        self.interrupted(words, self.folder / "out", next_words=["plan", "spec.yaml", "-o", "out/p.txt", "--force"])

    def train(self, number: int) -> None:
        """A run that is killed up to five times, continued, and ends as one that was never killed."""
        whole = self.folder / "whole"
        words = ["train", "spec.yaml", "-q", "-o"]
        if not whole.exists():
            began = time.monotonic()
            self.finished([*words, "whole"])
            self.seconds["train"] = time.monotonic() - began
        run = self.folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        attempts = self.random.randint(1, MOST_ATTEMPTS - 1)
        for _ in range(attempts):
            self.interrupted([*words, "run", "--resume"], run)
            check_whole(run) if run.exists() else None
        self.finished([*words, "run", "--resume"])
        check_clean(self.folder)
        for name in ("last.keras", "best.keras"):
            if bits(run / name) != bits(whole / name):
                raise Failed(f"the continued run's {name} has other bits than that of the uninterrupted one")

    def interrupted(self, words: list[str], watched: Path, *, next_words: list[str] | None = None) -> None:
        """Starts a command, kills it, and checks what it leaves."""
        kind = words[0]
        if kind not in self.seconds:
            began = time.monotonic()
            self.finished(words)
            self.seconds[kind] = time.monotonic() - began
        number = self.random.choice([signal.SIGKILL] * 3 + [signal.SIGTERM] * 2 + [signal.SIGINT, signal.SIGHUP])
        running = command(self.folder, words)
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, self.seconds[kind]))
        else:
            self._until_it_writes(running, watched)
            time.sleep(self.random.choice([0, 0.001, 0.005, 0.02]) * self.random.random())
        status = running.ended()
        if status is None:
            os.kill(running.pid, number)
            status = running.wait()
        self._judge(words, number, status, running)
        check_whole(self.folder)
        self.dirty |= number == signal.SIGKILL  # until a command comes to its writing
        if not self.dirty:
            check_clean(self.folder)
        elif next_words is not None and number == signal.SIGKILL:
            self.finished(next_words)
            check_clean(self.folder)

    def finished(self, words: list[str]) -> None:
        """Runs a command to its end."""
        running = command(self.folder, words)
        if running.wait() != 0:
            raise Failed(f"{' '.join(words)} failed:\n{running.errors}")
        self.dirty = False

    def _until_it_writes(self, running: Running, watched: Path) -> None:
        """Waits for a private folder among the outputs, for one of several that the command makes."""
        seen: set[str] = set()
        wanted = self.random.randint(1, 4) if watched.name == "run" else 1
        while os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            with contextlib.suppress(FileNotFoundError):
                seen |= {name for name in os.listdir(watched) if name.startswith(".partial-")}
            if len(seen) >= wanted:
                return
            time.sleep(0.0005)

    def _judge(self, words: list[str], number: signal.Signals, status: int, running: Running) -> None:
        if status == 0:
            self.count["came too late"] += 1
            self.seconds[words[0]] *= 0.9  # it takes less than when it was measured, so that the next may meet it
        elif status in (ENDS[number], -number):  # the second before the command could ask for anything else
            self.count[f"{words[0]} {number.name}"] += 1
        else:
            said = running.errors
            raise Failed(f"{' '.join(words)} ended with {status} after {number.name}; it said:\n{said}")
        if "Traceback" in running.errors:
            raise Failed(f"{' '.join(words)}: a traceback after {number.name}:\n{running.errors}")
