"""The groups of a base's layers in a file of Keras 3's format, and the files that an archive has beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph

_OLDER = "_layer_checkpoint_dependencies/"


def older(place: str) -> str:
    """The same place in a file as the first versions of Keras 3 called it."""
    return place.replace("layers/", _OLDER, 1)


def layer_groups(graph: Graph) -> Iterator[tuple[str, str]]:
    """Every layer of a base with its group in a Keras 3 file, those of nested models as `outer/inner`."""
    for layer in graph.layers.values():
        if (group := layer.stored.group) is not None:
            yield layer.name, group
            if layer.inner is not None:
                yield from ((f"{layer.name}/{name}", f"{group}/{inside}") for name, inside in layer_groups(layer.inner))


def check_assets(
    result: Graph, text: str, there: Collection[str] | None = None, groups: Mapping[str, str] | None = None
) -> None:
    """Proves that the source has the files, such as vocabularies, that kept layers need beside their variables.

    `text` is the source as a message says it, `there` what its archive holds; None where it is no file of the base.

    Raises:
        SpecError: SC512.
    """
    kept = [layer for layer in result.layers.values() if not layer.is_new]
    for name, asset in [(layer.name, asset) for layer in kept for asset in layer.stored.assets]:
        group = (groups or {}).get(name)
        if group is None or f"assets/{group}/{asset}" not in (there or ()):
            message = f"the kept layer `{name}` needs its `{asset}`, which {text} does not hold"
            note = "Keras saves it in a `.keras` archive only, or in the config of a layer made with `vocabulary=`"
            help = "save the whole model as `.keras` and name that as `base: {file: …}`, or cut the layer off"
            if there is None:
                help = "leave `weights` out, then the saved model brings it"
            raise SpecError.single("SC512", message, notes=[note], help=help)
