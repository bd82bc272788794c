"""Parameters, multiply-adds and receptive fields beside the figures that others published.

Parameters: https://keras.io/api/applications/ (and, by the digit, the table in keras-team/keras-io before it was
rounded). Multiply-adds: the papers and Keras's own docstrings. Receptive fields: Araujo, Norris and Sim,
https://distill.pub/2019/computing-receptive-fields/, table in google-research/receptive_field.
"""

from __future__ import annotations

from typing import Any

import pytest

from spec_compiler import plan_spec
from spec_compiler.graph import Graph
from spec_compiler.plan.costs import multiply_adds, total
from spec_compiler.plan.receptive_field import receptive_fields

EXACT = {
    "Xception": 22_910_480,
    "VGG16": 138_357_544,
    "VGG19": 143_667_240,
    "ResNet50": 25_636_712,
    "ResNet101": 44_707_176,
    "ResNet152": 60_419_944,
    "ResNet50V2": 25_613_800,
    "ResNet101V2": 44_675_560,
    "ResNet152V2": 60_380_648,
    "InceptionV3": 23_851_784,
    "InceptionResNetV2": 55_873_736,
    "MobileNet": 4_253_864,
    "MobileNetV2": 3_538_984,
    "DenseNet121": 8_062_504,
    "DenseNet169": 14_307_880,
    "DenseNet201": 20_242_984,
    "NASNetMobile": 5_326_716,
    "NASNetLarge": 88_949_818,
    "EfficientNetB0": 5_330_571,
    "EfficientNetB1": 7_856_239,
    "EfficientNetB2": 9_177_569,
    "EfficientNetB3": 12_320_535,
    "EfficientNetB4": 19_466_823,
    "EfficientNetB5": 30_562_527,
    "EfficientNetB6": 43_265_143,
    "EfficientNetB7": 66_658_687,
}
MILLIONS = {  # as keras.io rounds them
    "EfficientNetV2B0": 7.2,
    "EfficientNetV2B1": 8.2,
    "EfficientNetV2B2": 10.2,
    "EfficientNetV2B3": 14.5,
    "EfficientNetV2S": 21.6,
    "EfficientNetV2M": 54.4,
    "EfficientNetV2L": 119.0,
    "ConvNeXtTiny": 28.6,
    "ConvNeXtSmall": 50.2,
    "ConvNeXtBase": 88.5,
    "ConvNeXtLarge": 197.7,
    "ConvNeXtXLarge": 350.1,
}
GIGA = {  # multiply-adds per image at the input's usual size, and the digits that were published
    "VGG16": (15.47, 2),
    "ResNet50": (3.86, 2),
    "MobileNet": (0.569, 3),
    "ConvNeXtTiny": (4.5, 1),
    "ConvNeXtSmall": (8.7, 1),
    "ConvNeXtBase": (15.4, 1),
    "ConvNeXtLarge": (34.4, 1),
    "ConvNeXtXLarge": (60.9, 1),
    "EfficientNetB0": (0.39, 2),
    "MobileNetV2": (0.30, 2),
}
# MACs in millions, from the docstring of keras.applications.MobileNetV3Large. Of the small ones it describes an older
# net, of 2.9 and 2.0 million parameters; what Keras builds is that of arXiv:1905.02244v5, 56 million with 2.5 million.
MOBILE = {
    ("MobileNetV3Large", 1.0, False): 217,
    ("MobileNetV3Large", 0.75, False): 155,
    ("MobileNetV3Large", 1.0, True): 209,
    ("MobileNetV3Small", 1.0, False): 56,
    ("MobileNetV3Small", 0.75, False): 44,
}
FIELDS = {
    ("VGG16", "block5_pool"): 212,
    ("MobileNet", "conv_pw_13_relu"): 315,
    ("ResNet50", "conv5_block3_out"): 483,
    ("ResNet101", "conv5_block3_out"): 1027,
    ("ResNet152", "conv5_block3_out"): 1507,
    ("InceptionV3", "mixed10"): 1311,
    ("InceptionResNetV2", "conv_7b_ac"): 3039,
}
SMALL = ("VGG16", "ResNet50", "MobileNetV2")
_READ: dict[str, Graph] = {}


def application(name: str, **arguments: Any) -> Graph:
    """An application's graph, read once."""
    key = f"{name} {sorted(arguments.items())}"
    if key not in _READ:
        _READ[key] = plan_spec({"spec": 1, "base": {"application": name, "weights": None, **arguments}}).after
    return _READ[key]


def often(names: Any) -> list[Any]:
    """The quick ones always, the others with the long tests."""
    first = [name if isinstance(name, str) else name[0] for name in names]
    return [
        pytest.param(name, marks=() if own in SMALL else pytest.mark.slow)
        for name, own in zip(names, first, strict=True)
    ]


@pytest.mark.parametrize("name", often(EXACT))
def test_parameters(name: str) -> None:
    assert application(name).num_parameters == EXACT[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", MILLIONS)
def test_parameters_as_rounded(name: str) -> None:
    assert application(name).num_parameters / 1e6 == pytest.approx(MILLIONS[name], abs=0.1)


@pytest.mark.parametrize("name", often(GIGA))
def test_multiply_adds(name: str) -> None:
    found = total(multiply_adds(application(name)))
    assert found is not None
    published, digits = GIGA[name]
    assert round(found / 1e9, digits) == published


@pytest.mark.slow
@pytest.mark.parametrize(("name", "alpha", "minimalistic"), MOBILE)
def test_multiply_adds_of_mobile_nets(name: str, alpha: float, minimalistic: bool) -> None:
    graph = application(name, alpha=alpha, minimalistic=minimalistic, input_shape=[224, 224, 3])
    found = total(multiply_adds(graph))
    assert found is not None
    assert found / 1e6 == pytest.approx(MOBILE[name, alpha, minimalistic], rel=0.02)


@pytest.mark.parametrize("place", often(FIELDS))
def test_receptive_fields(place: tuple[str, str]) -> None:
    assert receptive_fields(application(place[0]))[place[1]] == (FIELDS[place],) * 2
