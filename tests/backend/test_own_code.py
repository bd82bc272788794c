"""Classes and functions of one's own, `module:Name`: the same bits as by hand in Keras, and saved files that load."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.cli.show import plan_text
from spec_compiler.memory.answers import Memory
from spec_compiler.planning import planned
from spec_compiler.result import TrainedSpec
from spec_compiler.spec import load_spec
from spec_compiler.spec.permissions import EVERYTHING
from spec_compiler.trainer import train_spec
from tests.backend.conftest import Array, assert_same_bits, branching, outputs_of, randomized
from tests.backend.pictures import write_pictures

LAYERS = '''
import keras
from keras import layers, ops


class SE(layers.Layer):
    """Squeeze and excitation."""

    def __init__(self, ratio=16, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        self.squeeze = layers.Dense(channels // self.ratio, activation="relu", name="squeeze")
        self.excite = layers.Dense(channels, activation="sigmoid", name="excite")
        self.squeeze.build((None, channels))
        self.excite.build((None, channels // self.ratio))

    def call(self, inputs):
        return inputs * self.excite(self.squeeze(ops.mean(inputs, axis=(1, 2), keepdims=True)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


@keras.saving.register_keras_serializable("mine")
class Scale(layers.Layer):
    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs * self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}


class Steps(keras.initializers.Initializer):
    def __init__(self, width=0.25):
        self.width = width

    def __call__(self, shape, dtype=None):
        size = 1
        for each in shape:
            size *= each
        return ops.reshape(ops.arange(size, dtype="float32") * self.width, shape)

    def get_config(self):
        return {"width": self.width}


class Pull(keras.regularizers.Regularizer):
    def __init__(self, strength=0.5):
        self.strength = strength

    def __call__(self, weights):
        return self.strength * ops.sum(ops.abs(weights - 1))

    def get_config(self):
        return {"strength": self.strength}


class Bound(keras.constraints.Constraint):
    def __init__(self, most=0.01):
        self.most = most

    def __call__(self, weights):
        return ops.clip(weights, -self.most, self.most)

    def get_config(self):
        return {"most": self.most}


def sharp(inputs):
    return inputs * ops.sigmoid(3 * inputs)


def halves(shape, dtype=None):
    return ops.full(shape, 0.5, dtype)
'''
CODE = """
import keras
import numpy as np
from keras import ops

random = np.random.default_rng(3)
x = random.normal(size=(16, 4)).astype("float32")
y = np.eye(3, dtype="float32")[random.integers(0, 3, 16)]


def train():
    return x, y


class Focal(keras.losses.Loss):
    def __init__(self, gamma=2.0, name="focal", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        return -ops.sum(y_true * (1 - y_pred) ** self.gamma * ops.log(y_pred + 1e-6), axis=-1)


def distance(y_true, y_pred):
    return ops.sum(ops.abs(y_true - y_pred), axis=-1)


def powered(power):
    def to_the_power(y_true, y_pred):
        return ops.sum(ops.abs(y_true - y_pred) ** power, axis=-1)
    return to_the_power


class Largest(keras.metrics.Mean):
    def __init__(self, times=1.0, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.times = times

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(self.times * ops.max(y_pred, axis=-1))


class Halving(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, start, every=10):
        self.start, self.every = start, every

    def __call__(self, step):
        return self.start * 0.5 ** (ops.cast(step, "float32") / self.every)

    def get_config(self):
        return {"start": self.start, "every": self.every}


class Nameless(Halving):
    def get_config(self):
        raise NotImplementedError


class Slow(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient / 2, variable, learning_rate)


def momentum(rate=0.1):
    return keras.optimizers.SGD(rate, momentum=0.8)


told = []


class Tells(keras.callbacks.Callback):
    def __init__(self, word):
        super().__init__()
        self.word = word

    def on_epoch_end(self, epoch, logs=None):
        told.append((self.word, epoch))
"""
SE = "{my_layers:SE: {ratio: 4, name: se}}"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder with modules beside the specs; what is imported from it is forgotten."""
    (tmp_path / "my_layers.py").write_text(LAYERS, encoding="utf-8")
    (tmp_path / "my_code.py").write_text(CODE, encoding="utf-8")
    others = dict(keras.saving.get_custom_objects())  # what other tests have registered
    yield tmp_path
    for name in ("my_layers", "my_code"):
        sys.modules.pop(name, None)
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(others)


def written(folder: Path, text: str, name: str = "spec.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"spec: 1\n{text}\n", encoding="utf-8")
    return path


def by_hand(project: Path, monkeypatch: pytest.MonkeyPatch, module: str = "my_layers") -> Any:
    """The user's module, as a script beside the spec imports it."""
    monkeypatch.syspath_prepend(project)
    return import_module(module)


def test_layers_compute_what_they_compute_by_hand(
    project: Path, images: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a layer, in a wrapper, registered, with arguments of one's own; on the same weights."""
    spec = written(
        project,
        f"""
imports: my_layers
replace:
  - layers: block1_relu
    with: [ReLU, {SE}, {{mine>Scale: {{by: 0.3}}}}]
head:
  - Reshape: {{target_shape: [1, 1, 1, 5]}}
  - TimeDistributed: {{layer: {{my_layers:SE: {{ratio: 2}}}}, name: each}}
  - Flatten
  - Dense: {{units: 3, activation: my_layers:sharp, kernel_initializer: {{my_layers:Steps: {{width: 0.1}}}},
            bias_initializer: my_layers:halves, kernel_regularizer: {{my_layers:Pull: {{strength: 0.1}}}},
            kernel_constraint: my_layers:Bound, name: top}}
""",
    )
    model = randomized(compile_spec(spec, base=branching(), allow_code=True).model)
    mine = by_hand(project, monkeypatch)

    def inserted(layer: Any) -> Any:
        return layer.__class__.from_config(layer.get_config())

    base = branching()
    first = keras.Model(base.input, base.get_layer("block1_relu").output)
    x = mine.Scale(0.3)(mine.SE(4, name="se")(first.output))
    x = inserted(base.get_layer("block1_conv2"))(x)
    x = keras.layers.Add()([base.get_layer("stem").output, x])
    names = ["block2_conv1", "block2_bn", "block2_relu", "block2_conv2"]
    y = x
    for name in names:
        y = inserted(base.get_layer(name))(y)
    y = inserted(base.get_layer("predictions"))(inserted(base.get_layer("pool"))(keras.layers.Add()([x, y])))
    y = keras.layers.TimeDistributed(mine.SE(2))(keras.layers.Reshape((1, 1, 1, 5))(y))
    y = keras.layers.Dense(3, activation=mine.sharp, name="top")(keras.layers.Flatten()(y))
    expected = keras.Model(base.input, y)
    expected.set_weights(model.get_weights())
    for left, right in zip(outputs_of(model, images), outputs_of(expected, images), strict=True):
        np.testing.assert_array_equal(left, right)
    top = model.get_layer("top")
    assert (top.kernel_initializer.width, top.kernel_regularizer.strength, top.kernel_constraint.most) == (
        0.1,
        0.1,
        0.01,
    )


def test_initial_values_are_those_of_the_users_code(project: Path) -> None:
    entry = (
        "{Dense: {units: 2, kernel_initializer: {my_layers:Steps: {width: 0.1}}, bias_initializer: my_layers:halves}}"
    )
    model = compile_spec(written(project, f"head: [{entry}]"), base=branching(), allow_code=True).model
    kernel, bias = (keras.ops.convert_to_numpy(each) for each in model.layers[-1].variables)
    np.testing.assert_array_equal(kernel, (np.arange(10, dtype="float32") * 0.1).reshape(5, 2))
    np.testing.assert_array_equal(bias, [0.5, 0.5])


def test_plans_and_pictures_show_the_class(project: Path) -> None:
    spec = written(
        project, f"replace: {{layers: block1_relu, with: [ReLU, {SE}]}}\nfreeze: type:SE\nexpect: {{frozen: type:SE}}"
    )
    plan = plan_spec(spec, base=branching(), allow_code=True)
    text = plan_text(plan)
    assert " SE " in text
    assert "my_layers:SE" not in text
    assert not plan.after.layers["se"].trainable
    assert "my_layers:SE" not in str(plan.to_json())
    unnamed = written(project, "replace: {layers: block1_relu, with: [ReLU, {my_layers:SE: {ratio: 2}}]}", "other.yaml")
    assert "se" in plan_spec(unnamed, base=branching(), allow_code=True).after.layers


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_saved_result_is_a_base_again(
    suffix: str, project: Path, tmp_path_factory: pytest.TempPathFactory, images: Array
) -> None:
    """Away from the module that made it, by `imports`; beside it, by permission alone; without permission never."""
    text = f"imports: my_layers\nreplace: {{layers: block1_relu, with: [ReLU, {SE}, {{mine>Scale: {{by: 0.3}}}}]}}\n"
    head = "head: {Dense: {units: 3, activation: my_layers:sharp, kernel_initializer: my_layers:Steps}}"
    model = randomized(compile_spec(written(project, text + head), base=branching(), allow_code=True).model)
    model.save(project / f"result{suffix}")
    again = written(project, f"base: {{file: result{suffix}}}", "again.yaml")
    assert [each.code for each in check_spec(again)] == ["SC112"]
    assert_same_bits(outputs_of(compile_spec(again, allow_code=True).model, images), outputs_of(model, images))

    package = tmp_path_factory.mktemp("elsewhere") / "parts"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "blocks.py").write_text(LAYERS)
    model.save(package.parent / f"result{suffix}")
    keras.saving.get_custom_objects().clear()
    other = written(package.parent, f"base: {{file: result{suffix}}}\nfreeze: type:SE")
    codes = [each.code for each in check_spec(other, allow_code=True)]
    assert codes == ["SC502"]
    found = written(package.parent, f"imports: parts.blocks\nbase: {{file: result{suffix}}}\nfreeze: type:SE")
    assert [each.code for each in check_spec(found)] == ["SC112"]
    compiled = compile_spec(found, allow_code=True)
    assert_same_bits(outputs_of(compiled.model, images), outputs_of(model, images))
    assert not compiled.plan.after.layers["se"].trainable
    for name in ("parts", "parts.blocks"):
        sys.modules.pop(name, None)


def test_the_result_of_another_spec_is_a_base(project: Path, images: Array) -> None:
    branching().save(project / "base.keras")
    head = "head: {Dense: {units: 3, activation: my_layers:sharp, kernel_initializer: my_layers:Steps, name: top}}"
    inner = written(
        project, f"base: {{file: base.keras}}\nreplace: {{layers: block1_relu, with: [ReLU, {SE}]}}\n{head}", "in.yaml"
    )
    outer = written(project, "base: {spec: in.yaml}\nset: [{layers: stem, to: {activation: my_layers:sharp}}]")
    model = compile_spec(outer, allow_code=True).model
    assert model.get_layer("se").ratio == 4
    expected = compile_spec(inner, allow_code=True).model
    by_function = model.get_layer("stem").activation
    assert by_function.__name__ == "sharp"
    expected.get_layer("stem").activation = by_function
    assert_same_bits(outputs_of(model, images), outputs_of(expected, images))


def test_other_code_is_another_plan(project: Path) -> None:
    """What depends on the user's code is never remembered, whether a class, a function or a module says it."""
    base = "base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}\n"
    head = (
        "head: [Flatten, {my_layers:Wide: {name: wide}}, {Dense: {units: 2, activation: my_layers:sharp, name: top}}]"
    )
    spec = written(project, base + head)
    wide = """

class Wide(layers.Layer):
    def call(self, inputs):
        return ops.concatenate([inputs] * TIMES, axis=-1)
"""
    inside = written(project, base + "head: [Flatten, {Dense: {units: 2, activation: my_layers:sharp}}]", "in.yaml")
    imports = written(project, base + "imports: my_layers\nhead: Flatten", "imports.yaml")
    for times in (2, 3):
        (project / "my_layers.py").write_text(LAYERS + wide.replace("TIMES", str(times)), encoding="utf-8")
        plan = plan_spec(spec, allow_code=True)
        assert plan.after.nodes["wide"].outputs[0].shape == (None, 512 * times)
        for text in (spec, inside, imports):
            plan_spec(text, allow_code=True)
            assert planned(load_spec(text), Memory(), EVERYTHING).plan is None


def test_what_cannot_come_back_from_a_file_is_told_at_once(project: Path) -> None:
    module = (
        LAYERS + "\n\nclass Forgets(SE):\n    def get_config(self):\n        return layers.Layer.get_config(self)\n"
    )
    (project / "my_layers.py").write_text(module, encoding="utf-8")
    spec = written(project, "replace: {layers: block1_relu, with: {my_layers:Forgets: {ratio: 4}}}")
    (said,) = check_spec(spec, base=branching(), allow_code=True)
    assert (said.code, said.line) == ("SC119", 2)
    assert "`ratio`" in said.message


DECAY = {"initial_learning_rate": 0.1, "decay_steps": 100, "decay_rate": 0.3}
EVERY_PLACE: dict[str, Any] = {
    "spec": 1,
    "name": "stranger",
    "base": {"application": "VGG16", "weights": None, "include_top": False, "input_shape": [32, 32, 3]},
    "input": {"shape": [64, 64, 3], "name": "image"},
    "cut_at": "block3_pool",
    "remove": ["block1_conv2"],
    "replace": [{"layers": "block2_conv2", "with": [{"DepthwiseConv2D": {"kernel_size": 3, "padding": "same"}}]}],
    "set": [{"layers": {"layers": "type:Conv2D", "where": {"activation": "relu"}}, "to": {"activation": "elu"}}],
    "head": [
        {"TimeDistributed": {"layer": {"Dense": {"units": 3, "kernel_initializer": {"HeNormal": {"seed": 1}}}}}},
        "GlobalAveragePooling2D",
        {"Dense": {"units": 2, "activation": "softmax", "kernel_regularizer": "L2", "bias_constraint": "NonNeg",
                   "name": "top"}, "from": "global_average_pooling2d"},
    ],
    "rename": {"block1_conv1": "stem"},
    "outputs": {"answer": "top"},
    "dtype": "bfloat16",
    "freeze": {"layers": "base", "batch_norm": "selected"},
    "data": {"train": "images", "validation": "held", "augment": [{"RandomFlip": "horizontal"}]},
    "compile": {"optimizer": {"Adam": {"learning_rate": {"InverseTimeDecay": DECAY}}},
                "loss": {"CategoricalCrossentropy": {"label_smoothing": 0.1}},
                "metrics": ["accuracy", {"AUC": {"name": "auc"}}]},
    "train": [{"phase": "one", "epochs": 1, "freeze": "base", "optimizer": "adam",
               "callbacks": [{"EarlyStopping": {"monitor": "val_loss"}}]}],
    "expect": {"output": [None, 2], "absent": "type:Lambda"},
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place below a value, each mapping and list itself among them."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from places(below, (*path, key))


def with_value(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the data with another value at a place."""
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = with_value(data.get(path[0]) if isinstance(data, dict) else data[path[0]], path[1:], value)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "module", "entry", "list", "key", "serialised", "spaced"])
def test_a_strangers_spec_runs_nothing_wherever_it_names_code(form: str, project: Path) -> None:
    """The notation at each place of a spec with all sections: without permission its module is never imported."""
    for name in ("images", "held"):
        write_pictures(project / name, names=("cat", "dog"), each=2, size=32)
    spec = project / "spec.yaml"
    spec.write_text(json.dumps(EVERY_PLACE), encoding="utf-8")
    assert check_spec(spec) == ()
    (project / "evil.py").write_text(f"open({str(project / 'ran')!r}, 'w')\ndef Run(*given): return given\n")
    forms: dict[str, Any] = {
        "text": "evil:Run", "module": "evil", "entry": {"evil:Run": {}}, "list": [["evil:Run"]],
        "key": {"evil:Run": None, "from": "base"},
        "serialised": {"class_name": "evil:Run", "config": {}, "module": "evil"}, "spaced": " evil:Run ",
    }  # fmt: skip
    for path in [*places(EVERY_PLACE), ("imports",)]:
        spec.write_text(json.dumps(with_value(EVERY_PLACE, path, forms[form])), encoding="utf-8")
        check_spec(spec)
        assert not (project / "ran").exists(), path
    assert "evil" not in sys.modules


BODY = """
data: {train: "my_code:train", validation: "my_code:train", batch_size: 4}
compile: COMPILE
train: [{phase: one, epochs: EPOCHS, callbacks: {my_code:Tells: {word: done}}}]
"""
FULL = """{optimizer: {my_code:Slow: {learning_rate: {my_code:Halving: {start: 0.2, every: 7}}}},
  loss: {my_code:Focal: {gamma: 1.5}}, metrics: [my_code:distance, {my_code:Largest: {times: 2}}],
  jit_compile: false}"""


def small() -> Any:
    inputs = keras.Input((4,), name="numbers")
    return randomized(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="answer")(inputs)))


def trained(project: Path, compile: str, epochs: int = 1, run: str = "run", **options: Any) -> TrainedSpec:
    text = BODY.replace("COMPILE", compile).replace("EPOCHS", str(epochs))
    options = {"allow_code": True, "tensorboard": False, **options}
    return train_spec(written(project, text), str(project / run), base=small(), **options)


def test_training_is_that_of_plain_keras(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = trained(project, FULL, epochs=2)
    mine = by_hand(project, monkeypatch, "my_code")
    assert mine.told == [("done", 0), ("done", 1)]
    model = small()
    rate = mine.Halving(0.2, every=7)
    metrics = [mine.distance, mine.Largest(times=2)]
    model.compile(mine.Slow(rate), mine.Focal(gamma=1.5), metrics=metrics, jit_compile=False)
    names = {"loss", "distance", "largest"}
    assert set(result.history.rows[0].metrics) == names | {f"val_{name}" for name in names}
    batches = train_batches(result)
    for epoch in range(2):
        for inputs, targets in batches(epoch):
            model.train_on_batch(inputs, targets)
    for ours, theirs in zip(result.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def train_batches(result: TrainedSpec) -> Any:
    """The batches of each epoch, in the order of the run."""
    from spec_compiler.backend.training.array_data import load_code

    def of_epoch(epoch: int) -> list[Any]:
        data = load_code(result.compiled.spec, result.model, True).train
        data.epoch = epoch
        return [data[index] for index in range(len(data))]

    return of_epoch


def test_a_run_goes_on_with_the_same_code_only(project: Path) -> None:
    whole = trained(project, FULL, epochs=3, run="whole")
    trained(project, FULL, epochs=1)
    again = trained(project, FULL, epochs=3, resume=True)
    assert_same_bits(again.model.get_weights(), whole.model.get_weights())
    with pytest.raises(SpecError) as caught:
        trained(project, FULL.replace("1.5", "1.6"), epochs=4, resume=True)
    assert [each.code for each in caught.value.diagnostics] == ["SC608"]


@pytest.mark.parametrize(
    "compile",
    [
        "{optimizer: my_code:momentum, loss: my_code:distance}",
        "{optimizer: {my_code:momentum: {rate: 0.05}}, loss: {my_code:powered: {power: 3}}, metrics: my_code:distance}",
        "{optimizer: {Adam: {learning_rate: {my_code:Halving: {start: 0.1}}}}, loss: my_code:Focal}",
    ],
)
def test_functions_stand_for_what_they_return(compile: str, project: Path) -> None:
    history = trained(project, compile).history
    assert np.isfinite(history.rows[0].metrics["loss"])


def test_a_schedule_that_no_checkpoint_could_hold_is_told_before(project: Path) -> None:
    text = BODY.replace("COMPILE", "{optimizer: {SGD: {learning_rate: {my_code:Nameless: {start: 0.1}}}}, loss: mse}")
    (said,) = check_spec(written(project, text.replace("EPOCHS", "1")), base=small(), allow_code=True)
    assert (said.code, said.path[-1]) == ("SC119", "my_code:Nameless")


def test_images_are_changed_by_layers_of_ones_own(project: Path) -> None:
    text = BODY.replace("COMPILE", "{optimizer: adam, loss: mse}").replace("EPOCHS", "1")
    spec = written(project, text.replace("batch_size: 4", "batch_size: 4, augment: {my_layers:Scale: {by: 2}}"))
    assert check_spec(spec, base=small(), allow_code=True) == ()
    wrong = written(project, spec.read_text().replace("Scale", "Scala").removeprefix("spec: 1\n"))
    assert [each.code for each in check_spec(wrong, base=small(), allow_code=True)][-1:] == ["SC119"]
