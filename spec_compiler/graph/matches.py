"""What a keyword and a class in a selector mean."""

from __future__ import annotations

from spec_compiler.graph.layer_spec import LayerSpec


def in_keyword(layer: LayerSpec, keyword: str) -> bool:
    """Whether `base`, `head`, `new` or `all` means a layer."""
    section = layer.origin.section
    return {"all": True, "base": section == "base", "new": layer.is_new, "head": section == "head"}[keyword]


def is_class(layer: LayerSpec, name: str) -> bool:
    """Whether a layer is of the class, `package>Name` by its bare name too."""
    return name in (layer.class_name, layer.class_name.rpartition(">")[2])
