"""`evaluate` beside plain Keras and scikit-learn on the same predictions: runs, saved models, models in memory."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as theirs

from spec_compiler import SpecError, evaluate, train_spec
from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.training.watcher import Watcher
from tests.backend.calls import assert_refused, call
from tests.backend.conftest import branching, randomized
from tests.backend.pictures import write_pictures
from tests.backend.sessions import commands, run
from tests.markdown import ROOT, blocks

NAMES = ("ant", "bee", "cat")


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "spec": 1,
        "cut_at": "pool",
        "head": [{"Dense": {"units": 3, "activation": "softmax", "name": "answer"}}],
        "data": {"train": "pictures", "validation": 0.25, "test": "held", "batch_size": 5},
        "compile": {
            "optimizer": {"Adam": 0.05},
            "loss": {"CategoricalCrossentropy": {"label_smoothing": 0.1}},
            "metrics": ["accuracy", "AUC"],
            "jit_compile": False,
        },
        "train": [
            {"phase": "head", "freeze": "base", "epochs": 2},
            {"phase": "all", "freeze": "..block1_add", "epochs": 1},
        ],
        **changes,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with a test part of which one class has no image of its own."""
    place = tmp_path_factory.mktemp("evaluate")
    write_pictures(place / "pictures", names=NAMES, each=8)
    write_pictures(place / "held", names=NAMES, each=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        train_spec(spec(), "run", base=branching(), watcher=Watcher(verbose=0), tensorboard=False)
    return place


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(path: Path, interpolation: str = "bilinear") -> Any:
    image = keras.utils.load_img(path, target_size=(16, 16), interpolation=interpolation)
    return keras.utils.img_to_array(image)


def test_a_run_ends_with_what_plain_keras_and_scikit_learn_say(here: Path) -> None:
    files = sorted((here / "held").rglob("*.png"))
    true = np.array([NAMES.index(each.parent.name) for each in files])
    model = keras.saving.load_model(here / "run" / "best.keras")
    images = np.stack([pixels(each) for each in files])
    scores = model.predict(images, verbose=0)
    expected = model.evaluate(images, np.eye(3)[true], batch_size=5, verbose=0, return_dict=True)
    said = json.loads((here / "run" / "evaluation" / "evaluation.json").read_text())
    assert said["metrics"] == pytest.approx(expected, rel=1e-6)
    (answer,) = said["outputs"]
    assert answer["confusion_matrix"] == theirs.confusion_matrix(true, scores.argmax(1), labels=range(3)).tolist()
    summary = json.loads((here / "run" / "summary.json").read_text())
    assert summary["evaluation"]["part"] == "test"
    assert summary["evaluation"]["outputs"]["answer"]["accuracy"] == pytest.approx((scores.argmax(1) == true).mean())
    rows = [*csv.DictReader((here / "run" / "evaluation" / "predictions.csv").read_text().splitlines())]
    assert [each["file"] for each in rows] == [f"{each.parent.name}/{each.name}" for each in files]
    for row, score in zip(rows, scores, strict=True):
        assert row["predicted"] == NAMES[int(score.argmax())]
        assert float(row["probability"]) == pytest.approx(float(score.max()), rel=1e-4)
    page = (here / "run" / "evaluation" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == (scores.argmax(1) != true).sum() > 0
    assert (here / "run" / "evaluation" / "confusion.png").read_bytes().startswith(b"\x89PNG")
    # and again by the command, and on other parts
    before = (here / "run" / "evaluation" / "confusion.svg").read_bytes()
    assert call("evaluate", "run").exit_code == 0
    assert (here / "run" / "evaluation" / "confusion.svg").read_bytes() == before
    validation = json.loads(call("evaluate", "run", "--part", "validation", "-o", "v", "--format", "json").stdout)
    assert (validation["data"], validation["samples"]) == ("data.validation", 6)


def test_what_was_frozen_is_said_and_so(here: Path) -> None:
    base = {each.path: keras.ops.convert_to_numpy(each) for each in branching().weights}
    model = keras.saving.load_model(here / "run" / "last.keras")
    head, fine = json.loads((here / "run" / "summary.json").read_text())["frozen"]
    kept = [each for each in model.weights if each.path in base]
    assert (head["phase"], head["variables"]) == ("head", len(kept))
    assert head["parameters"] == sum(int(np.prod(each.shape)) for each in kept)
    frozen = [each for each in kept if np.array_equal(base[each.path], keras.ops.convert_to_numpy(each))]
    assert (fine["phase"], fine["variables"]) == ("all", len(frozen))
    assert 0 < len(frozen) < len(kept)


def test_a_labelled_folder_for_a_saved_model(here: Path) -> None:
    shutil.rmtree(here / "held" / "bee")
    shutil.copy(here / "run" / "best.keras", here / "alone.keras")
    found = evaluate("alone.keras", "held", interpolation="nearest", batch_size=3)
    files = sorted((here / "held").rglob("*.png"))
    model = keras.saving.load_model(here / "alone.keras")
    images = np.stack([pixels(each, "nearest") for each in files])
    true = np.array([NAMES.index(each.parent.name) for each in files])
    expected = model.evaluate(images, np.eye(3)[true], batch_size=3, verbose=0, return_dict=True)
    assert dict(found.metrics) == pytest.approx(expected, rel=1e-6)
    told = model.predict(images, verbose=0).argmax(1)
    (measure,) = found.outputs
    assert isinstance(measure, Classes)
    assert measure.names == NAMES
    assert measure.absent == ("bee",)
    report = theirs.classification_report(
        true, told, labels=range(3), target_names=NAMES, output_dict=True, zero_division=0
    )
    assert measure.averages["macro average"].f1 == pytest.approx(report["macro avg"]["f1-score"])
    text = call("evaluate", "alone.keras", "--data", "held", "--interpolation", "nearest").stdout
    assert "no sample of bee" in text
    # `predict` says how many are right, too
    lines = call("predict", "alone.keras", "held", "--interpolation", "nearest", "--top", "1").stdout.splitlines()
    assert lines[-1].startswith(f"accuracy {(told == true).mean():.4f}: {(told == true).sum()} of 8")
    said = json.loads(call("predict", "alone.keras", "held", "--interpolation", "nearest", "--format", "json").stdout)
    assert said["accuracy"]["right"] == (told == true).sum()
    assert "accuracy" not in json.loads(call("predict", "alone.keras", str(files[0]), "--format", "json").stdout)


@pytest.mark.parametrize(
    ("words", "code", "message", "help"),
    [
        ("evaluate runn", "SC501", "no run or model `runn`", "did you mean `run`?"),
        ("evaluate held", "SC501", "`held` holds no run", "`train --output`"),
        ("evaluate alone.keras", "SC102", "it is not known what to evaluate `alone.keras` on", "`--data FOLDER`"),
        ("evaluate run --data hold", "SC602", "the folder `hold` does not exist", "did you mean `held`?"),
        ("evaluate run --data other", "SC604", "the model knows no class `ants`", "did you mean `ant`?"),
        ("evaluate run --data held -o run/evaluation", "SC508", "already holds an evaluation", "`--force`"),
        ("evaluate run -o run/last.keras/x", "SC508", "cannot be made, `run/last.keras` is a file", "another folder"),
        ("evaluate run --data held/ant/0.png", "SC602", "is a file", "name the folder"),
    ],
)
def test_help_for_a_wrong_call(words: str, code: str, message: str, help: str, here: Path) -> None:
    shutil.copytree(here / "held", here / "other")
    (here / "other" / "ant").rename(here / "other" / "ants")
    shutil.copy(here / "run" / "best.keras", here / "alone.keras")
    assert_refused(words, code, message, help)


def test_a_run_moves_with_its_data_and_restricts_paths(here: Path) -> None:
    whole = evaluate("run")
    (here / "away").mkdir()
    for name in ("run", "held", "pictures"):
        (here / name).rename(here / "away" / name)
    assert evaluate(here / "away" / "run").metrics == whole.metrics
    (here / "elsewhere").mkdir()
    (here / "away" / "held").rename(here / "elsewhere" / "held")
    (here / "away" / "held").symlink_to(here / "elsewhere" / "held")
    with pytest.raises(SpecError) as caught:
        evaluate(here / "away" / "run", restrict_paths=True)
    assert {each.code for each in caught.value.diagnostics} == {"SC510"}


OWN = """
import numpy as np
import keras
random = np.random.default_rng(3)
x = random.normal(size=(12, 5)).astype("float32")
y = np.eye(3, dtype="float32")[random.integers(0, 3, 12)]
def train(): return x, y
def held(): return x[:7], y[:7]
def loss(true, told): return keras.ops.mean(keras.ops.square(true - told)) * 3
"""


def test_data_and_loss_of_ones_own_need_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_evaluated.py").write_text(OWN)
    inputs = keras.Input((5,), name="numbers")
    base = randomized(keras.Model(inputs, keras.layers.Dense(4, name="body")(inputs), name="base"))
    given = spec(
        data={"train": "my_evaluated:train", "test": "my_evaluated:held", "batch_size": 4},
        compile={"optimizer": "sgd", "loss": "my_evaluated:loss", "metrics": ["accuracy"], "jit_compile": False},
        train=[{"phase": "head", "freeze": "base", "epochs": 1}],
    )
    del given["cut_at"]
    trained = train_spec(given, "run", base=base, watcher=Watcher(verbose=0), tensorboard=False, allow_code=True)
    assert trained.evaluation is not None
    with pytest.raises(SpecError) as caught:
        evaluate("run")
    assert {each.code for each in caught.value.diagnostics} == {"SC112"}
    found = evaluate("run", allow_code=True)
    assert found.metrics == trained.evaluation.metrics
    space: dict[str, Any] = {}
    exec(OWN, space)
    model = keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False)
    model.compile(loss=space["loss"], metrics=["accuracy"])
    expected = model.evaluate(*space["held"](), batch_size=4, verbose=0, return_dict=True)
    assert dict(found.metrics) == pytest.approx(expected, rel=1e-6)
    assert [each.true for each in found.predictions] == [str(at) for at in space["y"][:7].argmax(1)]


def several() -> tuple[Any, Any, Any]:
    """A model with an output of each kind, and data for it."""
    random = np.random.default_rng(4)
    inputs = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name="body")(inputs)
    mask = keras.layers.Conv2D(3, 1, activation="softmax", name="mask")(x)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = {
        "tags": keras.layers.Dense(4, activation="sigmoid", name="tags")(pooled),
        "price": keras.layers.Dense(2, name="price")(pooled),
        "answer": keras.layers.Dense(1, activation="sigmoid", name="answer")(pooled),
        "mask": mask,
    }
    model = randomized(keras.Model(inputs, outputs, name="several"))
    targets = {
        "tags": (random.random((11, 4)) > 0.5).astype("float32"),
        "price": random.normal(size=(11, 2)).astype("float32"),
        "answer": random.integers(0, 2, (11, 1)).astype("float32"),
        "mask": random.integers(0, 3, (11, 6, 6)),
    }
    return model, random.normal(size=(11, 6, 6, 3)).astype("float32"), targets


def test_labels_name_the_classes_of_data_that_does_not(here: Path) -> None:
    files = sorted((here / "held").rglob("*.png"))
    images, true = np.stack([*map(pixels, files)]), [NAMES.index(each.parent.name) for each in files]
    np.savez(here / "arrays.npz", x=images, y=np.eye(3, dtype="float32")[true])
    data = {"train": "arrays.npz", "validation": 0.5}
    train_spec(spec(data=data), "plain", base=branching(), watcher=Watcher(verbose=0), tensorboard=False)
    assert call("evaluate", "plain", "--format", "json").exit_code == 0
    measures: Any = evaluate("plain").of["answer"], evaluate("plain", labels=NAMES).of["answer"]
    assert [each.names for each in measures] == [("0", "1", "2"), NAMES]
    assert measures[0].matrix == measures[1].matrix
    (here / "two.txt").write_text("ant\nbee\n")
    assert_refused("evaluate plain --labels two.txt", "SC604", "there are 2 labels, the model has 3 classes", "")
    assert_refused("evaluate run --data held --labels two.txt", "SC604", "there are 2 labels", "")


@pytest.mark.parametrize("saved", [True, False])
def test_outputs_of_every_kind(saved: bool, tmp_path: Path) -> None:
    model, images, targets = several()
    losses = {"tags": "binary_crossentropy", "price": "mse", "answer": "binary_crossentropy",
              "mask": keras.losses.SparseCategoricalCrossentropy()}  # fmt: skip
    model.compile("sgd", losses, loss_weights={"tags": 0.5, "price": 1.0, "answer": 2.0, "mask": 1.0})
    expected = model.evaluate(images, targets, batch_size=4, verbose=0, return_dict=True)
    target: Any = model
    if saved:
        model.save(tmp_path / "several.keras")
        target = tmp_path / "several.keras"
    found = evaluate(target, (images, targets), batch_size=4)
    assert dict(found.metrics) == pytest.approx(expected, rel=1e-5)
    told = model.predict(images, verbose=0)
    of: Any = found.of
    assert {name: each.kind for name, each in of.items()} == {
        "answer": "classes", "mask": "classes", "price": "numbers", "tags": "labels"}  # fmt: skip
    single = (told["answer"] > 0.5).astype(int)
    assert of["answer"].counts.tolist() == theirs.confusion_matrix(targets["answer"], single, labels=[0, 1]).tolist()
    flat = targets["mask"].ravel(), told["mask"].argmax(-1).ravel()
    assert of["mask"].counts.tolist() == theirs.confusion_matrix(*flat, labels=range(3)).tolist()
    assert of["price"].figures["r2"] == pytest.approx(theirs.r2_score(targets["price"], told["price"]), rel=1e-4)
    matrices = theirs.multilabel_confusion_matrix(targets["tags"], told["tags"] > 0.5)
    assert [list(each) for each in of["tags"].counts] == [each.ravel().tolist() for each in matrices]
    assert "class" in found._repr_html_()
    assert not saved or model.get_weights()[0].shape


def test_a_model_without_a_loss_is_still_reported(tmp_path: Path) -> None:
    write_pictures(tmp_path / "held", names=("a", "b", "c", "d", "e"), each=2)
    branching().save(tmp_path / "plain.keras")
    found = evaluate(tmp_path / "plain.keras", tmp_path / "held")
    assert dict(found.metrics) == {}
    assert found.outputs[0].names == ("a", "b", "c", "d", "e")
    assert "without a loss" in found.notes[0]


def test_the_commands_of_the_page_run(here: Path) -> None:
    shutil.copytree(here / "held", here / "data" / "test")
    shutil.copytree(here / "held", here / "data" / "elsewhere")
    for name in ("run", "held", "pictures"):
        shutil.copytree(here / name, here / "runs" / ("x" if name == "run" else name))
    branching().save(here / "model.keras")
    (here / "classes.txt").write_text("ant\nbee\ncat\ndog\nemu\n")
    block, *_ = blocks(ROOT / "docs" / "training.md", "console")
    for command in commands(block):
        done = run([command], here)
        assert done.status == 0, done.output
    assert (here / "reports" / "elsewhere" / "report.html").exists()
