"""Which results are plain variables, so that a file of one can be written piece by piece."""

from __future__ import annotations

from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, VariableSpec
from spec_compiler.graph.plain import NotPlain, encoded
from spec_compiler.keras_facts.function_names import names_own
from spec_compiler.keras_facts.saving import SAVED_PLAINLY, SAVED_TWICE

_DTYPES = frozenset(("bool", "bfloat16", *(f"float{bits}" for bits in (16, 32, 64)),
                     *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))))  # fmt: skip


class NotStreamed(Exception):
    """A result that no file can be written of piece by piece; the text says what of it Keras alone can save."""


def check_streamed(graph: Graph) -> None:
    """Proves that all of a result is plain variables, which Keras would save and load just as they are.

    Raises:
        NotStreamed: it is not.
    """
    for layer in graph.layers.values():
        if layer.wrapped is not None:
            _check_state(layer.wrapped)
        if layer.inner is not None:
            check_streamed(layer.inner)
        else:
            _check_state(layer)
        # Keras saves the code of a function of one's own, a plan has its name
        has_code = layer.class_name == "Lambda" or names_own(layer.arguments)
        if "error" in layer.config or layer.remade or has_code:
            raise NotStreamed(f"the config of `{layer.name}`")
        if layer.can_train and (layer.variables is None or any(map(_is_hidden, layer.variables))):
            raise NotStreamed(f"the variables of `{layer.name}`")
    for node in graph.nodes.values():
        try:
            encoded((node.args, node.kwargs))
        except NotPlain:
            raise NotStreamed(f"what `{node.layer}` is called with") from None


def _check_state(layer: LayerSpec) -> None:
    loads_itself = layer.stored.loads_itself and layer.class_name not in SAVED_PLAINLY
    if loads_itself or layer.stored.assets or layer.lora is not None or layer.class_name in SAVED_TWICE:
        raise NotStreamed(f"what `{layer.name}` knows beside its variables")


def _is_hidden(variable: VariableSpec) -> bool:
    """Whether Keras saves a variable in a way of its own: at another's place, merged, of a dtype without a name."""
    if not variable.is_weight:
        return False
    return variable.shared_path is not None or variable.store_path is None or variable.dtype not in _DTYPES
