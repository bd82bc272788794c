"""HDF5 as weights are kept in it: opened in place, its arrays read as they are."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from spec_compiler.backend.files.archive import archived_weights
from spec_compiler.backend.symbolic import empty
from spec_compiler.diagnostics import SpecError

Array = np.ndarray[Any, Any]


@contextlib.contextmanager
def open_h5(path: str) -> Iterator[Any]:
    """The weights of a file as an h5py group: a weights file, or the weights in a `.keras` archive, read in place.

    Raises:
        SpecError: SC502 where it is damaged or something else.
    """
    name = os.path.basename(path)
    try:
        with contextlib.ExitStack() as stack:
            if zipfile.is_zipfile(path):
                stream = stack.enter_context(archived_weights(path))
                store = stack.enter_context(h5py.File(stream, "r"))
            else:
                store = stack.enter_context(h5py.File(path, "r"))
            yield store
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise SpecError.single(
            "SC502",
            f"`{name}` cannot be read as weights: {_reason(error)}",
            help="the file is damaged or not complete; save or download it again",
        ) from None


def _reason(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    if "truncated" in text:
        return "it is truncated"
    if "signature" in text or "not a zip" in text.lower():
        return "it is not an HDF5 file"
    return text


def read_dataset(dataset: Any) -> Array:
    """A dataset as an array; bfloat16, which HDF5 does not know, where Keras marks it, or saved two bytes unmarked."""
    if dataset.attrs.get("dtype") == "bfloat16" or dataset.dtype == "V2":
        import ml_dtypes

        return (
            np.asarray(dataset[()]).view(ml_dtypes.bfloat16)
            if dataset.dtype.kind == "V"
            else np.array(dataset, dtype=ml_dtypes.bfloat16)
        )
    array = empty(dataset.shape, dataset.dtype)
    if array.size:
        dataset.read_direct(array)
    return array
