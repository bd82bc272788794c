"""The page for who has a Keras script: each script and the spec beside it are run, and their models are the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from spec_compiler import SpecError, check_spec, compile_spec, export_spec, train_spec
from tests.backend.calls import call
from tests.backend.conftest import Array, assert_same_bits, outputs_of
from tests.backend.gallery.bases import fill
from tests.markdown import ROOT

PAGE = (ROOT / "docs" / "from-keras.md").read_text(encoding="utf-8")
IMPORTS = re.search(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
ENTRY = re.compile(
    r"^### ([^\n]+)\n\n(?:(?!###).)*?<div class=\"grid\" markdown>\n\n"
    r"```python\n(.*?)^```\n\n```yaml\n(.*?)^```\n\n</div>\n\nBy hand: ",
    re.M | re.S,
)


@dataclass(frozen=True)
class Idiom:
    """What the page shows of one."""

    script: str
    spec: str


IDIOMS = {title: Idiom(script, spec) for title, script, spec in ENTRY.findall(PAGE)}
FILES: dict[str, dict[str, Any]] = {"VGG16": {}, "MobileNet": {"alpha": 0.25}}


@pytest.fixture(scope="module", autouse=True)
def _imagenet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Seeded values in the place of what Keras would download, in a file for each application."""
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        for name, arguments in FILES.items():
            keras.utils.clear_session(free_memory=False)
            real = getattr(keras.applications, name)
            model = real(weights=None, include_top=False, input_shape=(32, 32, 3), **arguments)
            fill(model, seed=len(name))
            model.save_weights(file := folder / f"{name}.weights.h5")
            patch.setattr(keras.applications, name, _made(real, file))
        yield


def _made(real: Any, file: Path) -> Callable[..., Any]:
    def made(*, weights: Any = "imagenet", **arguments: Any) -> Any:
        model = real(weights=None, **arguments)
        if weights is not None:
            model.load_weights(file)
        return model

    made.file = file  # type: ignore[attr-defined]
    return made


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def by_script(idiom: Idiom, **known: Any) -> dict[str, Any]:
    """What the script leaves behind."""
    assert IMPORTS is not None
    found: dict[str, Any] = known
    keras.utils.clear_session(free_memory=False)
    exec(IMPORTS[1] + idiom.script, found)
    return found


def overrides(idiom: Idiom) -> list[str]:
    """The spec's `imagenet` becomes the file that the script has its values from."""
    found = re.search(r"application: (\w+)\n", idiom.spec)
    if found is None or re.search("^  weights: ", idiom.spec, re.M):
        return []
    return [f"base.weights={getattr(keras.applications, found[1]).file}"]


def values(model: Any) -> dict[str, Array]:
    """The variables of a model by their paths."""
    found = {each.path: keras.ops.convert_to_numpy(each.value) for each in model.variables if "seed" not in each.path}
    assert len(found) == len([each for each in model.variables if "seed" not in each.path])
    return found


def given_the_same(ours: Any, theirs: Any) -> None:
    """New layers begin with random values; both models get the same."""
    new = [change.after for change in ours.plan.changes if change.action == "new"]
    for name in (each.name_in_keras for each in new if each.variables):
        layer = ours.model.get_layer(name)
        fill(layer, seed=len(name))
        theirs.get_layer(name).set_weights(layer.get_weights())
    of_lora = {each.path: each for each in theirs.variables if "lora" in each.path}
    random = np.random.default_rng(9)
    for variable in (each for each in ours.model.variables if "lora" in each.path):
        variable.assign(random.normal(size=variable.shape, scale=0.1))
        of_lora.pop(variable.path).assign(variable)
    assert not of_lora


def assert_same_model(ours: Any, theirs: Any, inputs: Any, tolerance: float = 0) -> None:
    one, other = values(ours), values(theirs)
    assert set(one) == set(other)
    assert {each.path for each in ours.trainable_variables} == {each.path for each in theirs.trainable_variables}
    for path, value in one.items():
        assert value.dtype == other[path].dtype, path
        np.testing.assert_allclose(value, other[path], rtol=tolerance, err_msg=path)
    found, wanted = outputs_of(ours, inputs), outputs_of(theirs, inputs)
    assert all(np.isfinite(each).all() and (each[0] != each[1]).any() for each in wanted), "these prove nothing"
    if not tolerance:
        assert_same_bits(found, wanted)
    for mine, by_hand in zip(found, wanted, strict=True):
        assert np.abs(mine - by_hand).max() <= tolerance * np.abs(by_hand).max()
    names = [list(result) if isinstance(result, dict) else None for result in (ours(inputs), theirs(inputs))]
    assert names[0] == names[1]


def pictures(height: int = 64, width: int = 64, channels: int = 3) -> Array:
    return np.random.default_rng(3).uniform(0, 1, (2, height, width, channels)).astype("float32")


INPUTS: dict[str, Any] = {
    "Cut at a layer, and put a new head on it": pictures,
    "Use another input size": lambda: pictures(48, 96),
    "Take gray pictures": lambda: pictures(channels=1),
    "Take pictures of thirteen bands": lambda: pictures(channels=13),
    "Change an activation everywhere": pictures,
    "Put Dropout behind every block": pictures,
    "Add L2 to every convolution": pictures,
    "Give layers other names": pictures,
    "Prune half of the channels of a layer": pictures,
    "Join a picture and a row of numbers": lambda: [pictures(), np.arange(20, dtype="float32").reshape(2, 10)],
    "Put out several feature maps, as a pyramid takes them": pictures,
    "Keep the base as one layer": pictures,
    "Build the preprocessing into the model": pictures,
    "Keep the classes that a head knows": lambda: pictures(8, 8),
    "Load weights by the names of layers": pictures,
    "Train small matrices beside the kernels (LoRA)": pictures,
    "Compute in mixed precision": pictures,
    "Freeze up to a block": pictures,
    "Fine-tune, but leave BatchNormalization alone": pictures,
}
IN_EVERY_RUN = {
    "Cut at a layer, and put a new head on it",
    "Take gray pictures",
    "Prune half of the channels of a layer",
    "Put out several feature maps, as a pyramid takes them",
    "Keep the classes that a head knows",
}
# Keras warns of thirteen channels, and of `shuffle` that it has as a default, where `fit` takes a data set.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This model usually expects 1 or 3 input channels", "ignore:`shuffle=True` was passed"
)
TOLERANCE = {"Take pictures of thirteen bands": 1e-6}


@pytest.mark.parametrize(
    "title", [pytest.param(each, marks=[] if each in IN_EVERY_RUN else pytest.mark.slow) for each in INPUTS]
)
def test_both_make_the_same_model(title: str) -> None:
    idiom = IDIOMS[title]
    prepared(title)
    theirs = by_script(idiom)["model"]
    ours = compile_spec(idiom.spec, overrides=overrides(idiom))
    given_the_same(ours, theirs)
    if title == "Keep the classes that a head knows":
        the_new_class(ours.model, theirs)
    assert_same_model(ours.model, theirs, INPUTS[title](), TOLERANCE.get(title, 0))
    if title == "Add L2 to every convolution":
        assert_same_bits(*(list(map(keras.ops.convert_to_numpy, each.losses)) for each in (ours.model, theirs)))
        assert len(theirs.losses) == 13
    if title == "Fine-tune, but leave BatchNormalization alone":
        before = values(theirs)
        for model in (ours.model, theirs):
            model(INPUTS[title](), training=True)
            assert_same_bits(list(values(model).values()), [before[path] for path in values(model)])


def prepared(title: str) -> None:
    """The files that a script reads."""
    if title == "Keep the classes that a head knows":
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3, activation="relu", name="conv")(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="predictions")(x))
        fill(model, seed=5)
        model.save("flowers.keras")
    if title == "Load weights by the names of layers":
        keras.applications.VGG16(include_top=False, input_shape=(64, 64, 3)).save("mine.h5")


def the_new_class(ours: Any, theirs: Any) -> None:
    """Its column is random in both, and nothing else is."""
    kernels = [model.get_layer("predictions").kernel.numpy() for model in (ours, theirs)]
    assert [column for column in range(4) if not np.array_equal(kernels[0][:, column], kernels[1][:, column])] == [1]
    theirs.get_layer("predictions").set_weights(ours.get_layer("predictions").get_weights())


def photos(place: str, sizes: tuple[tuple[int, int], ...] = ((32, 32),), counts: tuple[int, int] = (6, 6)) -> None:
    """A folder with photographs of two classes."""
    random = np.random.default_rng(len(place))
    for label, (name, count) in enumerate(zip(("cat", "dog"), counts, strict=True)):
        folder = Path("photos") / place / name
        folder.mkdir(parents=True)
        for number in range(count):
            height, width = sizes[number % len(sizes)]
            pixels = random.normal(80 + 60 * label, 50, (height, width, 3)).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / f"{number}.png")


TRAINED = {
    "Train in two phases": 4,
    "Stop early, and lower the learning rate": None,
    "Weigh rare classes more": 2,
    "Resize photographs of any size": 2,
    "Augment the photographs": 2,
}


@pytest.mark.parametrize(
    "title", [pytest.param(each, marks=[] if each == "Train in two phases" else pytest.mark.slow) for each in TRAINED]
)
def test_both_train_the_same(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    idiom = IDIOMS[title]
    photos("train")
    photos("validation", counts=(3, 3))
    photos("uneven", counts=(9, 3))
    photos("large", sizes=((50, 71), (90, 64), (33, 40)))
    if title == "Augment the photographs":  # every photograph is turned alike, as the page says
        idiom = Idiom(
            idiom.script.replace("RandomRotation(0.1)", "RandomRotation((0.1, 0.1))"),
            idiom.spec.replace("RandomRotation: 0.1", "RandomRotation: [0.1, 0.1]"),
        )
        assert "[0.1, 0.1]" in idiom.spec
        assert "(0.1, 0.1)" in idiom.script
    begun = compile_spec(idiom.spec, overrides=overrides(idiom)).model.get_weights()
    losses: list[dict[str, float]] = []
    fit = keras.Model.fit

    def from_the_same(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not losses:
            self.set_weights(begun)
        history = fit(self, *args, **kwargs, verbose=0)
        losses.extend(
            dict(zip(history.history, row, strict=True)) for row in zip(*history.history.values(), strict=True)
        )
        return history

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", from_the_same)
        theirs = by_script(idiom)["model"]
    ours = train_spec(idiom.spec, "run", overrides=overrides(idiom), tensorboard=False, evaluates=False)
    assert len(losses) == TRAINED[title] or (TRAINED[title] is None and 2 < len(losses) < 12)
    assert len(ours.history) == len(losses)
    for row, by_hand in zip(ours.history, losses, strict=True):
        for name in ("loss", "val_loss"):
            if name in by_hand:
                assert row.metrics[name] == pytest.approx(by_hand[name], rel=1e-3)
    first, last = values(theirs), values(ours.model)
    assert set(first) == set(last)
    moved = 0
    for (path, value), start in zip(first.items(), begun, strict=True):
        assert np.abs(value - last[path]).max() <= 1e-3 * np.abs(value).max(), path
        moved += not np.array_equal(value, start)
    assert moved == (6 if title == "Train in two phases" else 2)  # kernels and biases


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:In the future `np.object` will be defined:FutureWarning")  # tf2onnx says it
def test_both_export_the_same() -> None:
    import onnxruntime

    idiom = IDIOMS["Export to ONNX, and know that it computes the same"]
    ours = compile_spec(idiom.spec, overrides=overrides(idiom)).model
    export = keras.Model.export

    def given(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.set_weights(ours.get_weights())
        return export(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "export", given)
        by_script(idiom)
    export_spec(idiom.spec, "model.onnx", overrides=overrides(idiom))
    found = []
    for name in ("by_hand.onnx", "model.onnx"):
        session = onnxruntime.InferenceSession(name)
        found.append(session.run(None, {session.get_inputs()[0].name: pictures()})[0])
    assert_same_bits(*found)
    assert (found[0][0] != found[0][1]).any()


def test_every_entry_is_run_and_none_is_lost() -> None:
    assert len(IDIOMS) == 25 == PAGE.count("\n### ") == PAGE.count("\nBy hand: ")
    assert set(IDIOMS) == {*INPUTS, *TRAINED, "Export to ONNX, and know that it computes the same"}


# What the page says of the way by hand.


@pytest.mark.slow
def test_a_layer_that_is_not_in_the_file_is_an_error_here_and_nothing_in_keras() -> None:
    idiom = IDIOMS["Load weights by the names of layers"]
    with H5Without("block5_conv3"):
        theirs = by_script(idiom)["model"]
        assert not np.any(theirs.get_layer("block5_conv3").bias.numpy())
        with pytest.raises(SpecError, match="block5_conv3"):
            compile_spec(idiom.spec)


class H5Without:
    """The file of the page, of a model that lacks a layer."""

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def __enter__(self) -> None:
        base = keras.applications.VGG16(include_top=False, input_shape=(64, 64, 3))
        keras.Model(base.input, base.get_layer(self.layer).input).save("mine.h5")

    def __exit__(self, *_: object) -> None:
        Path("mine.h5").unlink()


def test_what_the_page_says_of_loops_is_so() -> None:
    base = base_model_of_two()
    model = keras.Model(base.input, base.layers[-1].output)
    model.layers[1].activation = keras.activations.silu
    assert base.layers[1].activation is keras.activations.silu
    model.layers[1].kernel_regularizer = keras.regularizers.L2(1.0)
    assert model.losses == []
    model.layers[1].trainable = False
    assert not base.layers[1].trainable
    model.layers[1].name = "stem"
    assert model.get_layer("stem").kernel.path == "one/kernel"
    lora = base_model_of_two()
    lora.layers[1].enable_lora(2)
    assert [each.name for each in lora.layers[1].trainable_variables] == ["bias", "lora_kernel_a", "lora_kernel_b"]
    clone = keras.models.clone_model(base_model_of_two())
    assert not np.any(clone.layers[1].bias.numpy())


def base_model_of_two() -> Any:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="one")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="two")(x))
    fill(model, seed=1)
    return model


@pytest.mark.slow
def test_what_the_page_says_of_training_is_so() -> None:
    photos("train")
    photos("validation")
    spec = IDIOMS["Stop early, and lower the learning rate"].spec
    assert check_spec(spec, overrides=overrides(IDIOMS["Train in two phases"])) == ()
    (found,) = check_spec(spec, overrides=["fit.monitor=val_acc", "fit.mode=max", "base.weights=null"])
    assert "val_acc" in found.message
    model = base_model_of_two()
    images, targets = np.ones((2, 8, 8, 3), "float32"), np.ones((2, 4, 4, 4), "float32")
    model.layers[1].trainable = False
    model.compile("sgd", "mse")
    model.fit(images, targets, verbose=0)
    model.layers[1].trainable = True
    before = model.get_weights()
    never = keras.callbacks.EarlyStopping("val_acc", patience=0, mode="max")
    with pytest.warns(UserWarning, match="which is not available"):
        model.fit(images, targets, epochs=3, verbose=0, callbacks=[never])
    assert len(model.history.epoch) == 3
    moved = [not np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True)]
    assert moved == [False, False, True, True]


def test_a_script_is_compared_with_its_spec_as_the_page_says() -> None:
    """By `diff`, and by the outputs on the same weights."""
    idiom = IDIOMS["Cut at a layer, and put a new head on it"]
    by_script(idiom)["model"].save("model.keras")
    weights = overrides(idiom)[0].removeprefix("base.weights=")
    base = "base:\n"
    Path("spec.yaml").write_text(idiom.spec.replace(base, f"{base}  weights: {weights}\n"), encoding="utf-8")
    found = call("diff", "model.keras", "spec.yaml")
    assert found.exit_code == 0, found.output
    changes = found.output.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert changes
    assert all(line.endswith("unchanged") for line in changes)
    block = re.search(r"## Is it the same model\?.*?^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert block is not None
    exec(block[1], {})
