"""Layers that compute something else while they are trained."""

from __future__ import annotations

# Classes that a call may tell whether they are being trained, whatever the model is told.
TRAINED_APART = (
    "BatchNormalization",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
)
