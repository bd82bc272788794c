"""Models as legacy `.h5` files, made in memory: HDF5 crashes where it cannot close a file on a full disk."""

from __future__ import annotations

from typing import Any

import h5py
from keras.src.legacy.saving.legacy_h5_format import save_model_to_hdf5  # private: takes a file that is open


def legacy_file(model: Any) -> bytes:
    """The file that `model.save("model.h5")` writes."""
    with h5py.File("model.h5", "w", driver="core", backing_store=False) as file:
        save_model_to_hdf5(model, file)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image
