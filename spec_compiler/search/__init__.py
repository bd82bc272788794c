"""Searching: the trials of a spec's `sweep`, on Optuna."""
