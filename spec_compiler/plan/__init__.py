"""`Plan`, what a spec changes: how it comes about, what it costs, what to warn of, what became of the weights."""

from __future__ import annotations

from spec_compiler.plan.plan import ACTIONS, Action, Change, Plan

__all__ = ["ACTIONS", "Action", "Change", "Plan"]
