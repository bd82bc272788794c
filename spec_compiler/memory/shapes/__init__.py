"""What Keras's usual layers put out and hold, worked out from what Keras once said of one of each class."""

from spec_compiler.memory.shapes.worked_out import worked_out

__all__ = ["worked_out"]
