"""Two folders with the same files and other contents: a spec's own, and one that it must not reach."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest
from PIL import Image

from spec_compiler import Plan

SECRET = "a word that nobody outside may see"
opened_files: list[str] | None = None


def note(event: str, given: tuple[Any, ...]) -> None:
    """Keeps what Python opens or lists, its links followed, while a test asks for it."""
    if opened_files is not None and event in ("open", "os.listdir", "os.scandir") and isinstance(given[0], str):
        opened_files.append(os.path.realpath(given[0]))


sys.addaudithook(note)


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    global opened_files
    opened_files = []
    own = keras.src.saving.saving_lib.h5py.File  # what HDF5 opens by itself no hook sees

    class Noted(own):  # type: ignore[misc, valid-type]
        def __init__(self, name: Any, *arguments: Any, **options: Any) -> None:
            if isinstance(name, str) and opened_files is not None:
                opened_files.append(os.path.realpath(name))
            super().__init__(name, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("h5py.File", Noted)
        try:
            yield opened_files
        finally:
            opened_files = None


def model(value: float, units: int = 2) -> Any:
    inputs = keras.Input((4,), name="numbers")
    dense = keras.layers.Dense(units, name="dense", kernel_initializer=keras.initializers.Constant(value))
    return keras.Model(inputs, dense(inputs), name="small")


def picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, shade, shade)).save(path)


def two_places(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a spec, and one beside it."""
    for name, value in (("project", 1), ("outside", 2)):
        folder = tmp_path / name
        folder.mkdir()
        model(value).save(folder / "model.keras")
        model(value).save(folder / "model.h5")
        model(value).save_weights(folder / "model.weights.h5")
        (folder / "words.txt").write_text("red\ngreen\n" if value == 1 else f"{SECRET}\n", encoding="utf-8")
        (folder / "other.yaml").write_text(f"spec: 1\nbase: {{file: model.keras}}\nhead: [{{Dense: {value}}}]\n")
        (folder / f"mine_{name}.py").write_text("def made():\n    raise SystemExit('it ran')\n")
        for label in ("cat", "dog"):
            for number in range(3):
                picture(folder / "pictures" / label / f"{number}.png", 0 if value == 1 else 255)
    return tmp_path / "project", tmp_path / "outside"


TRAINED = """
spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
cut_at: block1_pool
head: [GlobalAveragePooling2D, {Dense: {units: 2, activation: softmax}}]
data: {train: FOLDER, validation: 0.34, batch_size: 4}
compile: {optimizer: sgd, loss: categorical_crossentropy}
train: [{phase: head, freeze: base, epochs: 1}]
"""


def width(plan: Plan) -> int | None:
    """How many numbers a planned model puts out."""
    spec = plan.after.spec_of(plan.after.output_refs[0])
    return spec.shape[-1] if spec is not None else None
