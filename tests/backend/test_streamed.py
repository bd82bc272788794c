"""Files that are written array by array, beside those that Keras writes of the model in memory."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import spec_compiler.building.model_file as model_file
from spec_compiler import SpecError, build_spec, compile_spec, load_spec
from spec_compiler.building.built_file import nothing
from spec_compiler.building.without_keras import without_keras
from spec_compiler.keras_facts.saving import CLASS_NAMES, SAVED_PLAINLY
from spec_compiler.memory import files
from spec_compiler.plan.ledger import LedgerRow
from spec_compiler.reading.archive import Archive
from spec_compiler.spec.permissions import Permissions
from spec_compiler.weights.assignments import TransferError
from tests.backend.conftest import branching, outputs_of, randomized
from tests.markdown import ROOT, blocks

layers = keras.layers
Spec = dict[str, Any]
_NOT_NEEDED = ("build_config", "shared_object_id", "compile_config")  # by which loading is the same
COMPILED = {"compile": {"optimizer": "adam", "loss": "mse"}}
HEAD = ["GlobalAveragePooling2D", {"Dropout": {"rate": 0.3}}, {"Dense": {"units": 4, "name": "answer"}}]


def vgg() -> Any:
    return randomized(keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3)))


def mobile() -> Any:
    return randomized(keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3)))


def convnext() -> Any:
    """With `Normalization`, nested Sequentials and a class of its own."""
    return randomized(keras.applications.ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 3)))


def nested() -> Any:
    """Models inside, a shared layer, two outputs by name, an operation, a layer with layers inside."""
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Dropout(0.1)], name="inner")
    image, shared = keras.Input((8, 8, 3), name="image"), layers.Dense(4, name="shared")
    x = inner(image)
    x = layers.Add(name="sum")([shared(x), shared(x * 2.0)])
    x = layers.Bidirectional(layers.LSTM(3), name="both")(layers.Reshape((-1, 4))(x))
    outputs = {"first": layers.Dense(2, name="one")(x), "second": layers.Dense(3, name="two")(x)}
    return randomized(keras.Model({"image": image}, outputs, name="nested"))


CASES: dict[str, tuple[Callable[[], Any], Spec]] = {
    "all of it": (branching, {}),
    "cut, with a head": (vgg, {"cut_at": "block2_pool", "head": HEAD, "freeze": "..block1_pool"}),
    "a new stem": (
        vgg,
        {"replace": [{"layers": "block1_conv1..block1_conv2",
                      "with": [{"Conv2D": {"name": "new", "filters": 64, "kernel_size": 5, "padding": "same"}}]}]},
    ),
    "pruned": (mobile, {"prune": {"layers": "type:Conv2D", "keep": 0.5, "by": "l1"}}),
    "gray": (vgg, {"input": {"channels": 1, "weights": "sum"}, "head": HEAD}),
    "half precision": (vgg, {"dtype": "float16", "cut_at": "block1_pool"}),
    "bfloat16": (vgg, {"dtype": "bfloat16", "cut_at": "block1_pool"}),
    "frozen, kept in inference mode": (mobile, {"freeze": "base", "head": HEAD}),
    "normalised": (convnext, {"head": HEAD, "freeze": "base"}),
    "nested": (nested, {}),
    "frozen inside": (nested, {"freeze": ["inner/conv2d", "both"], "rename": {"shared": "twice"}}),
    "as a layer": (vgg, {"head": HEAD, "base": {"as": "layer"}}),
}  # fmt: skip

LONG = ("normalised", "frozen, kept in inference mode")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec_of(model: Any, edits: Spec, form: str = "base.keras") -> Spec:
    model.save(form)
    return {"spec": 1, **edits, "base": {"file": form, **edits.get("base", {})}}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *(pytest.param(name, "base.keras", marks=pytest.mark.slow if name in LONG else ()) for name in CASES),
        ("cut, with a head", "base.h5"),
        ("gray", "base.h5"),
    ],
)
def test_the_file_is_the_one_that_keras_writes(name: str, form: str, here: Path) -> None:
    make, edits = CASES[name]
    spec = spec_of(make(), edits, form)
    compiled = compile_spec(spec)
    compiled.model.save("wanted.keras")
    built = without_keras(load_spec(spec), "built.keras", Permissions(), None, nothing)
    assert (built is None) == (name == "as a layer")  # of which only Keras knows where the weights are
    built = built or build_spec(spec, "built.keras", force=True)
    assert built is not None
    assert_same_archives("wanted.keras", "built.keras")
    wanted, ours = keras.models.load_model("wanted.keras"), keras.models.load_model("built.keras")
    assert [each.trainable for each in wanted._flatten_layers()] == [each.trainable for each in ours._flatten_layers()]
    picture = np.random.default_rng(3).normal(size=(2, *wanted.input_shape[1:])).astype("float32")
    inputs = {"image": picture} if make is nested else picture
    for one, other in zip(outputs_of(wanted, inputs), outputs_of(ours, inputs), strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(map(said, built.weights.rows)) == [said(row) for row in compiled.weights.rows if not row.is_state]


def said(row: LedgerRow) -> tuple[Any, ...]:
    """What a row says that is the same whoever fills the result; no file has the state of a random generator."""
    checksum = row.result_checksum if row.parameters else None
    return row.layer, row.variable, row.action, row.reason, row.source, row.source_checksum, checksum, row.formula


def assert_same_archives(wanted: str, ours: str) -> None:
    configs = [plain(json.loads(zipfile.ZipFile(path).read("config.json"))) for path in (wanted, ours)]
    assert configs[0] == configs[1]
    one, other = (arrays_in(zipfile.ZipFile(path).read("model.weights.h5")) for path in (wanted, ours))
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert (array.dtype, array.shape, array.tobytes()) == (
            other[name].dtype, other[name].shape, other[name].tobytes()
        ), name  # fmt: skip
    assert zipfile.ZipFile(ours).testzip() is None


def plain(config: Any) -> Any:
    """A config less what loading does not need; a new layer's call has `training: false`, its default."""
    if isinstance(config, dict):
        kept = {key: plain(value) for key, value in config.items() if key not in _NOT_NEEDED}
        if kept.get("training") is False:
            del kept["training"]
        return kept
    return list(map(plain, config)) if isinstance(config, list) else config


def arrays_in(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_weights_alone(here: Path) -> None:
    spec = spec_of(branching(), {"cut_at": "block2_add", "head": HEAD})
    build_spec(spec, "built.weights.h5")
    built = compile_spec(spec | {"seed": 9}).model
    built.load_weights("built.weights.h5")
    wanted = compile_spec(spec).model
    for one, other in zip(wanted.weights, built.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(SpecError, match="SC508"):
        build_spec(spec, "built.weights.npz")


@pytest.mark.parametrize("edits", [{"head": HEAD}, pytest.param({"head": HEAD, **COMPILED}, marks=pytest.mark.slow)])
def test_the_same_spec_makes_the_same_bytes(edits: Spec, here: Path) -> None:
    """In another folder, with another hash seed and number of threads, with what is remembered and without."""
    (here / "one").mkdir()
    (here / "other").mkdir()
    spec = spec_of(branching(), {"cut_at": "block2_add", **edits})
    found = set()
    for place, seed, threads in (("one", "1", "1"), ("other", "2", "2"), ("other", "3", "1"))[
        : 2 if "compile" in edits else 3
    ]:
        base = {"base": {"file": str(here / "base.keras")}}
        (here / place / "spec.json").write_text(json.dumps(spec | base))
        environment = {
            **os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads,
            "SPEC_COMPILER_CACHE": str(here / f"cache-{place}"),
        }  # fmt: skip
        words = ["-m", "spec_compiler", "build", "spec.json", "-o", f"{seed}.keras"]
        subprocess.run([sys.executable, *words], cwd=here / place, env=environment, check=True, capture_output=True)
        found.add((here / place / f"{seed}.keras").read_bytes())
    assert len(found) == 1


def test_what_needs_no_keras_starts_none(here: Path) -> None:
    spec = spec_of(branching(), {"cut_at": "block2_add", "head": HEAD})
    Path("spec.json").write_text(json.dumps(spec))
    compile_spec(spec)  # the shapes are known from now on
    code = (
        "import sys\nfrom spec_compiler import build_spec\nbuild_spec('spec.json', 'built.keras')\n"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert keras.models.load_model("built.keras").output_shape == (None, 4)


@pytest.mark.parametrize("way", ["a vocabulary", "LoRA", "an initializer", "compiled", "proven", "a slice"])
def test_what_only_keras_can_do_it_does(way: str, here: Path) -> None:
    """The same call: the result is what `compile_spec` makes, whichever way it went."""
    chosen: dict[str, Spec] = {
        "LoRA": {"lora": {"layers": "type:Dense", "rank": 2}},
        "an initializer": {"head": [{"Dense": {"units": 3, "kernel_initializer": "orthogonal"}}]},
        "compiled": {"compile": {"optimizer": "adam", "loss": "mse"}},
    }
    edits = chosen.get(way, {})
    if way == "a vocabulary":
        text = keras.Input((), dtype="string", name="text")
        words = layers.TextVectorization(name="words")
        words.adapt(["one two three", "two three", "three"])
        base = keras.Model(text, layers.Embedding(5, 2, name="vectors")(words(text)))
        inputs: Any = np.array(["three one", "two none"])
    else:
        image = keras.Input((6, 5))
        x = image[:, 1:] if way == "a slice" else image
        base = keras.Model(image, layers.Dense(4, name="last")(layers.Dense(3, name="first")(x)))
        inputs = np.random.default_rng(1).normal(size=(2, 6, 5)).astype("float32")
    spec = spec_of(randomized(base), edits)
    built = build_spec(spec, "built.keras", prove=way == "proven")
    assert (built.weights.proof is not None) == (way == "proven")
    wanted, ours = compile_spec(spec).model, keras.models.load_model("built.keras", compile=False)
    for one, other in zip(outputs_of(wanted, keras.ops.convert_to_tensor(inputs)),
                          outputs_of(ours, keras.ops.convert_to_tensor(inputs)), strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_a_function_of_ones_own_is_saved_as_keras_saves_it(here: Path) -> None:
    Path("my_functions.py").write_text("def tripled(x):\n    return 3 * x\n")
    head = [{"Dense": {"units": 3, "activation": "my_functions:tripled", "name": "new"}}]
    Path("spec.json").write_text(json.dumps(spec_of(branching(), {"cut_at": "pool", "head": head})))
    build_spec("spec.json", "built.keras", allow_code=True)
    ours = keras.models.load_model("built.keras", custom_objects={"tripled": lambda x: 3 * x})
    images = np.random.default_rng(1).normal(size=(2, 16, 16, 3)).astype("float32")
    wanted = compile_spec("spec.json", allow_code=True).model
    np.testing.assert_array_equal(outputs_of(wanted, images)[0], outputs_of(ours, images)[0])


def test_a_wrong_byte_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its way into the file: nothing is written. In the source: told, where it is."""
    spec = spec_of(branching(), {})
    compile_spec(spec)
    pwrite = os.pwrite
    done: list[int] = []

    def wrong(file: int, data: Any, place: int) -> int:
        view = bytearray(data)
        if len(view) == 3 * 3 * 8 * 8 * 4 and not done:  # a kernel
            view[5] ^= 1
            done.append(place)
        return pwrite(file, bytes(view), place)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", wrong)
        with pytest.raises(TransferError, match="vars/0 differs"):
            build_spec(spec, "built.keras")
    assert done
    data = bytearray(Path("base.keras").read_bytes())
    data[len(data) // 2] ^= 1
    Path("base.keras").write_bytes(bytes(data))
    with pytest.raises(SpecError, match="SC502"):
        build_spec(spec, "built.keras")
    assert [each.name for each in here.iterdir()] == ["base.keras"]


def test_what_was_proven_once_is_compared_by_itself(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that was not written since, the arrays that are read are compared with what they were."""
    monkeypatch.setattr(files, "SETTLED", 0)
    monkeypatch.setattr(files, "_key", lambda path, what: {"of": what, "file": path})  # no sign of a bit that rots
    spec = spec_of(branching(), {"cut_at": "block1_add"})
    compile_spec(spec)
    build_spec(spec, "first.keras")
    proven: list[str] = []
    prove = Archive.prove

    def noted(archive: Archive, name: str, *stopped: Any) -> None:
        proven.append(name)
        prove(archive, name, *stopped)

    monkeypatch.setattr(Archive, "prove", noted)
    build_spec(spec, "second.keras")
    assert not proven
    assert Path("first.keras").read_bytes() == Path("second.keras").read_bytes()
    whole = {"spec": 1, "base": spec["base"]}
    compile_spec(whole)
    proven.clear()
    build_spec(whole, "whole.keras")  # reads more than was proven
    assert proven
    data = bytearray(Path("base.keras").read_bytes())
    stem = branching().get_layer("stem").kernel.numpy().tobytes()
    data[data.index(stem) + 7] ^= 1
    Path("base.keras").write_bytes(bytes(data))
    with pytest.raises(SpecError, match=r"(?s)SC502.*has changed, though the file was not written"):
        build_spec(spec, "third.keras")


def test_a_file_that_was_written_is_not_the_one_that_was_known(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "file"
    file.write_bytes(b"one")
    files.keep_sha256(str(file), "one")
    assert files.known_sha256(str(file)) is None  # it might be written once more at the same time
    monkeypatch.setattr(files, "SETTLED", 0)
    files.keep_sha256(str(file), "one")
    files.keep_arrays(str(file), {"a": "1"})
    files.keep_arrays(str(file), {"b": "2"})
    assert files.known_sha256(str(file)) == "one"
    assert files.known_arrays(str(file)) == {"a": "1", "b": "2"}
    status = file.stat()
    time.sleep(0.05)
    file.write_bytes(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files.known_sha256(str(file)) is None
    assert files.known_arrays(str(file)) == {}


def test_a_full_disk_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(branching(), {})

    def full(*arguments: Any) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(SpecError, match=r"`built\.keras` cannot be written: No space left on device"):
        build_spec(spec, "built.keras")
    assert [each.name for each in here.iterdir()] == ["base.keras"]


def test_classes_that_keras_saves_as_any_other() -> None:
    """Those whose loading does more, while their saving is every layer's, and no file is beside it; and their names."""
    classes: dict[str, Any] = {
        name: each for name, each in vars(layers).items() if isinstance(each, type) and issubclass(each, layers.Layer)
    }
    found = {
        name
        for name, each in classes.items()
        if each.load_own_variables is not layers.Layer.load_own_variables
        and each.save_own_variables is layers.Layer.save_own_variables
        and not hasattr(each, "save_assets")
    }
    assert {classes[name].__name__ for name in found} == SAVED_PLAINLY
    named = {name: each.__name__ for name, each in classes.items() if hasattr(keras.layers, name)}
    assert {name: own for name, own in named.items() if name != own and not hasattr(layers, own)} == CLASS_NAMES


def test_suffixes(here: Path) -> None:
    assert model_file.SUFFIXES == (".keras", ".h5", ".weights.json", ".safetensors")
    spec = spec_of(branching(), {})
    build_spec(spec, "built.h5")
    for one, other in zip(keras.models.load_model("built.h5").weights, branching().weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_python_of_the_page_runs(here: Path) -> None:
    Path("spec.yaml").write_text(
        "spec: 1\nbase: {application: MobileNetV3Small, weights: imagenet, include_top: false, "
        "input_shape: [32, 32, 3]}\ncut_at: expanded_conv_project\n"
    )
    (code,) = blocks(ROOT / "docs" / "build.md", "python")
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["built"].weights.summary.startswith("copied 0 of 206 variables")
    assert Path("model.ledger.json").exists()
    assert keras.models.load_model("model.keras").count_params() == found["built"].plan.after.num_parameters
