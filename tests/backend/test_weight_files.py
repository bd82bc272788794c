"""Weights from every kind of file, against what Keras itself loads."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of, randomized


def composite() -> Any:
    """A model of layers that hold other layers, or variables in an order of their own."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(20, 8, name="embed")(tokens)
    x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True), name="both_ways")(x)
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = keras.layers.TimeDistributed(keras.layers.Dense(6), name="each")(x)
    block = keras.Sequential(
        [keras.Input((6, 6)), keras.layers.Conv1D(5, 3), keras.layers.BatchNormalization()], name="block"
    )
    x = block(x)
    x = keras.layers.SeparableConv1D(4, 2, name="separable")(x)
    x = keras.layers.GRU(3, name="gru")(x)
    return randomized(keras.Model(tokens, keras.layers.Dense(2, name="top")(x), name="composite"))


MODELS: dict[str, Callable[[], Any]] = {"branching": branching, "composite": composite}


def _inputs(name: str) -> Any:
    random = np.random.default_rng(3)
    if name == "composite":
        return random.integers(0, 20, (2, 6))
    return random.normal(size=(2, 16, 16, 3)).astype("float32")


@pytest.mark.filterwarnings("ignore:.*HDF5 file.*:UserWarning")
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_saved_model_is_a_base(name: str, suffix: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    path = tmp_path / f"model{suffix}"
    model.save(path)
    compiled = compile_spec({"spec": 1, "base": {"file": str(path)}})
    assert_same_bits(outputs_of(compiled.model, _inputs(name)), outputs_of(model, _inputs(name)))
    assert_same_bits(compiled.model.get_weights(), model.get_weights())
    assert all(row.action == "copied" for row in compiled.weights if row.parameters)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_weights_come_from_another_file(name: str, suffix: str, tmp_path: Path) -> None:
    model, donor = MODELS[name](), randomized(MODELS[name](), seed=11)
    model.save(tmp_path / "model.keras")
    weights = tmp_path / f"donor{suffix}"
    if suffix == ".keras":
        donor.save(weights)
    else:
        donor.save_weights(weights) if suffix == ".weights.h5" else _save_legacy_weights(donor, weights)
    spec = {"spec": 1, "base": {"file": str(tmp_path / "model.keras"), "weights": str(weights)}}
    assert_same_bits(compile_spec(spec).model.get_weights(), donor.get_weights())


def _save_legacy_weights(model: Any, path: Path) -> None:
    """The format of `imagenet` files: `layer_names`, then each layer's `weight_names`."""
    with h5py.File(path, "w") as store:
        store.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = store.create_group(layer.name)
            weights = layer.trainable_weights + layer.non_trainable_weights
            names = [f"{layer.name}/w{index}:0".encode() for index in range(len(weights))]
            group.attrs["weight_names"] = names or np.array([], dtype="S1")
            for weight_name, variable in zip(names, weights, strict=True):
                group[weight_name.decode()] = keras.ops.convert_to_numpy(variable)


def test_a_compressed_archive_is_read_too(tmp_path: Path) -> None:
    import zipfile

    model = branching()
    model.save(tmp_path / "stored.keras")
    with zipfile.ZipFile(tmp_path / "stored.keras") as old, zipfile.ZipFile(tmp_path / "packed.keras", "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info), zipfile.ZIP_DEFLATED)
    compiled = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "packed.keras")}})
    assert_same_bits(compiled.model.get_weights(), model.get_weights())


def test_weights_in_the_other_byte_order(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="numbers")
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(inputs))
    model.save(tmp_path / "model.keras")
    file = tmp_path / "other.weights.h5"
    model.save_weights(file)
    with h5py.File(file, "a") as store:
        places: list[str] = []
        store.visititems(lambda name, item: places.append(name) if isinstance(item, h5py.Dataset) else None)
        for place in places:
            values = store[place][()]
            del store[place]
            store[place] = values.astype(values.dtype.newbyteorder(">"))
    base = {"file": str(tmp_path / "model.keras"), "weights": str(file)}
    assert_same_bits(compile_spec({"spec": 1, "base": base}).model.get_weights(), model.get_weights())


def test_half_precision_weights_keep_their_bits(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, dtype="bfloat16", name="half")(inputs))
    model.save(tmp_path / "half.keras")
    compiled = compile_spec({"spec": 1, "base": {"file": str(tmp_path / "half.keras")}})
    assert [str(each.dtype) for each in compiled.model.weights] == ["bfloat16", "bfloat16"]
    assert_same_bits(compiled.model.get_weights(), model.get_weights())


def test_no_weights_initialises_from_the_seed(tmp_path: Path) -> None:
    branching().save(tmp_path / "model.keras")
    spec = {"spec": 1, "base": {"file": str(tmp_path / "model.keras"), "weights": None}}
    first, second = compile_spec(spec), compile_spec(spec)
    assert_same_bits(first.model.get_weights(), second.model.get_weights())
    assert not first.weights.of("copied")
    assert not np.array_equal(first.model.get_weights()[0], branching().get_weights()[0])


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as each:
        thread = threading.Thread(target=each.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{each.server_address[1]}/", folder
        each.shutdown()


@pytest.fixture
def imagenet(monkeypatch: pytest.MonkeyPatch, server: tuple[str, Path], tmp_path: Path) -> Any:
    """MobileNetV3Small's weights in the format of Keras's own files, on a server that Keras takes for the real one."""
    from keras.src.applications import mobilenet_v3
    from keras.src.utils import file_utils

    url, folder = server
    model = randomized(keras.applications.MobileNetV3Small(weights=None))
    name = "weights_mobilenet_v3_small_224_1.0_float.h5"
    _save_legacy_weights(model, folder / name)
    digest = hashlib.md5((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(mobilenet_v3, "BASE_WEIGHT_PATH", url)
    monkeypatch.setitem(mobilenet_v3.WEIGHTS_HASHES, "small_224_1.0_float", (digest, digest))
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path / "home"))
    return model


def test_imagenet_weights_go_through_keras_own_download(imagenet: Any, tmp_path: Path) -> None:
    compiled = compile_spec({"spec": 1, "base": {"application": "MobileNetV3Small"}})
    assert_same_bits(compiled.model.get_weights(), imagenet.get_weights())
    assert (tmp_path / "home" / "models" / "weights_mobilenet_v3_small_224_1.0_float.h5").is_file()
    assert any("weights_mobilenet_v3_small" in (row.source or "") for row in compiled.weights)


def test_a_download_that_fails_is_a_located_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from keras.src.applications import vgg16
    from keras.src.utils import file_utils

    monkeypatch.setattr(vgg16, "WEIGHTS_PATH", "http://127.0.0.1:9/vgg16_weights_tf_dim_ordering_tf_kernels.h5")
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    with pytest.raises(SpecError) as caught:
        compile_spec("spec: 1\nbase:\n  application: VGG16\n  weights: imagenet\n")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("SC504", 4, 12)
    assert "models/vgg16_weights_tf_dim_ordering_tf_kernels.h5" in (diagnostic.help or "")


def test_checking_never_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    from keras.src.utils import file_utils

    monkeypatch.setattr(file_utils, "urlretrieve", lambda *args: pytest.fail("it downloads"))
    assert check_spec({"spec": 1, "base": {"application": "MobileNetV3Small"}}) == ()


def _broken(kind: str, folder: Path) -> tuple[dict[str, Any], str]:
    model = branching()
    path = folder / "w.weights.h5"
    model.save_weights(path)
    model.save(folder / "model.keras")
    base: dict[str, Any] = {"file": str(folder / "model.keras"), "weights": str(path)}
    if kind == "missing":
        base["weights"] = str(folder / "v.weights.h5")
        return base, "SC501"
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:3000])
        return base, "SC502"
    if kind == "not hdf5":
        path.write_text("hello")
        return base, "SC502"
    if kind == "another model":
        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        other.save_weights(path)
        return base, "SC503"
    if kind == "another shape":
        inputs = keras.Input((16, 16, 1))
        other = keras.models.clone_model(model)
        with h5py.File(path, "r+") as store:
            del store["layers/conv2d/vars/0"]
            store["layers/conv2d/vars/0"] = np.zeros((3, 3, 1, 8), "float32")
        del inputs, other
        return base, "SC503"
    if kind == "truncated archive":
        file = folder / "model.keras"
        file.write_bytes(file.read_bytes()[:2000])
        return {"file": str(file)}, "SC502"
    assert kind == "map"
    base["weights"] = {"file": str(path), "map": {"stem": "layers/nothing", "steam": "layers/conv2d"}}
    return base, "SC506"


@pytest.mark.parametrize(
    "kind", ["missing", "truncated", "not hdf5", "another model", "another shape", "truncated archive", "map"]
)
def test_a_bad_file_is_an_error_of_the_spec(kind: str, tmp_path: Path) -> None:
    base, code = _broken(kind, tmp_path)
    found = check_spec({"spec": 1, "base": base})
    assert {each.code for each in found} == {code}
    assert all(each.path[0] == "base" for each in found)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_nested_models_that_were_compiled_and_trained_by_themselves(suffix: str, tmp_path: Path) -> None:
    """Keras saves the optimizer of each beside its layers."""
    inputs = keras.Input((4,))
    innermost = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="deep")], name="innermost")
    inner = keras.Model(inputs, keras.layers.Dense(3, name="inside")(innermost(inputs)), name="inner")
    x, y = np.ones((2, 4), "float32"), np.zeros((2, 3), "float32")
    innermost.compile("adam", "mse", metrics=["mae"])
    innermost.fit(x, x + 1, verbose=0)
    inner.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse", metrics=["mae"])
    inner.fit(x, y, verbose=0)
    start = keras.Input((4,), name="start")
    outer = keras.Model(start, keras.layers.Dense(2)(inner(start)))
    path = tmp_path / f"outer{suffix}"
    outer.save(path) if suffix == ".keras" else outer.save_weights(path)
    if suffix == ".keras":
        spec: dict[str, Any] = {"spec": 1, "base": {"file": str(path)}}
    else:
        outer.save(tmp_path / "structure.keras")
        spec = {"spec": 1, "base": {"file": str(tmp_path / "structure.keras"), "weights": str(path)}}
    model = compile_spec(spec, prove=True).model
    assert_same_bits(outputs_of(model, x), outputs_of(outer, x))
