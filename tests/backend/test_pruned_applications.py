"""`prune` and `widen` on every application of Keras, by oracles that know nothing of groups of channels.

Which channels are left is read off the values of the narrower model, which are the base's own: every variable must be a
block of the base's. The base is then made deaf by hand: layers that sum over channels hear none of those that are gone.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import Plan, SpecError, compile_spec, plan_spec
from spec_compiler.plan.costs import multiply_adds, total
from tests.backend.conftest import assert_same_bits, outputs_of
from tests.memory import assert_planned_without_keras

Array = np.ndarray[Any, Any]
ALL = sorted(name for name, each in vars(keras.applications).items() if inspect.isfunction(each) and name[0].isupper())
FAST = ("MobileNetV2",)
MAKERS = ("Conv2D", "SeparableConv2D", "Dense")
BOUND = 1e-5
# The axes over which a layer of a class sums the channels that it takes, by the name of the variable.
TAKES = {
    ("Conv2D", "kernel"): 2,
    ("SeparableConv2D", "pointwise_kernel"): 2,
    ("Dense", "kernel"): 0,
}
MAKES = {"kernel": -1, "pointwise_kernel": -1, "bias": -1}


def make_base(name: str) -> Any:
    """An application without its top, with values at no default in every variable, so that a wrong channel shows."""
    size = 75 if "Inception" in name or name == "Xception" else 32
    make = getattr(keras.applications, name)
    model = make(weights=None, include_top=False, input_shape=(size, size, 3))
    random = np.random.default_rng(0)
    for variable in model.weights:
        last = variable.path.rpartition("/")[2]
        shape = tuple(variable.shape)
        if last in ("gamma", "moving_variance", "variance"):
            values = random.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:  # by what it sums over: with the same for all, a hundred layers leave float32
            values = random.normal(0, 1, shape) / np.sqrt(prod(shape[:-1] if shape[-1] > 1 else shape[:-2]))
        else:
            values = random.normal(0, 0.3, shape)
        variable.assign(values.astype(str(variable.dtype)))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what it derives from its variables
    return model


def picture(base: Any) -> Array:
    values: Array = np.random.default_rng(1).uniform(-1, 1, (1, *base.input_shape[1:])).astype("float32")
    return values


def makers(base: Any) -> list[str]:
    return [layer.name for layer in base.layers if type(layer).__name__ in MAKERS]


def deviation(model: Any, wanted: Any, image: Array) -> float:
    """The largest difference of their outputs, as a part of the largest number."""
    [one], [other] = outputs_of(model, image), outputs_of(wanted, image)
    assert np.isfinite(other).all()
    assert one.shape == other.shape
    assert other.std() > 0
    return float(np.abs(one - other).max() / np.abs(other).max())


def same(ones: Sequence[Array], others: Sequence[Array]) -> bool:
    """Whether arrays are the same but for the order in which threads add up."""
    [one], [other] = ones, others
    return bool(one.shape == other.shape and np.abs(one - other).max() <= 1e-6 * np.abs(other).max())


# which channels are left, and a base that is deaf to the others


def block_of(small: Array, large: Array) -> list[Array]:
    """For each axis of an array the indices along that of a larger one of which it is a block, by their values."""
    if small.shape == large.shape:
        assert small.tobytes() == large.tobytes()
        return [np.arange(size) for size in small.shape]
    order = np.argsort(large, axis=None)
    found = order[np.searchsorted(large.reshape(-1)[order], small.reshape(-1)).clip(max=large.size - 1)]
    at = np.unravel_index(found, large.shape)
    indices = []
    for axis in range(small.ndim):
        rows = np.moveaxis(at[axis].reshape(small.shape), axis, 0).reshape(small.shape[axis], -1)
        indices.append(np.median(rows, axis=1).astype(int))  # two values may be the same number by chance
    assert large[np.ix_(*indices)].tobytes() == small.tobytes()
    return indices


def deaf(base: Any, model: Any) -> dict[str, Array]:
    """Makes the base deaf to what its copy with fewer channels has no more; the channels that are left, by layer."""
    left: dict[str, Array] = {}
    for layer in base.layers:
        ours = model.get_layer(layer.name)
        for one, variable in zip(ours.weights, layer.weights, strict=True):
            last = variable.path.rpartition("/")[2]
            large = keras.ops.convert_to_numpy(variable)
            blocks = block_of(keras.ops.convert_to_numpy(one), large)
            axis = TAKES.get((type(layer).__name__, last))
            if axis is not None and len(blocks[axis]) < large.shape[axis]:
                quiet = np.zeros_like(large)
                at = (slice(None),) * axis + (blocks[axis],)
                quiet[at] = large[at]
                variable.assign(quiet)
            if last in MAKES and type(layer).__name__ in MAKERS:
                left.setdefault(layer.name, blocks[-1])  # of the kernel: two biases may be the same number by chance
    return left


def shake(base: Any, left: Mapping[str, Array]) -> int:
    """Changes all that makes a channel that is not left; how many there are."""
    random = np.random.default_rng(2)
    num_gone = 0
    for name, indices in left.items():
        for variable in base.get_layer(name).weights:
            if variable.path.rpartition("/")[2] in MAKES:
                values = np.array(keras.ops.convert_to_numpy(variable))
                gone = np.setdiff1d(np.arange(values.shape[-1]), indices)
                values[..., gone] *= random.uniform(-1, 1, (*values.shape[:-1], len(gone))).astype(values.dtype)
                variable.assign(values)
        num_gone += base.get_layer(name).output.shape[-1] - len(indices)
    return num_gone


# what Keras says of the result


def macs_of(model: Any) -> int:
    """Multiply-adds, counted from the kernels that Keras built and from what its layers put out."""
    count = 0
    for layer in model.layers:
        places = prod(layer.output.shape[1:-1]) if hasattr(layer.output, "shape") else 0
        for variable in layer.weights:
            if variable.path.rpartition("/")[2] in ("kernel", "depthwise_kernel", "pointwise_kernel"):
                count += places * prod(variable.shape)
    return count


def trains(model: Any, image: Array) -> bool:
    """Whether one step changes what trains."""
    model.compile("sgd", "mse", run_eagerly=True)
    before = [np.array(each) for each in model.get_weights()]
    model.train_on_batch(image, np.zeros(model.output_shape[1:], "float32")[None])
    return any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))


def check(name: str, folder: Path) -> dict[str, Any]:
    """Proves an application narrower and wider; what was found."""
    base = make_base(name)
    image = picture(base)
    values = base.get_weights()
    plan, report = check_narrower(base, image, folder)
    base.set_weights(values)
    return {**report, **check_wider(base, image, plan), **check_single(base, image, plan)}


def check_narrower(base: Any, image: Array, folder: Path) -> tuple[Plan, dict[str, Any]]:
    classes = sorted({type(base.get_layer(each)).__name__ for each in makers(base)})
    prune: dict[str, Any] = {"layers": [f"type:{each}" for each in classes], "keep": 0.5, "round_to": 2}
    if any(type(each).__name__ == "LayerNormalization" for each in base.layers):
        assert not can({"prune": {"layers": inexact(base), "keep": 0.5}}, base)
        assert can({"prune": {"layers": inexact(base), "keep": 0.5, "inexact": "allow"}}, base)
    compiled = compile_spec({"spec": 1, "prune": prune}, base=base, prove=True)
    model, plan, proof = compiled.model, compiled.plan, compiled.weights.proof
    assert proof is not None
    assert {(each.contract.preserves, each.deviation is not None) for each in proof.contracts} == {("exact", True)}
    ends = {ref.node for ref in plan.after.output_refs}
    assert all(ends <= set(each.at) and (each.deviation or 0) <= BOUND for each in proof.contracts)

    stays = {each.layer: each.reason for each in plan.after.left}
    for each in makers(base):
        is_narrower = model.get_layer(each).output.shape[-1] < base.get_layer(each).output.shape[-1]
        assert is_narrower != (each in stays), (each, stays.get(each))
    assert set(stays) <= set(makers(base))
    assert all(stays.values())

    whole = outputs_of(base, image)
    left = deaf(base, model)
    narrower = deviation(model, base, image)
    assert narrower <= BOUND
    quiet = outputs_of(base, image)
    assert not same(quiet, whole)  # else nothing would have been heard of them anyhow
    num_gone = shake(base, left)
    assert same(outputs_of(base, image), quiet)

    assert total(multiply_adds(plan.after)) == macs_of(model)
    assert sum(row.parameters for row in compiled.weights if row.action != "dropped") == model.count_params()
    model.save(folder / "narrow.keras")
    again = keras.models.load_model(folder / "narrow.keras")
    assert_same_bits(again.get_weights(), model.get_weights())
    assert same(outputs_of(again, image), outputs_of(model, image))
    assert trains(model, image)
    return plan, {"groups": len(plan.after.groups), "stay": len(stays), "gone": num_gone, "narrower": narrower}


def check_wider(base: Any, image: Array, plan: Plan) -> dict[str, Any]:
    """Half as many channels more for an early group, one in the middle, and the largest that is joined."""
    sizes = {each: base.get_layer(each).output.shape[-1] for each in some_of(plan)}
    widen = [{"layers": each, "to": size * 3 // 2} for each, size in sizes.items()]
    compiled = compile_spec({"spec": 1, "widen": widen}, base=base, prove=True)
    assert [compiled.model.get_layer(each["layers"]).output.shape[-1] for each in widen] == [e["to"] for e in widen]
    assert {each.preserves for each in compiled.plan.contracts} == {"exact"}
    wider = deviation(compiled.model, base, image)
    assert wider <= BOUND
    return {"widened": list(sizes), "wider": wider}


def check_single(base: Any, image: Array, plan: Plan) -> dict[str, Any]:
    """Two channels of each, by their numbers."""
    sizes = {each: base.get_layer(each).output.shape[-1] for each in some_of(plan)}
    gone = {each: [1, size // 2] for each, size in sizes.items()}
    compiled = compile_spec({"spec": 1, "prune": {"channels": gone}}, base=base)
    left = deaf(base, compiled.model)
    for each, numbers in gone.items():
        assert sorted(set(range(sizes[each])) - set(left[each].tolist())) == numbers
    singly = deviation(compiled.model, base, image)
    assert singly <= BOUND
    return {"singly": singly}


def some_of(plan: Plan) -> list[str]:
    """Layers of the first group, of one in the middle and of the one that most layers make."""
    groups = plan.after.groups
    chosen = [groups[0], groups[len(groups) // 2], max(groups, key=lambda group: len(group.makers))]
    return list(dict.fromkeys(group.makers[0] for group in chosen))


def inexact(base: Any) -> str:
    """The layer whose channels the first LayerNormalization normalises."""
    normed = next(each for each in base.layers if type(each).__name__ == "LayerNormalization")
    return str(base.layers[base.layers.index(normed) - 1].name)


def can(edits: Mapping[str, Any], base: Any) -> bool:
    """Whether a spec is accepted; it is refused for nothing but that channels cannot go."""
    try:
        plan_spec({"spec": 1, **edits}, base=base)
    except SpecError as error:
        if {each.code for each in error.diagnostics} != {"SC323"}:
            raise
        return False
    return True


@pytest.mark.filterwarnings("ignore:.*input_shape.*:UserWarning")
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in ALL])
def test_an_application(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


def test_layers_that_make_a_part_of_the_channels_of_others() -> None:
    image = keras.Input((4, 4, 3), name="image")
    layers = keras.layers
    halves = [layers.Conv2D(6, 1, name=name)(image) for name in ("left", "right")]
    joined = layers.Add(name="add")(
        [layers.Conv2D(12, 1, name="whole")(image), layers.Concatenate(name="join")(halves)]
    )
    base = keras.Model(image, layers.Conv2D(2, 1, name="last")(joined), name="halves")
    sizes = {}
    for section, key, value in (("prune", "keep", 0.5), ("widen", "to", 18)):
        model = compile_spec({"spec": 1, section: {"layers": "type:Conv2D", key: value}}, base=base).model
        sizes[section] = [model.get_layer(name).filters for name in ("left", "right", "whole")]
    assert sizes == {"prune": [3, 3, 6], "widen": [18, 18, 36]}


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("MobileNetV3Small", "type:Conv2D"),
        pytest.param("NASNetMobile", "[type:Conv2D, type:SeparableConv2D]", marks=pytest.mark.slow),
        pytest.param("ConvNeXtTiny", "type:Dense", marks=pytest.mark.slow),
    ],
)
def test_planned_without_keras(name: str, layers: str, tmp_path: Path) -> None:
    path = tmp_path / "narrow.yaml"
    path.write_text(
        f"spec: 1\nbase: {{application: {name}, weights: null, include_top: false, input_shape: [32, 32, 3]}}\n"
        f"prune: {{layers: {layers}, keep: 0.5, round_to: 8}}\n"
    )
    assert_planned_without_keras(path)
