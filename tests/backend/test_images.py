"""`predict`, `features` and `bases` from the command line."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler.diagnostics import SpecError
from tests.backend.calls import assert_refused, call
from tests.backend.conftest import branching
from tests.backend.pictures import write_pictures


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pictures(tmp_path / "images", classes=2, each=3)
    branching().save(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(path: Path) -> Any:
    return keras.utils.img_to_array(keras.utils.load_img(path))[None]


def features(path: Path) -> Any:
    with np.load(path) as file:
        return file["features"]


def test_predict_shows_the_best_classes(project: Path) -> None:
    result = call("predict", "model.keras", "images", "--top", "2", "--format", "json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["images"]
    assert [row["image"] for row in rows] == sorted(str(each.relative_to(project)) for each in project.rglob("*.png"))
    scores = keras.ops.convert_to_numpy(branching()(pixels(project / rows[0]["image"])))[0]
    assert [each["index"] for each in rows[0]["classes"]] == list(np.argsort(-scores)[:2])
    np.testing.assert_allclose(rows[0]["classes"][0]["score"], scores.max(), rtol=1e-4)


def test_labels_name_the_classes_and_must_fit(project: Path) -> None:
    (project / "labels.txt").write_text("\n".join("abcde"))
    text = call("predict", "model.keras", "images/class_0/0.png", "--labels", "labels.txt").stdout
    assert text.splitlines()[0] == "images/class_0/0.png"
    assert len(text.splitlines()) == 6
    assert text.splitlines()[1].split()[-1] in "abcde"
    (project / "labels.json").write_text('["a", "b"]')
    with pytest.raises(SpecError, match="there are 2 labels, the model has 5 classes"):
        call("predict", "model.keras", "images", "--labels", "labels.json")


def test_an_applications_own_classes_are_called_as_in_imagenet_finding_W12(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file of Keras's own decoding, which is never fetched; a head of one's own is not called so."""
    monkeypatch.setattr("spec_compiler.cli.class_names.keras_home", lambda: str(project / "home"))
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    for name, layer in (("vgg16", "predictions"), ("mine", "predictions"), ("vgg16_b", "answer")):
        outputs = keras.layers.Dense(1000, activation="softmax", name=layer)(x)
        keras.Model(inputs, outputs, name=name).save(project / f"{name}-{layer}.keras")
    absent = call("predict", "vgg16-predictions.keras", "images/class_0/0.png", "--top", "1")
    assert "class " in absent.stdout
    assert "imagenet_class_index.json at" in absent.stderr
    (project / "home" / "models").mkdir(parents=True)
    index = {str(at): [f"n{at:08}", f"thing_{at}"] for at in range(1000)}
    (project / "home" / "models" / "imagenet_class_index.json").write_text(json.dumps(index))
    for file, named in (("vgg16-predictions", True), ("mine-predictions", False), ("vgg16_b-answer", False)):
        found = call("predict", f"{file}.keras", "images/class_0/0.png", "--top", "1")
        assert ("thing_" in found.stdout) is named, file
        assert ("called as in ImageNet" in found.stderr) is named


def test_unreadable_images_are_named_and_skipped_or_an_error(project: Path) -> None:
    (project / "images" / "class_0" / "1.png").write_bytes(b"no image")
    result = call("predict", "model.keras", "images", "missing.png", "--format", "csv", "--batch-size", "2")
    assert result.exit_code == 0
    assert "skipped images/class_0/1.png: it is not an image that Pillow knows" in result.stderr
    assert "skipped missing.png: no such file" in result.stderr
    assert len({row["image"] for row in csv.DictReader(result.stdout.splitlines())}) == 5
    with pytest.raises(SpecError, match=r"`images/class_0/1.png` cannot be read"):
        call("predict", "model.keras", "images", "--strict")


def test_features_are_what_the_model_puts_out(project: Path) -> None:
    assert call("features", "model.keras", "images", "-o", "features.npz", "--layer", "pool").exit_code == 0
    with np.load(project / "features.npz") as file:
        stored = dict(file)
    assert stored["features"].shape == (6, 8)
    model = branching()
    pool = keras.Model(model.input, model.get_layer("pool").output)
    for file, row in zip(stored["files"], stored["features"], strict=True):
        expected = keras.ops.convert_to_numpy(pool(pixels(project / file)))[0]
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-4)
    assert call("features", "model.keras", "images", "-o", "features.csv").exit_code == 0
    rows = list(csv.reader((project / "features.csv").read_text().splitlines()))
    assert len(rows) == 7
    assert rows[0] == ["file", *(f"features_{index}" for index in range(5))]
    with pytest.raises(SpecError, match="already exists"):
        call("features", "model.keras", "images", "-o", "features.csv")


def test_preprocessing_by_name(project: Path) -> None:
    call("features", "model.keras", "images", "-o", "plain.npz")
    call("features", "model.keras", "images", "-o", "vgg.npz", "--preprocess", "VGG16")
    call("features", "model.keras", "images", "-o", "same.npz", "--preprocess", "EfficientNetB0")
    plain, vgg, same = (features(project / f"{name}.npz") for name in ("plain", "vgg", "same"))
    assert not np.allclose(plain, vgg)
    np.testing.assert_array_equal(plain, same)
    with pytest.raises(SpecError, match="no Keras application is called `VGG61`"):
        call("features", "model.keras", "images", "-o", "x.npz", "--preprocess", "VGG61")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("predict", "missing.keras", "images"), "SC501"),
        (("predict", "images/class_0/0.png", "images"), "SC502"),
        (("features", "model.keras", "images", "-o", "x.npz", "--layer", "pol"), "SC201"),
        (("features", "model.keras", "images", "-o", "x.txt"), "SC508"),
    ],
)
def test_a_wrong_call(arguments: tuple[str, ...], code: str, project: Path) -> None:
    with pytest.raises(SpecError) as caught:
        call(*arguments)
    assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize("config", ["1", '"x"', "[]", "{}", "[" * 2000, "{"])
def test_an_archive_whose_config_is_none(config: str, project: Path) -> None:
    with zipfile.ZipFile(project / "odd.keras", "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", "{}")
    with pytest.raises(SpecError) as caught:
        call("predict", "odd.keras", "images")
    assert [each.code for each in caught.value.diagnostics] == ["SC502"]


@pytest.mark.parametrize(
    ("words", "code", "message", "help"),
    [
        ("predict mine.yaml images", "SC502", "`mine.yaml` is a spec, not a model", "build mine.yaml -o mine.keras"),
        ("predict modle.keras images", "SC501", "no model file `modle.keras`", "did you mean `model.keras`?"),
        ("predict model.keras imags", "SC501", "no file or folder `imags`", "did you mean `images`?"),
        ("predict model.keras images/clas_0", "SC501", "`images/clas_0`", "`images/class_0`"),
        ("predict model.keras images/class_0/9.png", "SC501", "`images/class_0/9.png`", "`images/class_0/0.png`"),
        ("features model.keras images -o x.npz --layer pol", "SC201", "`pol`", "did you mean `pool`?"),
        ("features model.keras images -o x.npz --layer other", "SC201", "`other`", "spec-compiler layers model.keras"),
    ],
)
def test_help_for_a_wrong_call(words: str, code: str, message: str, help: str, project: Path) -> None:
    (project / "mine.yaml").write_text("spec: 1\nbase: {file: model.keras}\n")
    assert_refused(words, code, message, help)


def test_the_table_of_bases() -> None:
    text = call("bases").stdout
    assert "ResNet50            224   25,636,712     177         3.86 G  74.9 %  92.1 %  caffe" in text
    rows = json.loads(call("bases", "--sort", "accuracy", "--format", "json").stdout)["applications"]
    assert rows[0]["name"] == "ConvNeXtXLarge"
    assert len(rows) == len(text.splitlines()) - 1


@pytest.mark.slow
def test_the_figures_of_the_table_are_measured() -> None:
    from spec_compiler.backend.catalogue.application_figures import document
    from spec_compiler.keras_facts.applications import figures_file

    committed = json.loads(figures_file().read_text(encoding="utf-8"))
    assert document()["applications"] == committed["applications"]
