"""Bad data is told at its line in the spec, before any epoch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError
from spec_compiler.diagnostics import Diagnostic, render
from spec_compiler.result import TrainedSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures

SPEC = """
spec: 1
cut_at: pool
head:
  - Dense: {units: 3, activation: softmax, name: answer}
data:
  train: train
  validation: 0.25
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy], jit_compile: false}
train:
  - {phase: head, freeze: base, epochs: 1}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "train")
    return tmp_path


def run(project: Path, text: str = SPEC, base: Any = None, **options: Any) -> TrainedSpec:
    (project / "spec.yaml").write_text(text)
    return train_spec(
        str(project / "spec.yaml"),
        str(project / "run"),
        base=base or branching(),
        watcher=Watcher(verbose=0),
        tensorboard=False,
        **options,
    )


def error(project: Path, text: str = SPEC, base: Any = None, **options: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        run(project, text, base, **options)
    assert not (project / "run" / "history.csv").exists()
    (found,) = caught.value.diagnostics
    assert found.file is not None
    assert found.line is not None
    return found


def _no_folder(project: Path) -> None:
    shutil.rmtree(project / "train")


def _empty_class(project: Path) -> None:
    (project / "train" / "class_9").mkdir()


def _no_images_in_a_class(project: Path) -> None:
    (project / "train" / "class_9").mkdir()
    (project / "train" / "class_9" / "notes.txt").write_text("no image")


def _no_classes(project: Path) -> None:
    for folder in list((project / "train").iterdir()):
        for file in list(folder.iterdir()):
            file.rename(project / "train" / f"{folder.name}-{file.name}")
        folder.rmdir()


def _a_text(project: Path) -> None:
    (project / "train" / "class_1" / "3.png").write_text("this is no image")


def _half_an_image(project: Path) -> None:
    file = project / "train" / "class_1" / "3.png"
    file.write_bytes(file.read_bytes()[:200])


def _nothing(project: Path) -> None:
    (project / "train" / "class_1" / "3.png").write_bytes(b"")


def _fourth_class(project: Path) -> None:
    shutil.copytree(project / "train" / "class_0", project / "train" / "class_3")


def _one_image(project: Path) -> None:
    for number in range(1, 8):
        (project / "train" / "class_2" / f"{number}.png").unlink()


@pytest.mark.parametrize(
    ("damage", "code", "line", "text"),
    [
        (_no_folder, "SC602", 7, "does not exist"),
        (_empty_class, "SC602", 7, "`train/class_9` has no image"),
        (_no_images_in_a_class, "SC602", 7, "only 1 other files"),
        (_no_classes, "SC602", 7, "no class folders, but 24 images"),
        (_a_text, "SC603", 7, "an image cannot be read"),
        (_half_an_image, "SC603", 7, "an image cannot be read"),
        (_nothing, "SC603", 7, "an image cannot be read"),
        (_fourth_class, "SC604", 7, "the data has 4 classes, `answer` has 3 outputs"),
        (_one_image, "SC602", 8, "the class `class_2` has one image"),
    ],
)
def test_a_damaged_folder(damage: Callable[[Path], None], code: str, line: int, text: str, project: Path) -> None:
    damage(project)
    found = error(project)
    assert (found.code, found.line) == (code, line)
    assert text in found.message
    assert found.help is not None
    if code == "SC603":
        assert "3.png" in render(found)


def test_a_validation_folder_with_other_classes(project: Path) -> None:
    write_pictures(project / "held", classes=2)
    found = error(project, SPEC.replace("0.25", "held"))
    assert (found.code, found.line) == ("SC602", 8)
    assert "lacks `class_2`" in found.message


def test_the_size_of_the_images_is_needed_where_the_model_takes_any(project: Path) -> None:
    inputs = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Conv2D(4, 3)(inputs))
    base = keras.Model(inputs, pooled)
    found = error(project, base=base)
    assert (found.code, found.line) == ("SC102", 6)
    run(project, SPEC.replace("validation: 0.25", "validation: 0.25\n  image_size: [12, 12]"), base=base)


def test_a_size_that_the_model_does_not_take(project: Path) -> None:
    found = error(project, SPEC.replace("validation: 0.25", "image_size: [20, 16]"))
    assert (found.code, found.line) == ("SC604", 8)


def test_an_augmentation_that_changes_the_size(project: Path) -> None:
    found = error(project, SPEC.replace("validation: 0.25", "augment: [{RandomCrop: {height: 8, width: 8}}]"))
    assert (found.code, found.line) == ("SC604", 8)
    assert "makes images of (8, 8, 3)" in found.message


def test_binary_and_integer_labels(project: Path) -> None:
    integers = SPEC.replace("loss: categorical_crossentropy", "loss: sparse_categorical_crossentropy")
    assert len(run(project, integers).history) == 1
    shutil.rmtree(project / "train" / "class_2")
    shutil.rmtree(project / "run")
    binary = SPEC.replace("units: 3, activation: softmax", "units: 1, activation: sigmoid")
    binary = binary.replace("loss: categorical_crossentropy", "loss: binary_crossentropy")
    assert len(run(project, binary).history) == 1


CODE = """
import numpy as np

def train():
    random = np.random.default_rng(0)
    return random.normal(size=(12, 16, 16, 3)), np.eye(3)[random.integers(0, 3, 12)]

def broken():
    raise KeyError("no data today")
"""


def test_python_functions_run_only_with_permission(project: Path) -> None:
    (project / "pictures_of_mine.py").write_text(CODE)
    text = SPEC.replace("train: train", "train: 'pictures_of_mine:train'").replace("  validation: 0.25\n", "")
    assert error(project, text).code == "SC112"
    assert len(run(project, text, allow_code=True).history) == 1
    shutil.rmtree(project / "run")
    found = error(project, text.replace(":train'", ":broken'"), allow_code=True)
    assert (found.code, found.line) == ("SC606", 7)
    assert "no data today" in found.message


def test_an_optimizer_that_keras_refuses(project: Path) -> None:
    found = error(project, SPEC.replace("optimizer: adam", "optimizer: {Adam: {clipnorm: 1, clipvalue: 1}}"))
    assert (found.code, found.line) == ("SC609", 9)


def test_what_the_folder_reader_reads_is_what_keras_reads(project: Path) -> None:
    """The same files, classes and pixels as `keras.utils.image_dataset_from_directory`."""
    from spec_compiler.backend.training.data import load_part

    trained = run(project, SPEC.replace("  validation: 0.25\n", ""))
    part = load_part(trained.compiled.spec, "train", trained.compiled.plan.after, trained.model, allow_code=False)
    assert part is not None
    ours = part.batches[0]
    theirs = keras.utils.image_dataset_from_directory(
        project / "train", label_mode="categorical", image_size=(16, 16), shuffle=False, verbose=False
    )
    images, labels = next(iter(theirs))
    assert tuple(theirs.class_names) == part.class_names["answer"]
    assert tuple(theirs.file_paths) == part.files
    np.testing.assert_array_equal(ours[0], np.asarray(images))
    np.testing.assert_array_equal(ours[1], np.asarray(labels))
