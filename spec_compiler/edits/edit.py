"""What every section of the language that edits is: a frozen value whose `apply` is its meaning."""

# Its annotations are no texts, which pydantic would evaluate once more for each section.

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from spec_compiler.diagnostics import Path
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Origin
from spec_compiler.language.entries import LayerEntry


class Edit(abc.ABC):
    """A change of a graph, and what everything else needs to know of the section that says it.

    Attributes:
        key: the section's name in a spec.
        says: what the section is for, in the schema and in editors.
        is_list: whether the section is a list, of which each entry is an edit by itself.
        keys_are_names: whether the section's own keys are names of layers.
        names: fields that hold or give names of layers, by their keys in YAML: no class and no file stands there; `""`
            is the section itself.
        opens: whether a selector that leads into a nested model opens it, for good.
        parts: fields that are edits of their own, which `steps` gives.
        new_layers: where the entries of new layers stand below the section, None where it makes none.
    """

    key: ClassVar[str]
    says: ClassVar[str]
    is_list: ClassVar[bool] = False
    keys_are_names: ClassVar[bool] = False
    names: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ()
    new_layers: ClassVar[tuple[str, ...] | None] = None

    def needs_shapes(self, graph: Graph) -> bool:
        """Whether it works on shapes that the graph may not have: `Graph.shaped` has them then, for its parts too."""
        return False

    @abc.abstractmethod
    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph after the edit, which stands at `path` in the spec.

        Raises:
            SpecError: where the edit does not fit the graph, paths relative to the edit.
        """

    def entries(self) -> tuple[Path, Sequence[LayerEntry]]:
        """The new layers that the edit will make, and where in the edit they stand."""
        return (), ()

    def gives_names(self, path: Path) -> Mapping[str, tuple[str, Origin]]:
        """Names that the edit will give to layers: for each what it is until then, and where the edit says it.

        A section before it that uses one is told so. Without it, only near names are offered.
        """
        return {}

    def steps(self, application: str | None) -> Iterator[tuple[Path, "Edit"]]:
        """The edit, and what it is followed by that is an edit of its own, each with its place in the edit.

        `application` is what the base is, where the spec says it.
        """
        yield (), self
