"""Whether loss and metrics fit what the model puts out, and each other: what Keras computes with in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from spec_compiler.diagnostics import Diagnostic, did_you_mean, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef
from spec_compiler.keras_facts.function_names import bare
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject, Losses, NamedMetrics
from spec_compiler.training.reported import output_names

Labels = Literal["one_hot", "integer", "binary"]

_PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")
_OF_ROWS = ("CategoricalAccuracy", "TopKCategoricalAccuracy", "CategoricalCrossentropy")
_UNBOUNDED = ("linear", "relu", "elu", "selu", "gelu", "swish", "silu", "tanh", "relu6", "leaky_relu", "softplus")


def labels_for(spec: Spec, graph: Graph) -> Labels:
    """How the loss wants the classes: as one-hot rows, as integers, or as one number between 0 and 1."""
    units = _units(graph, graph.output_refs[0]) if len(graph.output_refs) == 1 else None
    return labels_of(spec.compile.loss if spec.compile is not None else None, units)


def labels_of(loss: KerasObject | Losses | None, units: int | None) -> Labels:
    """How a loss wants the classes of an output with this many numbers.

    >>> labels_of(KerasObject.parse("loss", "sparse_categorical_crossentropy"), 3), labels_of(None, 1)
    ('integer', 'binary')
    """
    if bare(loss.class_name if loss is not None else "").lower().startswith("sparse"):
        return "integer"  # one of the user's own says it by its name alone
    return "binary" if units == 1 else "one_hot"


def loss_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 where a crossentropy and the activation of an output contradict each other.

    Every output has the one loss. What labels there are is known of images in class folders alone.
    """
    assert spec.compile is not None
    outputs = dict(zip(output_names(graph), graph.output_refs, strict=True))
    if problems := [*_names_of_none(spec, list(outputs))]:
        yield from problems
        return
    for output, ref in outputs.items():
        loss = spec.compile.loss.of(output)
        if "crossentropy" not in loss.class_name.lower() or loss.is_own:
            continue
        if (misfit := _misfit(spec, loss, graph, ref)) is not None:
            message, help = misfit
            layer = graph.layer_of(ref.node)
            here = (f"the model's output is `{layer.name}`, made here", layer.origin.path)
            related = (here,) if layer.is_new else ()
            path = ("compile", "loss", output) if isinstance(spec.compile.loss, Losses) else ("compile", "loss")
            yield Diagnostic("SC605", message, path, help=help, related=related)


def _names_of_none(spec: Spec, outputs: list[str]) -> Iterator[Diagnostic]:
    """SC605 for losses, weights and metrics of outputs that the model has not, and for outputs without a loss."""
    assert spec.compile is not None
    loss, otherwise = spec.compile.loss, f"its outputs are {quoted(outputs)}"
    if spec.compile.loss_weights is not None and not isinstance(loss, Losses):
        message = "`loss_weights` are of losses by the names of outputs, `loss` is one for all"
        each = f"write `loss: {{{', '.join(f'{name}: {loss.name}' for name in outputs[:3])}}}`"
        yield Diagnostic("SC605", message, ("compile", "loss_weights"), at_key=True, help=each)
        return
    metrics = spec.compile.metrics.named if isinstance(spec.compile.metrics, NamedMetrics) else {}
    said: dict[str, Iterable[str]] = {
        "loss": loss.named if isinstance(loss, Losses) else (),
        "loss_weights": spec.compile.loss_weights or (),
        "metrics": metrics,
    }
    for key, names in said.items():
        for name in names:
            if name not in outputs:
                help = did_you_mean(name, outputs, otherwise)
                message = f"the model has no output `{name}`"
                yield Diagnostic("SC605", message, ("compile", key, name), at_key=True, help=help)
    lacking = [name for name in outputs if isinstance(loss, Losses) and name not in loss.named]
    if lacking and set(loss.named if isinstance(loss, Losses) else ()) <= set(outputs):
        message = f"{quoted(lacking)} has no loss" if len(lacking) == 1 else f"{quoted(lacking)} have no loss"
        yield Diagnostic(
            "SC605", message, ("compile", "loss"), help="say one for each output, or take it out of `outputs`"
        )


def _misfit(spec: Spec, loss: KerasObject, graph: Graph, ref: ValueRef) -> tuple[str, str] | None:
    """What is wrong with the loss on one output, and what helps."""
    layer, units = graph.layer_of(ref.node), _units(graph, ref)
    name, logits, activation = loss.class_name, loss.arguments.get("from_logits") is True, activation_of(layer)
    binary, one_class = "Binary" in name, spec.data is not None and spec.data.is_folder
    if units == 1 and not binary:
        return (
            f"`{loss.name}` compares several classes, the output `{layer.name}` is one number",
            "write `loss: binary_crossentropy` with `activation: sigmoid`, or a unit for each class in the last layer",
        )
    if activation == "softmax" and units == 1:
        return (
            f"softmax over one number is always 1, `{layer.name}` could learn nothing",
            "write `activation: sigmoid` in the last layer",
        )
    if activation == "softmax" and binary and one_class:
        return (
            f"`{loss.name}` looks at each class alone, `{layer.name}` ends in softmax over {units} classes",
            "write `loss: categorical_crossentropy`",
        )
    if activation == "sigmoid" and not binary:
        return (
            f"`{loss.name}` expects probabilities that sum to 1, `{layer.name}` ends in sigmoid",
            "write `activation: softmax` in the last layer, or `loss: binary_crossentropy`",
        )
    if activation in _PROBABILITIES and logits:
        return (
            f"`from_logits: true` expects raw scores, `{layer.name}` ends in {activation}",
            f"leave `from_logits` out, or take `activation: {activation}` out of the last layer",
        )
    if activation in _UNBOUNDED and not logits:
        better = "sigmoid" if units == 1 or binary else "softmax"
        how = "in linear activation" if activation == "linear" else f"in {activation}"
        return (
            f"`{loss.name}` expects probabilities, `{layer.name}` ends {how}",
            f"write `activation: {better}` in the last layer, or `{name}: {{from_logits: true}}` for raw scores",
        )
    return None


def metric_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC605 for metrics that take the labels in another form than the loss."""
    assert spec.compile is not None
    loss = spec.compile.loss
    if (spec.data is None or not spec.data.is_folder) and (
        "crossentropy" not in loss.class_name.lower() or loss.is_own
    ):
        return  # what the labels are, only the data says
    labels = labels_for(spec, graph)
    for path, metric in spec.compile.all_metrics():
        name = metric.class_name
        if name.startswith("Sparse") and labels == "one_hot":
            of_metric, of_loss, better = "integers", "one-hot rows", name.removeprefix("Sparse")
        elif labels == "integer" and name in _OF_ROWS:
            of_metric, of_loss, better = "one-hot rows", "integers", f"Sparse{name}"
        else:
            continue
        message = f"`{metric.name}` takes labels as {of_metric}, the loss `{loss.name}` takes {of_loss}"
        yield Diagnostic("SC605", message, path, help=f"write `{better}`, or `accuracy`")


def activation_of(layer: LayerSpec) -> str | None:
    """The name of the activation that a layer ends in; None where that is not known."""
    if layer.class_name in ("Softmax", "ReLU"):
        return layer.class_name.lower()
    activation = layer.arguments.get("activation")
    if isinstance(activation, Mapping):  # a serialised function: `config` is its name
        activation = activation.get("config")
    if activation is None and layer.class_name == "Dense":
        return "linear"  # `keras/src/activations/__init__.py`: what `get` makes of None
    return activation if isinstance(activation, str) else None


def _units(graph: Graph, ref: ValueRef) -> int | None:
    spec = graph.spec_of(ref)
    return spec.shape[-1] if spec is not None and spec.shape else None
