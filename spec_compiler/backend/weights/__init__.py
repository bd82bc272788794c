"""Weights and state: where they are, how they come into a new model, and the proof that they did."""
