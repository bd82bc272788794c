"""The part of the schema that Keras says: layers and other objects with their arguments, and applications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.catalogue import CLASS_KINDS, ClassKind, group_of
from spec_compiler.keras_facts.function_names import OWN_PATTERN
from spec_compiler.language.adapted import NewWeights
from spec_compiler.language.base import FILE_PATTERN

Schema = dict[str, Any]
_OWN = "Code of your own: `module:Name`, or `package>Name` once `imports` registers it; only with --allow-code."
_NULLABLE = ("initializer", "regularizer", "constraint")


def keras_definitions() -> dict[str, Schema]:
    """A definition for each kind of object, one for each layer's arguments, and those that arguments refer to."""
    records = catalogue.catalogue()
    definitions: dict[str, Schema] = {
        name: dict(records["definitions"][name]) for name in ("activation", "dtype", "data_format")
    }
    function = {**records["definitions"]["function"], "description": "A Python function; only with --allow-code."}
    definitions["function"] = {"title": "module:function", "anyOf": [function, {"$ref": "#/definitions/variable"}]}
    for kind in CLASS_KINDS:
        definitions[kind] = _entry(kind)
        if kind in _NULLABLE:
            definitions[kind]["anyOf"].append({"type": "null"})
        for name, record in records[group_of(kind)].items():
            if "alias_of" not in record:
                definitions[f"{kind}.{name}"] = _arguments(name, kind)
    definitions["layer"] = _layer(definitions["layer"])
    definitions["layer_entry"] = _layer_entry(definitions["layer"])
    return definitions


def _entry(kind: ClassKind) -> Schema:
    """`Class`, or `Class: arguments`, for every class of a kind; classes of one's own have their module in front."""
    alone, properties = [], {}
    for name in catalogue.catalogue()[group_of(kind)]:
        record = catalogue.class_record(name, kind) or {}
        reference = f"#/definitions/{kind}.{catalogue.own_name(name, kind)}"
        properties[name] = {"description": record.get("doc", ""), "$ref": reference}
        if not any(each.get("required") for each in record["arguments"].values()):
            alone.append(name)
    own_form = {
        "type": "object",
        "required": ["class_name"],
        "properties": {"class_name": {"type": "string"}, "config": {}, "module": {}, "registered_name": {}},
        "additionalProperties": True,
        "description": "Keras's own serialised form.",
    }
    return {
        "title": kind,
        "anyOf": [
            *([{"enum": alone}] if alone else []),
            {"type": "string", "pattern": OWN_PATTERN, "description": _OWN},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
                "properties": properties,
                "patternProperties": {OWN_PATTERN: {"description": _OWN, "type": ["object", "null"]}},
            },
            *([own_form] if kind not in ("optimizer", "loss", "metric", "callback") else []),
        ],
    }


def _layer(entry: Schema) -> Schema:
    """A layer's entry in a chain, and inside of another layer."""
    return {
        **entry,
        "title": "Layer",
        "description": "`Class`, `Class: {arguments}` or `Class: first argument`, with the names of `keras.layers`.",
        "examples": ["Flatten", {"Dropout": 0.3}, {"Dense": {"units": 10, "activation": "softmax"}}],
    }


def _layer_entry(entry: Schema) -> Schema:
    """A new layer of a model: the same, or `layer:`, with modifiers beside it."""
    selector = {"$ref": "#/definitions/selector"}
    names, custom, mapping, own_form = entry["anyOf"]
    beside: dict[str, Schema] = {
        "from": {
            "description": "What the layer takes, in place of the entry above: a layer, a list for a merge, or a "
            "mapping from arguments of the call. `in` is what flows into the chain, `above` is the "
            "output of the entry above, `lstm.1` is one of several outputs.",
            "examples": [["up4", "block4_conv3"], {"query": "above", "value": "tokens"}],
            "anyOf": [
                selector,
                {"type": "array", "minItems": 1, "items": selector},
                {"type": "object", "minProperties": 1, "additionalProperties": selector},
            ],
            "not": {"type": "array", "maxItems": 1},
        },
        "call": {
            "description": "Constants that its call gets as keyword arguments.",
            "examples": [{"training": True}],
            "type": "object",
            "minProperties": 1,
        },
        "weights": {
            "description": "Where its values come from, in place of its initializers.",
            "allOf": [{"$ref": f"#/definitions/{NewWeights.definition}"}],
        },
        "name": {
            "description": "Its name, which may also stand among the arguments. In it `{name}` is the layer that the "
            "edit matched, `{index}` the number of the match, `{count}` how many matches there are.",
            "type": "string",
            "pattern": "^[^/]+$",
        },
    }
    once_more = {
        "description": "A layer that is there already, to be called once more with the same weights.",
        "type": "string",
    }
    subsets = [tuple(key for at, key in enumerate(beside) if bits >> at & 1) for bits in range(1 << len(beside))]
    with_modifiers = {
        **{key: value for key, value in mapping.items() if key not in ("minProperties", "maxProperties")},
        "properties": {"layer": once_more, **beside, **mapping["properties"]},
        # one class, whatever stands beside it
        "anyOf": [
            {
                "required": list(keys),
                "minProperties": len(keys) + 1,
                "maxProperties": len(keys) + 1,
                **(
                    {"not": {"anyOf": [{"required": [key]} for key in beside if key not in keys]}}
                    if len(keys) < len(beside)
                    else {}
                ),
            }
            for keys in subsets
        ],
    }
    return {**entry, "title": "New layer", "anyOf": [names, custom, with_modifiers, own_form]}


def _arguments(name: str, kind: ClassKind) -> Schema:
    """What may stand behind a class: its arguments, its first argument, or nothing."""
    record = catalogue.class_record(name, kind) or {}
    arguments: Mapping[str, Any] = record["arguments"]
    required = [key for key, each in arguments.items() if each.get("required")]
    branches: list[Schema] = [
        {
            "type": "object",
            "additionalProperties": False,
            "required": required,
            "properties": {key: _inside(key, argument(each)) for key, each in arguments.items()},
        }
    ]
    first = record["first_argument"]
    if first is not None and set(required) <= {first}:
        branches.append(_inside(first, argument(arguments[first])))
    if not required:
        branches.append({"type": "null"})
    return {"title": name, "description": record.get("doc", ""), "anyOf": branches}


def _inside(key: str, schema: Schema) -> Schema:
    """The schema of an argument; the layer of a wrapper may be one of the base as well, by its name."""
    if key != "layer" or schema.get("$ref") != "#/definitions/layer":
        return schema
    named = {"type": "string", "description": "The name of a layer that is there: its weights stay."}
    rest = {each: value for each, value in schema.items() if each != "$ref"}
    return {**rest, "anyOf": [{"$ref": "#/definitions/layer"}, named]}


def argument(record: Mapping[str, Any]) -> Schema:
    """An argument with its types, its default and its line of documentation."""
    schema = {"description": "A Python object."} if record.get("kind") == "python" else dict(record["schema"])
    branches = schema.get("anyOf", [schema])
    if any(each.get("pattern") == "^[^/]*$" for each in branches):  # the name of a layer, which is not empty
        schema["anyOf"] = [{**each, "pattern": "^[^/]+$"} if "pattern" in each else each for each in branches]
    if any(each.get("type") == "array" for each in branches):  # a variable may be a list
        schema = {"anyOf": [*schema.get("anyOf", branches), {"$ref": "#/definitions/variable"}]}
    if "doc" in record:
        schema["description"] = record["doc"]
    if record.get("default") is not None:
        schema["default"] = record["default"]
    return schema


def base_schema(base: Schema) -> Schema:
    """The `base` section with the arguments that the applications take, each allowed where its application has it."""
    records = catalogue.catalogue()["applications"]
    names = list(records)
    properties = {**base["properties"]}
    said = {
        key: value for key, value in properties["application"].items() if key in ("title", "description", "examples")
    }
    choices = [{"enum": names}, {"$ref": "#/definitions/variable"}, {"type": "null"}]
    properties["application"] = {**said, "anyOf": choices}
    properties["file"] = {**properties["file"], "pattern": FILE_PATTERN}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, record in records.items():
        groups.setdefault(tuple(record["arguments"]), []).append(name)
        for key, each in record["arguments"].items():
            properties.setdefault(key, argument({**each, "default": None} if key == "name" else each))
    own = ["application", "file", "spec", "python", "weights", "as"]
    # One condition for each group of applications that take the same: one for each would say all arguments again.
    conditions = [
        {
            "if": {"required": ["application"], "properties": {"application": {"enum": members}}},
            "then": {"propertyNames": {"enum": [*own, *arguments]}},
        }
        for arguments, members in groups.items()
    ]
    kinds = ("application", "file", "spec", "python")
    built = {"if": {"required": ["file"]}, "then": {"propertyNames": {"enum": ["file", "weights", "as"]}}}
    brings = {
        "if": {"anyOf": [{"required": ["spec"]}, {"required": ["python"]}]},
        "then": {"propertyNames": {"enum": ["spec", "python", "as"]}},
    }
    return {
        **{key: value for key, value in base.items() if key in ("title", "description")},
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "allOf": [{"oneOf": [{"required": [kind]} for kind in kinds]}, built, brings, *conditions],
    }
