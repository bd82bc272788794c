"""Small nets, one for each way in which channels go through layers, and how many of their channels can leave."""

from __future__ import annotations

from tests.backend.channel_nets import between, chains, joins, operations, steps
from tests.backend.channel_nets.case import CASES

__all__ = ["CASES", "between", "chains", "joins", "operations", "steps"]
