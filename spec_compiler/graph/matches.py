"""What a keyword and a class in a selector mean."""

from __future__ import annotations

from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.keras_facts.function_names import bare


def in_keyword(layer: LayerSpec, keyword: str) -> bool:
    """Whether `base`, `head`, `new` or `all` means a layer."""
    section = layer.origin.section
    return {"all": True, "base": layer.keeps_weights, "new": layer.is_new, "head": section == "head"}[keyword]


def is_class(layer: LayerSpec, name: str) -> bool:
    """Whether a layer is of the class, one of the user's own by its bare name too."""
    return name in (layer.class_name, bare(layer.class_name))


def is_wrapped(name: str, outer: LayerSpec) -> bool:
    """Whether a layer wraps the one of a name."""
    return outer.wrapped is not None and outer.wrapped.name == name
