"""Files that come from elsewhere, each kind opened in one module, with limits set before a byte is believed.

`archive` opens zip files, `hdf5` HDF5, `arrays` npz, `text` JSON; `model` knows which parts of them a Keras model is.
Whatever a library raises over a damaged file becomes `Damaged` here, and nowhere else. Nothing in here needs Keras.
"""

from spec_compiler.reading.damage import Damaged, Hostile, said_of

__all__ = ["Damaged", "Hostile", "said_of"]
