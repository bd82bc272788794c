"""The groups of channels are right: tensor by tensor a pruned net equals the masked one, a widened one the base."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler.backend.models.reader import node_tensors
from spec_compiler.channels.groups import Channels
from spec_compiler.keras_facts.catalogue import application_names
from tests.backend.channel_nets import CASES
from tests.backend.channel_nets.drawn import random_image_net
from tests.backend.channel_nets.oracle import (
    Array,
    difference,
    doubled,
    halved,
    harsh,
    inputs_of,
    masked,
    read,
    rebuilt,
    run,
)

CLOSE = {"float64": 1e-9, "float32": 1e-5}  # of the largest number of an output


@pytest.fixture(autouse=True)
def _precise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Images with channels first are run with them last, and the applications in float64 as most of the nets.

    TensorFlow has no kernels for those on the CPU; what a layer is told and what its variables hold stay as they are.
    """
    for name in ("conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool", "average_pool"):
        monkeypatch.setattr(keras.src.backend.nn, name, channels_last(getattr(keras.src.backend.nn, name)))
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def channels_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of images that takes them with their channels last, in place of first."""
    place = list(inspect.signature(function).parameters).index("data_format")

    def called(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        positional = len(args) >= place
        if (args[place - 1] if positional else kwargs.get("data_format")) != "channels_first":
            return function(inputs, *args, **kwargs)
        if positional:
            args = (*args[: place - 1], "channels_last", *args[place:])
        else:
            kwargs["data_format"] = "channels_last"
        return keras.ops.moveaxis(function(keras.ops.moveaxis(inputs, 1, -1), *args, **kwargs), -1, 1)

    return called


def tensors(model: Any, inputs: list[Array]) -> dict[Any, Array]:
    """All tensors of a model, by the names of its graph."""
    found = node_tensors(model)
    starts = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    values = run(keras.Model(starts, list(found.values())), inputs)
    return dict(zip(found, values, strict=True))


def assert_same_tensors(new: Any, old: Any, channels: Channels, counts: Any, inputs: list[Array]) -> None:
    """Each tensor of the new model is that of the old one, at the indices that the groups say, and of that shape."""
    values, wanted = tensors(new, inputs), tensors(old, inputs)
    assert set(values) == set(wanted)
    for ref, value in values.items():
        there = wanted[ref]
        for axis, index in enumerate(channels.tensor(ref, counts), 1):
            there = there if index is None else there.take(index, axis)
        assert channels.shape(wanted[ref].shape, ref, counts) == value.shape
        assert difference([value], [there]) < CLOSE[keras.config.floatx()], ref


@pytest.mark.parametrize("name", CASES)
def test_the_channels_that_can_leave(name: str) -> None:
    channels = read(CASES[name].build())
    assert not channels.found.ruleless
    said = (sum(len(group.free) for group in channels.groups), sum(len(group.widenable) for group in channels.groups))
    assert said == (CASES[name].free, CASES[name].widenable)


@pytest.mark.parametrize("name", CASES)
def test_a_pruned_net_equals_the_masked_one(name: str) -> None:
    model = harsh(CASES[name].build())
    channels, inputs = read(model), inputs_of(model)
    changes = halved(channels)
    counts = channels.counts(changes)
    deaf, base = masked(model, channels, counts), run(model, inputs)
    assert_same_tensors(rebuilt(model, channels, counts), deaf, channels, counts, inputs)
    assert not changes or difference(run(deaf, inputs), base) > 1e-3  # else the test could not fail


@pytest.mark.parametrize("name", CASES)
def test_a_widened_net_equals_the_base(name: str) -> None:
    model = harsh(CASES[name].build())
    channels, inputs = read(model), inputs_of(model)
    changes = doubled(channels)
    counts = channels.counts(changes)
    new = rebuilt(model, channels, counts)
    assert not changes or new.count_params() > model.count_params()
    assert_same_tensors(new, model, channels, counts, inputs)


@pytest.mark.parametrize("name", CASES)
def test_channels_leave_and_come_in_one_step(name: str) -> None:
    model = harsh(CASES[name].build())
    channels, inputs = read(model), inputs_of(model)
    gone = halved(channels, 0.3)
    more = {root: number for root, number in doubled(channels).items() if root not in gone}
    if any(group.uneven and set(more) & set(group.channels.tolist()) for group in channels.groups):
        more = {}
    counts = channels.counts({**gone, **more})
    deaf = masked(model, channels, channels.counts(gone))
    assert difference(run(rebuilt(model, channels, counts), inputs), run(deaf, inputs)) < CLOSE[CASES[name].floatx]


@pytest.mark.parametrize("seed", range(1000, 1012))
def test_nets_drawn_at_random(seed: int) -> None:
    keras.utils.clear_session(free_memory=False)
    model = harsh(random_image_net(Random(seed)))
    channels, inputs = read(model), inputs_of(model)
    assert not channels.found.ruleless
    counts = channels.counts(halved(channels))
    deaf = masked(model, channels, counts)
    assert_same_tensors(rebuilt(model, channels, counts), deaf, channels, counts, inputs)
    counts = channels.counts(doubled(channels))
    assert_same_tensors(rebuilt(model, channels, counts), model, channels, counts, inputs)


class Foreign(keras.layers.Dense):  # type: ignore[misc]
    """A layer of somebody's, which may do anything."""


def tied(x: Any) -> Any:
    """A layer that stands in a model of the net and in the net as well."""
    shared, start = keras.layers.Dense(4, name="shared"), keras.Input((4,))
    return shared(keras.Model(start, shared(start), name="inner")(x))


def adapted(x: Any, **how: Any) -> Any:
    layer = keras.layers.Dense(4)
    y = layer(x)
    layer.enable_lora(2) if how.get("lora") else layer.quantize("int8")
    return y


STAYING: dict[str, tuple[Callable[[Any], Any], str]] = {
    "Lambda": (lambda x: keras.layers.Lambda(lambda y: y[:, ::-1])(x), "has no rule for its channels"),
    "Foreign": (lambda x: Foreign(4)(x), "has no rule for its channels"),
    "SpectralNormalization": (
        lambda x: keras.layers.SpectralNormalization(keras.layers.Dense(4))(x),
        "has no rule for its channels",
    ),
    "TimeDistributed": (
        lambda x: keras.layers.Flatten()(
            keras.layers.TimeDistributed(keras.Sequential([keras.layers.Dense(4)]))(keras.layers.Reshape((1, 4))(x))
        ),
        "wraps what has no rule",
    ),
    "tied": (tied, "shares its variables with another layer"),
    "lora": (lambda x: adapted(x, lora=True), "has a variable `lora_kernel_a` that its class has not"),
    "quantized": (adapted, "has a variable `kernel_scale` that its class has not"),
    "Masking": (lambda x: keras.layers.Masking()(x), "skips a step by what all its channels hold"),
    "Normalization": (
        lambda x: keras.layers.Normalization(mean=[1.0] * 4, variance=[1.0] * 4)(x),
        "has a mean and a variance for each channel",
    ),
    "Slice": (lambda x: x[:, :3], "takes a part of the channels, by number"),
    "Take": (lambda x: keras.ops.take(x, [0, 2], axis=1), "reorders the channels"),
    "BroadcastTo": (lambda x: keras.ops.broadcast_to(x, (2, 4)), "has no rule for its channels"),
    "Constant": (
        lambda x: keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(np.ones(4)))(x),
        "has in its `alpha_initializer` a number for each",
    ),
    "Initial state": (
        lambda x: keras.layers.LSTM(4, stateful=False)(
            keras.layers.RepeatVector(2)(x), initial_state=[keras.ops.ones((2, 4))] * 2
        ),
        "takes a constant that may have a number for each channel",
    ),
    "RNN": (
        lambda x: keras.layers.RNN(keras.layers.LSTMCell(3))(keras.layers.RepeatVector(2)(x)),
        "has no rule for its channels",
    ),
}


@pytest.mark.parametrize("name", STAYING)
def test_what_is_not_known_stays_with_the_reason(name: str) -> None:
    make, why = STAYING[name]
    start = keras.Input((5,), batch_size=2)
    x = keras.layers.Dense(4, name="before")(start)
    model = keras.Model(start, keras.layers.Dense(2)(make(x)))
    group = read(model).group_of("before")
    assert group is not None
    assert not len(group.free)
    assert {reason.text.partition(") ")[2] for reason in group.pinned.values()} == {why}


SMALL = {"MobileNetV2": 64, "MobileNetV3Small": 64}
LEAST = {"ResNet50": 64, "InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}  # sizes; the others take 32


@pytest.mark.parametrize("name", ["MobileNetV2", pytest.param("MobileNetV3Small", marks=pytest.mark.slow)])
def test_an_application_without_half_of_its_channels(name: str) -> None:
    assert_application(name, SMALL[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(application_names()) - set(SMALL)))
def test_every_application_without_half_of_its_channels(name: str) -> None:
    assert_application(name, LEAST.get(name, 32))


def assert_application(name: str, size: int) -> None:
    """An application without half of all groups' channels, without one of each, and with copies of some."""
    model = harsh(getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(size, size, 3)))
    channels, inputs = read(model), inputs_of(model)
    assert not channels.found.ruleless
    base = run(model, inputs)
    assert np.isfinite(base[0]).all()
    for share in (0.5, 0.0):
        counts = channels.counts(halved(channels, share))
        deaf = run(masked(model, channels, counts), inputs)
        assert difference(run(rebuilt(model, channels, counts), inputs), deaf) < 1e-5
        assert difference(deaf, base) > 1e-4
    counts = channels.counts(doubled(channels))
    assert difference(run(rebuilt(model, channels, counts), inputs), base) < 1e-5
