"""How Keras saves its layers."""

# Layers that Keras saves as it saves any other, variable by variable, and whose loading derives more from these:
# `tests/backend/test_streamed.py` goes through all of Keras's.
SAVED_PLAINLY = frozenset(("Discretization", "Normalization"))
# The names of classes whose configs call them otherwise: a group in a file is named after the class.
CLASS_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}
# Layers that save a variable of a layer inside of them at two places.
SAVED_TWICE = frozenset(("SpectralNormalization",))
