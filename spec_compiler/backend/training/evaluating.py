"""A trained model made ready to be evaluated: compiled as it was, and what is known of each of its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from spec_compiler.backend.images import Array, ImageReader
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.training.batches import Batches, encoded
from spec_compiler.backend.training.compiling import compile_arguments
from spec_compiler.backend.training.saved_compile import saved_losses
from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.spec.keras_objects import KerasObject, Losses
from spec_compiler.training.folder import ImageFolder
from spec_compiler.training.loss import Labels, activation_of


class OutputFacts(NamedTuple):
    """One output of a model: its name, its shape, the class of its loss (None: unknown, or the user's own) with its
    arguments, and the activation that it ends in."""

    name: str
    shape: tuple[int | None, ...]
    loss: str | None
    arguments: Mapping[str, Any]
    activation: str | None


class Ready(NamedTuple):
    """A model, whether it is compiled, its outputs, and what could not be made of how it was compiled."""

    model: Any
    is_compiled: bool
    outputs: tuple[OutputFacts, ...]
    note: str | None = None

    @property
    def labels(self) -> Labels:
        """How its loss takes the class of a sample."""
        output = self.outputs[0]
        if (output.loss or "").startswith("Sparse"):
            return "integer"
        return "binary" if output.shape[-1] == 1 else "one_hot"


def ready_of_spec(model: Any, spec: Spec) -> Ready:
    """The model compiled as its spec says; its optimizer aside, which nothing steps."""
    assert spec.compile is not None
    arguments = compile_arguments(spec.compile, len(model.outputs), spec.source.folder)
    model.compile(**arguments | {"optimizer": None})
    loss = spec.compile.loss
    named = loss.named if isinstance(loss, Losses) else dict.fromkeys(model.output_names, loss)
    return Ready(model, True, _outputs(model, named))


def ready_as_saved(model: Any, path: str) -> Ready:
    """The model compiled as its file says, as far as that names Keras's own losses and metrics."""
    entries, arguments, note = saved_losses(path)
    return _compiled(model, entries, arguments, note)


def ready_in_memory(model: Any) -> Ready:
    """A model of the caller's, compiled or not, which is left as it is."""
    losses = getattr(model, "loss", None)
    is_compiled = bool(getattr(model, "compiled", False) and losses is not None)
    names = tuple(model.output_names)
    each = losses if isinstance(losses, Mapping) else dict(zip(names, losses, strict=False)) if isinstance(
        losses, list | tuple) else dict.fromkeys(names, losses)  # fmt: skip
    return Ready(model, is_compiled, _outputs(model, {name: _entry_of(loss) for name, loss in each.items()}))


def _entry_of(loss: Any) -> KerasObject | None:
    name = loss if isinstance(loss, str) else type(loss).__name__ if isinstance(loss, keras.Loss) else getattr(
        loss, "__name__", None)  # fmt: skip
    try:
        entry = KerasObject.parse("loss", name) if name else None
    except SpecError:
        return None
    if entry is None or not isinstance(loss, keras.Loss):
        return entry
    told = {key: getattr(loss, key) for key in ("from_logits", "ignore_class") if getattr(loss, key, None) is not None}
    return KerasObject("loss", entry.name, told)


def _compiled(model: Any, entries: Any, arguments: dict[str, Any], note: str | None) -> Ready:
    names = tuple(model.output_names)
    if entries is None:
        return Ready(model, False, _outputs(model, {}), note)
    model.compile(optimizer=None, **arguments)
    each = entries if isinstance(entries, Mapping) else dict(zip(names, entries, strict=False)) if isinstance(
        entries, list) else dict.fromkeys(names, entries)  # fmt: skip
    return Ready(model, True, _outputs(model, each), note)


def _outputs(model: Any, losses: Mapping[str, KerasObject | None]) -> tuple[OutputFacts, ...]:
    graph = graph_of(model)
    found = []
    for at, (name, output) in enumerate(zip(model.output_names, model.outputs, strict=True)):
        loss = losses.get(name)
        known = loss is not None and not loss.is_own
        activation = activation_of(graph.layer_of(graph.output_refs[at].node)) if graph is not None else None
        arguments = loss.arguments if loss is not None and known else {}
        found.append(OutputFacts(name, tuple(output.shape), loss.class_name if loss is not None and known else None,
                                 arguments, activation))  # fmt: skip
    return tuple(found)


def graph_of(model: Any) -> Graph | None:
    """The model's graph; None where it is Python code."""
    try:
        return read_graph(model)
    except SpecError:
        return None


class FolderBatches(Batches):
    """The images of a folder in their order, with the numbers of their classes as the loss takes them.

    `preprocess` is an application's `preprocess_input`, which the images go through.
    """

    def __init__(
        self, folder: ImageFolder, reader: ImageReader, labels: Labels, batch_size: int, preprocess: Any = None
    ) -> None:
        super().__init__(len(folder), batch_size)
        self.files, self.reader, self.preprocess = folder.files, reader, preprocess
        self.labels = encoded(folder.labels, len(folder.class_names), labels)

    def samples(self, indices: Array) -> tuple[Any, ...]:
        """The images at these positions, and their labels."""
        images = self.reader.read_all([self.files[index] for index in indices])
        return images if self.preprocess is None else self.preprocess(images), self.labels[indices]
