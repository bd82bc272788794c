"""`dtype`: Keras's dtype policy for the whole model, as `keras.config.set_dtype_policy` before it was made.

It comes after `outputs`, as it has to know what the model puts out: with a mixed policy the last layers stay float32,
as Keras recommends (https://keras.io/api/mixed_precision/), and so do the variables, bit for bit. A policy that is not
mixed is that of the variables as well, whose values are cast; the ledger says so of each.

A layer keeps what it says of itself: a `dtype` in its entry or in `set`, and in the base another policy than most of
its layers have. Inputs and plain operations have none; layers of whole numbers and texts say their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, StrictStr, model_validator

from spec_compiler.diagnostics import Path, SpecError, did_you_mean
from spec_compiler.edits.edit import Edit
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Origin
from spec_compiler.keras_facts import catalogue
from spec_compiler.language.section import Value

POLICIES = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float32", "float64")
_OWN = ("InputLayer", "Discretization", "__keras_tensor__")  # they follow no policy, whatever their configs say


class Dtype(Value, Edit):
    """Keras's dtype policy, for every layer that has none of its own."""

    key: ClassVar = "dtype"
    says: ClassVar = "Keras's dtype policy for the whole model; with a mixed one the outputs stay float32."

    root: StrictStr = Field(
        examples=["mixed_float16"],
        json_schema_extra=lambda schema: schema.update(pattern=rf"^({'|'.join(POLICIES)})$|\$\{{"),
    )

    @model_validator(mode="after")
    def _known(self) -> Dtype:
        if self.root not in POLICIES:
            help = did_you_mean(self.root, POLICIES, f"it is one of {', '.join(f'`{each}`' for each in POLICIES)}")
            raise SpecError.single("SC103", f"Keras has no dtype policy `{self.root}` for a whole model", help=help)
        return self

    def apply(self, graph: Graph, path: Path) -> Graph:
        """The graph whose layers have the policy, those that put out the result float32 where it is mixed."""
        found = Counter(_policies(graph))
        common = found.most_common(1)[0][0] if found else "float32"
        origin = Origin("dtype", path)
        ends = _ends(graph) if self.root.startswith("mixed_") else ()
        layers = {
            name: _with_policy(layer, common, self.root, name in ends, origin) for name, layer in graph.layers.items()
        }
        return replace(graph, layers=layers)


def policy_name(dtype: Any) -> str | None:
    """The name of a policy as a config says it."""
    if isinstance(dtype, Mapping):
        config = dtype.get("config")
        dtype = config.get("name") if isinstance(config, Mapping) else None
    return dtype if isinstance(dtype, str) else None


def policies_in(config: Any) -> Iterator[str]:
    """The names of all policies that a nested model's config says, in its layers and the layers inside of those."""
    if isinstance(config, list | tuple):
        for each in config:
            yield from policies_in(each)
    elif isinstance(config, Mapping) and config.get("class_name") not in _OWN:
        for key, value in config.items():
            name = policy_name(value) if key == "dtype" else None
            yield from policies_in(value) if name is None else (name,)


def _policies(graph: Graph) -> Iterator[str]:
    """The policies of a base's layers for floating numbers, those inside of nested models among them."""
    for layer in (each.wrapped or each for each in graph.layers.values()):
        if layer.inner is not None:
            yield from _policies(layer.inner)
        elif layer.kind == "layer" and not layer.is_new and layer.class_name not in _OWN:
            name = policy_name(layer.arguments.get("dtype"))
            if name in POLICIES:
                yield str(name)


def _ends(graph: Graph) -> Container[str]:
    """The layers that put out what the model puts out, those inside of a nested model by their own names.

    Raises:
        SpecError: SC303 for a plain operation, which has no dtype of its own.
    """
    found: set[str] = set()
    for ref in graph.output_refs:
        layer = graph.layer_of(ref.node)
        last = layer
        while last.inner is not None:
            last = last.inner.layer_of(last.inner.output_refs[min(ref.index, len(last.inner.output_refs) - 1)].node)
        if last.kind == "operation":
            message = f"the output `{layer.name}` is a plain operation, which cannot be float32 by itself"
            help = "end with a layer, for example `head: [{Activation: linear}]`"
            raise SpecError.single("SC303", message, help=help)
        found.add(layer.name)
    return found


def _with_policy(layer: LayerSpec, common: str, policy: str, is_end: bool, origin: Origin) -> LayerSpec:
    """The layer with the policy, float32 where it is one of those that put out the result."""
    if layer.kind in ("input", "operation") or layer.class_name in _OWN or "dtype" in layer.changed:
        return layer
    inner = policy
    policy = "float32" if is_end else policy
    if layer.wrapped is not None:
        layer = replace(layer, wrapped=_with_policy(layer.wrapped, common, inner, is_end, origin))
    if layer.is_new:
        if "dtype" in layer.arguments:
            return layer
        return layer.with_arguments({**_inside(layer.class_name, layer.arguments, policy), "dtype": policy})
    if layer.inner is not None:
        config = _model_config(layer, common, inner, is_end)
        if config == layer.config:
            return layer
        return replace(layer, config=config, changed_by=layer.changed_by or origin)
    if policy_name(layer.arguments.get("dtype", common)) not in (common, None) or policy == common:
        return layer
    config = _config(layer.config, common, policy)
    changed = {**layer.changed, "dtype": policy}
    return replace(layer, config=config, changed=changed, changed_by=layer.changed_by or origin)


def _inside(class_name: str, arguments: Mapping[str, Any], policy: str) -> dict[str, Any]:
    """A new layer's arguments, the layers among them with the policy as well: `Bidirectional: {layer: {LSTM: 8}}`."""
    return {
        key: _entry(value, policy) if catalogue.argument_kind(class_name, key, "layer") == "layer" else value
        for key, value in arguments.items()
    }


def _entry(value: Any, policy: str) -> Any:
    if isinstance(value, list | tuple):
        return [_entry(each, policy) for each in value]
    if isinstance(value, str):
        value = {value: {}}
    if not isinstance(value, Mapping) or "class_name" in value or len(value) != 1:
        return value
    ((name, arguments),) = value.items()
    if not isinstance(arguments, Mapping):
        first = catalogue.first_argument(name, "layer")
        arguments = {} if arguments is None or first is None else {first: arguments}
    return {name: {"dtype": policy, **_inside(name, arguments, policy)}}


def _model_config(layer: LayerSpec, common: str, policy: str, is_end: bool) -> Mapping[str, Any]:
    """The config of a nested model with the policy; where it ends the whole model, its last layers' is float32."""
    assert layer.inner is not None
    inner, entries = layer.inner, layer.arguments.get("layers")
    if not isinstance(entries, list):
        return layer.config
    ends = {inner.nodes[ref.node].layer for ref in inner.output_refs} if is_end else ()
    made = []
    for entry in entries:
        own = inner.layers.get(str(entry.get("config", {}).get("name")))
        here = "float32" if own is not None and own.name in ends else policy
        if own is not None and own.inner is not None:
            made.append(_model_config(replace(own, config=entry), common, policy, own.name in ends))
        else:
            made.append(_config(entry, common, here))
    return {**layer.config, "config": {**layer.arguments, "layers": made}}


def _config(config: Any, common: str, policy: str) -> Any:
    """A config with the policy wherever it says the common one, in layers inside of the layer as well."""
    if isinstance(config, list | tuple):
        return type(config)(_config(each, common, policy) for each in config)
    if not isinstance(config, Mapping) or config.get("class_name") in _OWN:
        return config
    return {
        key: _serialized(policy) if key == "dtype" and policy_name(value) == common else _config(value, common, policy)
        for key, value in config.items()
    }


def _serialized(policy: str) -> dict[str, Any]:
    """A policy as Keras writes it into configs."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": policy}, "registered_name": None}
