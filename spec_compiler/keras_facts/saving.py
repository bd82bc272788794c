"""How Keras saves its layers."""

# Layers that Keras saves as it saves any other, variable by variable, and whose loading derives more from these:
# `tests/backend/test_streamed.py` goes through all of Keras's.
SAVED_PLAINLY = frozenset(("Normalization",))
