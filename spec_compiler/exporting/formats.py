"""The formats that a model is exported to: the one list, by the suffix of the file."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from spec_compiler.diagnostics import SpecError, did_you_mean

Precision = Literal["float32", "float16", "int8"]
Key = Literal["onnx", "saved_model", "litert", "openvino"]


@dataclass(frozen=True)
class Format:
    """One format.

    `suffix` ends its file's name, and is empty where it is a folder; `beside` are suffixes of files that belong to it.
    `in_keras` is its word in `keras.Model.export`. `packages` are what it needs, by what they are imported as, with the
    name and version that pip knows. `tolerances` say, for each precision that it comes in, how far an output may lie
    from Keras's, as a part of the largest number that Keras puts out there. `copies` says how many times the weights
    are held beside the model while it is made and run, of large applications and of a wide `Dense`:
    `tests/backend/test_exported_applications.py` prints it. `most_bytes` is what its file can hold.
    """

    key: Key
    name: str
    suffix: str
    in_keras: str
    runtime: str
    tolerances: Mapping[Precision, float]
    copies: int
    packages: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    most_bytes: int | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, not a file."""
        return not self.suffix

    def files(self, output: str) -> tuple[str, ...]:
        """The files that it is made of, its own first; of a folder that alone."""
        return (output, *(output.removesuffix(self.suffix) + each for each in self.beside))


# Float32 is the rounding of another order of adding, which deep networks multiply; float16 keeps 11 bits of a weight,
# int8 8 bits of weights and of what flows between the layers.
_ROUNDING = 1e-4
_MOST = 2**31 - 1  # of a message of Protocol Buffers, and of a FlatBuffer
HALF = {"float16": 1e-2, "bfloat16": 1e-1}  # of a model that itself computes so, in any format
FORMATS = (
    Format(
        "onnx",
        "ONNX",
        ".onnx",
        "onnx",
        "ONNX Runtime",
        {"float32": _ROUNDING},
        13,
        {"tf2onnx": "tf2onnx>=1.17", "onnx": "onnx>=1.17", "onnxruntime": "onnxruntime>=1.20"},
        most_bytes=_MOST,
    ),
    Format("saved_model", "SavedModel", "", "tf_saved_model", "TensorFlow", {"float32": _ROUNDING}, 3),
    Format(
        "litert",
        "LiteRT",
        ".tflite",
        "litert",
        "LiteRT",
        {"float32": _ROUNDING, "float16": 1e-2, "int8": 1e-1},
        11,
        {"ai_edge_litert": "ai-edge-litert>=2.1"},
        most_bytes=_MOST,
    ),
    Format(
        "openvino",
        "OpenVINO",
        ".xml",
        "openvino",
        "OpenVINO",
        {"float32": _ROUNDING},
        3,
        {"openvino": "openvino>=2025.0"},
        (".bin",),
    ),
)
SUFFIXES = tuple(each.suffix for each in FORMATS if each.suffix)


def format_of(output: str) -> Format:
    """The format that a file's name says; of a folder, which has no suffix or a `/` at its end, SavedModel.

    Raises:
        SpecError: SC508.

    >>> format_of("model.tflite").name, format_of("served/3").name, format_of("v1.5/").name
    ('LiteRT', 'SavedModel', 'SavedModel')
    """
    folder = next(each for each in FORMATS if each.is_folder)
    suffix = os.path.splitext(output)[1]
    if not suffix or output.endswith(("/", os.sep)):
        return folder
    for each in FORMATS:
        if each.suffix == suffix:
            return each
    otherwise = f"name a file that ends in {', '.join(SUFFIXES)}, or a folder for a SavedModel: `saved_model/`"
    if suffix in (".keras", ".h5"):
        otherwise = "`spec-compiler build` saves a model for Keras"
    help = did_you_mean(suffix, SUFFIXES, otherwise)
    raise SpecError.single("SC508", f"`{output}` ends in {suffix}, which is no format of an export", help=help)


def check_precision(form: Format, precision: Precision) -> None:
    """Proves that a format comes in a precision.

    Raises:
        SpecError: SC521.
    """
    if precision not in form.tolerances:
        message = f"{form.name} is exported in float32 alone, `{precision}` is for LiteRT"
        raise SpecError.single("SC521", message, help="name a `.tflite` file, or leave `--quantize` out")


def check_bytes(form: Format, precision: Precision, num_bytes: int) -> None:
    """Proves that the weights of a model, as many bytes in float32, go into a file of a format.

    Raises:
        SpecError: SC521.
    """
    if form.most_bytes is not None and precision == "float32" and num_bytes > form.most_bytes:
        takes, holds = f"{num_bytes / 1e9:.1f} GB", f"{form.most_bytes / 1e9:.1f} GB"
        message = f"the model's variables take {takes}, a file of {form.name} holds {holds} at most"
        help = "export to a SavedModel or to OpenVINO: `-o saved_model/`, `-o model.xml`"
        raise SpecError.single("SC521", message, help=help)


def check_installed(form: Format) -> None:
    """Proves that the packages are there that a format needs, before any work.

    Raises:
        SpecError: SC521.
    """
    missing = [pip for module, pip in form.packages.items() if importlib.util.find_spec(module) is None]
    if missing:
        names = " and ".join(f"`{each.partition('>')[0]}`" for each in missing)
        message = f"{form.name} needs {names}, which {'is' if len(missing) == 1 else 'are'} not installed"
        pip = " ".join(f"'{each}'" for each in missing)
        raise SpecError.single("SC521", message, help=f"install: `pip install {pip}`, or 'spec-compiler[export]'")
