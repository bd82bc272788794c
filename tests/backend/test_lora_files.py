"""What LoRA has learned, apart from the model: saved, loaded, switched, merged; in Python and in a spec."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from spec_compiler import SpecError, compile_spec, load_adapters, merge_adapters, save_adapters
from spec_compiler.cli.main import cli
from tests.backend.base_forms import FORMS, compiled, filled
from tests.backend.conftest import outputs_of
from tests.backend.test_lora import (
    LORA,
    learned,
    picture_model,
    pictures,
    rows,
    run,
    run_spec,
    small_model,
    value,
    word_model,
    words,
)
from tests.backend.test_lora import here as here  # a fixture
from tests.markdown import ROOT, blocks

HEAD = {"Dense": {"units": 3, "name": "answer"}}


def trained(bias: str = "train", seed: int = 3, base: Any = None) -> Any:
    """A model with a head, of which all that can train has other numbers."""
    spec = {"spec": 1, "lora": LORA | {"bias": bias}, "head": HEAD}
    model = compile_spec(spec, base=base or picture_model()).model
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=tuple(variable.shape), scale=0.4))
    return model


def out(model: Any) -> Any:
    return outputs_of(model, pictures())[0]


def by_hand(model: Any) -> dict[str, Any]:
    """The kernels of W + alpha/rank·A·B, worked out with NumPy, by the names of the layers with LoRA."""
    kernels = {}
    for layer in model._flatten_layers():
        if getattr(layer, "lora_enabled", False):
            a, b = (value(getattr(layer, f"lora_kernel_{key}")).astype("float64") for key in "ab")
            kernels[layer.name] = value(layer._kernel) + 6 / 2 * np.tensordot(a, b, 1)
    return kernels


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bias", ["train", "frozen"])
def test_saved_and_loaded_in_a_spec_and_merged_there(form: str, bias: str, tmp_path: Path) -> None:
    if (form, bias) in ((".h5", "train"), (".weights.h5", "frozen")):
        return  # each form and each word once more is enough
    model = trained(bias)
    save_adapters(model, tmp_path / "a.npz")
    base = picture_model()
    spec = {"lora": {"weights": str(tmp_path / "a.npz"), "bias": bias}, "head": HEAD}
    loaded = compiled(spec, base, form, tmp_path)
    np.testing.assert_array_equal(out(loaded.model), out(model))
    ours, theirs = ([each.path for each in each.trainable_variables] for each in (loaded.model, model))
    assert ours == theirs
    assert {row.variable for row in loaded.weights.of("adapted")} >= {"lora_kernel_a", "lora_kernel_b"}
    merged = compiled({"lora": {"weights": str(tmp_path / "a.npz"), "merge": True}, "head": HEAD}, base, form, tmp_path)
    np.testing.assert_allclose(out(merged.model), out(model), rtol=1e-4, atol=2e-5)
    assert not any("lora" in each.name for each in merged.model.variables)
    for layer in merged.model._flatten_layers():
        if layer.name in (kernels := by_hand(model)):
            np.testing.assert_allclose(value(layer.kernel), kernels[layer.name], rtol=1e-6, atol=1e-7)


def test_what_is_beside_the_matrices_is_taken_or_skipped_and_fits(tmp_path: Path) -> None:
    path = str(tmp_path / "a.npz")
    save_adapters(trained(base=small_model()), path)
    for merge in (False, True):
        spec = {"lora": {"weights": path, "others": "skip", "merge": merge}}
        skipped = compile_spec({"spec": 1, **spec}, base=small_model()).model
        for name in ("fc1", "fc2"):
            np.testing.assert_array_equal(skipped.get_layer(name).bias, small_model().get_layer(name).bias)
    with np.load(path) as file:
        arrays = dict(file)
    for name, text in (("fc1:bias", "`fc1:bias` has the shape (7,)"), ("fc1:gain", "no such variable")):
        np.savez(tmp_path / "b.npz", **arrays | {name: np.zeros(7, "float32")})
        for merge in (False, True):
            wrong = {"spec": 1, "lora": {"weights": str(tmp_path / "b.npz"), "merge": merge}, "head": HEAD}
            said = refused(lambda wrong=wrong: compile_spec(wrong, base=small_model()))
            assert text in said
            assert "others: skip" in said
    unbiased = {"Dense": {"units": 3, "name": "answer", "use_bias": False}}
    made = {"spec": 1, "lora": {"weights": path}, "head": unbiased}
    assert "the file has `answer:bias`" in refused(lambda: compile_spec(made, base=small_model()))


def test_switched_and_none(tmp_path: Path) -> None:
    base, spec = small_model(), {"spec": 1, "lora": LORA, "head": HEAD}
    birds, fish, model = trained("frozen", 1, base), trained("frozen", 2, base), compile_spec(spec, base=base).model
    for each, name in ((birds, "birds.npz"), (fish, "fish.npz")):
        save_adapters(each, tmp_path / name)
    for each, name in ((birds, "birds.npz"), (fish, "fish.npz"), (birds, "birds.npz")):
        load_adapters(model, tmp_path / name)
        np.testing.assert_array_equal(model.predict(rows(), verbose=0), each.predict(rows(), verbose=0))
    load_adapters(model, None)
    headless = keras.Model(model.input, model.get_layer("fc2").output)
    np.testing.assert_array_equal(outputs_of(headless, rows())[0], outputs_of(base, rows())[0])
    a = value(model.get_layer("fc1").lora_kernel_a)
    np.testing.assert_array_equal(a, value(birds.get_layer("fc1").lora_kernel_a))  # it can learn again


def test_another_alpha_counts_at_once(tmp_path: Path) -> None:
    """`lora_alpha` is a number in the functions that Keras traced."""
    one, other = (
        learned(compile_spec({"spec": 1, "lora": LORA | {"alpha": alpha}}, base=small_model()).model)
        for alpha in (6, 2.5)
    )
    one.predict(rows(), verbose=0)
    save_adapters(other, tmp_path / "other.npz")
    load_adapters(one, tmp_path / "other.npz")
    np.testing.assert_array_equal(one.predict(rows(), verbose=0), other.predict(rows(), verbose=0))


def test_of_a_model_that_keras_gave_lora(tmp_path: Path) -> None:
    plain = word_model()
    for layer in plain._flatten_layers():
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(2, lora_alpha=5)
    learned(plain)
    save_adapters(plain, tmp_path / "a.npz")
    loaded = compile_spec({"spec": 1, "lora": {"weights": str(tmp_path / "a.npz")}}, base=word_model(), prove=True)
    ours, theirs, merged = (outputs_of(each, words())[0] for each in (loaded.model, plain, merge_adapters(plain)))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(merged, theirs, rtol=1e-5, atol=1e-6)


def test_merging_what_a_base_has_is_proven_and_leaves_it_alone(tmp_path: Path) -> None:
    model = trained()
    before = [value(each) for each in model.variables]
    merged = compile_spec({"spec": 1, "lora": {"merge": True}}, base=model, prove=True)
    (proven,) = merged.weights.proof.contracts  # type: ignore[union-attr]
    assert proven.contract.preserves == "exact"
    assert proven.deviation is not None
    np.testing.assert_allclose(out(merged.model), out(model), rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(out(merge_adapters(model)), out(merged.model), rtol=0, atol=0)
    assert all(np.array_equal(value(one), other) for one, other in zip(model.variables, before, strict=True))
    model.save(tmp_path / "model.keras")  # Keras merges too, and leaves matrices of zeros
    again = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "model.keras")}, "lora": {"merge": True}})
    np.testing.assert_allclose(out(again.model), out(model), rtol=1e-4, atol=2e-5)
    more = compile_spec({"spec": 1, "steps": [{"lora": {"merge": True}}, {"lora": LORA}]}, base=model)
    np.testing.assert_array_equal(out(more.model), out(merged.model))
    assert all(np.abs(value(each)).max() > 0 for each in more.model.trainable_variables if each.name[-2:] == "_a")


def test_a_broken_merge_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    from spec_compiler.adapters import low_rank

    right = low_rank.Merged._of_the_base

    def wrong(self: Any, part: str) -> Any:
        pair = right(self, part)
        return lambda values: [each * 1.01 for each in pair(values)]

    monkeypatch.setattr(low_rank.Merged, "_of_the_base", wrong)
    with pytest.raises(SpecError, match="SC515"):
        compile_spec({"spec": 1, "lora": {"merge": True}}, base=trained(base=small_model()), prove=True)


def test_nested_and_several_bases(tmp_path: Path) -> None:
    tower = keras.Sequential([keras.Input((5,)), layers.Dense(4, name="in"), layers.ReLU(name="act")], name="tower")
    inputs = keras.Input((5,), name="x")
    base = filled(keras.Model(inputs, layers.Dense(2, name="end")(tower(inputs))))
    base.get_layer("tower").get_layer("in").enable_lora(2)  # which stays nested
    learned(base)
    save_adapters(base, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert {"tower/in:a", "tower/in:b"} <= set(file.files)
    other = learned(compile_spec({"spec": 1}, base=base).model)
    load_adapters(other, None)
    load_adapters(other, tmp_path / "a.npz")
    np.testing.assert_array_equal(outputs_of(other, rows())[0], outputs_of(base, rows())[0])
    for name in ("left", "right"):
        small_model().save(tmp_path / f"{name}.keras")
    bases = {name: {"file": str(tmp_path / f"{name}.keras")} for name in ("left", "right")}
    spec = {"spec": 1, "bases": bases, "outputs": ["left/fc2", "right/fc2"]}
    two = learned(compile_spec({**spec, "lora": {"layers": "left/fc1", "rank": 2}}).model)
    save_adapters(two, tmp_path / "two.npz")
    again = compile_spec({**spec, "lora": {"weights": str(tmp_path / "two.npz")}}).model
    for one, same in zip(outputs_of(two, [rows(), rows()]), outputs_of(again, [rows(), rows()]), strict=True):
        np.testing.assert_array_equal(one, same)


def refused(call: Any) -> str:
    with pytest.raises(SpecError) as caught:
        call()
    return str(caught.value)


def test_what_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    model, path = trained("frozen", base=small_model()), tmp_path / "a.npz"
    save_adapters(model, path)
    spec = {"spec": 1, "lora": LORA, "head": HEAD}

    def made(base: Any = None, **changes: Any) -> Any:
        return compile_spec({**spec, **changes}, base=base or small_model()).model

    for other, text in (
        (made(lora=LORA | {"rank": 3}), "the rank 2, the model 3"),
        (made(lora=LORA | {"except": "fc2"}), "has adapters for `fc2`"),
        (made(head={"Dense": {"units": 4, "name": "answer"}}), "`answer:kernel` in `a.npz` has the shape (4, 3)"),
        (made(head={"Dense": {"units": 3, "name": "other"}}), "has `answer:kernel`, a variable"),
        (made(filled(small_model(), 8)), "learned beside another kernel"),
    ):
        before = [value(each) for each in other.variables]
        assert text in refused(lambda other=other: load_adapters(other, path))
        assert all(np.array_equal(value(one), was) for one, was in zip(other.variables, before, strict=True))
    other = made(filled(small_model(), 8))
    load_adapters(other, path, other_base=True)
    np.testing.assert_array_equal(
        value(other.get_layer("fc1").lora_kernel_b), value(model.get_layer("fc1").lora_kernel_b)
    )
    allowed = {"weights": str(path), "other_base": "allow", "others": "skip"}
    compile_spec({"spec": 1, "lora": allowed}, base=filled(small_model(), 8))
    for call in (lambda: load_adapters(small_model(), None), lambda: save_adapters(small_model(), path)):
        assert "no layer with LoRA" in refused(call)
    assert "SC324" in refused(lambda: merge_adapters(small_model()))


def test_what_does_not_fit_is_told_in_the_order_of_the_layers(tmp_path: Path) -> None:
    x = inputs = keras.Input((3,))
    for index in range(8):
        x = layers.Dense(3, name=f"fc{index}")(x)
    base = keras.Model(inputs, x)
    two, three = (compile_spec({"spec": 1, "lora": LORA | {"rank": rank}}, base=base).model for rank in (2, 3))
    save_adapters(two, tmp_path / "a.npz")
    with pytest.raises(SpecError) as caught:
        load_adapters(three, tmp_path / "a.npz")
    assert [each.message.split("`")[1] for each in caught.value.diagnostics] == [f"fc{index}" for index in range(8)]


def test_a_run_writes_them_whatever_its_phases_freeze(here: Path) -> None:
    spec = run_spec({"freeze": "base", "epochs": 1}, {"freeze": "answer"}, {"unfreeze": "norm", "epochs": 1})
    result = run(spec, "run")
    parts = {"lora": {"weights": str(here / "run" / "last.adapters.npz")}, "head": spec["head"]}
    again = compile_spec({"spec": 1, **parts}, base=small_model())
    np.testing.assert_array_equal(outputs_of(again.model, rows())[0], outputs_of(result.model, rows())[0])
    best = {"weights": str(here / "run" / "best.adapters.npz"), "merge": True}
    plain = compile_spec({"spec": 1, **parts, "lora": best}, base=small_model()).model
    kept = keras.saving.load_model(here / "run" / "best.keras", compile=False)
    np.testing.assert_allclose(outputs_of(plain, rows())[0], outputs_of(kept, rows())[0], rtol=1e-5, atol=1e-6)
    (here / "spec.yaml").write_text("spec: 1\nbase: {file: base.keras}\nlora: {layers: fc1, rank: 2}\n")
    small_model().save(here / "base.keras")
    shutil.rmtree(here / "run")
    done = CliRunner().invoke(cli, ["build", "spec.yaml", "-o", "built.keras", "--adapters", "built.npz"])
    assert "saved built.keras, built.ledger.json and built.npz" in done.output
    with np.load(here / "built.npz") as file:
        assert sorted(file.files) == ["fc1:a", "fc1:b", "header"]


def test_the_blocks_of_the_page_run(here: Path) -> None:
    page = ROOT / "docs" / "lora.md"
    first, second = blocks(page, "yaml")
    model = compile_spec(first).model
    for name in ("birds.npz", "fish.npz", "runs/birds/best.adapters.npz"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        save_adapters(learned(model), here / name)
    (code,) = blocks(page, "python")
    exec(code, {"model": model})
    base = first[first.index("spec: 1") : first.index("lora:")]
    with pytest.raises(SpecError, match=r"SC516.*without weights"):  # other numbers with another seed
        compile_spec(f"{base}{second}")
    loaded = compile_spec(f"{base}{second}", overrides=["lora.other_base=allow"])
    assert np.abs(value(loaded.model.get_layer("Conv_1").lora_kernel_b)).max() > 0
