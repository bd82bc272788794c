"""Saved models from strangers: what their configs name is not called, imported or read, and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras.src.api_export import REGISTERED_NAMES_TO_OBJS

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.backend.models.allowed_configs import CLASSES, findings
from spec_compiler.cli.main import cli
from spec_compiler.keras_facts.side_effects import CODE_LAYERS, IMPORTED_BY_KERAS
from tests.backend.conftest import assert_same_bits, outputs_of, randomized

Config = dict[str, Any]
SENTINEL = "import pathlib\npathlib.Path(__file__).with_name('imported').touch()\nfrom keras.layers import Dense\n"


def object_of(module: str | None, name: str, config: Any = None, **more: Any) -> Config:
    return {"module": module, "class_name": name, "config": {} if config is None else config, **more}


def function_of(module: str, name: str) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


GALLERY = object_of("keras.visualization", "plot_image_gallery", {"path": "written.png"})
FLOATX = object_of("keras.config", "set_floatx")  # Keras gives the function itself for it, in safe mode too
IMAGES = {"class_name": "__numpy__", "config": {"value": [[[[1.0, 1.0, 1.0]]]], "dtype": "float32"}}
DRAWN = (IMAGES, None, None, None, 1, 1, [0, 255], 3, "written.png", None, True, 60, None, "channels_last")
PIXELS = {"class_name": "__numpy__", "config": {"value": [[[1.0]]], "dtype": "float32"}}


def argument(key: str, value: Any) -> Callable[[Config], None]:
    """The layer `own`, a `Dense`, with another argument."""

    def edit(config: Config) -> None:
        layer_of(config, "own")["config"][key] = value

    return edit


def layer_of(config: Config, name: str) -> Config:
    found: Config = next(each for each in config["config"]["layers"] if each["config"]["name"] == name)
    return found


def instead(entry: Config, *, is_whole: bool = False) -> Callable[[Config], None]:
    """The layer `own` replaced by another object."""

    def edit(config: Config) -> None:
        own = layer_of(config, "own")
        arguments = entry["config"]
        if isinstance(arguments, dict) and not is_whole:
            arguments = {"name": "own", **arguments}
        own.pop("build_config", None)
        own |= {"registered_name": None, **entry, "config": arguments}
        if "module" not in entry:
            own.pop("module")

    return edit


def called_with(name: str, *arguments: Any, **options: Any) -> Callable[[Config], None]:
    """The layer `own` replaced by an operation that is called with functions."""

    def edit(config: Config) -> None:
        own = layer_of(config, "own")
        own.pop("build_config", None)
        own |= object_of("keras.src.ops.core", name, {"name": "own"}, registered_name=name)
        own["inbound_nodes"] = [{"args": [*own["inbound_nodes"][0]["args"], *arguments], "kwargs": options}]

    return edit


def at_top(edit: Callable[[Config], Any]) -> Callable[[Config], None]:
    return lambda config: edit(config) and None


def compiled_inside(config: Config) -> None:
    """A nested model that was compiled with a loss of the file's choice."""
    inner = {key: config["config"][key] for key in ("layers", "input_layers", "output_layers", "name", "trainable")}
    nested = object_of("keras.src.models.functional", "Functional", json.loads(json.dumps(inner)))
    nested["compile_config"] = {"optimizer": "adam", "loss": function_of("keras.utils", "get_file")}
    instead(nested, is_whole=True)(config)


def wrapped(module_name: str, inner: Config, key: str = "layer", **more: Any) -> Callable[[Config], None]:
    return instead(object_of("keras.layers", module_name, {key: inner, **more}))


def words(name: str) -> Callable[[Config], None]:
    return instead(object_of("keras.layers", name, {"vocabulary": "/etc/passwd"}))


WRITER = "4wAAAAAAAAAAAAAAAAEAAAACAAAA"  # the start of some bytecode: it is refused before it is read
GADGETS: dict[str, Callable[[Config], None]] = {
    "a-gallery-for-an-initializer": argument("kernel_initializer", GALLERY),
    "a-gallery-for-a-layer": instead(GALLERY),
    "a-gallery-for-the-model": at_top(lambda config: config.update(GALLERY)),
    "a-gallery-for-the-dtype": argument("dtype", GALLERY),
    "a-gallery-for-a-quantization": argument("quantization_config", GALLERY),
    "a-gallery-in-unknown-arguments": argument("nothing", [{"deep": [GALLERY]}]),
    "a-gallery-to-build-with": at_top(lambda config: layer_of(config, "own").update(build_config=GALLERY)),
    "a-gallery-for-a-metric": at_top(
        lambda config: layer_of(config, "own").update(compile_config={"metrics": [GALLERY]})
    ),
    "a-download-for-an-activation": argument("activation", function_of("keras.utils", "get_file")),
    "an-image-writer-for-a-constraint": argument("kernel_constraint", object_of("keras.utils", "save_img")),
    "a-setting-in-a-condition": called_with("Cond", FLOATX, FLOATX),
    "a-setting-in-a-switch": called_with("Switch", [FLOATX, FLOATX], "float64"),
    "a-policy-in-a-switch": called_with("Switch", [object_of("keras.config", "set_dtype_policy")], "float64"),
    "epochs-in-a-switch": called_with("Switch", [object_of("keras.config", "set_max_epochs")], 1),
    "a-gallery-in-a-switch": called_with("Switch", [GALLERY], *DRAWN),
    "an-image-in-a-switch": called_with("Switch", [object_of("keras.utils", "save_img")], "written.png", PIXELS),
    "a-gallery-for-an-activation": argument("activation", object_of("keras.visualization", "plot_image_gallery")),
    "a-setting-as-a-function": called_with("Switch", [function_of("keras.config", "set_floatx")], "float64"),
    "a-setting-for-a-lambda": instead(object_of("keras.layers", "Lambda", {"function": FLOATX, "output_shape": [4]})),
    "epochs-in-a-map": called_with("Map", object_of("keras.config", "set_max_epochs"), 1),
    "a-setting-in-a-loop": called_with("WhileLoop", FLOATX, FLOATX),
    "a-setting-in-a-vectorized-map": instead(object_of("keras.src.ops.core", "VectorizedMap", {"function": FLOATX})),
    "a-setting-by-its-old-name": called_with("Switch", [object_of("keras.backend", "set_floatx")], "float64"),
    "unsafe-mode": argument("bias_initializer", object_of("keras.config", "enable_unsafe_deserialization")),
    "a-loader-in-a-lambda": instead(
        object_of("keras.layers", "Lambda", {"function": function_of("keras.models", "load_model")})
    ),
    "a-deserialiser-in-a-lambda": instead(
        object_of("keras.layers", "Lambda", {"function": function_of("builtins", "deserialize")})
    ),
    "a-getter-for-an-activation": argument("activation", function_of("builtins", "get")),
    "bytecode": instead(
        object_of("keras.layers", "Lambda", {"function": {"class_name": "__lambda__", "config": {"code": WRITER}}})
    ),
    "bytecode-for-a-shape": instead(
        object_of(
            "keras.layers",
            "Lambda",
            {
                "function": function_of("builtins", "relu"),
                "output_shape": {"class_name": "__lambda__", "config": {"code": WRITER}},
            },
        )
    ),
    "bytecode-as-keras-2-wrote-it": instead(
        {"class_name": "Lambda", "config": {"function": [WRITER, None, None], "name": "own"}}
    ),
    "bytecode-for-an-initializer": argument(
        "kernel_initializer", {"class_name": "__lambda__", "config": {"value": WRITER}}
    ),
    "a-function-beside": argument("activation", function_of("builtins", "beside")),
    "keras-cv": instead(object_of("keras_cv", "Dense")),
    "keras-hub": instead(object_of("keras_hub.layers", "Dense")),
    "keras-nlp-for-an-initializer": argument("kernel_initializer", object_of("keras_nlp", "Dense")),
    "keras-nlp-for-a-function": argument("activation", function_of("keras_nlp", "beside")),
    "a-module-beside": instead(object_of("beside", "Dense")),
    "a-module-of-python": argument("kernel_initializer", object_of("os", "system", {"command": "touch written"})),
    "a-module-inside-of-keras": argument("kernel_initializer", object_of("keras.src.utils.io_utils", "print_msg")),
    "a-class-inside-of-keras": instead(object_of("keras.src.saving.file_editor", "KerasFileEditor")),
    "a-module-that-keras-has-not": instead(object_of("keras.src.beside", "Dense")),
    "a-registered-name": argument(
        "kernel_initializer", {**GALLERY, "module": "keras.visualization", "registered_name": "Zeros"}
    ),
    "a-checkpoint-for-an-initializer": argument(
        "kernel_initializer", object_of("keras.callbacks", "CSVLogger", {"filename": "written.csv"})
    ),
    "an-archive-for-a-layer": instead(object_of("keras.export", "ExportArchive")),
    "a-dataset-for-a-layer": instead(object_of("keras.utils", "PyDataset")),
    "a-type-of-tensorflow": argument(
        "kernel_initializer",
        {
            "class_name": "__typespec__",
            "module": "keras.config",
            "spec_name": "set_floatx",
            "registered_name": None,
            "config": ["float64"],
        },
    ),
    "a-distiller": instead(object_of("keras.distillation", "Distiller")),
    "features": instead(object_of("keras.utils", "FeatureSpace", {"features": {}})),
    "in-a-wrapper": wrapped("TimeDistributed", GALLERY),
    "in-the-layer-of-a-wrapper": wrapped(
        "TimeDistributed", object_of("keras.layers", "Dense", {"units": 3, "kernel_initializer": GALLERY})
    ),
    "backwards": wrapped(
        "Bidirectional", object_of("keras.layers", "LSTM", {"units": 3}), backward_layer=GALLERY, merge_mode="concat"
    ),
    "a-cell": wrapped("RNN", GALLERY, "cell"),
    "cells": wrapped("RNN", object_of("keras.layers", "StackedRNNCells", {"cells": [GALLERY]}), "cell"),
    "attention": instead(
        object_of("keras.layers", "MultiHeadAttention", {"num_heads": 1, "key_dim": 2, "kernel_initializer": GALLERY})
    ),
    "a-pipeline": instead(object_of("keras.layers", "Pipeline", {"layers": [GALLERY]})),
    "a-nested-model-compiled": compiled_inside,
    "a-vocabulary": words("StringLookup"),
    "a-vocabulary-of-numbers": words("IntegerLookup"),
    "a-vocabulary-of-a-text": words("TextVectorization"),
    "a-splitter": instead(
        object_of("keras.layers", "TextVectorization", {"split": function_of("keras.utils", "get_file")})
    ),
    "a-saved-graph": instead(object_of("keras.layers", "TFSMLayer", {"filepath": "saved"})),
    "a-module-of-torch": instead(object_of("keras.layers", "TorchModuleWrapper", {"module": {}})),
    "a-layer-of-jax": instead(object_of("keras.layers", "JaxLayer", {"call_fn": FLOATX})),
    "an-old-deserialiser": instead({"class_name": "deserialize", "config": {"config": GALLERY}}),
    "an-old-function-by-name": instead({"class_name": "Dense", "config": {"units": 3, "activation": "deserialize"}}),
    "a-name-that-is-no-text": instead(object_of("keras.layers", "Dense") | {"class_name": ["Dense"]}),
}


def plain() -> Any:
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(4, name="own")(inputs)
    return randomized(keras.Model(inputs, keras.layers.Dense(2, name="last")(x), name="plain"))


def hostile_archive(path: Path, edit: Callable[[Config], None]) -> None:
    """A real `.keras` archive with another config."""
    plain().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config.pop("compile_config", None)
    edit(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def hostile_hdf5(path: Path, edit: Callable[[Config], None]) -> None:
    plain().save(path)
    with h5py.File(path, "a") as store:
        config = json.loads(store.attrs["model_config"])
        edit(config)
        store.attrs["model_config"] = json.dumps(config)


def state_of_keras() -> dict[str, Any]:
    """What of Keras every other model of the process depends on."""
    from keras.src.backend import config as settings
    from keras.src.saving import serialization_lib

    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "data_format": keras.config.image_data_format(),
        "policy": keras.config.dtype_policy().name,
        "objects": dict(keras.saving.get_custom_objects()),
        "safe_mode": serialization_lib.in_safe_mode(),
        "epochs": settings.max_epochs(),
        "steps": settings.max_steps_per_epoch(),
        "traceback": keras.config.is_traceback_filtering_enabled(),
        "logging": keras.config.is_interactive_logging_enabled(),
        "path": list(sys.path),
    }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, on Python's path, with packages beside the model that nobody may import."""
    for name in IMPORTED_BY_KERAS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(SENTINEL, encoding="utf-8")
        (tmp_path / name / "layers.py").write_text(SENTINEL, encoding="utf-8")
    (tmp_path / "beside.py").write_text(SENTINEL + "def beside(tensor): return tensor\n", encoding="utf-8")
    (tmp_path / "spec.yaml").write_text("spec: 1\nbase: {file: model.keras}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    monkeypatch.syspath_prepend(os.fspath(tmp_path))
    return tmp_path


def files_in(folder: Path) -> set[str]:
    return {os.fspath(each.relative_to(folder)) for each in folder.rglob("*") if "__pycache__" not in each.parts}


def refusals() -> list[Any]:
    """What each of the commands says of the spec in the current folder."""
    found = [tuple(check_spec("spec.yaml"))]
    for ask in (plan_spec, compile_spec):
        with pytest.raises(SpecError) as caught:
            ask("spec.yaml")
        found.append(tuple(caught.value.diagnostics))
    result = CliRunner().invoke(cli, ["build", "spec.yaml", "-o", "built.keras", "--prove"])
    assert isinstance(result.exception, SpecError)
    found.append(tuple(result.exception.diagnostics))
    return found


@pytest.mark.parametrize("name", GADGETS)
def test_finding_S3_nothing_that_a_config_names_is_called(name: str, project: Path) -> None:
    hostile_archive(project / "model.keras", GADGETS[name])
    before, files, modules = state_of_keras(), files_in(project), set(sys.modules)
    for said in refusals():
        assert [each.code for each in said] in (["SC112"], ["SC502"]), said
        assert (said[0].path[:2], said[0].line, said[0].column) == (("base", "file"), 2, 14)
        assert "internal" not in said[0].message
    assert state_of_keras() == before
    assert files_in(project) == files
    assert not {each.partition(".")[0] for each in set(sys.modules) - modules} & {*IMPORTED_BY_KERAS, "beside"}


def test_a_refusal_says_which_layer_and_which_name(project: Path) -> None:
    hostile_archive(project / "model.keras", GADGETS["a-gallery-for-an-initializer"])
    (found,) = check_spec("spec.yaml")
    assert "`keras.visualization.plot_image_gallery` in the layer `own`" in found.message
    assert "--allow-code" not in (found.help or "")
    hostile_archive(project / "model.keras", GADGETS["keras-cv"])
    (found,) = check_spec("spec.yaml")
    assert (found.code, "`keras_cv.Dense` in the layer `own`" in found.message) == ("SC112", True)
    assert "--allow-code" in (found.help or "")
    hostile_archive(project / "model.keras", GADGETS["a-vocabulary"])
    (found,) = check_spec("spec.yaml")
    assert (found.code, "`/etc/passwd` in the layer `own`" in found.message) == ("SC502", True)


NEVER = ("a-gallery", "a-setting", "epochs", "a-vocabulary", "an-old", "keras-cv", "keras-hub", "a-module")


@pytest.mark.parametrize("name", [each for each in GADGETS if each.startswith(NEVER)])
def test_no_permission_is_for_it(name: str, project: Path) -> None:
    """With permission Keras's own functions are not called either, and the current folder is no place for packages."""
    hostile_archive(project / "model.keras", GADGETS[name])
    before, files = state_of_keras(), files_in(project)
    (found,) = check_spec("spec.yaml", allow_code=True)
    assert found.code in ("SC112", "SC502")
    assert state_of_keras() == before
    assert files_in(project) == files


OLD: dict[str, Callable[[Config], None]] = {
    "a-gallery-for-an-initializer": argument("kernel_initializer", GALLERY),
    "a-deserialiser-for-a-layer": lambda config: layer_of(config, "own").update(
        class_name="deserialize", config={"name": "own", "config": GALLERY}
    ),
    "a-deserialiser-by-name": argument("activation", "deserialize"),
    "passively": argument("kernel_regularizer", {**GALLERY, "__passive_serialization__": True}),
    "a-gallery-for-the-dtype": argument("dtype", GALLERY),
    "a-layer-with-a-module": lambda config: layer_of(config, "own").update(GALLERY),
    "keras-cv": lambda config: layer_of(config, "own").update(module="keras_cv"),
}


@pytest.mark.parametrize("name", OLD)
def test_finding_S3_in_legacy_hdf5(name: str, project: Path) -> None:
    hostile_hdf5(project / "model.h5", OLD[name])
    (project / "spec.yaml").write_text("spec: 1\nbase: {file: model.h5}\n", encoding="utf-8")
    before, files = state_of_keras(), files_in(project)
    for said in refusals():
        assert [each.code for each in said] in (["SC112"], ["SC502"])
        assert said[0].line == 2
    assert state_of_keras() == before
    assert files_in(project) == files


@pytest.mark.parametrize("command", ["predict", "features"])
def test_finding_S3_other_commands_that_load_a_model(command: str, project: Path) -> None:
    hostile_archive(project / "model.keras", GADGETS["a-gallery-for-an-initializer"])
    keras.utils.save_img(project / "image.png", np.zeros((4, 4, 3)), scale=False)
    output = ["-o", "found.npz"] if command == "features" else []
    before, files = state_of_keras(), files_in(project)
    result = CliRunner().invoke(cli, [command, "model.keras", "image.png", *output])
    assert isinstance(result.exception, SpecError)
    assert [each.code for each in result.exception.diagnostics] == ["SC112"]
    assert (state_of_keras(), files_in(project)) == (before, files)


@pytest.mark.parametrize("command", ["build", "predict"])
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_finding_S3_a_file_that_holds_two_models(suffix: str, command: str, project: Path) -> None:
    """Keras goes by the name of a file, a reader by how it begins: here it begins as HDF5, and ends as an archive."""
    name, called = f"model{suffix}", called_with("Switch", [FLOATX, FLOATX], "float64")
    hostile_hdf5(project / "model.h5", called if suffix == ".h5" else lambda config: None)
    hostile_archive(project / "other.keras", called if suffix == ".keras" else lambda config: None)
    both = (project / "model.h5").read_bytes() + (project / "other.keras").read_bytes()
    (project / name).write_bytes(both)
    assert zipfile.is_zipfile(project / name)
    assert h5py.is_hdf5(project / name)
    (project / "spec.yaml").write_text(f"spec: 1\nbase: {{file: {name}}}\n", encoding="utf-8")
    keras.utils.save_img(project / "image.png", np.zeros((4, 4, 3)), scale=False)
    before, files = state_of_keras(), files_in(project)
    options = ["spec.yaml", "-o", "built.keras", "--prove"] if command == "build" else [name, "image.png"]
    result = CliRunner().invoke(cli, [command, *options])
    assert isinstance(result.exception, SpecError), result.output
    assert [each.code for each in result.exception.diagnostics] == ["SC514"]
    assert (state_of_keras(), files_in(project)) == (before, files)


SPECS = {
    "an-initializer": "head: [{Dense: {units: 3, kernel_initializer: GADGET}}]",
    "a-layer-inside": "head: [{RepeatVector: 2}, {TimeDistributed: {layer: GADGET}}]",
    "an-argument-that-is-set": "set: [{layers: own, to: {kernel_initializer: GADGET}}]",
    "a-regularizer-of-a-replacement": (
        "replace: [{layers: own, with: [{Dense: {units: 4, kernel_regularizer: GADGET}}]}]"
    ),
    "a-schedule": "compile: {optimizer: {Adam: {learning_rate: GADGET}}, loss: mse}\ntrain: [{name: a, epochs: 1}]",
}


@pytest.mark.parametrize("allow_code", [False, True])
@pytest.mark.parametrize("place", SPECS)
def test_finding_S3_inside_of_a_spec_the_same_list_holds(place: str, allow_code: bool, project: Path) -> None:
    plain().save(project / "model.keras")
    gadget = "{module: keras.visualization, class_name: plot_image_gallery, config: {path: written.png}}"
    text = f"spec: 1\nbase: {{file: model.keras}}\n{SPECS[place].replace('GADGET', gadget)}\n"
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    before, files = state_of_keras(), files_in(project)
    found = check_spec("spec.yaml", allow_code=allow_code)
    assert "SC112" in {each.code for each in found} or (allow_code and found)
    assert all(each.line and each.line >= 3 for each in found)
    assert (state_of_keras(), files_in(project)) == (before, files)


def test_the_list_is_made_of_classes() -> None:
    """Of all that Keras exports, only classes of the listed kinds pass, and functions that are plain arithmetic."""
    passed = set()
    for full in REGISTERED_NAMES_TO_OBJS:
        module, _, name = full.rpartition(".")
        for entry in (object_of(module, name), function_of(module, name)):
            found = findings(entry)
            if not (found.forbidden or found.code or found.unknown or found.functions):
                passed.add(full)
    strange = {each for each in passed if not isinstance(REGISTERED_NAMES_TO_OBJS[each], type)}
    assert {each.rpartition(".")[0] for each in strange} <= {"keras.activations", "keras.losses", "keras.metrics"}
    assert not [each for each in strange if each.rpartition(".")[2] in ("get", "serialize", "deserialize")]
    classes = [REGISTERED_NAMES_TO_OBJS[each] for each in passed - strange]
    assert all(issubclass(each, CLASSES) for each in classes)
    assert not {each.__name__ for each in classes} & ({*CODE_LAYERS, "FeatureSpace", "Distiller"} - {"Lambda"})
    layers = {each for name, each in vars(keras.layers).items() if isinstance(each, type) and name not in CODE_LAYERS}
    assert layers - set(classes) == {keras.InputSpec}


def right_models() -> dict[str, Any]:
    def compiled_inside() -> Any:
        inner = plain()
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
        inner.compile(keras.optimizers.Adam(schedule), loss=loss, metrics=["accuracy", keras.metrics.AUC()])
        inputs = keras.Input((4,))
        return keras.Model(inputs, inner(inputs))

    def operations() -> Any:
        inputs = keras.Input((4,))
        x = keras.layers.Dense(4, activation=keras.activations.gelu, name="first")(inputs)
        x = keras.ops.concatenate([keras.ops.square(x) + 1.0, x[:, :2]], axis=-1)
        return keras.Model(inputs, keras.ops.vectorized_map(keras.activations.relu, x))

    def arguments() -> Any:
        inputs = keras.Input((4,))
        seed = keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(3))
        policy = keras.dtype_policies.DTypePolicyMap(keras.dtype_policies.get("mixed_bfloat16"))
        x = keras.layers.Dense(4, kernel_initializer=seed, kernel_regularizer="l2", bias_constraint="non_neg")(inputs)
        x = keras.layers.Lambda(keras.activations.relu)(x)
        return keras.Model(inputs, keras.layers.Dense(2, dtype=policy, name="mixed")(x))

    def recurrent() -> Any:
        inputs = keras.Input((4,))
        x = keras.layers.Reshape((2, 2))(inputs)
        cells = [keras.layers.LSTMCell(3), keras.layers.GRUCell(2)]
        x = keras.layers.Bidirectional(keras.layers.RNN(cells, return_sequences=True))(x)
        return keras.Model(inputs, keras.layers.MultiHeadAttention(2, 2)(x, x))

    return {each.__name__: each for each in (compiled_inside, operations, arguments, recurrent)}


@pytest.mark.parametrize("name", right_models())
def test_right_models_pass_and_change_nothing(name: str, project: Path) -> None:
    base = randomized(right_models()[name]())
    base.save(project / "model.keras")
    before = state_of_keras()
    if name == "compiled_inside":  # its file holds an optimizer's variables, which is another matter
        plan_spec("spec.yaml")
        assert state_of_keras() == before
        return
    compiled = compile_spec("spec.yaml", prove=True).model
    assert state_of_keras() == before
    numbers = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    assert_same_bits(outputs_of(compiled, numbers), outputs_of(base, numbers))


def test_words_in_the_config_are_no_file(project: Path) -> None:
    inputs = keras.Input((1,), dtype="string")
    x = keras.layers.StringLookup(vocabulary=["a", "b"], name="words")(inputs)
    keras.Model(inputs, keras.layers.Embedding(3, 2)(x)).save(project / "model.keras")
    assert check_spec("spec.yaml") == ()


def test_finding_S4_the_current_folder_is_not_searched(project: Path) -> None:
    """`python -m` puts the current folder first on Python's path: modules there are not those of the program."""
    hostile_archive(project / "model.keras", GADGETS["keras-cv"])
    for name in ("h5py", "click", "yaml", "platformdirs", "numpy"):
        (project / f"{name}.py").write_text(SENTINEL, encoding="utf-8")
    for options in ([], ["--allow-code"]):
        run = subprocess.run(
            [sys.executable, "-m", "spec_compiler", "check", "spec.yaml", *options], capture_output=True, text=True
        )
        assert run.returncode == 1, run.stderr
        assert ("SC502" if options else "SC112") in run.stdout, run.stdout + run.stderr
        assert "Traceback" not in run.stderr
    assert not (project / "imported").exists()
