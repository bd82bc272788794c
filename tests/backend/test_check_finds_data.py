"""`check` finds what `train` would find before its first epoch, with and without Keras."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import check_spec, compile_spec, plan_spec
from spec_compiler.compiler import checked
from spec_compiler.spec.permissions import EVERYTHING
from tests.backend.pictures import write_pictures

SPEC: dict[str, Any] = {
    "spec": 1,
    "base": {"application": "VGG16", "weights": None, "include_top": False, "input_shape": [32, 32, 3]},
    "cut_at": "block1_pool",
    "head": ["GlobalAveragePooling2D", {"Dense": {"units": 2, "activation": "softmax", "name": "answer"}}],
    "data": {"train": "train", "validation": 0.5},
    "compile": {"optimizer": "adam", "loss": "categorical_crossentropy"},
    "train": [{"phase": "one", "epochs": 1}],
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "train", classes=2)
    (tmp_path / "my_data.py").write_text("from numpy import zeros\ndef train(): raise KeyError\ndata = 3\n")
    return tmp_path


def codes(spec: dict[str, Any], **options: Any) -> list[str]:
    """What `check` says, with Keras and without it the same."""
    found = check_spec(spec, **options)
    assert check_spec(spec, static=True, **options) == found
    return [each.code for each in found]


def data(**fields: Any) -> dict[str, Any]:
    return {**SPEC, "data": {**SPEC["data"], **fields}}


def test_a_folder_is_looked_at_finding_N3(here: Path) -> None:
    assert codes(SPEC) == []
    assert codes(data(train="trian")) == ["SC602"]
    assert codes(data(validation="held")) == ["SC602"]
    write_pictures(here / "held", classes=3)
    assert codes(data(validation="held")) == ["SC602"]
    assert codes(data(train="held")) == ["SC604"]
    assert checked(data(train="trian"), EVERYTHING).tier == "files"
    plan_spec(data(train="trian"))  # a model without its data can be planned and built
    compile_spec(data(train="trian"))


def test_a_function_is_looked_for_finding_N3(here: Path) -> None:
    del here
    for text, expected in (
        ("my_data:train", []),
        ("my_data:zeros", []),
        ("my_data:trian", ["SC606"]),
        ("mydata:train", ["SC606"]),
        ("json:load", []),
    ):
        spec = {**SPEC, "data": {"train": text}}
        assert codes(spec, allow_code=True) == expected, text


def test_pillow_is_missing_finding_N3_N15(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del here
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "PIL" else find(name))
    (found,) = check_spec(SPEC)
    assert (found.code, found.path) == ("SC603", ("data", "train"))
    assert found.help == "install it: `pip install pillow`"


def test_a_model_of_any_size_needs_a_size_finding_N3(here: Path) -> None:
    del here
    any_size = {**SPEC, "base": {**SPEC["base"], "input_shape": [None, None, 3]}}
    assert codes(any_size) == ["SC102"]
    any_size["data"] = {"train": "train", "image_size": [32, 32]}
    assert codes(any_size) == []
    assert codes(data(image_size=[16, 32])) == ["SC604"]


UNET: dict[str, Any] = {
    **{key: SPEC[key] for key in ("spec", "base", "cut_at")},
    "head": [{"Conv2D": {"filters": 1, "kernel_size": 1, "activation": "sigmoid", "name": "mask"}}],
    "compile": {"optimizer": "adam", "loss": "binary_crossentropy"},
}


def test_a_compile_without_images_is_no_image_classification_finding_W9(here: Path) -> None:
    del here
    assert codes(UNET) == []  # the result is compiled
    assert codes({**UNET, "data": {"train": "my_data:train"}, "train": SPEC["train"]}, allow_code=True) == []
    assert codes({**UNET, "data": {"train": "train"}}) == ["SC312"]  # nothing uses it
    assert codes({**UNET, "data": {"train": "train"}, "train": SPEC["train"]}) == ["SC604"]


def test_what_the_loss_contradicts_whatever_the_labels_finding_W9(here: Path) -> None:
    del here
    raw = {**UNET, "head": [{"Conv2D": {"filters": 1, "kernel_size": 1, "name": "mask"}}]}
    assert codes(raw) == ["SC605"]
    assert codes({**raw, "data": {"train": "my_data:train"}, "train": SPEC["train"]}, allow_code=True) == ["SC605"]
    two = {**raw, "head": [*UNET["head"], {"Conv2D": {"filters": 1, "kernel_size": 1, "name": "raw"}, "from": "mask"}]}
    assert codes({**two, "outputs": {"a": "mask", "b": "raw"}}) == ["SC605"]
    assert codes({**two, "outputs": {"a": "mask", "b": "raw"}, "compile": {"optimizer": "adam", "loss": "mse"}}) == []


def test_what_keras_refuses_to_make_finding_N3(here: Path) -> None:
    del here
    clipped = {"Adam": {"clipnorm": 1.0, "clipvalue": 1.0}}
    crop = [{"RandomCrop": {"height": 8, "width": 8}}]
    checkpoint = [{"ModelCheckpoint": {"filepath": "model.txt"}}]
    for spec, code, place in (
        ({**SPEC, "compile": {**SPEC["compile"], "optimizer": clipped}}, "SC609", ("compile", "optimizer")),
        ({**SPEC, "train": [{"phase": "one", "epochs": 1, "optimizer": clipped}]}, "SC609", ("train", 0, "optimizer")),
        (
            {**SPEC, "train": [{"phase": "one", "epochs": 1, "callbacks": checkpoint}]},
            "SC609",
            ("train", 0, "callbacks", 0),
        ),
        (data(augment=crop), "SC604", ("data", "augment", 0)),
    ):
        (found,) = check_spec(spec)
        assert (found.code, found.path) == (code, place)
