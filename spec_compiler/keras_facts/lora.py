"""Which of Keras's layers take LoRA (`enable_lora`), and what they call its variables."""

from __future__ import annotations

from typing import Final

# Those whose class has `enable_lora`; a test asks Keras.
CLASSES: Final = ("Dense", "EinsumDense", "Embedding", "ReversibleEmbedding", "Conv1D", "Conv2D", "Conv3D")
# Those that hold such layers as attributes, by their names: Keras calls it an `EinsumDense` each.
ATTENTION: Final = ("MultiHeadAttention", "GroupQueryAttention")
PROJECTIONS: Final = ("query", "key", "value", "attention_output")
WRAPPERS: Final = ("TimeDistributed",)
KERNELS: Final = ("kernel", "embeddings")
MATRICES: Final = {"a": ("lora_kernel_a", "lora_embeddings_a"), "b": ("lora_kernel_b", "lora_embeddings_b")}
_ALL = (*MATRICES["a"], *MATRICES["b"])


def part_of(path: str) -> str | None:
    """Of a variable that LoRA adds, by its path in a layer, what comes before its name; None for any other variable.

    >>> part_of("query/lora_kernel_a"), part_of("lora_embeddings_b"), part_of("kernel")
    ('query/', '', None)
    """
    start, _, name = path.rpartition("/")
    return (f"{start}/" if start else "") if name in _ALL else None
