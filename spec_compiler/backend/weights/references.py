"""A base as Keras itself makes and loads it: what a result is compared with, made by code that is not ours."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from spec_compiler.backend.models.applications import loaded
from spec_compiler.backend.models.fresh_layers import Custom
from spec_compiler.backend.models.symbolic import symbolic
from spec_compiler.backend.models.writer import build
from spec_compiler.backend.weights.transfer import transfer
from spec_compiler.graph import Graph
from spec_compiler.language.base import Base
from spec_compiler.reading.model import format_of
from spec_compiler.weights.files import admitted
from spec_compiler.weights.sources import WeightSource


@dataclass(frozen=True)
class Reference:
    """A base in words, and the way to the model."""

    text: str
    model: Callable[[], Any]


def passed(model: Any, text: str = "the model that was passed") -> Reference:
    """A model that is in memory."""
    return Reference(text, lambda: model)


def application(base: Base, file: Callable[[], str]) -> Reference:
    """An application as its constructor makes it; `file` says where its weights are."""

    def made() -> Any:
        with symbolic(allocate=True), _quiet():
            return loaded(base, lambda: admitted(file()))

    return Reference(f"{base.application} as Keras makes and loads it", made)


def saved(
    path: str,
    name: str,
    by_keras: Callable[[], Any],
    rebuilt: Callable[[], Any],
    weights: str | None = None,
) -> Reference:
    """A saved model as Keras loads it, with the weights of another file where they are named.

    `by_keras` lets Keras load it, once its config has passed. Keras 3 does not load every legacy file, and some
    otherwise than they were saved: the config of such a file is `rebuilt`, and Keras loads the weights into that.
    """

    def made() -> Any:
        with symbolic(allocate=True), _quiet():
            if format_of(admitted(path)) == "keras":
                model = by_keras()
            else:
                model = rebuilt()
                model.load_weights(path)
                for layer in model._flatten_layers():  # Keras does so for those that are in no nested model
                    if hasattr(layer, "finalize_state") and layer.weights:
                        layer.finalize_state()
            if weights is not None:
                model.load_weights(admitted(weights))
            return model

    return Reference(f"{name} as Keras loads it", made)


def compiled(text: str, graph: Graph, custom: Custom, source: Callable[[Graph], WeightSource]) -> Reference:
    """A base whose weights Keras has no loading for, as a map finds them in a file: it is compiled, unedited."""

    def made() -> Any:
        built = build(graph, graph, custom=custom)
        transfer(graph, built, source(built.graph))
        return built.model

    return Reference(f"{text} with the mapped weights, unedited", made)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
