"""Reports against scikit-learn's on the same predictions: absent classes, ties, nothing predicted, one class alone."""

from __future__ import annotations

import csv
import io
import os
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from spec_compiler.evaluation import Evaluation
from spec_compiler.evaluation.files import endings, written
from spec_compiler.evaluation.measured import Counted
from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.evaluation.measures.kinds import OutputKind, kind_of
from spec_compiler.evaluation.measures.labels import Labels
from spec_compiler.evaluation.measures.numbers import Numbers
from spec_compiler.evaluation.measures.scores import Scores, roc_auc
from spec_compiler.evaluation.page import to_html
from spec_compiler.evaluation.targets import with_classes
from spec_compiler.training.folder import ImageFolder
from spec_compiler.training.history import History, Row

NAMES = tuple("abcdefghijkl")


def counted(kind: OutputKind, targets: Any, outputs: Any, batch: int = 7, **options: Any) -> Counted:
    """Both in batches, as a model gives them."""
    found = Counted([kind], **options)
    for start in range(0, len(outputs), batch):
        part = slice(start, start + batch)
        size = len(outputs[part])
        found.add({kind.output: targets[part]}, {kind.output: outputs[part]}, size, lambda at: None)
    return found


def random_scores(case: str, classes: int, count: int = 60) -> tuple[Any, Any]:
    """Numbers of classes that are true, and scores; in some cases without some of the classes, or with ties."""
    random = np.random.default_rng(sum(map(ord, case)))
    true = random.integers(0, classes, count)
    scores = random.random((count, classes))
    if case == "absent":
        true[true == 1] = 2  # no sample of `b`
        scores[:, 3] = -1  # and `d` never predicted
    elif case == "absent and never predicted":
        true[true == 1] = 2
        scores[:, 1] = -1
    elif case == "ties":
        scores = np.round(scores, 1)
    elif case == "one class":
        true[:] = 0
    elif case == "right":
        scores = np.eye(classes)[true]
    return true, scores.astype("float32")


def classes_of(measure: Any) -> Classes:
    assert isinstance(measure, Classes)
    return measure


@pytest.mark.parametrize("form", ["one_hot", "integer"])
@pytest.mark.parametrize("case", ["usual", "absent", "absent and never predicted", "ties", "one class", "right"])
def test_classes_are_reported_as_scikit_learn_does(case: str, form: str) -> None:
    true, scores = random_scores(case, 5)
    loss = "SparseCategoricalCrossentropy" if form == "integer" else "CategoricalCrossentropy"
    kind = kind_of("answer", (None, 5), loss, "softmax", NAMES[:5])
    assert kind is not None
    targets = true if form == "integer" else np.eye(5, dtype="float32")[true]
    measure = classes_of(counted(kind, targets, scores).measures[0])
    told = scores.argmax(1)
    assert measure.counts.tolist() == theirs.confusion_matrix(true, told, labels=range(5)).tolist()
    report = theirs.classification_report(
        true, told, labels=range(5), target_names=list(NAMES[:5]), output_dict=True, zero_division=0
    )
    for name, row in zip(measure.names, measure.rows, strict=True):
        assert_scores(row, report[name])
    for ours, name in (("macro average", "macro avg"), ("weighted average", "weighted avg")):
        assert_scores(measure.averages[ours], report[name])
    assert measure.accuracy == pytest.approx(theirs.accuracy_score(true, told), abs=1e-12)
    balanced = theirs.recall_score(true, told, labels=sorted(set(true)), average="macro", zero_division=0)
    assert measure.figures["balanced_accuracy"] == pytest.approx(balanced, abs=1e-12)
    jaccard = theirs.jaccard_score(true, told, labels=range(5), average=None, zero_division=0)
    assert [row.iou for row in measure.rows] == pytest.approx(list(jaccard), abs=1e-12)
    assert measure.absent == tuple(NAMES[at] for at in range(5) if at not in true)


def assert_scores(ours: Scores, report: Any) -> None:
    keys = ("precision", "recall", "f1-score", "support")
    assert (ours.precision, ours.recall, ours.f1, ours.support) == pytest.approx(
        [report[key] for key in keys], abs=1e-12
    )


@pytest.mark.parametrize(
    ("logits", "loss"), [(False, "BinaryCrossentropy"), (True, "BinaryCrossentropy"), (True, "Hinge")]
)
@pytest.mark.parametrize("rounded", [False, True])
def test_one_number_tells_two_classes_apart(rounded: bool, logits: bool, loss: str) -> None:
    random = np.random.default_rng(5)
    true = random.integers(0, 2, 50)
    scores = np.round(random.random(50), 1) if rounded else random.random(50)
    outputs = ((scores - 0.5) * 4 if logits else scores).astype("float32")[:, None]
    kind = kind_of("answer", (None, 1), loss, None, ("cat", "dog"), arguments={"from_logits": logits})
    assert kind is not None
    targets = (true * 2 - 1 if loss == "Hinge" else true)[:, None]
    found = counted(kind, targets, outputs)
    measure = classes_of(found.measures[0])
    told = (outputs[:, 0] > (0 if logits else 0.5)).astype(int)
    assert measure.counts.tolist() == theirs.confusion_matrix(true, told).tolist()
    assert measure.figures["roc_auc"] == pytest.approx(theirs.roc_auc_score(true, outputs[:, 0]), abs=1e-12)
    chances = 1 / (1 + np.exp(-outputs[:, 0])) if logits else outputs[:, 0]
    for each in found.predictions:
        chance = chances[each.sample]
        assert each.probability == pytest.approx(chance if each.told == "dog" else 1 - chance, abs=1e-6)


def test_the_area_under_the_curve_needs_both_classes() -> None:
    assert roc_auc(np.array([True, True]), np.array([0.1, 0.2])) is None


@pytest.mark.parametrize("case", ["usual", "ties", "absent"])
def test_labels_are_reported_as_scikit_learn_does(case: str) -> None:
    _, scores = random_scores(case, 4)
    true = (np.random.default_rng(9).random((60, 4)) > 0.6).astype("float32")
    if case == "absent":
        true[:, 2] = 0
    kind = kind_of("tags", (None, 4), "BinaryCrossentropy", "sigmoid", NAMES[:4])
    assert kind is not None
    (measure,) = counted(kind, true, scores).measures
    assert isinstance(measure, Labels)
    told = (scores > 0.5).astype(int)
    matrices = theirs.multilabel_confusion_matrix(true, told)
    assert [list(row) for row in measure.counts] == [matrix.ravel().tolist() for matrix in matrices]
    report = theirs.classification_report(true, told, target_names=list(NAMES[:4]), output_dict=True, zero_division=0)
    for name, row in zip(measure.names, measure.rows, strict=True):
        assert_scores(row, report[name])
    for kind_of_average in ("micro", "macro", "weighted"):
        assert_scores(measure.averages[f"{kind_of_average} average"], report[f"{kind_of_average} avg"])
    assert measure.accuracy == pytest.approx(theirs.accuracy_score(true, told), abs=1e-12)
    assert measure.figures["label_accuracy"] == pytest.approx(1 - theirs.hamming_loss(true, told), abs=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("columns", [1, 3])
def test_numbers_are_reported_as_scikit_learn_does(columns: int, offset: float) -> None:
    random = np.random.default_rng(2)
    true = random.normal(size=(50, columns)) * 3 + offset
    told = true + random.normal(size=(50, columns))
    if columns == 3:
        true[:, 1] = offset + 2  # a constant, of which R² is 0
        told[:, 2] = true[:, 2]
    kind = kind_of("price", (None, columns), "MeanSquaredError", "linear")
    assert kind is not None
    (measure,) = counted(kind, true, told).measures
    assert isinstance(measure, Numbers)
    for ours, function in (
        ("mae", theirs.mean_absolute_error),
        ("rmse", theirs.root_mean_squared_error),
        ("r2", theirs.r2_score),
    ):
        each = function(true, told, multioutput="raw_values")
        assert [getattr(row, ours) for row in measure.rows] == pytest.approx(list(np.atleast_1d(each)), rel=1e-9)
        assert measure.figures[ours] == pytest.approx(function(true, told), rel=1e-9)
    assert measure.rows[0].bias == pytest.approx(float((told - true)[:, 0].mean()))


@pytest.mark.parametrize("constant", [True, False])
def test_r2_of_what_is_constant(constant: bool) -> None:
    true = np.full((4, 1), 3.0)
    told = true if constant else true + 1
    kind = kind_of("price", (None, 1), "Huber", None)
    assert kind is not None
    (measure,) = counted(kind, true, told).measures
    assert isinstance(measure, Numbers)
    assert measure.rows[0].r2 == theirs.r2_score(true, told)


def test_pixels_are_counted_and_an_ignored_class_is_not() -> None:
    random = np.random.default_rng(1)
    true, scores = random.integers(0, 3, (5, 6, 7)), random.random((5, 6, 7, 3)).astype("float32")
    true[:, 0] = 255
    kind = kind_of("mask", (None, 6, 7, 3), "SparseCategoricalCrossentropy", "softmax", arguments={"ignore_class": 255})
    assert kind is not None
    found = counted(kind, true, scores, batch=2)
    measure = classes_of(found.measures[0])
    seen = true != 255
    expected = theirs.confusion_matrix(true[seen], scores.argmax(-1)[seen])
    assert measure.counts.tolist() == expected.tolist()
    assert measure.places
    assert measure.figures["mean_iou"] == pytest.approx(
        theirs.jaccard_score(true[seen], scores.argmax(-1)[seen], average="macro")
    )
    assert found.predictions == []  # of samples, not of each pixel


def test_the_best_five_of_many_classes() -> None:
    true, scores = random_scores("usual", 12)
    kind = kind_of("answer", (None, 12), "CategoricalCrossentropy", "softmax", NAMES)
    assert kind is not None
    measure = classes_of(counted(kind, np.eye(12)[true], scores).measures[0])
    expected = theirs.top_k_accuracy_score(true, scores, k=5, labels=range(12))
    assert measure.figures["top_5_accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "activation", "units", "single", "expected"),
    [
        ("CategoricalCrossentropy", "softmax", 4, None, "classes"),
        ("BinaryCrossentropy", "sigmoid", 1, None, "classes"),
        ("BinaryCrossentropy", "sigmoid", 4, None, "labels"),
        ("BinaryCrossentropy", "sigmoid", 4, True, "classes"),  # of class folders
        ("MeanSquaredError", "linear", 1, None, "numbers"),
        ("MeanSquaredError", "sigmoid", 1, None, "numbers"),
        ("MeanSquaredError", "softmax", 4, None, "classes"),
        (None, "softmax", 4, None, "classes"),
        (None, "sigmoid", 4, None, "labels"),
        (None, None, 4, None, "numbers"),
        (None, None, 4, True, "classes"),
    ],
)
def test_what_an_output_says(loss: str | None, activation: str | None, units: int, single: Any, expected: str) -> None:
    kind = kind_of("answer", (None, units), loss, activation, single=single)
    assert kind is not None
    assert kind.kind == expected
    assert kind_of("answer", (None, units), "CTC", activation) is None


def test_the_worst_mistakes_come_first_and_of_equals_the_first() -> None:
    scores = np.array([[0.1, 0.9], [0.4, 0.6], [0.9, 0.1], [0.1, 0.9], [0.3, 0.7]], "float32")
    kind = kind_of("answer", (None, 2), "SparseCategoricalCrossentropy", "softmax", ("cat", "dog"))
    assert kind is not None
    found = counted(
        kind, np.zeros(5, "int64"), scores, batch=2, files=("0.png", "1.png", "2.png", "3.png", "4.png"), most=3
    )
    worst = [mistake for mistake, _ in found.worst.done()]
    assert [each.file for each in worst] == ["0.png", "3.png", "4.png"]
    assert found.worst.count == 4
    assert (worst[0].told, worst[0].true) == ("dog", "cat")
    assert worst[0].probability_true == pytest.approx(0.1)


HOSTILE = "<script>alert(1)</script>\"'&`|\u202e"


def hostile() -> Evaluation:
    names = (HOSTILE, "http://example.org/x.png", "plain")
    true, scores = random_scores("usual", 3)
    kind = kind_of(HOSTILE, (None, 3), "SparseCategoricalCrossentropy", "softmax", names)
    assert kind is not None
    found = counted(kind, true, scores, files=[HOSTILE] * 60)
    worst = tuple(mistake for mistake, _ in found.worst.done())
    return Evaluation(HOSTILE, HOSTILE, 60, {HOSTILE: 0.5}, found.measures, worst, found.worst.count, notes=(HOSTILE,))


def test_of_several_labels_the_page_names_the_one_that_is_most_wrong() -> None:
    kind = kind_of("tags", (None, 3), "BinaryCrossentropy", "sigmoid", ("big", "red", "round"))
    assert kind is not None
    found = counted(kind, np.array([[1, 1, 0], [0, 1, 0]]), np.array([[0.9, 0.25, 0.625], [0.75, 0.875, 0.375]]))
    worst = tuple(mistake for mistake, _ in found.worst.done())
    assert [(each.label, each.probability, each.sample) for each in worst] == [("red", 0.75, 0), ("big", 0.75, 1)]
    page = to_html(Evaluation("m.keras", "d", 2, {}, found.measures, worst, 2, tuple(found.predictions)))
    assert re.findall(r"most wrong</dt><dd[^>]*><span>(\w+)</span><span class=\"p\">([0-9.%]+)", page) == [
        ("red", "75.0%"),
        ("big", "75.0%"),
    ]


def test_a_page_shows_names_as_text_and_asks_nobody() -> None:
    for page in (to_html(hostile()), hostile()._repr_html_()):
        assert "<script" not in page
        assert "\u202e" not in page
        assert not re.findall(r"(?:src|href)=[\"']?(?!data:)", page)
        assert "url(" not in page
        assert "@import" not in page
    assert "default-src 'none'" in to_html(hostile())
    text = hostile().to_markdown()
    assert "<script" not in text
    assert all(line.count(" | ") == 4 for line in text.splitlines() if line.startswith("| plain"))


def test_the_files_of_an_evaluation(tmp_path: Any) -> None:
    true, scores = random_scores("absent", 5)
    kind = kind_of("answer", (None, 5), "SparseCategoricalCrossentropy", "softmax", NAMES[:5])
    assert kind is not None
    found = counted(kind, true, scores)
    evaluation = Evaluation(
        "m.keras", "data.test", 60, {"loss": 1.5}, found.measures, predictions=tuple(found.predictions)
    )
    names = written(evaluation, str(tmp_path / "out"))
    assert {each.name for each in (tmp_path / "out").iterdir()} == set(names)
    rows = [*csv.reader(io.StringIO((tmp_path / "out" / "confusion.csv").read_text()))]
    told = scores.argmax(1)
    expected = theirs.confusion_matrix(true, told, labels=range(5)).tolist()
    assert [list(map(int, row[1:])) for row in rows[1:]] == expected
    assert rows[0][1:] == [row[0] for row in rows[1:]] == list(NAMES[:5])
    predicted = [*csv.DictReader(io.StringIO((tmp_path / "out" / "predictions.csv").read_text()))]
    assert [each["predicted"] for each in predicted] == [NAMES[at] for at in told]
    assert [float(each["probability"]) for each in predicted] == pytest.approx([float(each) for each in scores.max(1)])
    odd = os.fsdecode(b"test/caf\xe9.png")  # a name that is no UTF-8, as disks may have it
    some = replace(evaluation, predictions=(found.predictions[0]._replace(file=odd),))
    written(some, str(tmp_path / "odd"))
    assert b"test/caf\xe9.png" in (tmp_path / "odd" / "predictions.csv").read_bytes()
    assert endings(["a", "A"]) == ["-a", "-A_2"]  # on disks where both are one name


def test_a_history_shows_itself_in_a_notebook() -> None:
    rows = [Row(at, "<b>", {"loss": 1 / at, "val_loss": abs(at - 20) + 1.0}, 0.1, 2.0) for at in range(1, 41)]
    page, text = History(tuple(rows))._repr_html_(), History(tuple(rows))._repr_markdown_()
    assert "<b><b>" not in page
    assert page.count("<tr>") == 1 + 24 + 3  # the head, the first and last, the best between two gaps
    assert "<b>20</b></td>" in page
    assert "&lt;b&gt;" in page
    assert "| **20** | **&lt;b>** | **0.0500** | **1.0000** | **2.0** |" in text
    assert len(History(tuple(rows[:5]))._repr_markdown_().splitlines()) == 7
    assert History()._repr_markdown_().startswith("| epoch | phase | s |")


def test_a_folder_may_lack_classes_but_has_none_of_its_own() -> None:
    folder = ImageFolder("test", ("dog", "tench"), ("test/dog/1.png", "test/tench/2.png"), (0, 1))
    found = with_classes(folder, ("n01440764|tench", "bird", "dog"), 3)
    assert found.labels == (2, 0)
    assert found.class_names == ("tench", "bird", "dog")
    with pytest.raises(Exception, match="the model knows no class `tench`"):
        with_classes(folder, ("cat", "dog"), 2)
    with pytest.raises(Exception, match="the folder has 2 classes, the model tells 3 apart"):
        with_classes(folder, None, 3)
    with pytest.raises(Exception, match="there are 2 labels, the model has 3 classes"):
        with_classes(folder, ("dog", "tench"), 3)
