"""What LoRA has learned, apart from the model: saved, loaded, switched, and made one with the kernels."""

from __future__ import annotations

import os
from typing import Any

from spec_compiler.compiler import compile_spec
from spec_compiler.files.whole import whole_file


def save_adapters(model: Any, path: str | os.PathLike[str]) -> None:
    """Saves what a model with LoRA has learned to an `.npz` file of a few megabytes, whole or not at all.

    That is the matrices of each layer with LoRA, with rank, alpha and the checksum of the kernel beside which they
    were learned, and every other variable that can train as the model is: a new head, biases. The names are those of
    the layers; `reading/lora_file.py` says the format, which `numpy.load` reads.

    Args:
        model: a `keras.Model`, whoever gave it LoRA: a spec, or Keras's `enable_lora`.
        path: the file, which is replaced if it exists.

    Raises:
        SpecError: SC516 no layer has LoRA.

    Example:
        >>> save_adapters(model, "birds.npz")  # doctest: +SKIP
    """
    from spec_compiler.backend.weights.lora_files import content, trainable_names  # imports Keras

    data = content(model, trainable_names(model))
    with whole_file(os.fspath(path)) as temporary, open(temporary, "wb") as stream:
        stream.write(data)


def load_adapters(model: Any, path: str | os.PathLike[str] | None, *, other_base: bool = False) -> None:
    """Gives a model with LoRA what a file holds, in place of what it has learned; with None the base's function.

    One base serves many tasks so: its kernels stay, and a file takes the place of another.

    Args:
        model: a `keras.Model` with the same LoRA as the file; either all of it is filled, or nothing.
        path: a file that `save_adapters`, `train` or `build --adapters` wrote. None sets every B to zeros; a head and
            biases stay as they are.
        other_base: whether the kernels may be others than those beside which the file was learned.

    Raises:
        SpecError: SC501, SC502, SC514 for the file; SC516 it is of other layers, another rank, other shapes or another
            base.

    Example:
        >>> load_adapters(model, "birds.npz")  # doctest: +SKIP
        >>> load_adapters(model, None)  # doctest: +SKIP
    """
    from spec_compiler.backend.weights.lora_files import clear, fill  # imports Keras
    from spec_compiler.reading.lora_file import read_lora  # imports NumPy

    if path is None:
        clear(model)
    else:
        fill(model, read_lora(os.fspath(path)), other_base=other_base)


def merge_adapters(model: Any) -> Any:
    """A plain model that computes what a model with LoRA does, but for rounding: W + alpha/rank·A·B is its kernel.

    The model itself stays as it is. As `lora: {merge: true}` in a spec, whose plan shows each layer.

    Args:
        model: a `keras.Model` some of whose layers have LoRA.

    Raises:
        SpecError: SC324 no layer has LoRA.

    Example:
        >>> merge_adapters(model).save("plain.keras")  # doctest: +SKIP
    """
    return compile_spec({"spec": 1, "lora": {"merge": True}}, base=model, allow_code=True).model
