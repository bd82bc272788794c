"""`Spec`, what the user wrote: YAML data made into the language's own values, with every mistake found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, dotted, show
from spec_compiler.edits import EDITS, SECTIONS, Edit
from spec_compiler.language.parsed import OneOrMore, Parsed
from spec_compiler.language.places import STEPS
from spec_compiler.spec.beginning import Edited
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.data import Data
from spec_compiler.spec.expect import KEYS, Expect
from spec_compiler.spec.fit import Fit
from spec_compiler.spec.messages import said_of
from spec_compiler.spec.phase import Phase
from spec_compiler.spec.policy import Policy
from spec_compiler.spec.steps import Step
from spec_compiler.spec.sweep import Sweep
from spec_compiler.text.plain_data import is_plain, leaves, with_python_numbers
from spec_compiler.text.source import Source, texts_in

EditT = TypeVar("EditT", bound=Edit)


class Spec(Edited):
    """How a pretrained model is to be changed. The order of the fields is the order in which they are applied."""

    steps: Annotated[tuple[Step, ...], OneOrMore()] = Field(
        default=(),
        description="Sections that edit, one in each step, applied from top to bottom. They stand in place of "
        "the sections themselves.",
        examples=[
            [
                {"freeze": "all"},
                {"head": ["Flatten", {"Dense": {"units": 64, "name": "features"}}, {"Dense": 10}]},
                {"insert": {"after": "features", "with": [{"Dropout": 0.3}]}},
                {"set": {"layers": "type:Dense", "to": {"kernel_regularizer": "l2"}}},
                {"outputs": {"classes": "dense", "features": "features"}},
            ]
        ],
    )
    data: Data | None = Field(default=None, description="The data that `spec-compiler train` learns from.")
    compile: Compile | None = Field(default=None, description="What Keras's `compile` takes: optimizer, loss, metrics.")
    fit: Fit | None = Field(default=None, description="What Keras's `fit` takes: callbacks, what they watch, steps.")
    train: Annotated[tuple[Phase, ...], OneOrMore()] = Field(
        default=(), description="The phases of training, in order."
    )
    sweep: Sweep | None = Field(
        default=None, description="The values of `vars` that `spec-compiler sweep` tries, with a training for each."
    )

    expect: Expect | None = Field(
        default=None,
        description="What must hold of the result, and which metrics its training must reach.",
        examples=[{"output": [None, 10], "parameters": {"at_most": "25M"}, "absent": "type:Lambda"}],
    )

    _source: Source | None = PrivateAttr(default=None)
    _policy: Policy | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")  # neither `before`, which has no spec yet, nor `after`, which has no data
    @classmethod
    def _of_data(cls, raw: Any, handler: ModelWrapValidatorHandler[Spec], info: ValidationInfo) -> Spec:
        """The spec, which knows the data that it was made of, whoever validates it."""
        if isinstance(raw, Mapping):
            for key, value in raw.items():  # permissions and nested models are looked up in the data
                if is_plain(value):
                    continue
                built = next((leaf for leaf in leaves(value) if isinstance(leaf, BaseModel | Parsed)), None)
                if built is not None:
                    message = f"a section is plain data, got `{type(built).__name__}`"
                    raise SpecError.single("SC103", message, path=(str(key),), help="write it as in YAML")
        spec = handler(raw)
        if spec._source is None and isinstance(raw, Mapping):
            spec._source = info.context if isinstance(info.context, Source) else Source(with_python_numbers(raw), "")
        return spec

    def __repr__(self) -> str:
        """The bases and the sections that say something, in one line."""
        bases = [self.base] if self.base is not None else list((self.bases or {}).values())
        names = [each.application or each.file or each.spec or each.python for each in bases]
        says = [dotted(path) for path, _ in self.sections()]
        of_training = ("data", "compile", "fit", "train", "sweep", "expect")
        says += [section for section in of_training if getattr(self, section)]
        text = f"{', '.join(map(str, names)) or 'the base of the caller'}: {', '.join(says) or 'nothing changes'}"
        return f"<Spec {text}>" if self.name is None else f"<Spec {self.name}, {text}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """What a notebook shows: its text."""
        from spec_compiler.diagnostics.cells import cell  # a command shows no cell
        from spec_compiler.spec.spec_cell import shown  # as above

        return cell(*shown(self))

    @model_validator(mode="after")
    def _one_base(self) -> Spec:
        if self.base is not None and self.bases is not None:
            message = "`base` and `bases` exclude each other"
            raise SpecError.single("SC108", message, path=("bases",), at_key=True, help="keep one of the two")
        if self.bases is not None and len(self.bases) == 1 and not any(each.is_layer for each in self.bases.values()):
            message = "`bases` must be a mapping with at least 2 entries, got one"
            raise SpecError.single("SC103", message, path=("bases",), help="a single base stands under `base`")
        return self

    @model_validator(mode="after")
    def _steps_alone(self) -> Spec:
        beside = [key for key in EDITS if self.steps and getattr(self, key)]
        if beside:
            raise SpecError(
                Diagnostic(
                    "SC108",
                    f"`{key}` stands beside `steps`, which says in what order the model is edited",
                    (key,),
                    at_key=True,
                    help=f"make it a step, `- {key}: …`, where its turn is",
                )
                for key in beside
            )
        return self

    @model_validator(mode="after")
    def _metrics_of_a_training(self) -> Spec:
        if self.expect is not None and self.expect.metrics and not self.train:
            otherwise = f"its keys are {', '.join(f'`{key}`' for key in KEYS)}; a metric needs `train`"
            raise SpecError(
                Diagnostic(
                    "SC101",
                    f"`expect` has no key `{name}`, and this spec trains nothing",
                    ("expect", name),
                    at_key=True,
                    help=did_you_mean(name, KEYS, otherwise),
                )
                for name in self.expect.metrics
            )
        return self

    @model_validator(mode="after")
    def _sweep_of_a_training(self) -> Spec:
        if self.sweep is not None and not self.train:
            message = "`sweep` needs the section `train`, each of its trials is a training"
            help = "add `train: [{phase: main, epochs: 5}]`"
            raise SpecError.single("SC102", message, path=("sweep",), at_key=True, help=help)
        return self

    @property
    def policy(self) -> Policy | None:
        """What the caller wants kept beside `expect`."""
        return self._policy

    def kept_by(self, policy: Policy) -> Spec:
        """The spec with a policy that its result must keep."""
        copied = super().model_copy()
        copied._policy = policy
        return copied

    @property
    def source(self) -> Source:
        """The text that the spec was read from, with the place of everything in it.

        Raises:
            TypeError: the spec was made without validation.
        """
        if self._source is None:
            raise TypeError("this `Spec` was never validated, make it with `load_spec` or `Spec.model_validate`")
        return self._source

    def with_source(self, source: Source) -> Spec:
        """The spec with another source of the same data: one that is confined, or is not."""
        if source.is_confined == self.source.is_confined:
            return self
        copied = super().model_copy()
        copied._source = source
        return copied

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Spec:
        """The same spec, or with `update` one with other sections, given as plain data and validated.

        Raises:
            SpecError: as `load_spec`.
        """
        if not update:
            return super().model_copy(deep=deep)
        source = self.source
        source = Source({**source.data, **with_python_numbers(update)}, "", source.file, is_confined=source.is_confined)
        copied = validate(source)
        return copied.kept_by(self._policy) if self._policy is not None else copied

    def texts(self) -> Iterator[str]:
        """Every text in the sections that edit: where a selector opens a nested model, it is one of these."""
        data, opening = self.source.data, {section.key for section in SECTIONS if section.opens}
        steps = data.get(STEPS) or ()
        sections = [data, *(steps if isinstance(steps, list | tuple) else [steps])]
        named = [each.key for each in SECTIONS if each.keys_are_names]
        keys = [list(section[key] or ()) for section in sections for key in named if key in section]
        keys += [list(value) for section in sections for value in _by_layer(section)]
        return texts_in([keys, *(value for section in sections for key, value in section.items() if key in opening)])

    def sections(self) -> Iterator[tuple[Path, Any]]:
        """What the sections that edit say, in the order in which they are applied, each with its place in the spec."""
        if self.steps:
            said = ((index, step.said()) for index, step in enumerate(self.steps))
            yield from (((STEPS, index, each[0]), each[1]) for index, each in said if each is not None)
        else:
            yield from (((key,), value) for key in EDITS if (value := getattr(self, key)))

    def said(self, kind: type[EditT]) -> list[tuple[Path, EditT]]:
        """What the spec says in a section that edits and is no list, with its place: at most once without `steps`."""
        return [(path, value) for path, value in self.sections() if path[-1] == kind.key]

    def section(self, kind: type[EditT]) -> EditT | None:
        """What it says there last; None where it says nothing."""
        return next((value for _, value in reversed(self.said(kind))), None)

    def place(self, key: str) -> Path:
        """Where a section stands that edits, the last of its kind."""
        return next((path for path, _ in reversed([*self.sections()]) if path[-1] == key), (key,))

    def edits(self) -> Iterator[tuple[Path, Edit]]:
        """The edits in the order in which they are applied, each with its place in the spec."""
        application = self.base.application if self.base is not None else None
        for path, value in self.sections():
            places = {(*path, index): edit for index, edit in enumerate(value)} if isinstance(value, tuple) else None
            for at, edit in (places if places is not None else {path: value}).items():
                yield from ((at + below, part) for below, part in edit.steps(application))


def validate(source: Source) -> Spec:
    """The spec in a source.

    Raises:
        SpecError: every mistake in the fields, together and located.
    """
    if not isinstance(source.data, dict):
        message = f"a spec is a mapping, got {show(source.data)}"
        raise source.located(SpecError.single("SC103", message, help="a spec begins with `spec: 1`"))
    try:
        return Spec.model_validate(_without_empty(source.data), context=source)
    except ValidationError as error:
        raise source.located(SpecError(said_of(error, Spec.model_fields))) from None


def _by_layer(section: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The mappings in a section's fields whose keys may be layers, as those of `channels` are."""
    for kind in SECTIONS:
        said = section.get(kind.key)
        for entry in said if isinstance(said, list | tuple) else [said]:
            if isinstance(entry, Mapping):
                yield from (value for name in kind.names if isinstance(value := entry.get(name), Mapping))


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    """An empty section (`replace:` and nothing below it) says nothing, but `spec:` must not be empty.

    A key that a spec does not have stays, so that it is told: a `weights:` out of its place must not be ignored.
    """
    return {
        key: value for key, value in data.items() if value is not None or key == "spec" or key not in Spec.model_fields
    }
