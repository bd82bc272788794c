"""What each application costs, measured on its graph, beside what Keras publishes of its accuracy.

`python -m spec_compiler.backend.catalogue.application_figures` writes the figures. The accuracies are those of
https://keras.io/api/applications/ (ImageNet's validation images, single crop).
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras

from spec_compiler.backend.models.applications import application
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.applications import figures_file
from spec_compiler.language.base import Base
from spec_compiler.plan.costs import multiply_adds, total

# Top-1 and top-5 in percent; None where Keras publishes none.
PUBLISHED: dict[str, tuple[float | None, float | None]] = {
    "Xception": (79.0, 94.5),
    "VGG16": (71.3, 90.1),
    "VGG19": (71.3, 90.0),
    "ResNet50": (74.9, 92.1),
    "ResNet50V2": (76.0, 93.0),
    "ResNet101": (76.4, 92.8),
    "ResNet101V2": (77.2, 93.8),
    "ResNet152": (76.6, 93.1),
    "ResNet152V2": (78.0, 94.2),
    "InceptionV3": (77.9, 93.7),
    "InceptionResNetV2": (80.3, 95.3),
    "MobileNet": (70.4, 89.5),
    "MobileNetV2": (71.3, 90.1),
    "DenseNet121": (75.0, 92.3),
    "DenseNet169": (76.2, 93.2),
    "DenseNet201": (77.3, 93.6),
    "NASNetMobile": (74.4, 91.9),
    "NASNetLarge": (82.5, 96.0),
    "EfficientNetB0": (77.1, 93.3),
    "EfficientNetB1": (79.1, 94.4),
    "EfficientNetB2": (80.1, 94.9),
    "EfficientNetB3": (81.6, 95.7),
    "EfficientNetB4": (82.9, 96.4),
    "EfficientNetB5": (83.6, 96.7),
    "EfficientNetB6": (84.0, 96.8),
    "EfficientNetB7": (84.3, 97.0),
    "EfficientNetV2B0": (78.7, 94.3),
    "EfficientNetV2B1": (79.8, 95.0),
    "EfficientNetV2B2": (80.5, 95.1),
    "EfficientNetV2B3": (82.0, 95.8),
    "EfficientNetV2S": (83.9, 96.7),
    "EfficientNetV2M": (85.3, 97.4),
    "EfficientNetV2L": (85.7, 97.5),
    "ConvNeXtTiny": (81.3, None),
    "ConvNeXtSmall": (82.3, None),
    "ConvNeXtBase": (85.3, None),
    "ConvNeXtLarge": (86.3, None),
    "ConvNeXtXLarge": (86.7, None),
}


def measured(name: str) -> dict[str, Any]:
    """An application with its top, at its default size: parameters, layers, multiply-adds, published accuracy."""
    size = catalogue.application(name)["default_size"] or 224
    graph = application(Base.model_validate({"application": name, "input_shape": [size, size, 3]})).graph
    top1, top5 = PUBLISHED.get(name, (None, None))
    return {
        "size": size,
        "parameters": graph.num_parameters,
        "layers": len(graph.positions),
        "multiply_adds": total(multiply_adds(graph)),
        "top1": top1,
        "top5": top5,
    }


def document(names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """All applications by name."""
    names = names or catalogue.application_names()
    return {"keras": keras.__version__, "applications": {name: measured(name) for name in names}}


def main() -> int:
    """Writes the figures and returns the exit status."""
    figures_file().write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
