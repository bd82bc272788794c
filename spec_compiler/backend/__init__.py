"""The only package that imports Keras."""

import os

# TensorFlow's C++ part reads it once, while it is loaded; whoever wants to see its log sets it before.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
