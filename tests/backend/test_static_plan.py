"""A plan made without Keras is the plan that Keras makes, or there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import Plan, SpecError, compile_spec, load_spec, plan_spec
from spec_compiler.backend.answers import Keras
from spec_compiler.cli.markdown import plan_markdown
from spec_compiler.memory.bases import result_key
from spec_compiler.spec import Spec
from spec_compiler.spec.others import Tier
from spec_compiler.spec.permissions import Permissions
from tests.backend.conftest import branching
from tests.backend.test_examples import SPECS, offline
from tests.memory import static_plan


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def followed(spec: Spec) -> tuple[Tier, Plan | None]:
    return static_plan(spec, Permissions())


def assert_same_plan(known: Plan | None, plan: Plan) -> None:
    assert known is not None
    assert known == plan
    assert list(known.after.nodes) == list(plan.after.nodes)
    assert list(known.after.layers) == list(plan.after.layers)
    assert known.to_json() == plan.to_json()


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_is_planned_without_keras_the_second_time(path: Path) -> None:
    spec = load_spec(path, overrides=offline(path))
    assert followed(spec) == ("fields", None)
    plan = plan_spec(spec)
    tier, known = followed(spec)
    assert tier == "shapes"
    assert_same_plan(known, plan)


NORMALIZATIONS = r"/.*(_bn.*|normalization.*|layernorm)/"
EDITS: dict[str, dict[str, Any]] = {
    "none": {},
    "cut and head": {"cut_at": "[-3:-2]", "head": ["Flatten", {"Dense": {"units": 5, "name": "top"}}]},
    "insert everywhere": {"insert": [{"after": {"each": NORMALIZATIONS}, "with": [{"Dropout": 0.1}]}]},
    "another size": {"input": {"shape": [96, 96, 3]}},
    "arguments": {"set": [{"layers": NORMALIZATIONS, "to": {"dtype": "float16"}}]},
    "frozen": {"freeze": {"layers": "all", "except": "[-2:]"}},
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(
    "application",
    ["MobileNetV3Small", "EfficientNetB0", pytest.param("NASNetMobile", marks=pytest.mark.slow), "ConvNeXtTiny"],
)
def test_applications(application: str, edit: str) -> None:
    if (keras.backend.backend(), application) == ("torch", "NASNetMobile"):
        pytest.skip("Keras has no NASNet on torch")
    data = {
        "spec": 1,
        "base": {"application": application, "weights": None, "include_top": False, "input_shape": [64, 64, 3]},
        **EDITS[edit],
    }
    spec = load_spec(data)
    if (application, edit) == ("ConvNeXtTiny", "another size"):  # its nested Sequentials have a fixed size
        with pytest.raises(SpecError, match="SC401"):
            plan_spec(spec)
        assert followed(spec) == ("names", None)
        return
    plan = plan_spec(spec)
    tier, known = followed(spec)
    assert tier == "shapes"
    assert_same_plan(known, plan)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_saved_model_is_known_by_its_config(suffix: str, tmp_path: Path) -> None:
    model = branching()
    file = tmp_path / f"model{suffix}"
    model.save(file)
    data = {"spec": 1, "base": {"file": str(file)}, "head": [{"Dense": 3}]}
    plan = plan_spec(data)
    assert_same_plan(followed(load_spec(data))[1], plan)
    for layer in model.layers:
        layer.trainable = False
    model.save(file)
    assert followed(load_spec(data)) == ("fields", None)  # its graph says what is frozen


def test_several_bases() -> None:
    base = {"application": "MobileNetV3Small", "weights": None, "include_top": False, "input_shape": [64, 64, 3]}
    data = {
        "spec": 1,
        "bases": {"a": base, "b": {**base, "alpha": 0.75}},
        "head": [{"from": ["a/activation_17", "b/activation_17"], "Concatenate": {}}, "GlobalAveragePooling2D"],
    }
    plan = plan_spec(data)
    assert_same_plan(followed(load_spec(data))[1], plan)


OTHER = """spec: 1
base: {application: MobileNetV3Small, weights: null, include_top: false, input_shape: [64, 64, 3]}
remove: [expanded_conv_2_project_bn]
insert: [{after: {each: "type:Multiply"}, with: [{Dropout: {rate: 0.1, name: "{name}_drop"}}]}]
set: [{layers: conv, to: {strides: 1}}]
cut_at: "[-20:-19]"
freeze: {layers: base, except: "type:BatchNormalization"}
head: [GlobalAveragePooling2D, {Dense: {units: 4, name: scores}}]
"""
AROUND = "spec: 1\nbase: {spec: other.yaml}\ncut_at: '[-2:-1]'\nhead: [{Dense: 2}]\nfreeze: base\n"


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text(OTHER)
    (tmp_path / "around.yaml").write_text(AROUND)
    (tmp_path / "outermost.yaml").write_text("spec: 1\nbase: {spec: around.yaml}\nfreeze: all\n")
    return tmp_path


@pytest.mark.parametrize("name", ["around.yaml", "outermost.yaml"])
def test_the_result_of_another_spec_is_known(name: str, specs: Path) -> None:
    spec = load_spec(name)
    assert followed(spec) == ("fields", None)
    plan = plan_spec(spec)
    tier, known = followed(spec)
    assert tier == "shapes"
    assert_same_plan(known, plan)
    (specs / "other.yaml").write_text(OTHER.replace("strides: 1", "strides: 3"))
    assert followed(spec) == ("fields", None)
    (specs / "other.yaml").write_text(f"name: another\n{OTHER.replace('64, 64', '32, 32')}")
    assert followed(spec) == ("fields", None)
    (specs / "other.yaml").write_text(f"# what changes nothing\n{OTHER}")
    assert_same_plan(followed(spec)[1], plan)


def test_results_of_other_specs_joined(specs: Path) -> None:
    inputs = "base: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3]}"
    (specs / "second.yaml").write_text(f"spec: 1\n{inputs}\ncut_at: block2_pool\nhead: [Flatten, {{Dense: 4}}]\n")
    bases = "bases: {a: {spec: other.yaml}, b: {spec: second.yaml}}"
    (specs / "both.yaml").write_text(f"spec: 1\n{bases}\nhead: [{{Average: {{}}, from: [a/scores, b/dense]}}]\n")
    spec = load_spec("both.yaml")
    plan = plan_spec(spec)
    assert_same_plan(followed(spec)[1], plan)


@pytest.mark.parametrize(
    "text",
    [
        OTHER.replace("cut_at: ", "cut_at: no_such_layer # "),
        OTHER.replace("Dense: {", "Dens: {"),
        "spec: 1\nbase: {spec: around.yaml}\n",
        "spec: 1\nbase: {spec: other.yaml}\n",
        "spec: 1\nbase: {spec: othre.yaml}\n",
        None,
    ],
    ids=["name", "field", "circle", "itself", "missing", "removed"],
)
def test_a_mistake_in_another_spec_is_told_without_keras_as_with_it(text: str | None, specs: Path) -> None:
    plan_spec("around.yaml")
    if text is None:
        (specs / "other.yaml").unlink()
    else:
        (specs / "other.yaml").write_text(text)
    spec = load_spec("around.yaml")
    with pytest.raises(SpecError) as without:
        followed(spec)
    with pytest.raises(SpecError) as with_keras:
        Keras(None, Permissions()).unfilled(spec)
    assert without.value.diagnostics == with_keras.value.diagnostics


def test_the_first_base_that_is_unknown_ends_it(specs: Path) -> None:
    (specs / "broken.yaml").write_text("spec: 1\nbase: {application: VGG17}\n")
    (specs / "damaged.keras").write_text("no archive")
    (specs / "both.yaml").write_text("spec: 1\nbases: {a: {file: damaged.keras}, b: {spec: broken.yaml}}\n")
    with pytest.raises(SpecError, match="SC502"):  # what a file is takes no Keras
        followed(load_spec("both.yaml"))
    with pytest.raises(SpecError, match="SC502"):
        plan_spec("both.yaml")
    unknown = {"application": "MobileNet", "weights": None, "alpha": 0.25, "classes": 7}
    bases = {"a": unknown, "b": {"spec": str(specs / "broken.yaml")}}
    assert followed(load_spec({"spec": 1, "bases": bases})) == ("fields", None)


def test_names_that_keras_will_see_are_part_of_the_question() -> None:
    spec = {"spec": 1, "base": {"application": "VGG16", "weights": None}, "cut_at": "block1_pool"}
    graph = plan_spec(spec).after
    renamed = {name: replace(layer, keras_name=f"other_{name}") for name, layer in graph.layers.items()}
    assert result_key(graph) == result_key(replace(graph, layers=dict(graph.layers)))
    assert result_key(graph) != result_key(replace(graph, layers=renamed))


def test_a_new_argument_or_shape_is_asked_for() -> None:
    base = {"application": "VGG16", "weights": None, "include_top": False, "input_shape": [64, 64, 3]}

    def spec(*head: Any, **more: Any) -> Spec:
        return load_spec({"spec": 1, "base": base, "head": list(head), **more})

    plan_spec(spec("Flatten", {"Dense": 4}))
    assert followed(spec("Flatten", {"Dense": 4}))[0] == "shapes"
    assert followed(spec("Flatten", {"Dense": {"units": 4, "name": "other"}}))[0] == "shapes"
    assert followed(spec("Flatten", {"Dense": 5})) == ("names", None)
    assert followed(spec({"Dense": 4})) == ("names", None)
    assert followed(spec("Flatten", {"Dense": 4}, cut_at="block2_pool")) == ("names", None)


def test_a_mistake_is_told_without_keras_as_with_it() -> None:
    data = "spec: 1\nbase: {application: VGG16, weights: null}\nfreeze: block1_conf1\n"
    spec = load_spec(data)
    with pytest.raises(SpecError) as first:
        plan_spec(spec)
    with pytest.raises(SpecError) as second:
        followed(spec)
    assert second.value.diagnostics == first.value.diagnostics


def test_a_shape_error_is_never_remembered() -> None:
    base = {"application": "VGG16", "weights": None, "include_top": False, "input_shape": [64, 64, 3]}
    good = {"spec": 1, "base": base, "replace": [{"layers": "block1_conv1", "with": [{"Conv2D": [64]}]}]}
    bad = json.loads(json.dumps(good).replace("[64]}", '{"filters": 32, "kernel_size": 3, "padding": "same"}}'))
    good = json.loads(json.dumps(good).replace("[64]}", '{"filters": 64, "kernel_size": 3, "padding": "same"}}'))
    plan_spec(good)
    for _ in range(2):
        with pytest.raises(SpecError) as raised:
            plan_spec(bad)
        assert raised.value.diagnostics[0].code == "SC402"
        assert followed(load_spec(bad)) == ("names", None)


@pytest.mark.parametrize("damage", ["truncated", "other data", "empty list", "no layer"])
def test_a_damaged_entry_of_calls_is_not_believed(damage: str, folder: Path) -> None:
    data = {"spec": 1, "base": {"application": "VGG16", "weights": None}, "head": [{"Dense": 4}]}
    plan = plan_spec(data)
    (path,) = [each for each in folder.glob("*.json") if "calls" in json.loads(each.read_text())["key"]]
    entry = json.loads(path.read_text())
    from spec_compiler.memory import cache

    calls = json.loads(entry["data"])
    if damage == "truncated":
        path.write_text(path.read_text()[:-9])
    elif damage == "other data":
        path.write_text(json.dumps({**entry, "data": entry["data"].replace("float32", "float16")}))
    elif damage == "empty list":
        cache.keep(entry["key"], [])
    else:
        cache.keep(entry["key"], {key: {"outputs": value["outputs"]} for key, value in calls.items()})
    assert followed(load_spec(data)) == ("names", None)
    assert plan_spec(data) == plan
    assert followed(load_spec(data))[0] == "shapes"


def test_code_of_the_users_own_is_never_remembered() -> None:
    @keras.saving.register_keras_serializable("static_plan_test")
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    data = {
        "spec": 1,
        "base": {"application": "VGG16", "weights": None},
        "head": ["static_plan_test>Doubled"],
    }
    plan_spec(data)
    assert followed(load_spec(data)) == ("names", None)


def run(*arguments: str, cwd: Path) -> tuple[str, bool]:
    """What a command prints, and whether it loaded Keras."""
    code = (
        "import sys; from spec_compiler.cli import main\ntry:\n    main()\nfinally:\n    print('keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    *lines, loaded = done.stdout.splitlines()
    return "\n".join(lines), loaded == "True"


def test_commands_load_keras_once(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "spec: 1\nbase: {application: VGG16, weights: imagenet}\ncut_at: block2_pool\n"
        "head: [GlobalAveragePooling2D, {Dense: {units: 10, activation: softmax}}]\nfreeze: base\n"
    )
    static = ("check", "--static", "mine.yaml")
    said, loaded = run(*static, cwd=tmp_path)
    assert ("fields and arguments" in said, "names and shapes were not checked" in said, loaded) == (True, True, False)
    first, loaded = run("plan", "mine.yaml", cwd=tmp_path)
    assert loaded
    assert run("plan", "mine.yaml", cwd=tmp_path) == (first, False)
    assert run(*static, cwd=tmp_path) == (
        "1 spec checked (statically: fields, names, topology and shapes): no errors",
        False,
    )
    (tmp_path / "around.yaml").write_text("spec: 1\nbase: {spec: mine.yaml}\nfreeze: all\n")
    first, loaded = run("plan", "around.yaml", cwd=tmp_path)
    assert loaded
    assert run("plan", "around.yaml", cwd=tmp_path) == (first, False)
    for arguments in (("layers", "VGG16"), ("layers", "mine.yaml", "--after"), ("diagram", "mine.yaml", "--force")):
        assert run(*arguments, cwd=tmp_path)[1] is False, arguments


def test_the_plan_is_that_of_what_is_compiled() -> None:
    data = {"spec": 1, "base": {"application": "VGG16", "weights": None}, "cut_at": "block2_pool", "head": ["Flatten"]}
    compiled = compile_spec(data)
    known = followed(load_spec(data))[1]
    assert_same_plan(known, compiled.plan)
    assert known is not None
    assert plan_markdown(known) == plan_markdown(compiled.plan)
    assert repr(known) == "<Plan vgg16: 1 new, 16 dropped, 7 kept layers, 260,160 parameters>"
    assert repr(compiled).startswith(
        "<CompiledSpec vgg16: copied 0 of 32 variables, 0 parameters; initialized 8, 260,160 parameters"
    )
