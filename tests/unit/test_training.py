"""The training sections without any framework: their fields, what they freeze, folders and the history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spec_compiler import SpecError, load_spec
from spec_compiler.edits.freezing import Freezing
from spec_compiler.files import Folder
from spec_compiler.spec.keras_objects import KerasObject
from spec_compiler.training.check import check_training, trainable_layers
from spec_compiler.training.folder import read_folder, same_classes, split_folder
from spec_compiler.training.history import History, Row
from spec_compiler.training.loss import labels_for
from tests.unit.graphs import chain, graph

COMPILE = {"optimizer": "adam", "loss": "mse"}


def spec(**sections: Any) -> Any:
    return load_spec({"spec": 1, "base": {"application": "VGG16"}, **sections})


def test_a_scalar_is_the_first_argument_and_an_alias_is_its_class() -> None:
    assert KerasObject.parse("optimizer", {"Adam": 0.01}).arguments == {"learning_rate": 0.01}
    assert KerasObject.parse("optimizer", "sgd").class_name == "SGD"
    assert KerasObject.parse("loss", "mse").class_name == "MeanSquaredError"
    assert KerasObject.parse("loss", "my_package>MyLoss").arguments == {}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("adm", "SC601"),
        ({"Adam": {"lr": 1}}, "SC106"),
        ({"Adam": {"learning_rate": -1}}, "SC107"),
        ({"Adam": {}, "SGD": {}}, "SC103"),
        (3, "SC103"),
        ([], "SC103"),
        ({"Adam": {"learning_rate": {"CosineDecay": {"decay_steps": 10}}}}, "SC102"),
    ],
)
def test_a_broken_optimizer(raw: Any, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        KerasObject.parse("optimizer", raw)
    assert {each.code for each in caught.value.diagnostics} == {code}


def test_phases_freeze_what_they_say_and_inherit_otherwise() -> None:
    plain = spec(
        train=[{"phase": "a", "epochs": 1, "freeze": "..b"}, {"phase": "b", "epochs": 1}],
        data={"train": "x"},
        compile=COMPILE,
    )
    edited = chain("in", "a", "b", "c")
    assert trainable_layers(plain, edited, 0) == {"c"}
    assert trainable_layers(plain, edited, 1) == {"in", "a", "b", "c"}


def test_all_batch_normalizations_freeze() -> None:
    edited = graph({"in": [], "a": ["in"], "bn": ["a"], "c": ["bn"]}, classes={"bn": "BatchNormalization"})
    assert Freezing.parse({"layers": "a", "batch_norm": "all"}).frozen(edited) == {"a", "bn"}
    assert Freezing.parse({"batch_norm": "all"}).frozen(edited) == {"bn"}
    assert Freezing.parse("a").frozen(edited) == {"a"}
    with pytest.raises(SpecError, match="no BatchNormalization"):
        Freezing.parse({"batch_norm": "all"}).frozen(chain("in", "a"))


def test_a_phase_that_trains_nothing() -> None:
    nothing = spec(train=[{"phase": "a", "epochs": 1, "freeze": "all"}], data={"train": "x:y"}, compile=COMPILE)
    with pytest.raises(SpecError) as caught:
        check_training(nothing, chain("in", "a"))
    assert [each.code for each in caught.value.diagnostics] == ["SC607"]


@pytest.mark.parametrize(
    ("loss", "form"),
    [("mse", "one_hot"), ("categorical_crossentropy", "one_hot"), ("sparse_categorical_crossentropy", "integer")],
)
def test_labels_follow_the_loss(loss: str, form: str) -> None:
    assert labels_for(spec(compile={"optimizer": "adam", "loss": loss}), chain("in", "a")) == form


def folder(path: Path, **counts: int) -> Path:
    for name, count in counts.items():
        (path / name).mkdir(parents=True)
        for number in range(count):
            (path / name / f"{number}.png").write_bytes(b"")
    return path


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    found = read_folder(".", Folder(str(folder(tmp_path, dog=2, cat=3))))
    assert found.class_names == ("cat", "dog")
    assert found.counts() == {"cat": 3, "dog": 2}
    assert found.labels == (0, 0, 0, 1, 1)


def test_a_split_holds_back_a_share_of_each_class_and_depends_on_the_seed_alone(tmp_path: Path) -> None:
    whole = read_folder(".", Folder(str(folder(tmp_path, a=10, b=20, c=2))))
    parts = split_folder(whole, {"validation": 0.2}, seed=1)
    assert parts["validation"].counts() == {"a": 2, "b": 4, "c": 1}
    assert sorted([*parts["train"].files, *parts["validation"].files]) == sorted(whole.files)
    assert split_folder(whole, {"validation": 0.2}, seed=1) == parts
    assert split_folder(whole, {"validation": 0.2}, seed=2)["validation"].files != parts["validation"].files


def test_a_share_to_test_with_leaves_the_validation_as_it_was(tmp_path: Path) -> None:
    whole = read_folder(".", Folder(str(folder(tmp_path, a=10, b=20, c=3))))
    alone = split_folder(whole, {"validation": 0.2}, seed=1)
    parts = split_folder(whole, {"validation": 0.2, "test": 0.3}, seed=1)
    assert parts["validation"] == alone["validation"]
    assert parts["test"].counts() == {"a": 3, "b": 6, "c": 1}
    assert parts["test"] == split_folder(whole, {"test": 0.3}, seed=1)["test"]
    assert sorted(file for part in parts.values() for file in part.files) == sorted(whole.files)
    most = split_folder(whole, {"validation": 0.5, "test": 0.49}, seed=1)
    assert min(min(part.counts().values()) for part in most.values()) == 1
    with pytest.raises(SpecError, match="has 2 images, which cannot train, validate and test"):
        split_folder(
            read_folder("b", Folder(str(folder(tmp_path / "b", a=2).parent))), {"validation": 0.2, "test": 0.3}, 1
        )


def test_folders_with_other_classes(tmp_path: Path) -> None:
    one = read_folder(".", Folder(str(folder(tmp_path / "one", a=1, b=1))))
    other = read_folder(".", Folder(str(folder(tmp_path / "other", a=1, c=1))))
    with pytest.raises(SpecError, match="lacks `b` and has `c`"):
        same_classes(one, other, "validation")


def test_the_history_survives_as_data() -> None:
    history = History().with_row(Row(1, "head", {"loss": 0.5}, 0.1, 1.0)).with_row(Row(2, "tune", {"loss": 0.25}))
    assert History.from_json(history.to_json()) == history
    assert history.phases() == (("head", 1, 1), ("tune", 2, 2))
    best = history.best("loss", largest=False)
    assert best is not None
    assert best.epoch == 2
    assert history.to_csv().splitlines()[0] == "epoch,phase,loss,learning_rate,seconds"
