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


def several_arguments(class_name: str) -> tuple[str, str] | None:
    """What is said, and advised, of a class that takes its tensors as arguments, which no entry can give it."""
    if class_name not in TAKE_ARGUMENTS:
        return None
    fact = f"a `{class_name}` takes a query and a value as two arguments, which no entry can say"
    return fact, (
        "use `Attention`, which takes a list: `from: [query, value]`; or register a layer of your own that calls\n"
        f"the `{class_name}`, and write `package>Name`"
    )
