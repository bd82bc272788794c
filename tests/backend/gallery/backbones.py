"""Three backbones and where their strides are, for the architectures of the gallery that stand on any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backend.gallery.bases import base_file, base_model
from tests.backend.gallery.compare import images

SMALL: dict[str, Any] = {"include_top": False, "input_shape": (64, 64, 3)}
# Where each one's picture is a half, a quarter … a 32nd as wide.
STRIDES = {
    "MobileNetV2": (
        "block_1_expand_relu",
        "block_3_expand_relu",
        "block_6_expand_relu",
        "block_13_expand_relu",
        "out_relu",
    ),
    "ResNet50": ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
    "EfficientNetB0": (
        "block2a_expand_activation",
        "block3a_expand_activation",
        "block4a_expand_activation",
        "block6a_expand_activation",
        "top_activation",
    ),
}
# Two of the three in every run; ResNet50 has the most weights, which takes time and shows nothing more.
on_each = pytest.mark.parametrize(
    "application", [pytest.param(name, marks=[pytest.mark.slow] * (name != "MobileNetV2")) for name in STRIDES]
)


def backbone(application: str) -> tuple[Any, list[Any]]:
    """A small one, and its tensors at strides 2, 4, 8, 16 and 32."""
    base = base_model(application, **SMALL)
    return base, [base.get_layer(each).output for each in STRIDES[application]]


def backbone_file(application: str, weights: Path) -> Path:
    """Its weights."""
    return base_file(application, weights, **SMALL)


def set_backbone(application: str, variable: str, **places: str) -> list[str]:
    """Overrides that put a spec on it: the variables of its application and of its layers."""
    values = {variable: application, **places}
    return ["base.input_shape=[64, 64, 3]", *(f"vars.{name}={value}" for name, value in values.items())]


def pictures(application: str) -> Any:
    """Two of the size and range that it takes: EfficientNet divides them by 255 itself."""
    return images() * (127 if application == "EfficientNetB0" else 1)
