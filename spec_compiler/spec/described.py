"""What may be written in a spec, by its names: each section, key and form, from the fields that read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.keras_facts.catalogue import CLASS_KINDS, group_of
from spec_compiler.language.base import Base
from spec_compiler.language.places import STEPS
from spec_compiler.spec.form_examples import FORM_EXAMPLES
from spec_compiler.spec.schema import spec_schema

# The forms of a selector's elements; a test knows whether one is forgotten.
SELECTORS: Mapping[str, str] = {
    "block1_conv1": "the layer of this name; `name@1` is the second call of a layer that is called more than once",
    "block1_conv1..block2_pool": "every layer on a path from the one to the other; `..b` from the input, `a..` to the "
    "output, `a..<b` without `b`",
    "outer/..": "every layer of the nested model or base `outer`; `outer/inner` is one of them",
    "block[12]_*": "the layers whose names match the pattern",
    "/conv[0-9]+/": "the same with a regular expression (RE2)",
    "type:Conv2D": "the layers of a class",
    "[0:15]": "positions in the base, as `spec-compiler layers` prints them; `left[0:7]` of one of several bases",
    "base": "the layers of the base; `new` are those of the spec, `head` those of its head, `all` are both",
}
_MODULES = {"loss": "losses", "schedule": "optimizers.schedules"}  # of the others `keras.optimizers` and so on
_MOST = 8  # words for a value that are listed
Schema = Mapping[str, Any]


class Key(NamedTuple):
    """A key: what its value is in a few words, links in brackets, what it says, and whether it is needed.

    `default` is what it is where it is left out, `example` how it is written, both as YAML; empty where there is none.
    """

    name: str
    words: str
    says: str
    needed: bool = False
    default: str = ""
    example: str = ""

    @property
    def told(self) -> str:
        """All that there is to say of it, in sentences."""
        parts = [self.says]
        parts += [f"Left out: `{self.default}`."] if self.default else []
        parts += [f"For example `{self.example}`."] if self.example else []
        return " ".join(filter(None, parts))


class Described(NamedTuple):
    """A section or a form: what it says, its keys, and examples as YAML, or as values of a form.

    `elements` are what a selector may consist of, each with what it matches.
    """

    name: str
    says: str
    keys: tuple[Key, ...] = ()
    examples: tuple[str, ...] = ()
    elements: Mapping[str, str] = {}


def explained(name: str) -> tuple[Described, ...]:
    """What a name stands for: a section, a key of one (`prune.keep`), a key wherever it stands (`keep`), or a form.

    >>> [each.name for each in explained("round_to")], [each.name for each in explained("selector")]
    (['prune.round_to'], ['selector form'])
    """
    found = [described for key, described in _all().items() if name in _called(key)]
    return tuple(sorted(found, key=lambda each: each.name != name))  # what has just this name is the first


def names() -> tuple[str, ...]:
    """All names that `explained` knows."""
    return tuple(dict.fromkeys(name for key in _all() for name in _called(key)))


def _called(key: str) -> tuple[str, ...]:
    """A name with the shorter ones that it goes by as well."""
    if key.endswith(" form"):
        short = key.removesuffix(" form")
        return key, short, short.replace(" ", "_")
    return (key, key.rpartition(".")[2]) if "." in key else (key,)


@cache
def _all() -> Mapping[str, Described]:
    """Everything that has a name on the page of the language, in its order."""
    descriptions, found = Descriptions(spec_schema()), dict[str, Described]()
    for name, field in descriptions.sections.items():
        if descriptions.is_plain(name):
            found[name] = _of_key(descriptions.key(name, field), name)
            continue
        found[name] = descriptions.section(name)
        for key in found[name].keys:
            if key.name:
                found[f"{name}.{key.name}"] = _of_key(key, f"{name}.{key.name}")
    for form in descriptions.all_forms():
        found[form.name] = form
    return found


def _of_key(key: Key, name: str) -> Described:
    value = f" Its value: {key.words}." if key.words else ""
    return Described(name, f"{key.told}{value}{' It is needed.' * key.needed}")


class Descriptions:
    """Of all that the schema has; they remember which forms were named, and where the keys of a mapping stood first."""

    def __init__(self, schema: Schema) -> None:
        self.sections: Schema = schema["properties"]
        self.definitions: Schema = schema["definitions"]
        self.forms: dict[str, None] = {}
        self.listed: dict[str, str] = {}

    def key(self, name: str, field: Schema, needed: bool = False) -> Key:
        """A key with its default and its first example."""
        says = " ".join(str(field.get("description", "")).split())
        default = flow(field["default"]) if isinstance(field.get("default"), str | int | float) else ""
        example = next((f"{name}: {flow(each)}" for each in field.get("examples", ())), "")
        return Key(name, self.words(field), says, needed, default, example)

    def is_plain(self, name: str) -> bool:
        """Whether a section is one value, without keys of its own."""
        return self.model(self.sections[name]) is None

    def section(self, name: str) -> Described:
        """A section with its keys; none where those of its mapping were listed before."""
        field = self.sections[name]
        kind = self.model(field) or ""
        model = self.definitions[kind]
        first = self.listed.setdefault(kind, name)
        says = field["description"] if first != name else model.get("description", field["description"])
        inside = self._of_each(model)  # of a mapping from names of the spec's own
        properties = {each: (inside or model)["properties"][each] for each in _keys(kind, inside or model)}
        value = f"Its value: {self.words(field)}"
        if name == STEPS:
            value = value.replace("a mapping", "a mapping of one section that edits", 1)
        elif inside is not None:
            value += ", each with the keys below"
        elif first != name:
            value += f", with the keys of [`{first}`](#{first})"
        keys: list[Key] = []
        if properties and name != STEPS and first == name:
            needed = (inside or model).get("required", ())
            keys = [self.key(key, each, key in needed) for key, each in properties.items()]
            others = model.get("additionalProperties")
            keys += [Key("", self.words(others), "")] if isinstance(others, Mapping) else []
        examples = [*field.get("examples", ())]
        if first == name:
            examples += model.get("examples", ())
            examples += () if self.words(field).startswith("a mapping of names") else _whole(model)
        text = f"{' '.join(says.split())} {value}."
        return Described(name, text, tuple(keys), tuple(_yaml(name, each) for each in examples[:3]))

    def _of_each(self, model: Schema) -> Schema | None:
        """The model of each value of a mapping whose keys are names; None where its keys are those of the language."""
        parts = [] if "properties" in model else [*model.get("patternProperties", {}).values()]
        references = [each["$ref"].rpartition("/")[2] for each in parts if "$ref" in each]
        return self.definitions[references[0]] if references else None

    def all_forms(self) -> Iterator[Described]:
        """The forms that were named so far, and those that they name."""
        done: list[str] = []
        while rest := [name for name in self.forms if name not in done]:
            done.append(rest[0])
            yield self.form(rest[0])

    def form(self, name: str) -> Described:
        """A form that several sections share."""
        definition = self.definitions[name]
        kind = next((kind for kind in CLASS_KINDS if name in (kind, f"{kind}_entry")), None)
        classes = catalogue.catalogue()[group_of(kind)] if kind is not None else {}
        words = "`Class`, `Class: {arguments}` or `Class: first argument`"
        says = f"A class of `keras.{_MODULES.get(name, f'{name}s')}`: {words}"
        keys: dict[str, Any] = {}
        for branch in definition.get("anyOf", (definition,)):
            if "const" in branch and "description" in branch:  # a word that stands alone
                keys[branch["const"]] = {"description": branch["description"]}
            keys |= {key: each for key, each in branch.get("properties", {}).items() if key not in classes}
        if kind not in (None, "layer"):  # Keras's own serialised form, which nobody writes
            keys = {}
        told = tuple(self.key(key, each) for key, each in keys.items() if each.get("description"))
        return Described(
            f"{name.replace('_', ' ')} form",
            f"{definition.get('description', says).rstrip('.')}.",
            told,
            tuple(flow(each) for each in (*definition.get("examples", ()), *FORM_EXAMPLES.get(name, ()))),
            SELECTORS if name == "selector" else {},
        )

    def model(self, field: Schema) -> str | None:
        """The model that a section is, or of which it is a list or a mapping."""
        for each in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
            parts = (
                each,
                each.get("items"),
                each.get("additionalProperties"),
                *each.get("patternProperties", {}).values(),
            )
            references = (part["$ref"] for part in parts if isinstance(part, Mapping) and "$ref" in part)
            reference = next(references, "").rpartition("/")[2]
            if reference[:1].isupper():
                return reference
        return None

    def words(self, schema: Schema) -> str:
        """What a value is, in a few words; a form that has a name is a link, and has its place on the page."""
        if "$ref" in schema:
            return self.named(schema["$ref"].rpartition("/")[2])
        for key in ("allOf", "anyOf"):
            if key in schema and schema.get("type") != "object":
                branches = schema[key]
                if len(branches) > 1 and branches[0].get("items") == branches[1]:
                    return f"{self.words(branches[1])}, or a list of them"
                return " or ".join(dict.fromkeys(words for each in branches if (words := self.words(each))))
        if "enum" in schema:
            names = [f"`{flow(each)}`" for each in schema["enum"]]
            return " or ".join(names if len(names) <= _MOST else [*names[:2], f"{len(names) - 2} other names"])
        if "const" in schema:
            return f"`{flow(schema['const'])}`"
        if schema.get("type") == "array":
            items = schema.get("items")
            if isinstance(items, list):
                return f"a list of {len(items)} {_several(self.words(items[0]))}"
            return f"a list of {_several(self.words(items))}" if isinstance(items, Mapping) else "a list"
        if schema.get("type") == "object":
            values = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
            inside = self.words(values) if isinstance(values, Mapping) else ""
            return f"a mapping of names to {_several(inside)}" if inside else "a mapping"
        return _TYPES.get(str(schema.get("type")), "")

    def named(self, name: str) -> str:
        definition = self.definitions[name]
        if name == "variable":
            return ""
        if name == "terms":  # a selector without its mapping form
            return self.named("selector")
        if name[0].isupper():
            return "a mapping" if "properties" in definition else self.words(definition)
        if "description" not in definition and name not in CLASS_KINDS:
            return self.words(definition)
        self.forms[name] = None
        return f"[{name.replace('_', ' ')}](#{name.replace('_', '-')}-form)"


_TYPES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "`true` or `false`"}


def _several(words: str) -> str:
    """Words for a value, as words for many.

    >>> _several("a whole number"), _several("a mapping")
    ('whole numbers', 'mappings')
    """
    plural = {"text": "texts", "a mapping": "mappings", "": "values"}
    return plural.get(words) or (f"{words.removeprefix('a ')}s" if words in _TYPES.values() else words)


def _keys(name: str, model: Schema) -> Iterable[str]:
    """The keys of a mapping; of a base without the arguments of all applications."""
    own = (field.alias or key for key, field in Base.model_fields.items())
    return own if name == "Base" else model.get("properties", ())


def _whole(model: Schema) -> Iterator[dict[str, Any]]:
    """A mapping with what it needs, each key with its first example; nothing where one has none."""
    places = [model, *model.get("allOf", ())]
    branches = [each for place in places for kind in ("oneOf", "anyOf") for each in place.get(kind, ())]
    choices = [each["required"] for each in branches if "required" in each]
    needed = {*model.get("required", ()), *(choices or [()])[0]}
    examples = {key: each.get("examples") for key, each in model.get("properties", {}).items() if key in needed}
    if examples and all(examples.values()):
        yield {key: each[0] for key, each in examples.items()}


def _yaml(key: str, value: Any) -> str:
    """A section as a spec has it: the entries of a list below each other, all else on one line."""
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        return f"{key}:\n" + "".join(f"  - {flow(each)}\n" for each in value)
    return f"{key}: {flow(value)}\n"
