"""`freeze` and `unfreeze`, sections and phases: what is frozen is bit-equal after training, what is not changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import check_spec, compile_spec, plan_spec
from spec_compiler.compiler import checked
from spec_compiler.spec import load_spec
from spec_compiler.spec.fixing import fixed
from spec_compiler.spec.permissions import Permissions
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.conftest import randomized
from tests.memory import static_plan

DATA = """\
import numpy as np


def batch():
    random = np.random.default_rng(0)
    return random.normal(size=(8, 4)).astype("float32"), random.normal(size=(8, 2)).astype("float32")
"""


def nested() -> Any:
    """A nested model with three layers inside that train, a layer before it and one behind."""
    start = keras.Input((4,), name="inner_in")
    x = keras.layers.Dense(4, name="one")(start)
    x = keras.layers.BatchNormalization(name="bn")(x)
    inner = keras.Model(start, keras.layers.Dense(4, name="two")(x), name="inner")
    inputs = keras.Input((4,), name="inputs")
    x = inner(keras.layers.Dense(4, name="stem")(inputs))
    return randomized(keras.Model(inputs, keras.layers.Dense(2, name="top")(x), name="outer"))


def values(model: Any) -> dict[str, Any]:
    return {each.path: np.array(keras.ops.convert_to_numpy(each)) for each in model.weights}


def moved(before: Mapping[str, Any], model: Any) -> set[str]:
    """The layers of which training has changed a weight, by their own names."""
    return {path.split("/")[-2] for path, value in values(model).items() if not np.array_equal(value, before[path])}


def stepped(model: Any) -> set[str]:
    """The layers that a step of plain Keras moves."""
    before = values(model)
    random = np.random.default_rng(0)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    model.fit(random.normal(size=(8, 4)), random.normal(size=(8, 2)), verbose=0)
    return moved(before, model)


CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({"freeze": "inner/one"}, {"stem", "bn", "two", "top"}),
    ({"freeze": "inner/.."}, {"stem", "top"}),
    ({"freeze": "inner"}, {"stem", "top"}),
    ({"freeze": {"layers": "inner", "except": "inner/two"}}, {"stem", "two", "top"}),
    ({"freeze": "..<inner/bn"}, {"bn", "two", "top"}),
    ({"freeze": "base", "unfreeze": "inner/two"}, {"two"}),
    ({"freeze": "base", "unfreeze": ["inner", "top"]}, {"one", "bn", "two", "top"}),
    ({"freeze": {"batch_norm": "all"}}, {"stem", "one", "two", "top"}),
    ({"freeze": {"layers": "base", "batch_norm": "all"}, "unfreeze": "inner"}, {"one", "two"}),
]


@pytest.mark.parametrize(("sections", "wanted"), CASES)
def test_frozen_is_bit_equal_and_unfrozen_moves(sections: dict[str, Any], wanted: set[str], tmp_path: Path) -> None:
    """In memory, saved and loaded, and as a base; the nested model stays one layer."""
    base = nested()
    compiled = compile_spec({"spec": 1, **sections}, base=base)
    assert list(compiled.plan.after.layers) == [layer.name for layer in compiled.model.layers]
    assert not compiled.plan.is_empty
    compiled.model.save(tmp_path / "result.keras")
    again = keras.saving.load_model(tmp_path / "result.keras")
    by_file = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "result.keras")}})
    in_memory = compile_spec({"spec": 1}, base=compiled.model)
    figures = {each.plan.num_frozen for each in (compiled, by_file, in_memory)}
    models = (compiled.model, again, by_file.model, in_memory.model)
    assert len(figures) == 1
    assert len({tuple(sorted(each.path for each in model.trainable_variables)) for model in models}) == 1
    for model in models:
        assert stepped(model) == wanted


def test_a_layer_inside_trains_again_that_the_base_has_frozen(tmp_path: Path) -> None:
    base = nested()
    base.get_layer("inner").trainable = False
    base.get_layer("top").trainable = False
    base.save(tmp_path / "base.keras")
    spec = {"spec": 1, "unfreeze": "inner/two"}
    for compiled in (
        compile_spec(spec, base=base),
        compile_spec({**spec, "base": {"file": str(tmp_path / "base.keras")}}),
    ):
        assert stepped(compiled.model) == {"stem", "two"}
    assert not base.get_layer("inner").trainable


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("freeze: base", "", {"new"}),
        ("freeze: base", "unfreeze: top", {"new", "top"}),
        ("freeze: base", "unfreeze: inner/two", {"new", "two"}),
        ("freeze: inner/one", "freeze: top", {"new", "stem", "bn", "two"}),
        ("freeze: base\nunfreeze: top", "freeze: stem", {"new", "top"}),
    ],
)
def test_freezing_is_carried_over_by_a_chain_of_specs(
    first: str, second: str, wanted: set[str], tmp_path: Path
) -> None:
    """What one spec froze stays so in the next and the one after it, in plan and result, unless it is unfrozen."""
    randomized(nested()).save(tmp_path / "base.keras")
    (tmp_path / "a.yaml").write_text(f"spec: 1\nbase: {{file: base.keras}}\n{first}\n")
    (tmp_path / "b.yaml").write_text("spec: 1\nbase: {spec: a.yaml}\nname: between\n")
    text = f"spec: 1\nbase: {{spec: b.yaml}}\nhead: [{{Dense: {{units: 2, name: new}}}}]\n{second}\n"
    (tmp_path / "c.yaml").write_text(text)
    compiled = compile_spec(str(tmp_path / "c.yaml"))
    assert stepped(compiled.model) == wanted
    tier, plan = static_plan(load_spec(str(tmp_path / "c.yaml")), Permissions())
    assert tier == "shapes"
    assert plan == compiled.plan


def run(folder: Path, text: str, base: Any) -> tuple[Any, dict[str, Any]]:
    (folder / "my_data.py").write_text(DATA)
    (folder / "spec.yaml").write_text(
        "spec: 1\ndata: {train: my_data:batch}\ncompile: {optimizer: {SGD: 0.1}, loss: mse, jit_compile: false}\n"
        + text
    )
    before = values(base)
    result = train_spec(
        str(folder / "spec.yaml"),
        str(folder / "run"),
        base=base,
        allow_code=True,
        watcher=Watcher(verbose=0),
        tensorboard=False,
    )
    return result, before


@pytest.mark.parametrize(
    ("sections", "phase", "wanted"),
    [
        ("freeze: base\n", "unfreeze: inner/two", {"two"}),
        ("freeze: base\n", "unfreeze: inner", {"one", "bn", "two"}),
        ("freeze: {layers: base, batch_norm: all}\n", "unfreeze: [inner, top]", {"one", "two", "top"}),
        ("freeze: inner/one\n", "freeze: stem", {"bn", "two", "top"}),
        ("freeze: stem\n", "freeze: base, unfreeze: [stem, top]", {"stem", "top"}),
        ("", "freeze: inner/bn", {"stem", "one", "two", "top"}),
        ("freeze: base\nunfreeze: top\n", "epochs: 1", {"top"}),
    ],
)
def test_a_phase_begins_with_what_the_sections_leave(
    sections: str, phase: str, wanted: set[str], tmp_path: Path
) -> None:
    epochs = "" if "epochs" in phase else ", epochs: 1"
    result, before = run(tmp_path, f"{sections}train: [{{phase: only, {phase}{epochs}}}]\n", nested())
    assert moved(before, result.model) == wanted
    (planned,) = result.compiled.plan.phases
    assert planned.num_trained == sum(int(np.prod(each.shape)) for each in result.model.trainable_variables)


def test_each_phase_is_by_itself(tmp_path: Path) -> None:
    """The second begins with what the section leaves, not with what the first froze and unfroze."""
    text = "freeze: inner\ntrain:\n  - {phase: a, freeze: [stem, top], unfreeze: inner/two, epochs: 1}\n"
    result, before = run(tmp_path, text + "  - {phase: b, epochs: 1}\n", nested())
    assert moved(before, result.model) == {"stem", "two", "top"}
    trained = {each.path.split("/")[-2] for each in result.model.trainable_variables}
    assert trained == {"stem", "top"}


def test_a_layer_that_also_stands_outside_of_a_frozen_model_counts_once() -> None:
    shared = keras.layers.Dense(4, name="shared")
    start = keras.Input((4,))
    inner = keras.Model(start, keras.layers.Dense(4, name="own")(shared(start)), name="inner")
    inputs = keras.Input((4,), name="start")
    model = randomized(keras.Model(inputs, keras.layers.Dense(2, name="out")(shared(inner(inputs)))))
    for sections, wanted in (
        ({"freeze": "inner"}, {"out"}),
        ({"freeze": "inner/shared"}, {"own", "out"}),
        ({"freeze": "all", "unfreeze": ["inner", "shared"]}, {"own", "shared"}),
    ):
        compiled = compile_spec({"spec": 1, **sections}, base=model)
        weights = compiled.model.trainable_weights
        assert {each.path.split("/")[-2] for each in weights} == wanted
        count = sum(int(np.prod(each.shape)) for each in weights)
        assert compiled.plan.num_frozen == compiled.model.count_params() - count
        assert stepped(compiled.model) == wanted


def test_compile_alone_compiles_the_result(tmp_path: Path) -> None:
    spec = {
        "spec": 1,
        "freeze": "base",
        "head": [{"Dense": {"units": 3, "activation": "softmax", "name": "new"}}],
        "compile": {"optimizer": {"SGD": 0.25}, "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
    }
    assert check_spec(spec, base=nested()) == ()
    compiled = compile_spec(spec, base=nested())
    assert plan_spec(spec, base=nested()).to_json()["compile"] == {
        "optimizer": "SGD(learning_rate=0.25)",
        "loss": "categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    compiled.model.save(tmp_path / "result.keras")
    again = keras.saving.load_model(tmp_path / "result.keras")
    for model in (compiled.model, again):
        assert model.compiled
        assert model.loss == "categorical_crossentropy"
        assert float(model.optimizer.learning_rate) == 0.25
        before = values(model)
        found = model.fit(np.ones((4, 4)), np.eye(3)[[0, 1, 2, 0]], verbose=0)
        assert set(found.history) == {"loss", "accuracy"}
        assert moved(before, model) == {"new"}
    without = compile_spec({key: value for key, value in spec.items() if key != "compile"}, base=nested())
    assert not without.model.compiled


OLD = """\
spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
head: [GlobalAveragePooling2D, {Dense: {units: 2, name: answer}}]
freeze: base
data: {train: "my_data:batch"}
compile: {optimizer: adam, loss: mse}
train:
  - {phase: extract, epochs: 1}
  - {phase: tune, freeze: ..block4_pool, epochs: 1}   # the last block
"""


def test_a_phase_that_meant_all_others_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `check --fix` writes has the phases that the old meaning had."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_data.py").write_text(DATA)
    result = fixed(OLD, "spec.yaml", lambda text: checked(text, Permissions(), file="spec.yaml"))
    (done,) = result.done
    assert (done.diagnostic.code, done.diagnostic.line) == ("SC310", 9)
    wanted = "unfreeze: {layers: base, except: '..block4_pool'}"
    assert result.text == OLD.replace("freeze: ..block4_pool", wanted)
    extract, tune = plan_spec(result.text).phases
    assert extract.num_trained == 512 * 2 + 2
    assert tune.num_trained == extract.num_trained + 3 * (3 * 3 * 512 * 512 + 512)
