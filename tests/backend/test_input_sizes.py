"""`input.shape` of an application against what Keras's constructor makes at that size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.backend.models.applications import application
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.keras_facts.catalogue import application_names
from spec_compiler.language.base import Base
from spec_compiler.plan import Plan
from spec_compiler.plan.warnings.stale_paddings import stale_paddings
from spec_compiler.spec import load_spec
from spec_compiler.spec.permissions import Permissions
from tests.backend.conftest import assert_same_bits, outputs_of, randomized
from tests.memory import static_plan

CHOOSING = ("MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "NASNetMobile")


def constructed(name: str, size: Shape, **arguments: Any) -> Any:
    """The application as plain Keras makes it for a size, with weights that no initializer gives."""
    keras.utils.clear_session(free_memory=False)
    make = getattr(keras.applications, name)
    return randomized(make(weights=None, include_top=False, input_shape=size, **arguments))


def paddings(graph: Graph) -> dict[str, Any]:
    """The paddings of a graph by the layer's name."""
    return {
        name: layer.arguments["padding"] for name, layer in graph.layers.items() if layer.class_name == "ZeroPadding2D"
    }


@pytest.mark.parametrize("size", [pytest.param((100, 100, 3), marks=pytest.mark.slow), (97, 130, 3)], ids=str)
@pytest.mark.parametrize(
    "name",
    # the largest is among the long tests
    [
        *(pytest.param(name, marks=[pytest.mark.slow] if "NAS" in name else []) for name in CHOOSING),
        "ResNet50",
        "MobileNet",
    ],
)
def test_finding_W22_another_size_gives_what_keras_builds_at_it(
    name: str, size: tuple[int, ...], tmp_path: Path
) -> None:
    reference = constructed(name, size)
    file = tmp_path / "own.weights.h5"
    reference.save_weights(file)
    base = {"application": name, "weights": str(file), "include_top": False, "input_shape": [64, 64, 3]}
    spec = {"spec": 1, "base": base, "input": {"shape": list(size)}}
    compiled = compile_spec(spec)
    assert [layer.get_config() for layer in compiled.model.layers] == [each.get_config() for each in reference.layers]
    image = np.random.default_rng(1).uniform(0, 255, size=(1, *size)).astype("float32")
    assert_same_bits(outputs_of(compiled.model, image), outputs_of(reference, image))
    assert check_spec(spec) == ()


def test_finding_W22_the_plan_says_the_paddings_and_their_cause() -> None:
    base = {"application": "MobileNetV2", "weights": None, "include_top": False}
    plan = plan_spec({"spec": 1, "base": base, "input": {"shape": [100, 100, 3]}})
    changed = {
        change.name: [detail for detail in change.details if detail[0] == "padding"]
        for change in plan.changes
        if any(what == "padding" for what, _, _ in change.details)
    }
    even, odd = ((0, 1), (0, 1)), ((1, 1), (1, 1))
    assert set(changed) == {"block_3_pad", "block_6_pad", "block_13_pad"}
    assert changed["block_3_pad"] == [("padding", even, odd)]
    assert plan.after.layers["block_3_pad"].cause is not None
    assert plan.after.layers["block_3_pad"].cause.path == ("input", "shape")
    assert plan.after.spec_of(plan.after.output_refs[0]).shape == (None, 4, 4, 1280)  # type: ignore[union-attr]


def test_finding_W22_any_size_is_padded_as_keras_pads_it() -> None:
    base = {"application": "EfficientNetB0", "weights": None, "include_top": False, "input_shape": [101, 101, 3]}
    plan = plan_spec({"spec": 1, "base": base, "input": {"shape": [None, None, 3]}})
    assert paddings(plan.after) == paddings(application(Base.model_validate({**base, "input_shape": None})).graph)
    assert paddings(plan.after) != paddings(plan.before)


def test_finding_W22_edits_go_on_from_the_paddings_of_the_new_size() -> None:
    base = {"application": "MobileNetV2", "weights": None, "include_top": False}
    spec: dict[str, Any] = {"spec": 1, "base": base, "input": {"shape": [100, 100, 3], "name": "photo"}}
    spec["set"] = [{"layers": "block_3_pad", "to": {"padding": [[0, 1], [0, 1]]}}]
    plan = plan_spec({**spec, "cut_at": "block_4_add", "head": ["GlobalAveragePooling2D"]})
    assert paddings(plan.after) == {"block_1_pad": ((0, 1), (0, 1)), "block_3_pad": ((0, 1), (0, 1))}


def test_finding_W22_without_keras_the_same_is_known() -> None:
    base = {"application": "MobileNetV3Small", "weights": None, "include_top": False, "input_shape": [64, 64, 3]}
    spec = load_spec({"spec": 1, "base": base, "input": {"shape": [75, 75, 3]}, "head": ["Flatten"]})
    plan_spec({"spec": 1, "base": base})
    assert static_plan(spec, Permissions()) == ("names", None)  # the base is known, what becomes of it is not
    plan = plan_spec(spec)
    tier, known = static_plan(spec, Permissions())
    assert tier == "shapes"
    assert known is not None
    assert known.after == plan.after
    assert paddings(known.after) != paddings(known.before)


def test_finding_W22_what_does_not_fit_is_told_as_before() -> None:
    base: dict[str, Any] = {"application": "VGG16", "weights": None}
    (found,) = check_spec({"spec": 1, "base": base, "input": {"shape": [100, 100, 3]}})
    assert (found.code, found.path) == ("SC402", ("input", "shape"))
    base = {"application": "EfficientNetB0", "include_top": False}
    (found,) = check_spec({"spec": 1, "base": base, "input": {"shape": [100, 100, 1]}})
    assert (found.code, found.path) == ("SC402", ("input", "shape"))
    assert "`input_layer`, changed by `input`" in found.notes[1]


def test_finding_W22_a_model_that_is_built_keeps_its_paddings_and_says_so(tmp_path: Path) -> None:
    model = constructed("MobileNetV2", (64, 64, 3))
    model.save(tmp_path / "model.keras")
    spec: dict[str, Any] = {"spec": 1, "base": {"file": str(tmp_path / "model.keras")}}
    assert check_spec(spec) == ()
    spec["input"] = {"shape": [100, 100, 3]}
    (found,) = check_spec(spec)
    assert (found.code, found.path) == ("SC405", ("input", "shape"))
    assert check_spec(spec, static=True) == (found,)
    spec["set"] = []
    while left := check_spec(spec):  # the fix that it offers, until all of them are as Keras chooses them
        spec["set"].append(_offered(str(left[0].help)))
    assert [each["layers"] for each in spec["set"]] == ["block_3_pad", "block_6_pad", "block_13_pad"]
    reference = constructed("MobileNetV2", (100, 100, 3))
    image = np.random.default_rng(1).uniform(-1, 1, size=(1, 100, 100, 3)).astype("float32")
    assert_same_bits(outputs_of(compile_spec(spec).model, image), outputs_of(reference, image))


def _offered(help: str) -> dict[str, Any]:
    """The entry of `set` that a help offers."""
    data = load_spec("spec: 1\nbase: {application: VGG16}\n" + help.split("`")[-2] + "\n").source.data
    (entry,) = data["set"]
    return dict(entry)


def test_finding_W22_of_another_spec_it_is_told_where_to_say_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inner = "spec: 1\nbase: {application: MobileNetV2, weights: null, include_top: false, input_shape: [64, 64, 3]}\n"
    Path("inner.yaml").write_text(inner)
    Path("outer.yaml").write_text("spec: 1\nbase: {spec: inner.yaml}\ninput: {shape: [100, 100, 3]}\n")
    (found,) = check_spec("outer.yaml")
    assert (found.code, found.line) == ("SC405", 3)
    assert str(found.help).startswith("write `input` into `inner.yaml`")
    Path("inner.yaml").write_text(inner + "input: {shape: [100, 100, 3]}\n")
    Path("outer.yaml").write_text("spec: 1\nbase: {spec: inner.yaml}\n")
    assert check_spec("outer.yaml") == ()
    assert paddings(plan_spec("outer.yaml").after)["block_3_pad"] == ((1, 1), (1, 1))


def test_finding_W22_other_layers_are_an_error_with_a_way_that_works() -> None:
    base = {"application": "NASNetMobile", "weights": None, "include_top": False, "input_shape": [None, None, 3]}
    with pytest.raises(SpecError) as caught:
        plan_spec({"spec": 1, "base": base, "input": {"shape": [96, 96, 3]}})
    (found,) = caught.value.diagnostics
    assert (found.code, found.path) == ("SC406", ("input", "shape"))
    assert check_spec({"spec": 1, "base": {**base, "input_shape": [96, 96, 3]}}) == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", application_names())
def test_finding_W22_nothing_else_depends_on_the_size(name: str) -> None:
    """What differs between two sizes is what `stale_paddings` knows by name, and sizes written into nested models."""
    base = Base.model_validate({"application": name, "weights": None, "include_top": False, "input_shape": [96, 96, 3]})
    was = application(base).graph
    differing: set[str] = set()
    for size in ((101, 101, 3), (130, 97, 3), (331, 331, 3)):
        now = application(base, size).graph
        assert list(now.layers) == list(was.layers)
        assert [node.inputs for node in now.nodes.values()] == [node.inputs for node in was.nodes.values()]
        for layer_name, layer in was.layers.items():
            other = now.layers[layer_name]
            assert other.variables == layer.variables
            if layer.kind == "layer" and other.config != layer.config:
                differing.add(layer_name)
                kept = {**now.layers, layer_name: layer}
                plan = Plan(name, was, Graph(now.name, kept, now.nodes, now.inputs, now.outputs))
                (found,) = stale_paddings(load_spec({"spec": 1, "base": {"application": name}}), plan)
                assert f"`{layer_name}` keeps the padding" in found.message
        assert [*stale_paddings(load_spec({"spec": 1, "base": {"application": name}}), Plan(name, was, now))] == []
    assert bool(differing) is name.startswith(("MobileNetV2", "MobileNetV3", "NASNet", "EfficientNetB"))
