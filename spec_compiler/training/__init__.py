"""What a spec says about training: the data, what Keras's `compile` takes, and the phases. Free of any framework."""

from spec_compiler.freezing import Freezing
from spec_compiler.training.compilation import Compile
from spec_compiler.training.data import Data
from spec_compiler.training.objects import KerasObject
from spec_compiler.training.phase import Phase

__all__ = ["Compile", "Data", "Freezing", "KerasObject", "Phase"]
