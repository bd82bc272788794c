"""`weights: imagenet` against Keras's own constructors, with weights files in the format of Keras's own.

The files are made here, every variable at a value that no initializer gives, and served on the loopback address: Keras
downloads them as it would the real ones, with their hashes.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import efficientnet
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.building.built_file import nothing
from spec_compiler.building.without_keras import without_keras
from spec_compiler.keras_facts.catalogue import application_names
from spec_compiler.memory import files
from spec_compiler.spec import load_spec
from spec_compiler.spec.permissions import Permissions
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.memory import static_plan

Arguments = dict[str, Any]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Served:
    """A server with weights files that Keras takes for the real one, and Keras's folder of downloads."""

    def __init__(self, folder: Path, home: Path, address: str, own: Callable[..., str]) -> None:
        self.folder, self.home, self.address, self._own = folder, home, address, own

    def get_file(self, fname: str, origin: str, **options: Any) -> str:
        """`keras.utils.get_file`, with this server for the real one, and the hash of the file that is here."""
        served = self.folder / fname
        if options.get("file_hash") is not None and served.exists():
            with open(served, "rb") as stream:
                options["file_hash"] = hashlib.file_digest(stream, "md5").hexdigest()
        return self._own(fname, self.address + fname, **options)

    def write(self, name: str, **arguments: Any) -> str:
        """Makes the weights file that an application asks for with these arguments, and returns its name."""
        asked: list[str] = []

        def note(fname: str, origin: str, **options: Any) -> str:
            asked.append(fname)
            return fname

        def leave(self: Any, path: str) -> None:
            """Load nothing."""

        with mock.patch.object(file_utils, "get_file", note), mock.patch.object(keras.Model, "load_weights", leave):
            model = filled(constructed(name, weights="imagenet", **arguments))
        with h5py.File(self.folder / asked[0], "w") as store:
            legacy_h5_format.save_weights_to_hdf5_group(store, model)
        return asked[0]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    folder, home = tmp_path / "served", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        each = Served(folder, home, f"http://127.0.0.1:{server.server_address[1]}/", file_utils.get_file)
        monkeypatch.setattr(file_utils, "get_file", each.get_file)
        monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(home))
        yield each
        server.shutdown()


def constructed(name: str, **arguments: Any) -> Any:
    """The application as plain Keras makes it in a new process."""
    keras.utils.clear_session(free_memory=False)
    return getattr(keras.applications, name)(**arguments)


def filled(model: Any) -> Any:
    """The model with values in every weight that no initializer gives and that a deep network survives."""
    random = np.random.default_rng(7)
    for variable in model.weights:
        shape = tuple(variable.shape)
        around = {"gamma": 1.0, "moving_variance": 1.0, "variance": 0.1, "mean": 0.4}.get(variable.name, 0.0)
        spread = 0.2 if variable.name == "moving_variance" else 0.02 if variable.name == "variance" else 0.1
        if "kernel" in variable.name:
            spread = float(np.sqrt(2 / max(1, np.prod(shape[:-1] if len(shape) != 4 else shape[:3]))))
        values = around + random.normal(size=shape, scale=spread).clip(-3 * spread, 3 * spread)
        variable.assign((values if variable.name != "count" else np.asarray(5)).astype(str(variable.dtype)))
    return model


def assert_same_model(result: Any, reference: Any) -> None:
    """Two models with the same layers in the same order, the same values in every variable, and the same outputs."""
    assert result.name == reference.name
    assert [layer.name for layer in result.layers] == [layer.name for layer in reference.layers]
    for layer, other in zip(result.layers, reference.layers, strict=True):
        assert type(layer) is type(other)
        assert layer.get_config() == other.get_config()
        assert [each.name for each in layer.weights] == [each.name for each in other.weights]
        assert_same_bits([each.numpy() for each in layer.weights], [each.numpy() for each in other.weights])
    shape = [size or 64 for size in reference.input_shape[1:]]
    image = np.random.default_rng(3).uniform(0, 255, size=(1, *shape)).astype("float32")
    wanted = outputs_of(reference, image)
    assert all(np.isfinite(each).all() and np.ptp(each) > 0 for each in wanted)
    assert_same_bits(outputs_of(result, image), wanted)


def compare(served: Served, name: str, **arguments: Any) -> None:
    """`imagenet` weights through a spec against the same through Keras, by a file that is gone afterwards."""
    file = served.write(name, **arguments)
    gc.collect()
    reference = constructed(name, weights="imagenet", **arguments)
    spec = {"spec": 1, "base": {"application": name, "weights": "imagenet", **_plain(arguments)}}
    compiled = compile_spec(spec)
    os.remove(served.folder / file)
    assert all(row.action == "copied" for row in compiled.weights if row.parameters)
    assert {str(row.source).split(":")[0] for row in compiled.weights if row.parameters} == {file}
    assert_same_model(compiled.model, reference)
    (served.home / "models" / file).unlink()


def _plain(arguments: Arguments) -> Arguments:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in arguments.items()}


SMALL: dict[str, Arguments] = {
    "EfficientNetB0": {"include_top": False, "input_shape": (64, 64, 3)},
    "ConvNeXtTiny": {"include_top": False, "input_shape": (64, 64, 3), "pooling": "avg"},
    "VGG16": {"include_top": False, "input_shape": (64, 64, 3)},
    "MobileNetV2": {"include_top": False, "input_shape": (96, 96, 3)},
    "MobileNetV3Small": {"include_top": False, "input_shape": (64, 64, 3), "include_preprocessing": False},
    "MobileNet": {"input_shape": (128, 128, 3), "classifier_activation": None},
}


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if each == "ConvNeXtTiny" else ()) for each in SMALL]
)
def test_finding_W0_a_small_one_is_keras_own(name: str, served: Served) -> None:
    compare(served, name, **SMALL[name])


def test_a_file_that_keras_has_downloaded_before_is_built_from_without_keras(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is written again: then Keras says whether it still is the right one."""
    name = served.write("MobileNetV2", input_shape=(96, 96, 3), include_top=False)
    base = {"application": "MobileNetV2", "input_shape": [96, 96, 3], "include_top": False, "weights": "imagenet"}
    spec = load_spec({"spec": 1, "base": base, "cut_at": "block_1_project_BN"})
    kept = served.home / "models" / name

    def built(output: str) -> Any:
        return without_keras(spec, str(tmp_path / output), Permissions(), None, nothing)

    compile_spec(spec)
    assert built("new.keras") is None, "a file that was written just now may be written again at the same time"
    os.utime(kept, ns=(1_000, 1_000))
    monkeypatch.setattr(files, "SETTLED", 0)
    compile_spec(spec)  # teaches
    found = built("built.keras")
    assert found is not None
    compiled = compile_spec(spec)
    assert [row.result_checksum for row in found.weights.rows] == [row.result_checksum for row in compiled.weights.rows]
    one, other = compiled.model, keras.models.load_model(tmp_path / "built.keras")
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    data = bytearray(kept.read_bytes())
    data[-9] ^= 1
    kept.write_bytes(data)
    assert built("other.keras") is None
    kept.unlink()
    assert built("gone.keras") is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("name", application_names())
def test_finding_W0_every_application_is_keras_own(name: str, served: Served) -> None:
    compare(served, name)


def test_finding_W0_a_size_of_its_own_with_the_top_is_built_as_for_imagenet(served: Served) -> None:
    """Keras refuses it as `input_shape`, and takes it as a tensor."""
    file = served.write("EfficientNetB0")
    tensor = keras.Input((96, 80, 3), name="input_layer")
    made = constructed("EfficientNetB0", weights="imagenet", input_tensor=tensor)
    reference = keras.Model(tensor, made.output, name=made.name)  # less the list around its one input
    base = {"application": "EfficientNetB0", "input_shape": [96, 80, 3]}
    result = compile_spec({"spec": 1, "base": base}).model
    assert file == "efficientnetb0.h5"
    assert_same_model(result, reference)


def test_finding_W0_positions_count_the_layers_of_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_utils, "urlretrieve", lambda *arguments: pytest.fail("it downloads"))
    base = {"application": "EfficientNetB0", "include_top": False, "input_shape": [64, 64, 3]}
    pretrained = plan_spec({"spec": 1, "base": base, "freeze": "[0:5]"})
    random = plan_spec({"spec": 1, "base": {**base, "weights": None}, "freeze": "[0:5]"})
    assert pretrained.before.positions[3:6] == ("rescaling_1", "stem_conv_pad", "stem_conv")
    assert random.before.positions[3:6] == ("stem_conv_pad", "stem_conv", "stem_bn")
    assert (pretrained.after.layers["stem_conv"].trainable, random.after.layers["stem_conv"].trainable) == (True, False)


def test_finding_W0_the_memory_tells_the_two_graphs_apart() -> None:
    base = {"application": "EfficientNetB0", "include_top": False, "input_shape": [64, 64, 3]}
    for weights in ("imagenet", None):
        spec = load_spec({"spec": 1, "base": {**base, "weights": weights}, "head": ["Flatten"]})
        plan = plan_spec(spec)
        tier, known = static_plan(spec, Permissions())
        assert tier == "shapes"
        assert known is not None
        assert known.before == plan.before
        assert ("rescaling_1" in known.before.layers) is (weights == "imagenet")


@pytest.mark.parametrize(
    ("base", "blamed"),
    [
        ({"application": "EfficientNetB0", "include_top": False, "input_shape": [64, 64, 1]}, "input_shape"),
        ({"application": "VGG16", "input_shape": [224, 224, 1]}, "input_shape"),
        ({"application": "MobileNet", "alpha": 0.3}, "alpha"),
        ({"application": "ResNet50", "classifier_activation": "relu"}, "classifier_activation"),
        ({"application": "NASNetMobile", "include_top": False, "input_shape": [None, None, 3]}, "input_shape"),
    ],
)
def test_finding_W0_what_keras_refuses_for_imagenet_is_told_by_check(base: Arguments, blamed: str) -> None:
    (found,) = check_spec({"spec": 1, "base": base})
    assert (found.code, found.path) == ("SC505", ("base", blamed))
    assert check_spec({"spec": 1, "base": {**base, "weights": None}}) == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", application_names())
def test_finding_W0_for_a_file_keras_builds_what_it_builds_for_none(name: str, tmp_path: Path) -> None:
    """The compiler builds both as for none; a Keras that tells them apart shows here."""
    file = tmp_path / "own.weights.h5"
    file.touch()
    graphs = []
    for weights in (None, str(file)):
        with mock.patch.object(keras.Model, "load_weights"), keras.StatelessScope(initialize_variables=False):
            graphs.append(read_graph(constructed(name, weights=weights)))
        keras.utils.clear_session()  # or the next scope's end would allocate the variables
    assert graphs[0] == graphs[1]


def test_finding_W0_the_file_of_imagenet_named_as_a_file_is_told(served: Served, tmp_path: Path) -> None:
    arguments = {"include_top": False, "input_shape": (64, 64, 3)}
    file = served.write("EfficientNetB0", **arguments)
    own = tmp_path / file
    own.write_bytes((served.folder / file).read_bytes())
    base = {"application": "EfficientNetB0", "weights": str(own), **_plain(arguments)}
    keras_own = constructed("EfficientNetB0", weights=str(own), **arguments)
    assert [each.name for each in keras_own.layers] == [each.name for each in compile_spec(_spec(base)).model.layers]
    (found,) = check_spec(_spec(base))
    assert (found.code, found.path) == ("SC511", ("base", "weights"))
    assert found.help == f"write `weights: imagenet`, and put the file at `{served.home}/models/{file}`"

    (served.home / "models").mkdir()
    (served.home / "models" / file).write_bytes(own.read_bytes())
    result = compile_spec(_spec({**base, "weights": "imagenet"})).model
    assert_same_model(result, constructed("EfficientNetB0", weights="imagenet", **arguments))

    renamed = own.rename(tmp_path / "mine.h5")  # of another name and another hash it is anybody's
    assert check_spec(_spec({**base, "weights": str(renamed)})) == ()
    with open(renamed, "rb") as stream:
        digest = hashlib.file_digest(stream, "md5").hexdigest()
    with mock.patch.dict(efficientnet.WEIGHTS_HASHES, b0=(digest, digest)):
        assert [each.code for each in check_spec(_spec({**base, "weights": str(renamed)}))] == ["SC511"]
    assert check_spec(_spec({"application": "VGG16", "weights": None})) == ()


def _spec(base: Arguments) -> Arguments:
    return {"spec": 1, "base": base}


def test_finding_W19_a_file_with_another_hash_is_told_and_left_where_it_is(served: Served) -> None:
    arguments = {"include_top": False, "input_shape": (64, 64, 3)}
    file = served.write("VGG16", **arguments)
    wrong = served.home / "models" / file
    wrong.parent.mkdir()
    wrong.write_bytes(b"another file")
    spec = _spec({"application": "VGG16", **_plain(arguments)})
    real, served.address = served.address, "http://127.0.0.1:9/"
    with pytest.raises(SpecError) as caught:
        compile_spec(spec)
    (found,) = caught.value.diagnostics
    assert (found.code, found.path) == ("SC504", ("base", "weights"))
    assert found.notes[0].startswith(f"`{wrong}` is there, but its hash is not the one that Keras knows")
    assert f"put the right file in place of `{wrong}`" in str(found.help)
    assert wrong.read_bytes() == b"another file"

    served.address = real  # with a connection Keras replaces it
    result = compile_spec(spec).model
    assert_same_model(result, constructed("VGG16", weights="imagenet", **arguments))


def test_finding_W19_no_file_is_put_where_keras_looks_for_it(served: Served) -> None:
    served.address = "http://127.0.0.1:9/"
    spec = _spec({"application": "VGG16", "include_top": False, "input_shape": [64, 64, 3]})
    with pytest.raises(SpecError) as caught:
        compile_spec(spec)
    (found,) = caught.value.diagnostics
    named = str(found.help).split("`")[1]
    Path(named).write_bytes((served.folder / served.write("VGG16", include_top=False)).read_bytes())
    assert all(row.action == "copied" for row in compile_spec(spec).weights if row.parameters)
