"""What of the training sections can be known from the spec and the edited graph alone: no data, no framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from spec_compiler import catalogue
from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean
from spec_compiler.entries import snake_case
from spec_compiler.graph import Graph, LayerSpec
from spec_compiler.training.objects import KerasObject

if TYPE_CHECKING:
    from spec_compiler.spec import Spec

Labels = Literal["one_hot", "integer", "binary"]

_PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")
_OF_ROWS = ("CategoricalAccuracy", "TopKCategoricalAccuracy", "CategoricalCrossentropy")
_UNBOUNDED = ("linear", "relu", "elu", "selu", "gelu", "swish", "silu", "tanh", "relu6", "leaky_relu", "softplus")


def check_training(spec: Spec, graph: Graph) -> None:
    """Proves that the phases name layers, that each trains something, and that the loss fits the model's output.

    `graph` is the edited model, its layers built.

    Raises:
        SpecError: SC102, SC103, SC201 and the other errors of a selector, SC604, SC605, SC607; paths from the spec.
    """
    problems = [*_sections(spec), *_phases(spec, graph)]
    if spec.train and spec.compile is not None and spec.data is not None:
        problems += _monitors(spec)
    if spec.compile is not None and not (spec.data is not None and spec.data.is_code):
        problems += _loss(spec, graph)
        problems += _metrics(spec, graph)
    if problems:
        raise SpecError(problems)


def trainable_layers(spec: Spec, graph: Graph, index: int) -> frozenset[str]:
    """The names of the layers that train in a phase.

    A phase with `freeze` leaves exactly those out, and new layers that say `trainable: false` themselves; one without
    takes what the section `freeze` left.

    Raises:
        SpecError: as `resolve`, paths relative to the phase's `freeze`.
    """
    freeze = spec.train[index].freeze
    if freeze is None:
        return frozenset(name for name, layer in graph.layers.items() if layer.trainable)
    frozen = freeze.frozen(graph)
    return frozenset(name for name, layer in graph.layers.items() if name not in frozen and not _says_frozen(layer))


def labels_for(spec: Spec, graph: Graph) -> Labels:
    """How the loss wants the classes: as one-hot rows, as integers, or as one number between 0 and 1."""
    name = spec.compile.loss.class_name if spec.compile is not None else ""
    if name.startswith("Sparse"):
        return "integer"
    return "binary" if num_units(graph) == 1 else "one_hot"


def num_units(graph: Graph) -> int | None:
    """The size of the last axis of the model's only output; None where there are several or it is not known."""
    spec = graph.spec_of(graph.output_refs[0]) if len(graph.output_refs) == 1 else None
    return spec.shape[-1] if spec is not None and spec.shape else None


def output_layer(graph: Graph) -> LayerSpec:
    """The layer that puts out the model's first output."""
    return graph.layer_of(graph.output_refs[0].node)


def _says_frozen(layer: LayerSpec) -> bool:
    config = layer.config.get("config", {})
    return layer.is_new and isinstance(config, Mapping) and config.get("trainable") is False


def _sections(spec: Spec) -> Iterator[Diagnostic]:
    if not spec.train:
        return
    for name, example in (("data", "data: {train: FOLDER, validation: 0.2}"), ("compile", _COMPILE)):
        if getattr(spec, name) is None:
            yield Diagnostic("SC102", f"`train` needs the section `{name}`", ("train",), at_key=True,
                             help=f"add `{example}`")  # fmt: skip
    seen: dict[str, int] = {}
    for index, phase in enumerate(spec.train):
        if phase.phase in seen:
            yield Diagnostic(
                "SC103",
                f"two phases are called `{phase.phase}`",
                ("train", index, "phase"),
                help=f"write another name, for example `{phase.phase}_{index + 1}`",
            )
        seen.setdefault(phase.phase, index)


_COMPILE = "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}"


def _phases(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    for index, phase in enumerate(spec.train):
        try:
            names = trainable_layers(spec, graph, index)
        except SpecError as error:
            yield from error.under("train", index, "freeze").diagnostics
            continue
        if not any(each.trainable for name in names for each in graph.layers[name].weights):
            path: Path = ("train", index) + (("freeze",) if phase.freeze is not None else ())
            by = "freezes" if phase.freeze is not None else "inherits from `freeze`"
            yield Diagnostic(
                "SC607",
                f"the phase `{phase.phase}` {by} every layer with weights, it would train nothing",
                path,
                help="leave some layers out of the selector, or add a `head`",
            )


def _loss(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    assert spec.compile is not None
    loss, path = spec.compile.loss, ("compile", "loss")
    if len(graph.output_refs) != 1:
        message = f"the model has {len(graph.output_refs)} outputs, images in class folders have one label each"
        yield Diagnostic("SC604", message, ("data",), at_key=True,
                         help="choose one with `outputs`, or give the data with `module:function`")  # fmt: skip
        return
    output = graph.spec_of(graph.output_refs[0])
    if output is not None and len(output.shape) != 2:
        yield Diagnostic(
            "SC604",
            f"the model puts out {tuple(output.shape)}, a classifier puts out one row of numbers for each image",
            ("data",),
            at_key=True,
            help="add a `head`, for example `[GlobalAveragePooling2D, {Dense: {units: 10, activation: softmax}}]`",
        )
        return
    layer, units = output_layer(graph), num_units(graph)
    activation = activation_of(layer)
    name, logits = loss.class_name, loss.arguments.get("from_logits") is True
    said = [(f"the model's output is `{layer.name}`, made here", layer.origin.path)] if layer.is_new else []

    def wrong(message: str, help: str) -> Diagnostic:
        return Diagnostic("SC605", message, path, help=help, related=tuple(said))

    if "Crossentropy" not in name and "CrossEntropy" not in name:
        return
    if units == 1 and "Binary" not in name:
        yield wrong(
            f"`{loss.name}` compares several classes, the output `{layer.name}` is one number",
            "write `loss: binary_crossentropy` with `activation: sigmoid`, or a unit for each class in the last layer",
        )
    elif activation == "softmax" and units == 1:
        yield wrong(
            f"softmax over one number is always 1, `{layer.name}` could learn nothing",
            "write `activation: sigmoid` in the last layer",
        )
    elif activation == "softmax" and "Binary" in name and units != 1:
        yield wrong(
            f"`{loss.name}` looks at each class alone, `{layer.name}` ends in softmax over {units} classes",
            "write `loss: categorical_crossentropy`",
        )
    elif activation == "sigmoid" and "Binary" not in name:
        yield wrong(
            f"`{loss.name}` expects probabilities that sum to 1, `{layer.name}` ends in sigmoid",
            "write `activation: softmax` in the last layer, or `loss: binary_crossentropy`",
        )
    elif activation in _PROBABILITIES and logits:
        yield wrong(
            f"`from_logits: true` expects raw scores, `{layer.name}` ends in {activation}",
            f"leave `from_logits` out, or take `activation: {activation}` out of the last layer",
        )
    elif activation in _UNBOUNDED and not logits:
        better = "sigmoid" if units == 1 else "softmax"
        how = "in linear activation" if activation == "linear" else f"in {activation}"
        yield wrong(
            f"`{loss.name}` expects probabilities, `{layer.name}` ends {how}",
            f"write `activation: {better}` in the last layer, or `{name}: {{from_logits: true}}` for raw scores",
        )


def _metrics(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    assert spec.compile is not None
    labels = labels_for(spec, graph)
    for index, metric in enumerate(spec.compile.metrics):
        name = metric.class_name
        wrong = right = None
        if name.startswith("Sparse") and labels == "one_hot":
            wrong, right = "integers", name.removeprefix("Sparse")
        elif labels == "integer" and name in _OF_ROWS:
            wrong, right = "one-hot rows", f"Sparse{name}"
        if wrong:
            given = {"integer": "integers", "one_hot": "one-hot rows"}[labels]
            message = f"`{metric.name}` takes labels as {wrong}, the loss `{spec.compile.loss.name}` takes {given}"
            yield Diagnostic("SC605", message, ("compile", "metrics", index), help=f"write `{right}`, or `accuracy`")


def _monitors(spec: Spec) -> Iterator[Diagnostic]:
    """Callbacks that watch what no epoch reports; Keras would only warn, after each epoch."""
    assert spec.compile is not None
    assert spec.data is not None
    names = ["loss", *(name for metric in spec.compile.metrics for name in _reported(metric))]
    if spec.data.validation is not None:
        names += [f"val_{name}" for name in names]
    for index, phase in enumerate(spec.train):
        for at, callback in enumerate(phase.callbacks):
            record = catalogue.class_record(callback.name, "callback")
            if record is None or "monitor" not in record["arguments"]:
                continue
            monitor = callback.arguments.get("monitor", record["arguments"]["monitor"]["default"])
            if monitor not in names:
                path: Path = ("train", index, "callbacks", at, callback.name, "monitor")
                help = did_you_mean(str(monitor), names, f"it reports {', '.join(f'`{each}`' for each in names)}")
                if str(monitor).startswith("val_") and spec.data.validation is None:
                    help = "add `validation` to `data`, or watch `loss`"
                message = f"`{callback.name}` watches `{monitor}`, which the training does not report"
                yield Diagnostic("SC605", message, path, help=help)


def _reported(metric: KerasObject) -> Iterator[str]:
    """The names under which Keras may report a metric."""
    yield metric.name
    record = catalogue.class_record(metric.class_name, "metric")
    given = metric.arguments.get("name")
    if given is not None:
        yield str(given)
    elif record is not None and record["arguments"].get("name", {}).get("default") is not None:
        yield str(record["arguments"]["name"]["default"])
    else:
        yield snake_case(metric.class_name)


def activation_of(layer: LayerSpec) -> str | None:
    """The name of the activation that a layer ends in; None where that is not known."""
    if layer.class_name in ("Softmax",):
        return "softmax"
    if layer.class_name == "ReLU":
        return "relu"
    config: Any = layer.config.get("config", {})
    found = config.get("activation") if isinstance(config, Mapping) else None
    if isinstance(found, Mapping):
        found = found.get("config")
    if found is None and layer.class_name == "Dense":
        return "linear"
    return found if isinstance(found, str) else None
