"""Weights in files: which formats there are, and where each of a base's variables is in one."""

from spec_compiler.weights.files.found import FileWeights, OpenWeights
from spec_compiler.weights.files.keras3_groups import check_assets
from spec_compiler.weights.files.search import find
from spec_compiler.weights.files.store import Array, Store, admitted, open_store

__all__ = ["Array", "FileWeights", "OpenWeights", "Store", "admitted", "check_assets", "find", "open_store"]
