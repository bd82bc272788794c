"""The examples of the Python reference run in their order, and each line gives what stands behind it."""

from __future__ import annotations

import ast
from pathlib import Path

import keras
import pytest

from documentation.python_examples import EXAMPLES
from spec_compiler import __all__ as public
from tests.backend.calls import call
from tests.backend.conftest import randomized
from tests.backend.pictures import write_pictures
from tests.backend.sessions import run
from tests.unit.test_formats_reference import problems

SPEC = """
spec: 1
name: birds_or_cats
base: {file: base.keras}
cut_at: conv
head: [GlobalAveragePooling2D: {name: pool}, Dense: {units: 2, activation: softmax, name: scores}]
"""
TRAINED = """
vars: {rate: 0.01}
data: {train: photos, validation: 0.5}
compile: {optimizer: {SGD: {learning_rate: '${rate}'}}, loss: categorical_crossentropy, metrics: [accuracy]}
train: {phase: head, freeze: base, epochs: 1}
"""


def write_base(folder: Path) -> None:
    """A small model, and images of two classes."""
    inputs = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = keras.layers.Dense(2, activation="softmax", name="answer")(x)
    randomized(keras.Model(inputs, outputs, name="small")).save(folder / "base.keras")
    write_pictures(folder / "photos", names=("bird", "cat"), each=4, size=32)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("examples")
    write_base(folder)
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "train.yaml").write_text(SPEC + TRAINED, encoding="utf-8")
    sweep = "sweep: {vars: {rate: [0.01, 0.1]}}\n"
    (folder / "search.yaml").write_text(SPEC + TRAINED + sweep, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call("plan", "spec.yaml", "-o", "plan.json")
    return {"folder": folder}


# A search starts processes, each of which imports TensorFlow.
@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[pytest.mark.slow] if each == "sweep" else []) for each in EXAMPLES]
)
def test_an_example_gives_what_it_says(name: str, known: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = known["folder"]
    assert isinstance(folder, Path)
    monkeypatch.chdir(folder)
    lines = EXAMPLES[name].splitlines()
    for statement in ast.parse(EXAMPLES[name]).body:
        code = ast.get_source_segment(EXAMPLES[name], statement) or ""
        end = lines[(statement.end_lineno or 1) - 1]
        said = end.partition("  # ")[2]
        if isinstance(statement, ast.Expr) and said and not said[:2].isalpha():
            assert repr(eval(code, known)) == said, code
        else:
            exec(code, known)


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("plan", "plan.json"),
        ("ledger", "model.ledger.json"),
        ("lock", "spec.lock"),
        ("export", "model.onnx.json"),
        ("run", "runs/first/summary.json"),
        ("evaluation", "runs/first/evaluation/evaluation.json"),
        ("verification", "verify model.keras spec.yaml --format json"),
        ("check", "check wrong.yaml --format json"),
    ],
)
def test_what_they_wrote_is_as_its_schema_says(
    schema: str, file: str, known: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = known["folder"]
    assert isinstance(folder, Path)
    monkeypatch.chdir(folder)
    if file.endswith("--format json"):
        (folder / "wrong.yaml").write_text(SPEC.replace("cut_at: conv", "cut_at: cnov"), encoding="utf-8")
        (folder / "said.json").write_text(run([f"spec-compiler {file}"], folder).output, encoding="utf-8")
        file = "said.json"
    assert problems(f"{schema}.schema.json", folder / file) == []


def test_every_function_has_one() -> None:
    assert {*EXAMPLES} == {name for name in public if name[0].islower()}
