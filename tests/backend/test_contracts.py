"""What is promised of weights that are made of the base's, tried on probe inputs: what is proven, and what is found.

Adapters are made by hand here, one for each kind of equation, in the place of those that the language has.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec
from spec_compiler.adapters import equations
from spec_compiler.adapters.centre import Centre
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Array, Preserves, Recipe, Values
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.plan.proof import Proof, ProvenContract
from tests.backend.conftest import assert_same_bits, randomized

L = keras.layers
Read = Callable[[str, int], Array]


@dataclass(frozen=True)
class ByHand(Adapter):
    """Variables by what makes each of them of the base's, and the equation that is to hold."""

    strategy: ClassVar = "by hand"
    formula: ClassVar = "as the test says"

    makes: Mapping[int, Callable[[Read], Array]] = field(default_factory=dict, hash=False)
    holds: Equation | None = field(default=None, hash=False)
    preserves: Preserves = "exact"

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        def recipe(make: Callable[[Read], Array]) -> Recipe:
            return Recipe((), "", lambda values: make(lambda name, index: values.read((name, index))))

        return {index: recipe(make) for index, make in self.makes.items()}

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        return self.preserves, "the function"

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        return self.holds


Made = Mapping[str, tuple[Mapping[int, Callable[[Read], Array]], Equation | None]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[Made], None]:
    """Lets `weights` of a `set` entry, and of a new layer by its class, mean an adapter of the test."""

    def use(adapters: Made) -> None:
        def changed(weights: Any, before: LayerSpec, origin: Any, graph: Any) -> Adapter:
            return ByHand(origin, *adapters[before.name])

        def new(weights: Any, source: Any, origin: Any, graph: Any, takes: Any) -> Adapter:
            return ByHand(origin, *adapters["new"])

        monkeypatch.setattr("spec_compiler.adapters.of_changed_layer", changed)
        monkeypatch.setattr("spec_compiler.edits.entry_weights.of_new_layer", new)

    return use


def proof_of(spec: dict[str, Any], base: Any) -> Proof:
    before = [np.array(each) for each in base.variables]
    compiled = compile_spec({"spec": 1, **spec}, base=base, prove=True)
    assert_same_bits(before, [np.array(each) for each in base.variables])  # also where others were held for a while
    for layer in (*base._flatten_layers(), *compiled.model._flatten_layers()):
        assert layer.compute_dtype == "float32"
    proof = compiled.weights.proof
    assert proof is not None
    return proof


def only(proof: Proof) -> ProvenContract:
    [contract] = proof.contracts
    return contract


def same(layer: str, **arguments: Any) -> dict[str, Any]:
    """An entry of `set` that changes no argument: the layer's weights alone become others."""
    return {"layers": layer, "to": arguments or {"use_bias": True}, "weights": "centre"}


def chain() -> Any:
    """Two convolutions with BatchNormalization between them, and a Dense behind a Flatten."""
    inputs = keras.Input((6, 6, 3), name="image")
    x = L.Conv2D(8, 3, padding="same", name="conv1")(inputs)
    x = L.BatchNormalization(name="bn")(x)
    x = L.ReLU(name="relu")(x)
    x = L.Conv2D(4, 3, padding="same", name="conv2")(x)
    x = L.Flatten(name="flat")(x)
    return randomized(keras.Model(inputs, L.Dense(5, activation="softmax", name="head")(x)))


KEPT = np.array([0, 3, 4, 7])


def pruned(conv2_rows: Array = KEPT) -> Made:
    """`chain` without half of the channels of `conv1`; the reference has zeros where they are read."""

    def masked(values: Values) -> Array:
        kernel = np.array(values.read(("conv2", 0)))
        kernel[:, :, np.setdiff1d(range(8), KEPT)] = 0
        return kernel

    def kept(values: Values) -> Array:
        return KEPT

    def of(name: str, index: int) -> Callable[[Read], Array]:
        return lambda read: read(name, index)[..., KEPT]

    reference = {("conv2", 0): Recipe((("conv2", 0),), "", masked)}
    return {
        "conv1": ({0: of("conv1", 0), 1: of("conv1", 1)}, equations.chosen(("conv1",), given=kept)),
        "bn": ({n: of("bn", n) for n in range(4)}, equations.chosen(("bn",), (kept, 8), kept)),
        "conv2": (
            {0: lambda read: read("conv2", 0)[:, :, conv2_rows]},
            equations.chosen(("conv2",), (kept, 8), reference=reference),
        ),
    }


PRUNED: list[dict[str, Any]] = [same("conv1", filters=4), same("bn", center=True), same("conv2")]


def test_a_pruned_model_equals_the_masked_one(made: Callable[[Made], None]) -> None:
    made(pruned())
    proof = proof_of({"set": PRUNED}, chain())
    assert len(proof.contracts) == 3
    for contract in proof.contracts:
        assert contract.deviation is not None
        assert contract.deviation < 1e-12  # in float64: no value of the two is another
        assert contract.at == ("head",)


def test_rows_of_other_channels_are_found(made: Callable[[Made], None]) -> None:
    made(pruned(np.array([0, 3, 4, 6])))
    with pytest.raises(SpecError, match=r"SC515.*`conv2`") as raised:
        proof_of({"set": PRUNED}, chain())
    assert raised.value.diagnostics[0].path == ("set", 2, "weights")


def test_a_reference_that_is_another_is_found_from_the_inputs_on(made: Callable[[Made], None]) -> None:
    # each layer by itself equals the base's: only the run of the whole shows that nothing was masked
    adapters = dict(pruned())
    adapters["conv2"] = (adapters["conv2"][0], equations.chosen(("conv2",), (lambda values: KEPT, 8)))
    made(adapters)
    with pytest.raises(SpecError, match="SC515") as raised:
        proof_of({"set": PRUNED}, chain())
    assert "from the inputs on, the output of `head`" in raised.value.diagnostics[0].notes[0]


def test_channels_before_a_new_head_are_compared_by_their_numbers(made: Callable[[Made], None]) -> None:
    made(pruned())
    head = {"cut_at": "relu", "head": ["GlobalAveragePooling2D", {"Dense": {"units": 2}}]}
    proof = proof_of({"set": PRUNED[:2], **head}, chain())
    assert {contract.at for contract in proof.contracts} == {("bn",)}


def test_widened_channels(made: Callable[[Made], None]) -> None:
    copies = np.array([0, 1, 2, 3, 4, 5, 6, 7, 2, 2, 5])
    times = np.bincount(copies)[copies]

    def wide(values: Values) -> Array:
        return copies

    def of(name: str, index: int) -> Callable[[Read], Array]:
        return lambda read: read(name, index)[..., copies]

    def shared(read: Read) -> Array:
        return read("conv2", 0)[:, :, copies] / times[:, None].astype("float32")

    made(
        {
            "conv1": ({0: of("conv1", 0), 1: of("conv1", 1)}, equations.chosen(("conv1",), given=wide)),
            "bn": ({n: of("bn", n) for n in range(4)}, equations.chosen(("bn",), (wide, 8), wide)),
            "conv2": ({0: shared}, equations.chosen(("conv2",), (wide, 8))),
        }
    )
    proof = proof_of({"set": [same("conv1", filters=11), *PRUNED[1:]]}, chain())
    assert all((each.deviation or 0) < 1e-6 and each.at == ("head",) for each in proof.contracts)
    assert proof.contracts[2].deviation  # a third is rounded


@pytest.mark.parametrize(
    ("channels", "matrix"),
    [(1, [[1, 1, 1]]), (5, np.eye(5, 3)), (3, np.eye(3)[[2, 1, 0]]), (2, np.full((2, 3), 1 / 3))],
)
def test_channels_of_the_input(made: Callable[[Made], None], channels: int, matrix: Any) -> None:
    mix = np.asarray(matrix, "float32")
    made({"conv1": ({0: lambda read: mix @ read("conv1", 0)}, equations.mixed(("conv1",), matrix))})
    contract = only(proof_of({"input": {"shape": [6, 6, channels]}, "set": [same("conv1")]}, chain()))
    assert contract.deviation is not None
    assert contract.deviation < 1e-6
    assert contract.at == ("head",)


def test_channels_in_another_order_than_promised_are_found(made: Callable[[Made], None]) -> None:
    made({"conv1": ({0: lambda read: read("conv1", 0)[:, :, ::-1]}, equations.mixed(("conv1",), np.eye(3)))})
    with pytest.raises(SpecError, match=r"SC515.*`conv1`"):
        proof_of({"set": [same("conv1")]}, chain())


def test_an_input_that_is_another_leaves_what_does_not_see_it(made: Callable[[Made], None]) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    ends = [L.Dense(2, name="of_left")(left), L.Dense(2, name="of_right")(right)]
    base = randomized(keras.Model([left, right], ends))
    makes = {0: lambda read: np.ones((2, 2), "float32")}  # nothing of the base's, and nothing promised
    made({"of_left": (makes, None), "of_right": ({0: lambda read: read("of_right", 0)}, Equation(("of_right",)))})
    spec = {"inputs": {"left2": {"shape": [2], "feeds": "left"}}, "set": [same("of_left"), same("of_right")]}
    found = [(each.deviation, each.at) for each in proof_of(spec, base).contracts]
    assert (0.0, ("of_right",)) in found


def folded(shift: float = 0.0) -> Made:
    """`conv1` of `chain` with its BatchNormalization inside."""

    def scale(read: Read) -> Array:
        return read("bn", 0) / np.sqrt(read("bn", 3) + 1e-3)

    return {
        "conv1": (
            {
                0: lambda read: read("conv1", 0) * scale(read),
                1: lambda read: (read("conv1", 1) - read("bn", 2)) * scale(read) + read("bn", 1) + shift,
            },
            Equation(("conv1", "bn")),
        )
    }


def test_a_folded_layer_equals_both(made: Callable[[Made], None]) -> None:
    made(folded())
    contract = only(proof_of({"set": [same("conv1")], "remove": ["bn"]}, chain()))
    assert contract.deviation is not None
    assert 0 < contract.deviation < 1e-6
    assert contract.at == ("head",)


def test_a_folded_layer_that_is_a_little_off_is_found(made: Callable[[Made], None]) -> None:
    made(folded(shift=1e-3))
    with pytest.raises(SpecError, match=r"SC515.*`conv1`"):
        proof_of({"set": [same("conv1")], "remove": ["bn"]}, chain())


def test_what_stood_between_folded_layers_stands_behind_them(made: Callable[[Made], None]) -> None:
    inputs = keras.Input((6, 6, 3), name="image")
    x = L.Conv2D(8, 3, name="conv1")(inputs)
    x = L.BatchNormalization(name="bn")(L.Dropout(0.5, name="drop")(L.AveragePooling2D(2, name="pool")(x)))
    base = randomized(keras.Model(inputs, L.Dense(2, name="head")(x)))
    made(folded())
    contract = only(proof_of({"set": [same("conv1")], "remove": ["bn"]}, base))
    assert contract.deviation is not None
    assert 0 < contract.deviation < 1e-6
    assert contract.at == ("head",)


@pytest.mark.parametrize("size", [6, 9])
def test_a_dense_layer_as_a_convolution(made: Callable[[Made], None], size: int) -> None:
    makes = {0: lambda read: read("head", 0).reshape(6, 6, 4, 5), 1: lambda read: read("head", 1)}
    made({"new": (makes, equations.reshaped(("head",), (6, 6, 4), whole=size == 6))})
    spec = {
        "input": {"shape": [size, size, 3]},
        "cut_at": "conv2",
        "head": [{"Conv2D": {"filters": 5, "kernel_size": 6, "activation": "softmax"}, "weights": "identity"}],
    }
    contract = only(proof_of(spec, chain()))
    assert contract.deviation is not None
    assert contract.deviation < 1e-12
    assert not contract.at  # a Flatten of the base stands between


def test_some_classes_before_their_softmax(made: Callable[[Made], None]) -> None:
    makes = {0: lambda read: read("head", 0)[:, [4, 2, 2]], 1: lambda read: read("head", 1)[[4, 2, 2]]}
    spec = {"cut_at": "flat", "head": [{"Dense": {"units": 3, "activation": "softmax"}, "weights": "identity"}]}
    made({"new": (makes, equations.of_classes("head", [0, 1], [4, 2]))})
    contract = only(proof_of(spec, chain()))
    assert contract.deviation is not None
    assert contract.deviation < 1e-12
    made({"new": (makes, equations.of_classes("head", [0, 1], [4, 3]))})
    with pytest.raises(SpecError, match="SC515"):
        proof_of(spec, chain())


def test_rows_of_an_embedding(made: Callable[[Made], None]) -> None:
    inputs = keras.Input((7,), dtype="int32")
    base = randomized(keras.Model(inputs, L.GlobalAveragePooling1D()(L.Embedding(9, 4, name="emb")(inputs))))
    rows = {"emb": ({0: lambda read: read("emb", 0)[[8, 1, 5]]}, equations.of_rows("emb", [0, 2], [8, 5]))}
    made(rows)
    contract = only(proof_of({"set": [same("emb", input_dim=3)]}, base))
    assert contract.deviation == 0.0
    made({"emb": (rows["emb"][0], equations.of_rows("emb", [0, 2], [8, 6]))})
    with pytest.raises(SpecError, match="SC515"):
        proof_of({"set": [same("emb", input_dim=3)]}, base)


def test_a_branch_that_adds_nothing(made: Callable[[Made], None]) -> None:
    made({"new": ({0: lambda read: np.zeros((4, 4), "float32")}, Equation(zeros=True))})
    branch = [
        {"Dense": {"units": 4}, "name": "branch"},
        {"Dense": {"units": 4, "use_bias": False}, "name": "last", "weights": "identity"},
        {"Add": {}, "from": ["conv2", "last"]},
    ]
    contract = only(proof_of({"insert": [{"after": "conv2", "with": branch}]}, chain()))
    assert contract.deviation == 0.0
    assert contract.at == ("head",)


def test_a_broken_recipe_is_found_where_the_spec_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_the_edge(self: Centre, layer: LayerSpec) -> Mapping[int, Recipe]:
        place = (self.before.name, 0)
        around = ((0, 2), (0, 2), (0, 0), (0, 0))
        return {0: Recipe((place,), "", lambda values: np.pad(values.read(place), around))}

    monkeypatch.setattr(Centre, "recipes", at_the_edge)
    text = "spec: 1\nset:\n  - {layers: conv1, to: {kernel_size: 5}, weights: centre}\n"
    with pytest.raises(SpecError, match=r"SC515.*`conv1`.*`centre`") as raised:
        compile_spec(text, base=chain(), prove=True)
    [found] = raised.value.diagnostics
    assert (found.line, found.column) == (3, 52)


def test_the_functions_of_the_language() -> None:
    identity = {"Dense": {"units": 5}, "weights": "identity"}
    spec = {"set": [same("conv2", kernel_size=5)], "insert": [{"after": "head", "with": [identity]}]}
    proof = proof_of(spec, chain())
    assert [each.contract.strategy for each in proof.contracts] == ["centre", "identity"]
    assert [each.at for each in proof.contracts] == [("dense",), ("dense",)]
    assert all(each.deviation is not None and each.deviation < 1e-14 for each in proof.contracts)
    assert proof.layers == 5
    assert "tried in float64:\n  conv2  centre    exact: the function  deviation" in proof.text


def test_what_other_edits_change_leaves_the_layer_alone_to_be_compared() -> None:
    spec = {"set": [same("conv2", kernel_size=5)], "insert": [{"after": "conv1", "with": [{"Dense": {"units": 8}}]}]}
    contract = only(proof_of(spec, chain()))
    assert contract.deviation is not None
    assert contract.at == ()


def test_nothing_is_compared_of_a_base_without_weights() -> None:
    base = {"application": "MobileNetV2", "weights": None, "include_top": False, "input_shape": [32, 32, 3]}
    spec = {"spec": 1, "base": base, "set": [same("Conv1", kernel_size=5)]}
    proof = compile_spec(spec, prove=True).weights.proof
    assert proof is not None
    assert only(proof).deviation is None
    assert proof.text.endswith("exact: the function  not compared")


def test_a_deep_network_may_round_as_it_rounds_itself(made: Callable[[Made], None]) -> None:
    # forty layers that each make ten times of a difference: what is rounded in the first is large in the last
    inputs = x = keras.Input((32,))
    for index in range(40):
        x = keras.ops.sin(L.Dense(32, name=f"d{index}")(x))
    base = randomized(keras.Model(inputs, x))
    for layer in base.layers:
        if isinstance(layer, L.Dense):
            layer.kernel.assign(np.array(layer.kernel) * 200)
    third = np.float32(1 / 3)
    made({"d0": ({0: lambda read: read("d0", 0) * third / third}, Equation(("d0",)))})
    contract = only(proof_of({"set": [same("d0")]}, base))
    assert contract.bound > 1e-5


MEASURED = """
import re, time
import keras
from spec_compiler import compile_spec
base = keras.applications.VGG16(weights=None)
head = {"after": "predictions", "with": [{"Dense": {"units": 1000}, "weights": "identity"}]}
spec = {"spec": 1, "set": [{"layers": "block1_conv1", "to": {"kernel_size": 5}, "weights": "centre"}], "insert": [head]}
start = time.process_time()
compiled = compile_spec(spec, base=base, prove=True)
assert [each.at for each in compiled.weights.proof.contracts] == [("dense",), ("dense",)]
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
print(time.process_time() - start, peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a process took is read from /proc")
def test_a_large_network_is_proven_in_a_minute_or_two() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 100  # of all cores
    assert megabytes < 4_000  # base and result have 553 MB each, and what is run in float64 twice that for a layer
