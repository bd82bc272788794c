"""A run that ends before its last epoch, as whoever watches it has seen enough."""

from __future__ import annotations


class Pruned(Exception):
    """Raised by a run's watcher after an epoch; what the run has written until then is whole."""
