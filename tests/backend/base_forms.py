"""A base in every form that a spec takes: in memory, as a saved model, as a model and its weights apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from spec_compiler import compile_spec
from spec_compiler.graph.adapter import Contract

FORMS = ("memory", ".keras", ".h5", ".weights.h5")


def filled(model: Any, seed: int = 7) -> Any:
    """The model with a value in every variable that is at no default."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        is_factor = variable.name in ("gamma", "scale") or "variance" in variable.name
        shape = tuple(variable.shape)
        variable.assign(random.uniform(0.5, 1.5, shape) if is_factor else random.normal(size=shape, scale=0.3))
    return model


def compiled(spec: dict[str, Any], base: Any, form: str, folder: Path) -> Any:
    """What a spec makes of a base that it finds in this form."""
    if form == "memory":
        return compile_spec({"spec": 1, **spec}, base=base)
    file = folder / ("base.h5" if form == ".h5" else "base.keras")
    found = {"file": str(file)}
    if form == ".weights.h5":
        base.save_weights(folder / "base.weights.h5")
        found["weights"] = str(folder / "base.weights.h5")
        base = keras.models.clone_model(base)  # with other numbers
    base.save(file)
    return compile_spec({"spec": 1, "base": found, **spec})


def actions(result: Any, layer: str) -> dict[str, str]:
    """What the ledger says became of each variable of a layer."""
    return {row.variable: row.action for row in result.weights.rows if row.layer == layer and row.action != "dropped"}


def promised(result: Any) -> tuple[str, str]:
    """What the one contract of a plan says."""
    contract: Contract
    (contract,) = result.plan.contracts
    return contract.preserves, contract.text
