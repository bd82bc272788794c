"""`Lambda` in YAML: a function of a module beside the spec, run with permission only, the same model as by hand."""

from __future__ import annotations

import base64
import json
import marshal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from spec_compiler import SpecError, check_spec, compile_spec, load_spec, plan_spec
from spec_compiler.cli.main import cli
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.schema import spec_schema
from tests.backend.conftest import Array, assert_same_bits, branching, outputs_of, randomized
from tests.memory import static_plan

MODULE = """
import keras

def double(tensor):
    return 2 * tensor

def scaled(tensor, by):
    return keras.ops.sigmoid(tensor) * by

def half_in_training(tensor, training=False):
    return tensor / 2 if training else tensor

triple = lambda tensor: tensor * 3
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module beside the specs; what is imported from it is forgotten."""
    (tmp_path / "my_layers.py").write_text(MODULE, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("my_layers", None)


def written(project: Path, text: str, name: str = "spec.yaml") -> Path:
    path = project / name
    path.write_text("spec: 1\n" + text, encoding="utf-8")
    return path


def by_hand(layer: Any, images: Array) -> list[Array]:
    """The branching model with a layer on its output, as Keras's own API makes it."""
    base = branching()
    return outputs_of(keras.Model(base.input, layer(base.output)), images)


@pytest.mark.parametrize(
    ("entry", "name", "options"),
    [
        ("Lambda: 'my_layers:double'", "double", {}),
        ("Lambda: {function: 'my_layers:double', name: doubled}", "double", {}),
        ("Lambda: {function: 'my_layers:scaled', arguments: {by: 0.3}}", "scaled", {"arguments": {"by": 0.3}}),
        ("Lambda: {function: 'my_layers:half_in_training'}", "half_in_training", {}),
        ("Lambda: {function: 'my_layers:triple', output_shape: [5]}", "triple", {"output_shape": (5,)}),
        ("Lambda: {function: 'my_layers:double', dtype: float64}", "double", {"dtype": "float64"}),
    ],
)
def test_it_equals_the_layer_by_hand(entry: str, name: str, options: Any, project: Path, images: Array) -> None:
    path = written(project, f"head:\n  - {entry}\n")
    compiled = compile_spec(path, base=branching(), allow_code=True)
    functions: dict[str, Any] = {}
    exec(MODULE, functions)
    assert_same_bits(
        outputs_of(compiled.model, images), by_hand(keras.layers.Lambda(functions[name], **options), images)
    )
    assert compiled.model.layers[-1].function is sys.modules["my_layers"].__dict__[name]


def test_inside_of_the_model_and_of_another_layer(project: Path, images: Array) -> None:
    text = "insert: [{after: stem, with: [{TimeDistributed: {layer: {Lambda: 'my_layers:double'}}}]}]\n"
    compiled = compile_spec(written(project, text), base=branching(), allow_code=True)
    assert [each.code for each in compiled.warnings] == ["SC509"]
    halves = {"insert": [{"after": "stem", "with": [{"Rescaling": 2.0}]}]}
    assert_same_bits(
        outputs_of(compiled.model, images),
        outputs_of(compile_spec({"spec": 1, **halves}, base=branching()).model, images),
    )


def test_without_permission_nothing_is_imported(project: Path) -> None:
    path = written(project, "head:\n  - Lambda: {function: 'my_layers:double'}\n")
    (found,) = check_spec(path, base=branching())
    assert (found.code, found.line, found.column) == ("SC112", 3, 5)
    with pytest.raises(SpecError):
        compile_spec(path, base=branching())
    assert "my_layers" not in sys.modules


def test_a_static_check_imports_nothing(project: Path) -> None:
    path = written(project, "base: {application: VGG16, weights: null}\nhead: [{Lambda: 'my_layers:double'}]\n")
    assert check_spec(path, static=True, allow_code=True) == ()
    assert "my_layers" not in sys.modules


def test_the_plan_is_plain_text(project: Path) -> None:
    path = written(project, "head: [{Lambda: {function: 'my_layers:double', name: doubled}}]\n")
    plan = plan_spec(path, base=branching(), allow_code=True)
    assert plan.after.layers["doubled"].arguments["function"] == "my_layers:double"
    assert "my_layers:double" in json.dumps(plan.after.layers["doubled"].config)
    (new,) = [each for each in plan.to_json()["layers"] if each["action"] == "new"]
    assert (new["name"], new["class"]) == ("doubled", "Lambda")


def test_modules_of_the_same_name_beside_two_specs(project: Path, images: Array) -> None:
    other = project / "other"
    other.mkdir()
    (other / "my_layers.py").write_text("from factors import by\n\ndef double(tensor):\n    return by * tensor\n")
    (other / "factors.py").write_text("by = 5.0\n")
    text = "head: [{Lambda: 'my_layers:double'}]\n"
    for folder, factor in ((project, 2.0), (other, 5.0), (project, 2.0)):
        model = compile_spec(written(folder, text), base=branching(), allow_code=True).model
        assert_same_bits(outputs_of(model, images), by_hand(keras.layers.Rescaling(factor), images))
    assert str(project) not in sys.path


def test_what_is_remembered_does_not_outlive_the_function(project: Path) -> None:
    branching().save(project / "model.keras")
    for entry in ("Lambda: 'my_layers:grown'", "TimeDistributed: {layer: {Lambda: 'my_layers:grown'}}"):
        text = f"base: {{file: model.keras}}\ncut_at: block2_add\nhead: [{{{entry}}}]\n"
        for width in (1, 2):
            (project / "my_layers.py").write_text(
                f"def grown(tensor):\n    return tensor[..., :{width}]\n" + "#" * width
            )
            sys.modules.pop("my_layers", None)
            path = written(project, text)
            assert compile_spec(path, allow_code=True).model.output_shape[-1] == width
            assert (
                static_plan(load_spec(path), Permissions(code=True))[0] == "names"
            )  # the shapes are not taken from memory


@pytest.mark.parametrize(
    ("name", "options"),
    [("double", {"custom_objects": {"double": lambda tensor: 2 * tensor}, "safe_mode": False}),
     ("triple", {"safe_mode": False})],
)  # fmt: skip
def test_a_saved_file_loads_as_the_warning_says(name: str, options: Any, project: Path, images: Array) -> None:
    branching().save(project / "model.keras")
    path = written(
        project, f"base: {{file: model.keras}}\nhead: [{{Lambda: {{function: 'my_layers:{name}', name: last}}}}]\n"
    )
    result = CliRunner().invoke(cli, ["build", str(path), "-o", str(project / "out.keras"), "--allow-code"])
    assert result.exit_code == 0, result.output
    assert "+ last" in result.stdout
    assert f"warning[SC509]: `last` is a Lambda layer: a saved file needs `my_layers:{name}` again" in result.stderr
    assert f"custom_objects={{'{name}': {name}}}, safe_mode=False" in result.stderr
    model = compile_spec(path, allow_code=True).model
    again = keras.models.load_model(project / "out.keras", **options)
    assert_same_bits(outputs_of(again, images), outputs_of(model, images))
    with pytest.raises((ValueError, TypeError)):
        keras.models.load_model(project / "out.keras")


def test_a_spec_with_a_function_as_the_base_of_another(project: Path, images: Array) -> None:
    branching().save(project / "model.keras")
    inner = project / "inner"
    inner.mkdir()
    (inner / "my_layers.py").write_text("double = lambda tensor: 2 * tensor\n")
    written(inner, "base: {file: ../model.keras}\nhead: [{Lambda: {function: 'my_layers:double', name: twice}}]\n")
    outer = written(project, "base: {spec: inner/spec.yaml}\nhead: [{Lambda: 'my_layers:triple'}]\n")
    model = compile_spec(outer, allow_code=True).model
    base = branching()
    doubled = keras.layers.Lambda(lambda tensor: 2 * tensor)(base.output)
    wanted = keras.Model(base.input, keras.layers.Lambda(lambda tensor: tensor * 3)(doubled))
    assert_same_bits(outputs_of(model, images), outputs_of(wanted, images))


def test_another_function_for_a_lambda_that_is_there(project: Path, images: Array) -> None:
    base = branching()
    base = keras.Model(base.input, keras.layers.Lambda(lambda tensor: tensor + 1, name="last")(base.output))
    path = written(project, "set: [{layers: last, to: {function: 'my_layers:double'}}]\n")
    (found,) = check_spec(path, base=base)
    assert (found.code, found.line, found.column) == ("SC112", 2, 38)
    model = compile_spec(path, base=base, allow_code=True).model
    assert_same_bits(outputs_of(model, images), by_hand(keras.layers.Rescaling(2.0), images))
    misspelt = written(project, "set: [{layers: last, to: {function: 'my_layers:duoble'}}]\n")
    (found,) = check_spec(misspelt, base=base, allow_code=True)
    assert (found.code, found.line, found.column, found.help) == ("SC403", 2, 48, "did you mean `double`?")


def test_the_editor_takes_it() -> None:
    editor = Draft7Validator(spec_schema())
    right: list[Any] = [
        {"Lambda": "my_layers:double"},
        {"Lambda": {"function": "my.layers:double", "mask": None, "arguments": {"by": 2}}},
        {"Lambda": {"function": "${function}"}},
        {"TimeDistributed": {"layer": {"Lambda": "my_layers:double"}}},
    ]
    wrong: list[Any] = ["Lambda", {"Lambda": {"function": "double"}}, {"Lambda": 3}, {"Lambda": {"mask": "a:b"}}]
    for entry in right:
        assert editor.is_valid({"spec": 1, "head": [entry]}), entry
    for entry in wrong:
        assert not editor.is_valid({"spec": 1, "head": [entry]}), entry


def saved_model(project: Path, function: Any, file: str = "saved.keras") -> Any:
    """A model with a function in a `Lambda`, in a file."""
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(3, name="dense")(inputs)
    outputs = keras.layers.Lambda(function, name="ours", output_shape=(3,))(x)
    model = randomized(keras.Model(inputs, outputs, name="saved"))
    model.save(project / file)
    return model


def double(tensor: Any) -> Any:
    """As in the module beside the spec."""
    return 2 * tensor


@pytest.mark.parametrize("file", ["saved.keras", "saved.h5"])
@pytest.mark.parametrize("function", [double, lambda tensor: tensor * 3], ids=["of a module", "in the file"])
def test_a_saved_function_is_found_beside_with_permission(project: Path, function: Any, file: str) -> None:
    by_hand = saved_model(project, function, file)
    spec = written(project, f"base: {{file: {file}}}\nhead: [{{Rescaling: {{scale: 2.0, name: more}}}}]\n")
    numbers = np.arange(8, dtype="float32").reshape(2, 4)
    refused = check_spec(str(spec))
    assert [(each.code, each.line) for each in refused] == [("SC112", 2)]
    assert "--allow-code" in (refused[0].help or "")
    compiled = compile_spec(str(spec), allow_code=True).model
    assert_same_bits(
        outputs_of(compiled, numbers), outputs_of(keras.Model(by_hand.input, 2.0 * by_hand.output), numbers)
    )
    assert [each.code for each in check_spec(str(spec))] == ["SC112"]  # nothing was kept that goes without permission


def test_a_saved_function_is_in_one_module(project: Path) -> None:
    saved_model(project, double)
    spec = written(project, "base: {file: saved.keras}\n")
    (project / "other.py").write_text("raise SystemExit\ndef double(tensor): return tensor\n", encoding="utf-8")
    found = check_spec(str(spec), allow_code=True)
    assert [each.code for each in found] == ["SC502"]
    assert "`my_layers.py` and `other.py` define" in found[0].message
    (project / "other.py").unlink()
    (project / "my_layers.py").unlink()
    found = check_spec(str(spec), allow_code=True)
    assert [each.help for each in found] == ["put the module with `def double` there"]


REGISTERING = """import keras
@keras.saving.register_keras_serializable(package="ours")
def squared(tensor):
    return tensor * tensor
"""


@pytest.mark.parametrize("file", ["saved.keras", pytest.param("saved.h5", marks=pytest.mark.slow)])
def test_a_registered_function_is_found_under_its_plain_name(project: Path, file: str) -> None:
    (project / "registering.py").write_text(REGISTERING, encoding="utf-8")
    making = (  # in a process of its own, as what is registered here would be known
        "import sys, keras; sys.path.insert(0, '.'); import registering; inputs = keras.Input((4,));"
        "keras.Model(inputs, keras.layers.Lambda(registering.squared, output_shape=(4,))(inputs)).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", making, file], cwd=project, check=True, capture_output=True)
    spec = written(project, f"base: {{file: {file}}}\n")
    (refused,) = check_spec(str(spec))
    assert (refused.code, refused.line, "`ours>squared`" in refused.message) == ("SC112", 2, True)
    numbers = np.arange(8, dtype="float32").reshape(2, 4)
    try:
        compiled = compile_spec(str(spec), allow_code=True).model
        assert_same_bits(outputs_of(compiled, numbers), numbers * numbers)
        (warning,) = check_spec(str(spec), allow_code=True)
        assert (warning.code, "import the module that registers it" in (warning.help or "")) == ("SC509", True)
        compiled.save(project / "again.keras")
        again = keras.models.load_model(project / "again.keras", safe_mode=False)
        assert_same_bits(outputs_of(again, numbers), numbers * numbers)
    finally:
        keras.saving.get_custom_objects().pop("ours>squared", None)


@pytest.mark.parametrize("file", ["saved.keras", "saved.h5"])
@pytest.mark.parametrize("function", [double, lambda tensor: tensor * 2], ids=["of a module", "in the file"])
def test_predict_and_features_run_code_with_permission(project: Path, function: Any, file: str) -> None:
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(inputs)
    model = keras.Model(inputs, keras.layers.Lambda(function, name="ours", output_shape=(3,))(x))
    model.save(project / file)
    image = np.arange(192, dtype="uint8").reshape(8, 8, 3)
    keras.utils.save_img(project / "image.png", image, scale=False)
    runner = CliRunner()
    output = str(project / "found.npz")
    asked = [str(project / file), str(project / "image.png")]
    for arguments in (["predict", *asked], ["features", *asked, "-o", output]):
        refused = runner.invoke(cli, arguments)
        assert isinstance(refused.exception, SpecError)
        (said,) = refused.exception.diagnostics
        assert (said.code, "--allow-code" in (said.help or "")) == ("SC112", True)
        done = runner.invoke(cli, [*arguments, "--allow-code"])
        assert done.exit_code == 0, done.output
    wanted = outputs_of(model, image[None].astype("float32"))
    assert_same_bits(np.load(output)["features"], wanted)


def test_diff_reads_code_with_permission(project: Path) -> None:
    saved_model(project, double, "before.keras")
    saved_model(project, double, "after.h5")
    runner = CliRunner()
    files = [str(project / "before.keras"), str(project / "after.h5")]
    for arguments in (files, [files[0], "VGG16"]):
        refused = runner.invoke(cli, ["diff", *arguments])
        assert isinstance(refused.exception, SpecError)
        (said,) = refused.exception.diagnostics
        assert (said.code, said.path, said.file) == ("SC112", (), None)
        done = runner.invoke(cli, ["diff", *arguments, "--allow-code"])
        assert done.exit_code == 0, done.output
    same = runner.invoke(cli, ["diff", *files, "--allow-code"])
    assert "Weights: the same bit for bit in 1 layer, different in 0." in same.output


@pytest.mark.parametrize("file", ["saved.keras", "saved.h5"])
@pytest.mark.parametrize("place", ["nested model", "wrapped layer"])
def test_a_lambda_inside_of_a_saved_layer(project: Path, place: str, file: str) -> None:
    inputs = keras.Input((5, 4), name="steps")
    double = keras.layers.Lambda(lambda tensor: tensor * 2, output_shape=(4,) if place == "wrapped layer" else (5, 4))
    if place == "nested model":
        inner = keras.Input((5, 4), name="inner")
        layer: Any = keras.Model(inner, double(inner), name="holder")
    else:
        layer = keras.layers.TimeDistributed(double, name="holder")
    held = layer(keras.layers.Dense(4, name="first")(inputs))
    keras.Model(inputs, keras.layers.Dense(3, name="last")(held)).save(project / file)
    spec = written(project, f"base: {{file: {file}}}\ncut_at: holder\nhead: [Flatten]\n")
    assert [each.code for each in check_spec(str(spec))] == ["SC112"]
    compiled = compile_spec(str(spec), allow_code=True).model
    numbers = np.random.default_rng(0).random((2, 5, 4), "float32")
    cut = keras.Model(inputs, keras.layers.Flatten()(held))
    assert_same_bits(outputs_of(compiled, numbers), outputs_of(cut, numbers))


def as_keras_2(file: Path, function: Any) -> None:
    """Writes a model's `Lambda` as Keras 2 did: marshalled code, or a function's name, beside its type."""
    with h5py.File(file, "a") as store:
        config = json.loads(store.attrs["model_config"])
        (layer,) = (each["config"] for each in config["config"]["layers"] if each["class_name"] == "Lambda")
        if function.__name__ == "<lambda>":
            layer["function"] = [base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii"), None, None]
            layer["function_type"] = "lambda"
        else:
            layer["function"], layer["function_type"] = function.__name__, "function"
        layer |= {"module": "__main__", "output_shape_type": "raw", "output_shape_module": None}
        store.attrs["model_config"] = json.dumps(config)


@pytest.mark.parametrize("function", [double, lambda tensor: tensor * 2], ids=["of a module", "in the file"])
def test_a_lambda_that_keras_2_saved(project: Path, function: Any) -> None:
    model = saved_model(project, function, "saved.h5")
    as_keras_2(project / "saved.h5", function)
    spec = written(project, "base: {file: saved.h5}\nhead: [{Rescaling: {scale: 2.0, name: more}}]\n")
    assert [each.code for each in check_spec(str(spec))] == ["SC112"]
    compiled = compile_spec(str(spec), allow_code=True).model
    numbers = np.arange(8, dtype="float32").reshape(2, 4)
    assert_same_bits(outputs_of(compiled, numbers), outputs_of(keras.Model(model.input, 2.0 * model.output), numbers))


def test_a_registered_function_is_not_remembered(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_COMPILER_CACHE", str(project / "cache"))
    try:
        registered = keras.saving.register_keras_serializable(package="ours")(double)
        saved_model(project, registered)
        spec = written(project, "base: {file: saved.keras}\n")
        plan_spec(str(spec))
    finally:
        keras.saving.get_custom_objects().pop("ours>double", None)
    assert static_plan(load_spec(str(spec)), Permissions()) == ("fields", None)
    assert [each.code for each in check_spec(str(spec))] == ["SC112"]  # as in a process that has not registered it


@pytest.mark.parametrize("function", [double, lambda tensor: tensor * 2], ids=["named", "lambda"])
@pytest.mark.parametrize("place", ["nested model", "wrapped layer"])
def test_a_lambda_inside_of_a_layer_is_kept(place: str, function: Any, project: Path) -> None:
    inputs = keras.Input((5, 4), name="steps")
    if place == "nested model":
        inner = keras.Input((5, 4), name="inner")
        layer: Any = keras.Model(inner, keras.layers.Lambda(function, output_shape=(5, 4))(inner), name="holder")
    else:
        layer = keras.layers.TimeDistributed(keras.layers.Lambda(function, output_shape=(4,)), name="holder")
    base = keras.Model(inputs, keras.layers.Dense(3, name="last")(layer(inputs)))
    numbers = np.random.default_rng(0).random((2, 5, 4), "float32")
    assert_same_bits(outputs_of(compile_spec({"spec": 1}, base=base).model, numbers), outputs_of(base, numbers))
    base.save(project / "saved.keras")
    compiled = compile_spec(str(written(project, "base: {file: saved.keras}\n")), allow_code=True).model
    assert_same_bits(outputs_of(compiled, numbers), outputs_of(base, numbers))
