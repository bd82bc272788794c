"""`export`: artefacts run by their own runtimes, without the compiler, beside plain Keras."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest

from spec_compiler import Exported, SpecError, export_model, export_spec, read_card
from spec_compiler.backend.training import checkpoints
from tests.backend import exports, sessions
from tests.backend.conftest import branching, randomized
from tests.backend.pictures import write_pictures
from tests.markdown import ROOT, blocks

Array = np.ndarray[Any, Any]
OUTPUTS = ("model.onnx", "model.tflite", "model.xml", "saved")
SCHEMA = json.loads((ROOT / "schemas" / "export.schema.json").read_text(encoding="utf-8"))


def images(count: int, size: int = 16) -> Array:
    values: Array = np.random.default_rng(5).uniform(-2, 3, (count, size, size, 3)).astype("float32")
    return values


def apart(one: Array, other: Array) -> float:
    """The largest difference as a part of the largest number."""
    assert one.shape == other.shape
    assert one.std() > 0
    return float(np.abs(one.astype("float64") - other).max() / np.abs(one).max())


def two_ends() -> Any:
    """A picture and a table in, a mapping of outputs, one of them of integers."""
    picture, table = keras.Input((8, 8, 3), name="picture"), keras.Input((4,), name="a_table")
    x = keras.layers.Conv2D(6, 3, activation="relu", name="conv")(picture)
    x = keras.layers.Flatten(name="flat")(x)
    y = keras.layers.Dense(5, activation="tanh", name="dense")(table)
    joined = keras.layers.Concatenate(name="join")([x, y])
    outputs = {
        "wide": keras.layers.Dense(12, name="wide")(joined),
        "narrow": keras.layers.Dense(1, activation="sigmoid", name="narrow")(y),
        "x10": keras.layers.Dense(2, name="ten")(joined),
        "x2": keras.ops.cast(keras.ops.sum(x, axis=-1) * 9, "int32"),
    }
    return randomized(keras.Model({"picture": picture, "a_table": table}, outputs, name="ends"))


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_artefact_computes_what_keras_does(name: str, branching_model: Any, tmp_path: Path) -> None:
    output = tmp_path / "out" / name
    names = ["a", "b", "c", "d", "e"]
    done = export_model(branching_model, output, labels=names)
    card = read_card(output)
    for count in (1, 3):  # also of another size than the probes
        pixels = images(count)
        found = exports.run(output, {card.inputs[0].name: pixels})[card.outputs[0].name]
        assert apart(branching_model.predict(pixels, verbose=0), found) < 1e-5
    assert done.outputs[0].holds
    assert 0 <= done.worst < done.outputs[0].tolerance == 1e-4
    assert list(card.outputs[0].classes or ()) == names
    assert (card.inputs[0].layer, card.outputs[0].layer) == ("image", "predictions")
    assert card.inputs[0].image is not None
    assert (card.inputs[0].image.height, card.inputs[0].image.color) == (16, "rgb")
    expected = {"saved"} if name == "saved" else {name, f"{name}.json", *(["model.bin"] if name == "model.xml" else [])}
    assert {each.name for each in output.parent.iterdir()} == expected
    jsonschema.validate(json.loads(Path(done.files[-1]).read_text()), SCHEMA)


@pytest.mark.parametrize("name", OUTPUTS)
def test_several_inputs_and_outputs(name: str, tmp_path: Path) -> None:
    model = two_ends()
    done = export_model(model, tmp_path / name)
    random = np.random.default_rng(1)
    arrays = {
        "picture": random.normal(size=(2, 8, 8, 3)).astype("float32"),
        "a_table": random.normal(size=(2, 4)).astype("float32"),
    }
    wanted = model.predict(arrays, verbose=0)
    card = read_card(tmp_path / name)
    found = exports.run(tmp_path / name, {each.name: arrays[each.layer] for each in card.inputs})
    assert len(done.outputs) == 4
    for each, key in zip(card.outputs, sorted(wanted), strict=True):  # Keras flattens a mapping by its sorted keys
        assert apart(wanted[key], found[each.name]) < 1e-5, key


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_converters_do_not_know_by_themselves(name: str, tmp_path: Path) -> None:
    """Statistics that are no variables, convolutions in groups, which Keras gives to XLA, and an exact gelu."""
    random = np.random.default_rng(3)
    inputs = keras.Input((8, 8, 6), name="picture")
    normalization = keras.layers.Normalization(name="normalization")
    normalization.adapt(random.normal(2, 3, (20, 8, 8, 6)))
    x = keras.layers.Conv2D(6, 3, groups=3, activation="gelu", name="grouped")(normalization(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, name="end")(x), name="odd")
    model.get_layer("grouped").bias.assign(random.normal(size=6))
    pixels = random.normal(2, 3, (3, 8, 8, 6)).astype("float32")
    wanted = model.predict(pixels, verbose=0)
    export_model(model, tmp_path / name)
    card = read_card(tmp_path / name)
    assert apart(wanted, exports.run(tmp_path / name, {card.inputs[0].name: pixels})[card.outputs[0].name]) < 1e-5
    assert (model.predict(pixels, verbose=0) == wanted).all()


def recurrent() -> Any:
    words = keras.Input((7,), dtype="int32", name="words")
    x = keras.layers.Embedding(20, 4, mask_zero=True, name="embedding")(words)
    return keras.Model(words, keras.layers.Dense(2, name="end")(keras.layers.LSTM(5, name="lstm")(x)))


def attending() -> Any:
    series = keras.Input((6, 8), name="series")
    return keras.Model(series, keras.layers.MultiHeadAttention(2, 4, name="attention")(series, series))


def in_a_row() -> Any:
    layers = keras.layers
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])


def of_any_size() -> Any:
    pixels = keras.Input((None, None, 3), name="pixels")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name="conv")(pixels))
    return keras.Model(pixels, keras.layers.Dense(3, name="end")(x))


@pytest.mark.parametrize(
    ("make", "name", "shape", "says"),
    [
        (recurrent, "model.tflite", (1, 7), "it takes one sample at a time"),
        (recurrent, "model.onnx", (3, 7), ""),
        (attending, "model.xml", (3, 6, 8), "outputs that are none of the model's"),
        (in_a_row, "model.onnx", (3, 8, 8, 3), ""),
        (of_any_size, "model.onnx", (2, 19, 11, 3), ""),
        (of_any_size, "model.tflite", (2, 19, 11, 3), ""),
    ],
)
def test_other_models(make: Callable[[], Any], name: str, shape: tuple[int, ...], says: str, tmp_path: Path) -> None:
    model, random = randomized(make()), np.random.default_rng(2)
    done = export_model(model, tmp_path / name)
    assert says in " ".join(done.notes)
    card = read_card(tmp_path / name)
    values = random.integers(0, 20, shape) if card.inputs[0].dtype == "int32" else random.normal(size=shape)
    values = values.astype(card.inputs[0].dtype)
    assert (card.inputs[0].shape[0] == 1) is ("one sample" in says)
    found = exports.run(tmp_path / name, {card.inputs[0].name: values})[card.outputs[0].name]
    assert apart(model.predict(values, verbose=0), found) < 1e-5


def test_a_model_that_computes_in_half_is_compared_as_such(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        pixels = keras.Input((8, 8, 3), name="pixels")
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name="conv")(pixels))
        model = randomized(keras.Model(pixels, keras.layers.Dense(3, dtype="float32", name="end")(x)))
    finally:
        keras.config.set_dtype_policy("float32")
    done = export_model(model, tmp_path / "model.onnx")
    assert done.outputs[0].tolerance == 1e-2
    assert done.worst > 0


def test_more_than_ten_outputs_keep_their_order(tmp_path: Path) -> None:
    inputs = keras.Input((3,), name="numbers")
    ends = [keras.layers.Dense(2 + at % 3, name=f"end{at}")(inputs) for at in range(12)]
    model = randomized(keras.Model(inputs, ends, name="many"))
    for name in ("model.tflite", "model.xml"):
        done = export_model(model, tmp_path / name)
        assert [each.output for each in done.outputs] == [f"end{at}" for at in range(12)]
        assert done.worst < 1e-5


def test_float16_and_int8(branching_model: Any, tmp_path: Path) -> None:
    sizes = {}
    arrays = images(20)
    wanted = branching_model.predict(arrays, verbose=0)
    for precision in (None, "float16", "int8"):
        output = tmp_path / f"{precision}.tflite"
        calibration = arrays if precision == "int8" else None
        done = export_model(branching_model, output, quantize=precision, calibration=calibration)
        (found,) = exports.run(output, {read_card(output).inputs[0].name: arrays}).values()
        assert apart(wanted, found) < done.outputs[0].tolerance
        assert read_card(output).precision == (precision or "float32")
        sizes[precision] = types(output)
    assert np.float16 not in sizes[None]
    assert np.float16 in sizes["float16"]
    assert np.int8 in sizes["int8"]
    assert np.int8 not in sizes["float16"]


def types(path: Path) -> set[Any]:
    from ai_edge_litert.interpreter import Interpreter

    return {each["dtype"] for each in Interpreter(model_path=str(path)).get_tensor_details()}


def test_int8_learns_from_the_images_of_a_folder(tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", names=("cat", "dog"), each=4, size=16)
    done = export_model(branching(), tmp_path / "m.tflite", quantize="int8", calibration=tmp_path / "photos")
    assert "8 of the samples" in done.probes
    assert done.outputs[0].same_class is not None


# what is wrong is found, and its layer named


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """`broken(layer, variable)`: Keras's exporter takes other values for it than the model has."""
    real = keras.Model.export

    def breaks(layer: str, variable: str) -> None:
        def export(model: Any, filepath: Any, **options: Any) -> None:
            found = [each for each in model._flatten_layers() if each.name == layer]
            values = [each for owner in found for each in owner.weights if each.name == variable]
            before = [np.array(keras.ops.convert_to_numpy(each)) for each in values]
            for each, value in zip(values, before, strict=True):
                each.assign(value * 1.5 + 0.2)
            try:
                real(model, filepath, **options)
            finally:
                for each, value in zip(values, before, strict=True):
                    each.assign(value)

        monkeypatch.setattr(keras.Model, "export", export)

    return breaks


@pytest.mark.parametrize(
    ("output", "layer", "variable"),
    [
        ("model.onnx", "block1_conv2", "kernel"),
        pytest.param("model.tflite", "block2_bn", "gamma", marks=pytest.mark.slow),
        ("saved", "stem", "bias"),
        ("model.xml", "predictions", "kernel"),
    ],
)
def test_a_wrong_artefact_is_caught_and_its_layer_named(
    output: str, layer: str, variable: str, broken: Callable[[str, str], None], tmp_path: Path
) -> None:
    broken(layer, variable)
    with pytest.raises(SpecError) as caught:
        export_model(branching(), tmp_path / output)
    (said,) = caught.value.diagnostics
    assert said.code == "SC520"
    assert f"the first layer that departs is `{layer}`" in "\n".join(said.notes)
    assert not list(tmp_path.iterdir())


def test_a_wrong_layer_of_a_spec_is_named_at_its_line(broken: Callable[[str, str], None], tmp_path: Path) -> None:
    branching().save(tmp_path / "base.keras")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "spec: 1\nbase: {file: base.keras}\ninsert:\n  - after: block1_add\n    with:\n"
        "      - Conv2D: {filters: 8, kernel_size: 1, name: extra}\n      - ReLU\n"
    )
    broken("extra", "kernel")
    with pytest.raises(SpecError) as caught:
        export_spec(spec, tmp_path / "model.onnx")
    (said,) = caught.value.diagnostics
    assert (said.code, said.line) == ("SC520", 6)
    assert "`extra`" in "\n".join(said.notes)


def test_a_layer_inside_of_a_model_is_named(broken: Callable[[str, str], None], tmp_path: Path) -> None:
    inputs = keras.Input((16, 16, 3), name="picture")
    scores = keras.layers.Dense(3, name="scores")(branching()(keras.layers.Rescaling(0.5, name="half")(inputs)))
    broken("block2_conv1", "kernel")
    with pytest.raises(SpecError, match="the first layer that departs is `branching/block2_conv1`"):
        export_model(randomized(keras.Model(inputs, scores, name="outer")), tmp_path / "model.onnx")


def damaged(path: Any, shape: tuple[int, ...]) -> None:
    """Changes one number of the weights of a shape in an ONNX file."""
    import onnx

    found = onnx.load(path)
    (weights,) = [each for each in found.graph.initializer if tuple(each.dims) == shape]
    values = np.array(onnx.numpy_helper.to_array(weights))
    values.reshape(-1)[17] += 4
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    onnx.save(found, path)


def test_a_damaged_file_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One number of one weight in the file itself: long after the exporter is done, and just when it is."""
    export_model(branching(), tmp_path / "model.onnx")
    damaged(tmp_path / "model.onnx", (8, 3, 3, 3))  # of the stem, as ONNX lays out its kernel
    with pytest.raises(SpecError, match="the first layer that departs is `stem`"):
        export_model(branching(), tmp_path / "model.onnx", compare=True)
    real = keras.Model.export

    def export(model: Any, filepath: Any, **options: Any) -> None:
        real(model, filepath, **options)
        if any(each.name == "predictions" for each in model.layers):
            damaged(filepath, (8, 5))

    monkeypatch.setattr(keras.Model, "export", export)
    with pytest.raises(SpecError, match="the first layer that departs is `predictions`"):
        export_model(branching(), tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("output", "layer", "variable"),
    [*((output, "block1_conv2", "kernel") for output in OUTPUTS), ("model.onnx", "predictions", "bias")],
)
def test_an_artefact_that_is_there_is_compared(output: str, layer: str, variable: str, tmp_path: Path) -> None:
    """By Keras alone, without a card; then of a model with another value in one layer."""
    keras_formats = {"model.onnx": "onnx", "model.tflite": "litert", "model.xml": "openvino", "saved": "tf_saved_model"}
    model = branching()
    model(images(1))
    model.export(str(tmp_path / output), format=keras_formats[output], verbose=False)
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
    assert export_model(model, tmp_path / output, compare=True).worst < 1e-5
    (changed,) = [each for each in model.get_layer(layer).weights if each.name == variable]
    changed.assign(np.array(changed) * 1.2 + 0.1)
    with pytest.raises(SpecError, match=f"the first layer that departs is `{layer}`"):
        export_model(model, tmp_path / output, compare=True)
    assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")} == before


@pytest.mark.slow
def test_a_damaged_int8_file_is_found(tmp_path: Path) -> None:
    model, arrays = branching(), images(20)
    export_model(model, tmp_path / "model.tflite", quantize="int8", calibration=arrays)
    done = export_model(model, tmp_path / "model.tflite", quantize="int8", compare=True, probe=arrays)
    assert done.precision == "int8"
    model.get_layer("block2_conv1").bias.assign((np.arange(8) - 4.0) * 20)
    with pytest.raises(SpecError, match="the first layer that departs is `block2_conv1`"):
        export_model(model, tmp_path / "model.tflite", quantize="int8", compare=True, probe=arrays)


def test_nothing_to_compare(branching_model: Any, tmp_path: Path) -> None:
    for name in OUTPUTS:
        with pytest.raises(SpecError, match=r"SC501.*there is no"):
            export_model(branching_model, tmp_path / name, compare=True)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(SpecError, match=r"SC521.*does not run"):
        export_model(branching_model, tmp_path / "model.onnx", compare=True)


def test_a_tolerance_of_ones_own_accepts_and_refuses(
    broken: Callable[[str, str], None], branching_model: Any, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="SC520"):
        export_model(branching_model, tmp_path / "model.onnx", tolerance=1e-12)
    broken("predictions", "bias")
    assert export_model(branching_model, tmp_path / "model.onnx", tolerance=0.9).worst > 0.01


# what travels along


def test_what_a_run_knows_travels_along(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    said = {"class_names": list("vwxyz"), "images": {"size": [16, 16], "interpolation": "bicubic"}}
    for name in ("best.keras", "last.keras"):
        checkpoints.save(branching(), str(run / name), said)
    for name in ("model.onnx", "saved/"):
        export_model(run, f"{tmp_path / 'out'}/{name}", preprocess="VGG16")
        card = read_card(f"{tmp_path / 'out'}/{name}")
        assert card.outputs[0].classes == tuple("vwxyz")
        image = card.inputs[0].image
        assert image is not None
        assert image.interpolation == "bicubic"
        assert image.preprocessing is not None
        pixels = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
        ours = pixels[..., ::-1] if image.preprocessing.channels == "bgr" else pixels
        for step in image.preprocessing.steps:
            ours = (ours - np.array(step.subtract)) / np.array(step.divide_by)
        np.testing.assert_allclose(ours, keras.applications.vgg16.preprocess_input(pixels.copy()), rtol=1e-5, atol=1e-4)


def test_a_card_of_another_file_is_refused(branching_model: Any, tmp_path: Path) -> None:
    export_model(branching_model, tmp_path / "model.onnx")
    with (tmp_path / "model.onnx").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(SpecError, match="SC502"):
        read_card(tmp_path / "model.onnx")


# places and packages


def test_a_file_that_is_there_stays_without_force(branching_model: Any, tmp_path: Path) -> None:
    for name in ("model.xml", "saved"):
        export_model(branching_model, tmp_path / name)
        before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
        with pytest.raises(SpecError, match=r"SC508.*already exists"):
            export_model(branching_model, tmp_path / name)
        assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")} == before
        export_model(branching_model, tmp_path / name, force=True)
        read_card(tmp_path / name)
    assert not list(tmp_path.glob(".partial*"))


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, branching_model: Any, tmp_path: Path
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "openvino" else real(name, *rest)
    )
    with pytest.raises(SpecError, match=r"(?s)SC521.*OpenVINO needs `openvino`.*pip install 'openvino>="):
        export_model(branching_model, tmp_path / "model.xml")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sessions.write_project(tmp_path_factory.mktemp("export"))


def test_the_command(project: Path) -> None:
    (project / "spec.yaml").write_text("spec: 1\nbase: {file: model.keras}\nhead: [{Dense: {units: 3, name: end}}]\n")
    said = sessions.run(["spec-compiler export spec.yaml -o out/model.onnx --set head[0].Dense.units=4"], project)
    assert said.status == 0, said.output
    assert "holds" in said.output
    assert "saved out/model.onnx and out/model.onnx.json" in said.output
    assert read_card(project / "out" / "model.onnx").outputs[0].shape == (None, 4)
    said = sessions.run(["spec-compiler export model.keras -o out/m.tflite --format json --probe pictures"], project)
    found = json.loads(said.output)
    assert found["outputs"][0]["holds"] is True
    assert found["probes"] == "8 images of pictures"
    assert sessions.run(["spec-compiler export model.keras -o o.onnx --set a=1"], project).status == 2
    assert not os.path.exists(project / "o.onnx")


def test_a_notebook_shows_a_table(branching_model: Any, tmp_path: Path) -> None:
    done: Exported = export_model(branching_model, tmp_path / "saved")
    assert "<td>predictions</td>" in done._repr_html_()
    assert done.of["predictions"].holds


def masked(text: str) -> str:
    """A text without the numbers and versions that another machine says otherwise."""
    return re.sub(r"  +", " ", re.sub(r"\d[\d.e-]*", "N", text)).strip()


def test_the_blocks_of_the_page_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first as it prints, the second of a run's folder, the Python after them."""
    branching().save(project / "base.keras")
    (project / "spec.yaml").write_text("spec: 1\nbase: {file: base.keras}\nfreeze: all\n")
    write_pictures(project / "photos", names=("one",), each=6, size=20)
    (project / "runs" / "x").mkdir(parents=True)
    for name in ("best.keras", "last.keras"):
        checkpoints.save(branching(), str(project / "runs" / "x" / name), {"class_names": list("vwxyz")})
    page = ROOT / "docs" / "export.md"
    first, comparison, second = blocks(page, "console")
    said = sessions.run([first.splitlines()[0].removeprefix("$ ")], project)
    assert said.status == 0, said.output
    assert masked(said.output) == masked("\n".join(first.splitlines()[1:]))
    assert sessions.run([comparison.strip().removeprefix("$ ")], project).status == 0
    monkeypatch.chdir(project)
    for name in ("model.onnx", "model.onnx.json"):
        (project / name).unlink()
    (code,) = blocks(page, "python")
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["exported"].outputs[0].holds
    said = sessions.run([second.splitlines()[0].removeprefix("$ ")], project)
    assert said.status == 0, said.output
    assert read_card(project / "small.tflite").outputs[0].classes == tuple("vwxyz")


@pytest.mark.slow
def test_no_runtime_reports_that_it_was_used(project: Path, tmp_path: Path) -> None:
    """In a process of its own, as these tests import the runtimes themselves: no file of theirs, nowhere to connect."""
    code = (
        "import socket, sys\n"
        "def refused(*told): raise AssertionError(f'a connection: {told}')\n"
        "socket.socket.connect = socket.getaddrinfo = refused\n"
        "from spec_compiler import export_model\n"
        "for name in ('m.onnx', 'm.xml'): export_model('model.keras', f'{sys.argv[1]}/{name}')\n"
        "assert sys.modules.get('openvino_telemetry') is None\n"
    )
    places = {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home")}
    for each in places.values():
        os.mkdir(each)
    environment = {name: each for name, each in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | places
    words = [sys.executable, "-c", code, str(tmp_path / "out")]
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "tmp").iterdir())
    assert {each.name for each in (tmp_path / "home").iterdir()} <= {".keras", ".cache", ".config"}


def test_another_backend_is_told(monkeypatch: pytest.MonkeyPatch, branching_model: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(SpecError, match=r"(?s)SC521.*Keras runs on jax.*KERAS_BACKEND=tensorflow"):
        export_model(branching_model, tmp_path / "model.onnx")
