"""SC309: a BatchNormalization of the base that trains while the convolution that it normalizes is frozen.

One that trains also replaces its moving statistics by those of the new data, step by step; a frozen one runs in
inference mode and keeps them: https://keras.io/guides/transfer_learning/
"""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.edits.freeze import Freeze
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
)
_BETWEEN = ("ZeroPadding2D", "Dropout", "SpatialDropout2D", "Identity")  # what changes nothing about the pair


def normalization_on_frozen(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning at `freeze` for all such pairs, which names the first."""
    if spec.section(Freeze) is None:
        return
    pairs = [
        (name, convolution)
        for name in plan.after.nodes
        if (convolution := _normalized(plan.after, name)) is not None and not convolution.trainable
    ]
    if not pairs:
        return
    normalization, convolution = pairs[0]
    more = f", and {len(pairs) - 1} more like it" if len(pairs) > 1 else ""
    yield Diagnostic(
        "SC309",
        f"`{normalization}` trains while the convolution `{convolution.name}` under it is frozen{more}",
        spec.place("freeze"),
        notes=("its moving statistics go on changing, so the frozen features do as well",),
        help="freeze it too, or write `{layers: …, batch_norm: all}`",
    )


def _normalized(graph: Graph, name: str) -> LayerSpec | None:
    """The convolution of the base right under a BatchNormalization of the base that trains."""
    layer = graph.layer_of(name)
    if layer.class_name != "BatchNormalization" or layer.is_new or not layer.trainable:
        return None
    while len(taken := graph.nodes[name].data_inputs) == 1:  # behind a join it is no longer one convolution's
        name = taken[0].node
        below = graph.layer_of(name)
        if below.class_name in _CONVOLUTIONS and not below.is_new:
            return below
        if below.class_name not in _BETWEEN:
            return None
    return None
