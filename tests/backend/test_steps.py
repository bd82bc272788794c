"""`steps` against plain Keras written by hand: the edits one after another, in an order that the sections have not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest

from spec_compiler import check_spec, compile_spec
from tests.backend.conftest import assert_same_bits, branching, outputs_of

STEPS: list[dict[str, Any]] = [
    {"freeze": "all"},
    {"cut_at": "block1_add"},
    {"head": ["GlobalAveragePooling2D", {"Dense": {"units": 4, "name": "hidden"}}, {"Dense": {"units": 3}}]},
    {"replace": {"layers": "hidden", "with": [{"Dense": {"units": 6, "name": "wider"}}]}},
    {"set": {"layers": ["wider", "stem"], "to": {"activation": "relu"}}},
    {"rename": {"stem": "entrance"}},
    {"outputs": ["wider", "dense"]},
]


def by_hand(model: Any, given: Any) -> Any:
    """The same, layer by layer, with the values that our new layers were given."""
    stem = model.get_layer("stem")
    stem.activation = keras.activations.relu
    x = keras.layers.GlobalAveragePooling2D()(model.get_layer("block1_add").output)
    wider = keras.layers.Dense(6, activation="relu")
    dense = keras.layers.Dense(3)
    outputs = [wider(x), dense(wider.output)]
    for layer, name in ((wider, "wider"), (dense, "dense")):
        layer.set_weights(given.get_layer(name).get_weights())
    return keras.Model(model.input, outputs)


@pytest.mark.parametrize("where", ["memory", "file"])
def test_the_edits_one_after_another(where: str, images: Any, tmp_path: Path) -> None:
    model = branching()
    spec: dict[str, Any] = {"spec": 1, "steps": STEPS}
    if where == "file":
        model.save(tmp_path / "base.keras")
        spec["base"] = {"file": str(tmp_path / "base.keras")}
    compiled = compile_spec(spec, base=model if where == "memory" else None, prove=True)
    compiled.model.save(tmp_path / "result.keras")
    loaded = keras.models.load_model(tmp_path / "result.keras")
    wanted = outputs_of(by_hand(model, compiled.model), images)
    for found in (compiled.model, loaded):
        assert_same_bits(outputs_of(found, images), wanted)
        assert {layer.name for layer in found.layers if layer.weights and layer.trainable} == {"wider", "dense"}
    origins = {row.layer: row.reason for row in compiled.weights.rows if row.action == "initialized"}
    assert origins == {
        "wider": "new layer, made by `steps[3].replace`",
        "dense": "new layer, made by `steps[2].head`",
    }


def test_a_cut_after_other_steps_is_meant() -> None:
    text = "spec: 1\nsteps:\n- outputs: [pool, predictions]\n- cut_at: predictions\n"
    assert not [*check_spec(text, base=branching())]


def test_what_is_legal_but_not_meant_is_told_at_its_step() -> None:
    text = "spec: 1\nsteps:\n- cut_at: predictions\n- freeze: [stem, image]\n- freeze: all\n"
    assert [(each.code, each.path) for each in check_spec(text, base=branching())] == [
        ("SC313", ("steps", 1, "freeze", 1)),
        ("SC313", ("steps", 0, "cut_at")),
    ]
