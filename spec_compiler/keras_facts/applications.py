"""The applications of Keras with what they cost and how well they classify, so that users can choose one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spec_compiler.keras_facts.catalogue import schemas_folder
from spec_compiler.keras_facts.preprocessing import mode_of


@dataclass(frozen=True, slots=True)
class Application:
    """One application with its top, at its default size.

    `top1` and `top5` are published percentages on ImageNet's validation images, None where Keras publishes none.
    `preprocessing` is how `input: {preprocess: auto}` prepares its pixels.
    """

    name: str
    size: int
    parameters: int
    layers: int
    multiply_adds: int | None
    top1: float | None
    top5: float | None
    preprocessing: str


def figures_file() -> Path:
    """The JSON file with the figures, beside the catalogue; `backend/catalogue/application_figures` writes it."""
    return schemas_folder() / "keras-applications.json"


@cache
def applications() -> Mapping[str, Application]:
    """All applications by name.

    >>> applications()["ResNet50"].layers
    177
    """
    data = json.loads(figures_file().read_text(encoding="utf-8"))["applications"]
    return {name: Application(name, **each, preprocessing=mode_of(name)) for name, each in data.items()}
