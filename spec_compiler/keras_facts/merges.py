"""Which layer classes take several tensors at once."""

from __future__ import annotations

from spec_compiler.keras_facts import catalogue

MERGES = ("Add", "Concatenate", "Multiply", "Average", "Subtract", "Maximum", "Minimum", "Dot")
# Beside the merges, those whose `call` indexes its first argument.
TAKE_LISTS = (*MERGES, "Attention", "AdditiveAttention", "HashedCrossing")
TAKE_ARGUMENTS = ("MultiHeadAttention", "GroupQueryAttention")  # several tensors, each an argument of its own
MAY_TAKE_LISTS = ("Lambda",)  # what its function takes


def takes_one(class_name: str) -> bool:
    """Whether a layer of the class takes one tensor, and never a list; False where only its code can say."""
    is_known = catalogue.class_record(class_name, "layer") is not None
    return is_known and class_name not in (*TAKE_LISTS, *MAY_TAKE_LISTS)
