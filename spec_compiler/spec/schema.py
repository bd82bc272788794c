"""The JSON Schema of specs, draft-07, for editors: generated from the language's own models and from the catalogue.

It says what a spec may hold, with the words of the fields and of Keras; what names mean only the compiler knows.
`python -m spec_compiler.spec.schema` writes `schemas/model-spec.schema.json`, `--check` says whether that is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from spec_compiler.edits import EDITS
from spec_compiler.keras_facts import catalogue
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.places import STEPS
from spec_compiler.spec import Spec
from spec_compiler.spec.generated import kept
from spec_compiler.spec.keras_schema import base_schema, keras_definitions
from spec_compiler.text.block_definitions import NAME, OF_A_USE, OF_AN_ENTRY, PARAMETER
from spec_compiler.text.variables import COPY

DRAFT = "http://json-schema.org/draft-07/schema#"
FILE = "model-spec.schema.json"
VARIABLE = {"type": "string", "pattern": r"\$\{", "description": "A variable of `vars`: `${name}`."}
_SAYS = {"not": {"anyOf": [{"type": "null"}, {"type": "array", "maxItems": 0}]}}
_SAID = {key: {"required": [key], "properties": {key: {"$ref": "#/definitions/said"}}} for key in (STEPS, *EDITS)}
_STEPS_ALONE = {"if": _SAID[STEPS], "then": {"not": {"anyOf": [_SAID[key] for key in EDITS]}}}
_VARS = {
    "description": "Gives names to values. `${name}` stands for the value anywhere in the spec; in a list, a "
    "list is spliced in.",
    "examples": [{"classes": 10, "stem": [{"Conv2D": {"filters": 32, "kernel_size": 3}}, "ReLU"]}],
    "type": ["object", "null"],
}
_PATTERN = rf"^(?!(?:{'|'.join(OF_AN_ENTRY)})$){NAME[1:]}"  # the name of a block as a key of an entry
BLOCK_USE = {
    "title": "Block",
    "description": "A block of `blocks`, of an imported file or of the package, with its parameters.",
    "anyOf": [
        {"type": "string", "pattern": _PATTERN},
        {
            "type": "object",
            "minProperties": 1,
            "patternProperties": {
                _PATTERN: {
                    "description": "The parameters of the block.",
                    "type": ["object", "null"],
                    "properties": {
                        "times": {"description": "How many copies stand one behind the other.", "type": "integer"},
                        "name": {"description": "What the names of its layers begin with.", "type": "string"},
                    },
                }
            },
            "properties": {key: {} for key in OF_AN_ENTRY if key != "layer"},
            "anyOf": [{"maxProperties": 1}, *({"required": [key]} for key in OF_AN_ENTRY if key != "layer")],
            "additionalProperties": False,
        },
    ],
}
_BLOCKS = {
    "description": "Gives names to lists of layers. An entry `NAME: {parameters}` stands for the layers.",
    "examples": [
        {"conv": {"vars": {"filters": 64}, "layers": [{"Conv2D": {"filters": "${filters}", "kernel_size": 3}}]}}
    ],
    "anyOf": [
        {"type": "null"},
        {
            "type": "object",
            "propertyNames": {"pattern": _PATTERN},
            "additionalProperties": {
                "type": "object",
                "required": ["layers"],
                "additionalProperties": False,
                "properties": {
                    "description": {"description": "What the block is for.", "type": "string"},
                    "vars": {
                        "description": "Its parameters with their defaults; `null` where one must be given.",
                        "type": ["object", "null"],
                        "propertyNames": {"pattern": f"^{PARAMETER}$", "not": {"enum": [*OF_A_USE, *COPY]}},
                    },
                    "layers": {
                        "description": "Its layers, with `${parameter}`, `${index}` and `${count}` in them.",
                        "anyOf": [
                            {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/layer_entry"}},
                            {"$ref": "#/definitions/layer_entry"},
                        ],
                    },
                },
            },
        },
    ],
}
_IMPORTS = {
    "description": "YAML files whose `vars` and `blocks` the spec uses too, or Python modules with your own "
    "classes. Modules need --allow-code: they register classes with Keras, or define those that "
    "a saved model names.",
    "examples": [["common.yaml", "my_layers"]],
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}],
}


def spec_schema() -> dict[str, Any]:
    """The schema as data; the same for the same code and catalogue.

    >>> spec_schema()["properties"]["cut_at"]["title"]
    'cut_at'
    """
    raw = Spec.model_json_schema(ref_template="#/definitions/{model}")
    definitions = {
        **raw.pop("$defs", {}),
        **dict(sorted(_definitions(Parsed))),
        **keras_definitions(),
        "said": _SAYS,
        "variable": VARIABLE,
        "block_use": BLOCK_USE,
    }
    definitions["layer_entry"]["anyOf"].append({"$ref": "#/definitions/block_use"})
    definitions["Base"] = base_schema(definitions["Base"])
    properties = _titled({**raw["properties"], "vars": _VARS, "blocks": _BLOCKS, "imports": _IMPORTS})
    definitions["Step"]["properties"] = _titled(definitions["Step"]["properties"])
    schema = {
        "$schema": DRAFT,
        "$id": "https://raw.githubusercontent.com/spec-compiler/spec-compiler/main/schemas/" + FILE,
        "title": "Model spec",
        "description": "How a pretrained Keras model is to be changed: cut, replaced, extended, frozen.",
        "type": "object",
        "additionalProperties": False,
        "required": ["spec"],
        "not": {"required": ["base", "bases"]},
        **_STEPS_ALONE,
        "properties": properties,
        "definitions": definitions,
    }
    return dict(_plain(schema))


def _titled(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Sections, each with its key as its title; one that is a list may be empty."""
    titled = {name: {**field, "title": name} for name, field in properties.items()}
    for name, field in titled.items():
        if field.get("anyOf", [{}])[0].get("type") == "array":
            titled[name] = {**field, "anyOf": [*field["anyOf"], {"type": "null"}]}
    return titled


def _definitions(kind: type[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the language's own types say of themselves."""
    for each in kind.__subclasses__():
        yield from each.definitions.items()
        yield from _definitions(each)


def _plain(schema: Any, key: str = "") -> Any:
    """The schema as draft-07 readers take it: nothing beside a reference, no repeated titles, variables allowed."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if key in ("default", "examples", "enum", "const"):
        return schema
    if "x-definition" in schema:  # how the language's own types name theirs: pydantic follows a `$ref` itself
        rest = {name: each for name, each in schema.items() if name != "x-definition"}
        return _plain({**rest, "$ref": f"#/definitions/{schema['x-definition']}"}, key)
    plain = {
        name: _plain(each, name) for name, each in schema.items() if not (name == "default" and each in (None, []))
    }
    if "$ref" in plain and len(plain) > 1:
        plain = {"allOf": [{"$ref": plain.pop("$ref")}], **plain}
    if plain.get("type") in ("integer", "number", "boolean") and key not in ("items", "spec"):
        wanted = {
            name: plain.pop(name) for name in list(plain) if name not in ("title", "description", "examples", "default")
        }
        return {**plain, "anyOf": [wanted, {"$ref": "#/definitions/variable"}]}
    return plain


def schema_file() -> FilePath:
    """The committed file: inside the package when installed from a wheel, beside it in a checkout."""
    return catalogue.schemas_folder() / FILE


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(spec_schema(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the file, or with `--check` compares it; the exit status."""
    return kept(schema_file(), text(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
