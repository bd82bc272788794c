"""The part to test with: no phase sees it, and it comes as Keras's own `evaluate` takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from spec_compiler import SpecError
from spec_compiler.backend.training.data import load_data, load_part
from spec_compiler.spec import load_spec
from spec_compiler.training.folder import Folders
from spec_compiler.training.identity import check_same, identity
from spec_compiler.training.sources import read_source
from tests.backend.pictures import write_pictures
from tests.backend.test_training_data import SPEC, error, project, run

__all__ = ["project"]
TEST = SPEC.replace("validation: 0.25", "validation: 0.25\n  test: held")


def test_keras_evaluates_a_folder_to_test_with_as_its_own_reader_gives_it(project: Path) -> None:
    write_pictures(project / "held", each=5)
    trained = run(project, TEST)
    spec, graph = trained.compiled.spec, trained.compiled.plan.after
    part = load_part(spec, "test", graph, trained.model, allow_code=False)
    assert part is not None
    theirs = keras.utils.image_dataset_from_directory(
        project / "held", label_mode="categorical", image_size=(16, 16), shuffle=False, verbose=False
    )
    assert part.class_names == {"answer": tuple(theirs.class_names)}
    assert part.files == tuple(theirs.file_paths)
    assert part.labels["answer"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert part.size == 15
    assert trained.summary["data"]["test"] == 15
    expected = trained.model.evaluate(theirs, verbose=0)
    np.testing.assert_allclose(trained.model.evaluate(part.batches, verbose=0), expected, rtol=1e-5)
    np.testing.assert_array_equal(trained.model.predict(part.batches, verbose=0).shape, (15, 3))
    assert load_part(spec, "validation", graph, trained.model, allow_code=False) is not None


def test_a_share_to_test_with_is_neither_trained_on_nor_validated_on(project: Path) -> None:
    trained = run(project, SPEC.replace("validation: 0.25", "validation: 0.25\n  test: 0.25"))
    spec, graph = trained.compiled.spec, trained.compiled.plan.after
    data = load_data(spec, graph, trained.model, read_source(spec), allow_code=False)
    assert data.test is not None
    assert (data.num_train, data.num_validation, data.num_test) == (12, 6, 6)
    parts = [data.train.content.files, data.validation.content.files, data.test.files]
    assert len({file for files in parts for file in files}) == 24


def test_what_tests_a_run_may_change_while_it_goes_on(project: Path) -> None:
    write_pictures(project / "held")
    (project / "spec.yaml").write_text(TEST)
    spec = load_spec(str(project / "spec.yaml"))
    other = load_spec(str(project / "spec.yaml"), overrides=["data.test=another"])
    changes = check_same(identity(spec, "same"), identity(other, "same"), 0, "run")
    assert changes == ["`data.test` held → another"]
    longer = load_spec(str(project / "spec.yaml"), overrides=["data.validation=0.3"])
    with pytest.raises(SpecError, match="began with"):
        check_same(identity(spec, "same"), identity(longer, "same"), 0, "run")
    folders = read_source(spec)
    assert isinstance(folders, Folders)
    trained = run(project, TEST)
    graph = trained.compiled.plan.after
    prints = {
        load_data(spec, graph, trained.model, each, allow_code=False).fingerprint
        for each in (folders, replace_test(folders))
    }
    assert len(prints) == 1


def replace_test(folders: Folders) -> Folders:
    assert folders.test is not None
    test = replace(folders.test, files=folders.test.files[:-1], labels=folders.test.labels[:-1])
    return folders._replace(test=test)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("held", "SC602", "the folder `held` does not exist"),
        ("train/class_0", "SC602", "has no class folders"),
        ("0.8", "SC103", "leave nothing to train on"),
        ("20", "SC103", "must be a share between 0 and 1"),
        ("[1]", "SC103", "`test` is a share between 0 and 1 or a folder"),
        ("0.1", "SC602", "the class `class_2` has 2 images, which cannot train, validate and test"),
        ("'mine:test'", "SC108", "the other must be one as well"),
    ],
)
def test_what_is_wrong_with_it_is_told_at_its_line(value: str, code: str, text: str, project: Path) -> None:
    if value == "0.1":
        for number in range(2, 8):
            (project / "train" / "class_2" / f"{number}.png").unlink()
    found = error(project, TEST.replace("test: held", f"test: {value}"), allow_code=True)
    assert (found.code, found.line, found.column) == (code, 9, 10 if value[0] == "'" else 9)
    assert text in found.message


def test_an_unreadable_image_to_test_with(project: Path) -> None:
    write_pictures(project / "held")
    (project / "held" / "class_1" / "3.png").write_text("no image")
    found = error(project, TEST)
    assert (found.code, found.line, found.column) == ("SC603", 9, 9)
    assert "class_1/3.png" in found.notes[0]
