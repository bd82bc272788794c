"""Weights in files: which formats there are, and where each of a base's variables is in one."""

from spec_compiler.backend.files.found import FileWeights, OpenWeights
from spec_compiler.backend.files.hdf5 import Array, open_h5
from spec_compiler.backend.files.saved_state import check_assets
from spec_compiler.backend.files.search import find

__all__ = ["Array", "FileWeights", "OpenWeights", "check_assets", "find", "open_h5"]
