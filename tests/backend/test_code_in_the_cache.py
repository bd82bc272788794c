"""Code that Keras does not ship may change without a sign: what depends on it is not kept (finding S15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import load_spec, plan_spec
from spec_compiler.spec.permissions import Permissions
from tests.memory import static_plan

NAMES = ("ours>Own", "ours>own", "Dense")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in NAMES:
        keras.saving.get_custom_objects().pop(name, None)


def layer(factor: int) -> Any:
    class Own(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return keras.ops.repeat(inputs, factor, axis=-1)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape[:-1], input_shape[-1] * factor)

    return keras.saving.register_keras_serializable("ours", "Own")(Own)()


def wrapped_layer(factor: int) -> Any:
    return keras.Sequential([layer(factor)])


def function(factor: int) -> Any:
    def own(tensor: Any) -> Any:
        return keras.ops.repeat(tensor, factor, axis=-1)

    return keras.layers.Lambda(keras.saving.register_keras_serializable("ours", "own")(own))


def activation(factor: int) -> Any:
    class Own(keras.layers.Activation):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return keras.ops.repeat(inputs, factor, axis=-1)

        def compute_output_spec(self, inputs: Any) -> Any:
            return keras.KerasTensor((*inputs.shape[:-1], inputs.shape[-1] * factor))

    return keras.saving.register_keras_serializable("ours", "Own")(Own)("relu")


def in_place_of_dense(factor: int) -> Any:
    """Keras's own name, registered for another class: as in a legacy file, which names no module."""
    cls = type(layer(factor))
    keras.saving.get_custom_objects()["Dense"] = cls
    return cls(name="own")


@pytest.mark.parametrize("file", ["model.keras", "model.h5"])
@pytest.mark.parametrize("made", [layer, wrapped_layer, function, activation, in_place_of_dense])
def test_finding_S15_other_code_makes_another_plan(made: Callable[[int], Any], file: str, project: Path) -> None:
    inputs = keras.Input((4,))
    keras.Model(inputs, made(2)(inputs)).save(project / file)
    (project / "spec.yaml").write_text(f"spec: 1\nbase: {{file: {file}}}\n", encoding="utf-8")
    (project / "outer.yaml").write_text("spec: 1\nbase: {spec: spec.yaml}\nname: outer\n", encoding="utf-8")
    for name in ("spec.yaml", "outer.yaml"):
        assert plan_spec(name).after.spec_of(plan_spec(name).after.output_refs[0]).shape == (None, 8)  # type: ignore[union-attr]
        assert static_plan(load_spec(name), Permissions()) == ("fields", None)
    made(3)  # as a later process registers it
    for name in ("spec.yaml", "outer.yaml"):
        after = plan_spec(name).after
        assert after.spec_of(after.output_refs[0]).shape == (None, 12)  # type: ignore[union-attr]
    kept = "".join(each.read_text(encoding="utf-8") for each in project.glob("cache/*.json"))
    assert "ours>" not in kept


def model_class(factor: int) -> Any:
    """A class of models that makes its own graph from what a config says."""

    class Own(keras.Model):  # type: ignore[misc]
        def get_config(self) -> dict[str, Any]:
            return {"name": "model"}

        @classmethod
        def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
            inputs = keras.Input((4,))
            return cls(inputs, keras.layers.Dense(4 * factor, name="dense")(inputs), name=config["name"])

    return keras.saving.register_keras_serializable("ours", "Own")(Own)


def policy_class(factor: int) -> Any:
    """A class of dtype policies: it says in what the model computes."""

    class Own(keras.dtype_policies.DTypePolicy):  # type: ignore[misc]
        @property
        def compute_dtype(self) -> str:
            return "float16" if factor == 2 else "bfloat16"

    return keras.saving.register_keras_serializable("ours", "Own")(Own)


@pytest.mark.parametrize("kind", ["model", "policy"])
def test_finding_S15_code_in_no_layer(kind: str, project: Path) -> None:
    (project / "spec.yaml").write_text("spec: 1\nbase: {file: model.keras}\n", encoding="utf-8")
    make = model_class if kind == "model" else policy_class
    cls = make(2)
    if kind == "model":
        cls.from_config({"name": "model"}).save(project / "model.keras")
    else:
        inputs = keras.Input((4,))
        keras.Model(inputs, keras.layers.Dense(8, dtype=cls("float32"))(inputs)).save(project / "model.keras")

    def said() -> Any:
        after = plan_spec("spec.yaml").after
        return after.spec_of(after.output_refs[0])

    before = said()
    assert said() == before
    make(3)
    now = said()
    assert (now.shape, now.dtype) == ((None, 12), "float32") if kind == "model" else ((None, 8), "bfloat16")
    assert static_plan(load_spec("spec.yaml"), Permissions()) == ("fields", None)


@pytest.mark.parametrize("head", ["'ours>Own'", "{TimeDistributed: {layer: {'ours>Own': {}}}}"])
def test_finding_S15_in_a_spec_over_a_known_base(head: str, project: Path) -> None:
    layer(2)
    base = "base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}"
    (project / "spec.yaml").write_text(f"spec: 1\n{base}\ncut_at: block1_pool\nhead: [{head}]\n", encoding="utf-8")
    (project / "outer.yaml").write_text("spec: 1\nbase: {spec: spec.yaml}\nname: outer\n", encoding="utf-8")
    for factor in (2, 3):
        layer(factor)
        for name in ("spec.yaml", "outer.yaml"):
            after = plan_spec(name).after
            assert after.spec_of(after.output_refs[0]).shape == (None, 16, 16, 64 * factor)  # type: ignore[union-attr]
            tier, plan = static_plan(load_spec(name), Permissions())
            assert plan is None
            assert tier in ("fields", "names")
