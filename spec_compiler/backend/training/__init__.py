"""Keras's own `compile` and `fit`, on data that was checked, in a run's folder that can be continued."""
