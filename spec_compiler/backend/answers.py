"""Keras itself, as answers to a spec that is planned; what it says is kept for the next time."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from spec_compiler.backend.bases import from_built, joined_bases, load, passed, placed
from spec_compiler.backend.loaded_base import LoadedBase
from spec_compiler.backend.models.functions import import_modules
from spec_compiler.backend.models.rebuilding import Originals
from spec_compiler.backend.models.writer import Built, build
from spec_compiler.backend.nested import as_layer
from spec_compiler.backend.unfilled import Unfilled
from spec_compiler.diagnostics import Diagnostic, Path, under
from spec_compiler.files import Folder
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.language.base import Base
from spec_compiler.memory.calls import learn
from spec_compiler.planning import Planned, planned
from spec_compiler.spec import Spec
from spec_compiler.spec.others import Inside
from spec_compiler.spec.permissions import Permissions

log = logging.getLogger("spec_compiler")


class Keras:
    """The answers that `planning.planned` asks for.

    `model` is what the caller passes in place of the spec's base.
    """

    def __init__(self, model: Any, allowed: Permissions) -> None:
        self._model, self._allowed = model, allowed
        self._modules: list[ModuleType] = []  # that the specs import
        self._results: dict[str, LoadedBase] = {}  # by the spec's file
        self._inner: list[Unfilled] = []  # of the specs that were followed on the way

    def unfilled(self, spec: Spec, around: Inside | None = None) -> Unfilled:
        """A spec followed to a model without weights; `around` as in `planned`.

        Raises:
            SpecError: as `planned`.
        """
        return Unfilled.of(planned(spec, self, self._allowed, around))

    def file_warnings(self, result: Unfilled) -> tuple[Diagnostic, ...]:
        """What is legal in the files of a result's weights, and of those that it starts from, but worth saying.

        Raises:
            SpecError: SC501 to SC508; located.
        """
        return tuple(warning for each in (*self._inner, result) for warning in each.file_warnings())

    def imported(self, spec: Spec) -> None:
        """The modules that the spec names, imported: what they register Keras knows, what they define saved models."""
        with under("imports"):
            self._modules += import_modules(spec.imports, spec.source.folder, "SC119")

    def passed(self, spec: Spec) -> LoadedBase | None:
        """The caller's model; the specs that are followed on the way have a base of their own."""
        log.info("reading the base")
        return passed(spec, self._model)

    def base(self, base: Base, folder: Folder, path: Path) -> LoadedBase:
        """A base as Keras makes it."""
        return placed(load(base, folder, self._allowed.code, self._modules), path)

    def result(self, other: Planned[LoadedBase, Built], path: Path) -> LoadedBase:
        """A result as Keras reads it; its weights are filled in when they are first asked for."""
        file = str(other.spec.source.file)
        earlier = self._results.get(file)
        if earlier is not None and not earlier.custom.originals.are_needed:
            return placed(replace(earlier, custom=replace(earlier.custom, originals=Originals())), path)
        # made anew for a second base: two bases must not share what a layer is made from
        unfilled = Unfilled.of(other) if earlier is None else self.unfilled(other.spec, other.around)
        base = from_built(unfilled.built, unfilled.base, functools.cache(unfilled.fill))
        if earlier is None:
            self._results[file] = base
            self._inner.append(unfilled)
        return placed(base, path)

    def joined(self, bases: Mapping[str, LoadedBase]) -> LoadedBase:
        """Several as one."""
        return joined_bases(bases)

    def nested(self, base: LoadedBase, name: str | None) -> LoadedBase:
        """The base as the one layer of a model."""
        return as_layer(base, name)

    def resized(self, base: LoadedBase, size: Shape) -> Graph | None:
        """What the constructor makes at another size."""
        return base.resized(size)

    def shaped(self, spec: Spec, graph: Graph, before: Graph, base: LoadedBase) -> Built:
        """The edited graph as a model without weights."""
        log.info("applying the edits")
        named = before.under_names_of(graph)
        built = build(graph, named, seed=spec.seed, custom=base.custom.renamed(graph), folder=spec.source.folder)
        if base.key is not None:
            learn(graph, named, built.graph, base.key)
        return built
