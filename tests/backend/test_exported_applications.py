"""Every application of Keras as ONNX and as LiteRT, with values at no default, run by the runtimes alone."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from spec_compiler import export_model, read_card
from tests.backend import exports
from tests.backend.test_pruned_applications import ALL, make_base, picture

FAST = {"MobileNet": "model.tflite", "MobileNetV2": "model.onnx"}
CASES = [(name, output) for name in ALL for output in ("model.onnx", "model.tflite")]


@pytest.mark.filterwarnings("ignore:.*input_shape.*:UserWarning")
@pytest.mark.parametrize(
    ("name", "output"),
    [pytest.param(*case, marks=() if FAST.get(case[0]) == case[1] else pytest.mark.slow) for case in CASES],
)
def test_an_application(name: str, output: str, tmp_path: Path) -> None:
    model = make_base(name)
    pixels = picture(model)
    wanted = model.predict(pixels, verbose=0)
    assert np.isfinite(wanted).all()
    assert wanted.std() > 0
    done = export_model(model, tmp_path / output)
    card = read_card(tmp_path / output)
    (found,) = exports.run(tmp_path / output, {card.inputs[0].name: pixels}).values()
    gap = np.abs(found.astype("float64") - wanted).max() / np.abs(wanted).max()
    weights = sum(each.numpy().nbytes for each in model.weights)
    # of the process: what one application takes is said where it runs alone
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    said = f"{done.worst:.2g} on the probes, {gap:.2g} on a picture"
    print(f"\n{name} {output}: {said}; peak {peak / 1e9:.1f} GB, weights {weights / 1e9:.2f} GB")
    assert gap <= done.outputs[0].tolerance == 1e-4
