"""Commands as a user types them, in a folder of their own: what fixtures and the examples of rules are run by.

A session is the lines that begin with `$ `. `spec-compiler` is called in this process, as another one would load Keras
each time; with a variable before it, as in `KERAS_BACKEND=jax spec-compiler check …`, in one of its own, which that
is for. Every other line goes to a shell.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import keras
import numpy as np

from spec_compiler.cli import main
from tests.backend.conftest import randomized
from tests.backend.pictures import write_pictures

_DIAGNOSTIC = re.compile(r"^(?:error|warning)\[SC\d{3}\]: .*(?:\n *\d* (?:-->|\||=| {8}).*)*", re.M)


def commands(text: str) -> list[str]:
    """The lines of a session, which may stand in comments.

    >>> commands("# $ mkdir pictures/bird\\nspec: 1\\n")
    ['mkdir pictures/bird']
    """
    return re.findall(r"^(?:# )?\$ (.+)$", text, re.M)


def write_project(folder: Path) -> Path:
    """What sessions find: images of two classes in `pictures`, a table of them, two small models, a file of weights.

    `model.keras` tells the images apart, `words.keras` takes words, whose vocabulary it has learnt.
    """
    write_pictures(folder / "pictures", names=("cat", "dog"), each=4, size=32)
    rows = [f"pictures/{name}/{number}.png,{name}" for name in ("cat", "dog") for number in range(4)]
    (folder / "pictures.csv").write_text("\n".join(["file,species", *rows, ""]))
    inputs = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = keras.layers.Dense(2, activation="softmax", name="answer")(x)
    randomized(keras.Model(inputs, outputs, name="small")).save(folder / "model.keras")
    words, lookup = keras.Input((3,), dtype="string", name="words"), keras.layers.StringLookup(name="lookup")
    lookup.adapt(np.array([["red", "green", "blue"]]))
    numbers = keras.layers.Embedding(4, 2, name="embedding")(lookup(words))
    randomized(keras.Model(words, numbers, name="words")).save(folder / "words.keras")
    body = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3), alpha=0.35)
    body.save_weights(folder / "mobilenet_v2.weights.h5")
    return folder


@dataclass(frozen=True)
class Said:
    """What the last command of a session said: its exit status, all of its output, and the diagnostics in it."""

    status: int
    output: str

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """Each as it was printed."""
        return tuple(_DIAGNOSTIC.findall(self.output))

    @property
    def codes(self) -> set[str]:
        """Their codes."""
        return {re.findall(r"SC\d{3}", each)[0] for each in self.diagnostics}


def run(session: Sequence[str], folder: Path) -> Said:
    """Runs a session in a folder; all commands but the last one must succeed."""
    said = Said(0, "")
    for command in session:
        assert said.status == 0, said.output
        said = _run(command, folder)
    return said


def _run(command: str, folder: Path) -> Said:
    if command.startswith("KERAS_BACKEND="):
        command = command.replace("spec-compiler ", f"{shlex.quote(sys.executable)} -m spec_compiler ", 1)
    if not command.startswith("spec-compiler "):
        done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout + done.stderr)
    output, status = io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", shlex.split(command)),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            keras.utils.clear_session(free_memory=False)
    return Said(status, output.getvalue())


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def offline(folder: Path) -> Iterator[None]:
    """Keras's downloads come from this machine, and go into `folder / "home"` instead of the user's.

    MobileNetV2 and VGG16 are asked of a server that has what `folder / "served"` holds, at first nothing; VGG19 of a
    port where nobody listens.
    """
    from keras.src.applications import mobilenet_v2, vgg16, vgg19
    from keras.src.utils import file_utils

    for name in ("served", "home"):
        (folder / name).mkdir()
    handler = functools.partial(_Quiet, directory=str(folder / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # how soon it stops
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        with (
            mock.patch.object(mobilenet_v2, "BASE_WEIGHT_PATH", address),
            mock.patch.object(vgg16, "WEIGHTS_PATH_NO_TOP", f"{address}vgg16_notop.h5"),
            mock.patch.object(vgg19, "WEIGHTS_PATH_NO_TOP", "http://127.0.0.1:9/vgg19_notop.h5"),
            mock.patch.object(file_utils.config, "keras_home", return_value=str(folder / "home")),
        ):
            yield
        server.shutdown()


def copied(project: Path, folder: Path) -> Path:
    """The project's files in another folder, where a session may change them."""
    return Path(shutil.copytree(project, folder, dirs_exist_ok=True))
