"""What an export knows without Keras: formats, places, cards, what holds."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import jsonschema
import pytest

from spec_compiler import SpecError, export_model, export_spec
from spec_compiler.exporter.places import Place
from spec_compiler.exporting.card import Card, Input, Output, card_place, read_card, sha256, text
from spec_compiler.exporting.comparison import Compared
from spec_compiler.exporting.formats import FORMATS, format_of
from spec_compiler.files.whole_folder import whole_folder
from tests.markdown import ROOT


def test_the_page_lists_the_formats_and_their_tolerances() -> None:
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    for each in FORMATS:
        assert re.search(
            rf"^\| `[^`]*{re.escape(each.suffix or '/')}`.*\| {each.name} \| {each.runtime} \|$", page, re.M
        )
        for precision, tolerance in each.tolerances.items():
            assert f"| {precision} | {tolerance:.0e} |".replace("e-0", "e-") in page


@pytest.mark.parametrize(
    ("difference", "largest", "holds"),
    [(0.0, 0.0, True), (1e-5, 1.0, True), (1e-3, 1.0, False), (1e-3, 100.0, True), (1e-9, 0.0, False)],
)
def test_a_difference_is_a_part_of_the_largest_number(difference: float, largest: float, holds: bool) -> None:
    assert Compared("out", difference, largest, 1e-4).holds is holds


@pytest.mark.parametrize("difference", [float("inf"), float("nan")])
def test_what_is_no_number_does_not_hold(difference: float) -> None:
    assert not Compared("out", difference, 1.0, 1e-4).holds


# folders


def content(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in sorted(folder.rglob("*")) if each.is_file()}


def fill(path: Path, said: str, replace: bool = False) -> None:
    with whole_folder(str(path), replace=replace) as temporary:
        (Path(temporary) / "deep").mkdir()
        (Path(temporary) / "deep" / "file").write_text(said)


@pytest.mark.parametrize("has_exchange", [True, False])
def test_a_folder_is_whole_or_as_it_was(has_exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_exchange:
        monkeypatch.setattr(sys, "platform", "other")
    place = tmp_path / "a" / "b"
    fill(place, "first")
    with pytest.raises(FileExistsError):
        fill(place, "second")
    assert content(place) == {"deep/file": "first"}
    with pytest.raises(ZeroDivisionError), whole_folder(str(place), replace=True):
        raise ZeroDivisionError
    assert content(place) == {"deep/file": "first"}
    fill(place, "third", replace=True)
    assert content(tmp_path) == {"a/b/deep/file": "third"}
    assert [each.name for each in place.parent.iterdir()] == ["b"]


def test_an_empty_folder_that_came_in_the_meantime_stays(tmp_path: Path) -> None:
    place = tmp_path / "b"

    def filled() -> None:
        with whole_folder(str(place)) as temporary:
            (Path(temporary) / "file").write_text("x")
            place.mkdir()

    with pytest.raises(FileExistsError):
        filled()
    assert content(tmp_path) == {}


# places


def test_nothing_but_a_saved_model_is_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_text("mine")
    for output in ("photos", "photos/"):
        with pytest.raises(SpecError, match="something else in it than a SavedModel"):
            Place.of(f"{tmp_path}/{output}", force=True)
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    with pytest.raises(SpecError, match="is a file, a SavedModel is a folder"):
        Place.of(f"{tmp_path}/link", force=True)
    assert content(tmp_path / "photos") == {"one.png": "mine"}


@pytest.mark.parametrize("beside", ["model.xml", "model.bin", "model.xml.json"])
def test_no_file_of_an_artefact_is_overwritten_unasked(beside: str, tmp_path: Path) -> None:
    (tmp_path / beside).write_text("mine")
    with pytest.raises(SpecError, match=f"{beside}` already exists"):
        Place.of(f"{tmp_path}/model.xml", force=False)
    assert Place.of(f"{tmp_path}/model.xml", force=True).files[-1].endswith("model.xml.json")


def test_mistakes_are_told_before_keras_is_loaded(tmp_path: Path) -> None:
    spec = {"spec": 1, "base": {"application": "VGG16", "weights": None}}
    for output, options, said in (
        ("m.tflite", {"quantize": "int8"}, "SC521.*none are named"),
        ("m.onnx", {"quantize": "float16"}, "SC521.*float32 alone"),
        ("m.tflite", {"quantize": "int8", "calibration": tmp_path / "nope"}, "SC501"),
        ("m.tflite", {"calibration": tmp_path}, "SC521.*int8 alone"),
        ("m.keras", {}, "(?s)SC508.*spec-compiler build"),
    ):
        with pytest.raises(SpecError, match=said):
            export_spec(spec, tmp_path / output, **options)
        with pytest.raises(SpecError, match=said):
            export_model("model.keras", tmp_path / output, **options)
    assert list(tmp_path.iterdir()) == []


# cards


def card_of(path: Path) -> Card:
    return Card(
        format=format_of(str(path)).key,
        precision="float32",
        model="small",
        files={path.name: sha256(str(path))},
        inputs=(Input(name="x", layer="image", shape=(None, 8, 8, 3), dtype="float32"),),
        outputs=(
            Output(
                name="y",
                layer="answer",
                shape=(None, 2),
                dtype="float32",
                classes=("Köln", "cat"),
                largest_difference=1e-7,
                tolerance=1e-4,
            ),
        ),
        runtime="ONNX Runtime 1",
        probes="2 seeded inputs",
        made_with={"keras": "3"},
    )


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    artefact = tmp_path / "model.onnx"
    artefact.write_bytes(b"any")
    card = card_of(artefact)
    Path(card_place(str(artefact))).write_text(card.to_text(), encoding="utf-8")
    assert read_card(artefact) == card
    jsonschema.validate(json.loads(card.to_text()), json.loads(text()))


@pytest.mark.parametrize("damage", ["{", "[]", '{"format_version": 2}', "null"])
def test_a_damaged_card_is_told(damage: str, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"any")
    with pytest.raises(SpecError, match="SC501"):
        read_card(tmp_path / "model.onnx")
    (tmp_path / "model.onnx.json").write_text(damage)
    with pytest.raises(SpecError, match="SC502"):
        read_card(tmp_path / "model.onnx")


def test_a_card_leads_to_no_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    artefact, other = tmp_path / "inside" / "model.onnx", tmp_path / "secret"
    artefact.write_bytes(b"any")
    other.write_bytes(b"other")
    card = card_of(artefact).model_copy(update={"files": {"../secret": sha256(str(other))}})
    Path(card_place(str(artefact))).write_text(card.to_text(), encoding="utf-8")
    with pytest.raises(SpecError, match="SC502"):
        read_card(artefact)
    assert os.path.exists(other)
