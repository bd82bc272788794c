"""What Keras said before, as answers to a spec that is planned: no Keras is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Path
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.joined import joined
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.keras_facts.application_sizes import is_same_at
from spec_compiler.keras_facts.backends import is_installed
from spec_compiler.language.base import Base
from spec_compiler.memory.bases import (
    application_key,
    base_key,
    is_refused,
    joined_key,
    keras_version,
    nested_key,
    recall_graph,
    resized_key,
    result_key,
)
from spec_compiler.memory.cache import Key
from spec_compiler.memory.calls import inferred
from spec_compiler.memory.shapes.at_size import at_size
from spec_compiler.plan.editing import size_of
from spec_compiler.planning import Planned
from spec_compiler.spec import Spec


class Remembered(NamedTuple):
    """A graph that was kept, and what it depends on."""

    graph: Graph
    key: Key
    is_layer: bool = False  # all of it one layer


class Memory:
    """The memory of what Keras said; the answers `planning.planned` asks for, None where it knows nothing.

    `unknown` are the layers at which it came to an end.
    """

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def imported(self, spec: Spec) -> None:
        """Nothing: what a module brings along, only Keras is told."""

    def passed(self, spec: Spec) -> None:
        """None: a model in memory is known to Keras alone."""

    def base(self, base: Base, folder: Folder, path: Path) -> Remembered | None:
        """The graph of a base by what that depends on."""
        return _recalled(base_key(base, folder)) or self._at_size(base, folder)

    def _at_size(self, base: Base, folder: Folder) -> Remembered | None:
        """An application at a size at which it is known to be as it is at its own, where no Keras can be asked."""
        key, arguments = base_key(base, folder), dict(base.arguments)
        size = arguments.pop("input_shape", None)
        if is_installed("keras") or key is None or arguments.get("include_top") is not False:
            return None
        if not isinstance(size, list | tuple) or not is_same_at(str(base.application), tuple(size), keras_version()):
            return None
        graph = recall_graph(application_key(base, arguments))
        found = at_size(graph, tuple(size)) if graph is not None else None
        return Remembered(found, key) if found is not None else None

    def result(self, planned: Planned[Any, Any], path: Path) -> Remembered | None:
        """The graph that was read of another spec's result, by the graph that it was built from."""
        return _recalled(result_key(planned.plan.after)) if planned.plan is not None else None

    def joined(self, bases: Mapping[str, Remembered]) -> Remembered | None:
        """Several as one."""
        key = joined_key({name: base.key for name, base in bases.items()})
        if key is None:
            return None
        whole = [name for name, base in bases.items() if base.is_layer]
        return Remembered(joined({name: base.graph for name, base in bases.items()}, whole), key)

    def nested(self, base: Remembered, name: str | None) -> Remembered | None:
        """The graph that Keras made around a base."""
        found = _recalled(nested_key(base.key, name))
        return found._replace(is_layer=True) if found is not None else None

    def resized(self, base: Remembered, size: Shape) -> Graph | None:
        """The graph that the constructor made at another size."""
        found = recall_graph(resized_key(base.key, size))
        name = str(base.key.get("application"))
        if found is None and not is_installed("keras") and is_same_at(name, size, keras_version()):
            return at_size(base.graph, size)
        return found

    def shaped(self, spec: Spec, graph: Graph, before: Graph, base: Remembered) -> Remembered | None:
        """The edited graph with the shapes that Keras gave to the same calls."""
        if spec.imports:
            return None  # the module may change without a sign
        size = size_of(spec)
        if size is not None and self.resized(base, size) is None and not is_refused(resized_key(base.key, size)):
            return None  # at another size Keras may choose other arguments, only the names are the same
        after = inferred(graph, before.under_names_of(graph), base.key, self.unknown)
        return Remembered(after, base.key) if after is not None else None


def _recalled(key: Key | None) -> Remembered | None:
    graph = recall_graph(key)
    return Remembered(graph, key) if graph is not None and key is not None else None
