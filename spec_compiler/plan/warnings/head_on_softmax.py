"""SC307: a head that starts from a classifier's probabilities.

A softmax puts out numbers of which nearly all are close to 0: what tells inputs apart is in the layer below it.
"""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, Path
from spec_compiler.edits.head import Head
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.language.entries import HeadEntry
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec
from spec_compiler.training.loss import activation_of

_STARTS = ("Dense", "Dropout", "BatchNormalization")  # what a classifier begins with; others may mean the probabilities


def head_on_softmax(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for each entry of the head that takes a softmax over classes, at its class or its `from`."""
    graph = plan.after
    entries = [((*path, index), entry) for path, head in spec.said(Head) for index, entry in enumerate(head.root)]
    for path, entry in entries:
        name = _made_by(graph, path)
        merges = entry.takes is not None and len(entry.takes) > 1
        if name is None or merges or entry.class_name not in _STARTS:
            continue
        for ref in graph.nodes[name].data_inputs:
            layer, tensor = graph.layer_of(ref.node), graph.spec_of(ref)
            over_classes = tensor is not None and len(tensor.shape) == 2  # more axes: attention, classes of pixels
            if over_classes and activation_of(layer) == "softmax":
                yield Diagnostic(
                    "SC307",
                    f"`{name}` takes the probabilities of `{layer.name}`, a softmax leaves little to learn from",
                    _place(spec, path, entry),
                    at_key=True,
                    help=_help(spec, graph, ref.node, layer),
                )


def _made_by(graph: Graph, path: Path) -> str | None:
    """The call of the layer that the entry at a path made, None where nothing of it is left."""
    layers = (name for name, layer in graph.layers.items() if layer.origin.path == path)
    return next((name for name in layers if name in graph.nodes), None)


def _place(spec: Spec, path: Path, entry: HeadEntry) -> Path:
    if entry.takes is not None:
        return (*path, "from")
    written = spec.source.data
    for part in path:  # an only entry, or step, needs no list
        written = written[part] if not isinstance(part, int) or isinstance(written, list | tuple) else written
    return (*path, entry.class_name) if isinstance(written, dict) else path


def _help(spec: Spec, graph: Graph, node: str, layer: LayerSpec) -> str:
    if layer.is_new:
        return f"take the activation out of `{layer.name}`, or end the head there"
    below = graph.nodes[node].data_inputs
    cut = f"`cut_at: {below[0].node}`" if below else "`cut_at`"
    if spec.base is not None and spec.base.application is not None and "include_top" not in spec.base.arguments:
        return f"write `include_top: false` in `base`, or cut before it with {cut}"
    return f"cut before it with {cut}"
