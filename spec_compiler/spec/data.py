"""The `data` section: what a model learns from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from spec_compiler.diagnostics import Advice, Diagnostic, SpecError, show, write
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.keras_facts.function_names import is_function
from spec_compiler.language.entries import LooseEntry
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.section import Section
from spec_compiler.spec.data_columns import ClassWeight, Columns

HELD = ("validation", "test")  # the parts that are held back, as shares of `train` or by themselves
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")  # as `keras.utils.load_img` has them
Form = Literal["folder", "table", "arrays", "function"]
_SUFFIXES: dict[str, Form] = {".csv": "table", ".tsv": "table", ".parquet": "table", ".npz": "arrays"}
_A: dict[Form, str] = {
    "folder": "a folder",
    "table": "a table",
    "arrays": "a file of arrays",
    "function": "a function",
}
_SEVERAL: dict[Form, str] = {
    "folder": "folders",
    "table": "tables",
    "arrays": "files of arrays",
    "function": "functions",
}
# What only files of images, or only tables, have a use for.
_OF_IMAGES = ("image_size", "interpolation", "crop_to_aspect_ratio", "cache")
_OF_TABLES = ("inputs", "targets", "sample_weight", "split")
_Name = Annotated[StrictStr, Field(min_length=1)]
_Held = StrictFloat | StrictInt | _Name | None


def form_of(name: str) -> Form:
    """What a name in `data` is the name of.

    >>> [form_of(name) for name in ("data/train", "labels.csv", "digits.npz", "my_data:train")]
    ['folder', 'table', 'arrays', 'function']
    """
    if is_function(name):
        return "function"
    return next((form for suffix, form in _SUFFIXES.items() if name.lower().endswith(suffix)), "folder")


class Data(Section):
    """What to train on: folders of images, a table of files and labels, a file of arrays, or Python functions."""

    train: _Name = Field(
        description="What to train on: a folder with one folder for each class, a table (`.csv`, `.tsv`, "
        "`.parquet`) or arrays (`.npz`), relative to the spec. Or `module:function`, with "
        "--allow-code.",
        examples=["data/train", "data/labels.csv"],
    )
    validation: _Held = Field(
        default=None,
        description="What to validate on: a share of the training samples (of each class), or a folder, table "
        "or file as in `train`.",
        examples=[0.2, "data/validation"],
    )
    test: _Held = Field(
        default=None,
        description="What to test on in the end: a share, or a folder, table or file as in `train`. No phase sees it.",
        examples=[0.1, "data/test"],
    )
    inputs: Columns | None = Field(
        default=None,
        description="The column of a table that the model takes. With several inputs: a mapping from their "
        "names to columns.",
        examples=["file", {"picture": "file", "age": "age"}],
    )
    targets: Columns | None = Field(
        default=None,
        description="The column of a table that holds what the model should put out. With several outputs: a "
        "mapping from their names to columns.",
        examples=["species", {"species": "species", "weight": {"column": "grams", "kind": "number"}}],
    )
    sample_weight: _Name | None = Field(
        default=None, description="The column of a table that says how much each row counts.", examples=["weight"]
    )
    split: _Name | None = Field(
        default=None,
        description="The column of a table that says `train`, `validation` or `test` for each row.",
        examples=["split"],
    )
    batch_size: Annotated[StrictInt, Field(ge=1, lt=2**31)] = Field(
        default=32, description="How many samples make one step.", examples=[64]
    )
    class_weight: ClassWeight | None = Field(
        default=None,
        description="How much each class counts in the loss: `balanced`, in inverse proportion to its number of "
        "samples, or a number for each class. With several outputs: a mapping from their names.",
        examples=["balanced", {"cat": 1.0, "dog": 2.5}],
    )
    augment: Annotated[tuple[LooseEntry, ...], OneOrMore()] = Field(
        default=(),
        description="Layers that change the training images at random, and masks with them. They are no part of "
        "the model.",
        examples=[[{"RandomFlip": "horizontal"}, {"RandomRotation": 0.1}]],
    )
    cache: StrictBool = Field(
        default=False,
        description="Whether images are held in memory, decoded and resized, in place of being read in each epoch.",
        examples=[True],
    )
    image_size: (
        tuple[Annotated[StrictInt, Field(ge=1, lt=2**31)], Annotated[StrictInt, Field(ge=1, lt=2**31)]] | None
    ) = Field(
        default=None,
        description="Height and width of the images. Needed only for a model that takes any size.",
        examples=[[224, 224]],
    )
    interpolation: Literal[INTERPOLATIONS] = Field(  # type: ignore[valid-type]
        default="bilinear", description="How images of another size are resized.", examples=["nearest"]
    )
    crop_to_aspect_ratio: bool = Field(
        default=False,
        description="Whether images are cropped, rather than stretched, to the model's aspect ratio.",
        examples=[True],
    )

    # Before pydantic's own check, which would tell once for each type that it might have been.
    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, raw: Any) -> Any:
        for key in HELD if isinstance(raw, dict) else ():
            value = raw.get(key)
            if isinstance(value, bool) or (value is not None and not isinstance(value, int | float | str)):
                message = f"`{key}` is a share between 0 and 1 or a folder, got {show(value)}"
                raise SpecError.single("SC103", message, path=(key,), help=f"for example `{key}: 0.2`")
        return raw

    @model_validator(mode="after")
    def _fits(self) -> Data:
        problems = [*self._of_the_parts(), *self._of_another_form()]
        for key in HELD if self.split is not None and self.form == "table" else ():
            if isinstance(getattr(self, key), str):
                message = f"`split` says which rows are for the {key}, so `{key}` is no table of its own"
                problems.append(
                    Diagnostic("SC108", message, (key,), at_key=True, help=Advice("leave it out", Remove()))
                )
        if problems:
            raise SpecError(problems)
        return self

    def _of_the_parts(self) -> Iterator[Diagnostic]:
        shares, wrong = self.shares, False
        for key, value in shares.items():
            if not 0 < value < 1:
                share, wrong = value / 100, True
                help = write(share, f"write `{key}: {share:g}`") if 1 < value < 100 else None
                yield Diagnostic(
                    "SC103", f"`{key}` must be a share between 0 and 1, got {show(value)}", (key,), help=help
                )
        if not wrong and sum(shares.values()) >= 1:
            message = "`validation` and `test` together leave nothing to train on"
            yield Diagnostic("SC103", message, ("test",), help="their sum must be below 1")
        for key in HELD:
            value = getattr(self, key)
            if isinstance(value, str) and form_of(value) != self.form:
                at, form = (key, self.form) if not self.is_code else ("train", form_of(value))
                message = f"`{at}` is {_A[form_of(getattr(self, at))]}, so the other must be one as well"
                if not (self.is_code or is_function(value)):
                    message = f"`{key}` is {_A[form_of(value)]}, and `train` is {_A[self.form]}"
                yield Diagnostic("SC108", message, (at,), help=f"give two functions, or two {_SEVERAL[form]}")
            elif key in shares and self.is_code:
                message = "a share cannot be held back from what a function gives"
                yield Diagnostic("SC108", message, (key,), help="give a second function")

    def _of_another_form(self) -> Iterator[Diagnostic]:
        """Keys that have no use for data of this form."""
        said = self.model_fields_set
        for key in _OF_IMAGES if self.form in ("function", "arrays") else ():
            if key in said:
                what = "gives the data itself" if self.is_code else "holds the pixels themselves"
                message = f"`{key}` says how image files are read, {_A[self.form]} {what}"
                yield Diagnostic("SC108", message, (key,), at_key=True, help=Advice("leave it out", Remove()))
        for key in _OF_TABLES if self.form != "table" else ():
            if key in said:
                message = f"`{key}` names columns of a table, `train` is {_A[self.form]}"
                help = "leave it out, or name a table (`.csv`, `.tsv`, `.parquet`) in `train`"
                yield Diagnostic("SC108", message, (key,), at_key=True, help=help)

    @property
    def form(self) -> Form:
        """What the data comes from."""
        return form_of(self.train)

    @property
    def is_code(self) -> bool:
        """Whether the data comes from Python functions, which run only with permission."""
        return self.form == "function"

    @property
    def is_folder(self) -> bool:
        """Whether the data is images in class folders, each with its one label."""
        return self.form == "folder"

    @property
    def validates(self) -> bool:
        """Whether something is held back to validate on: a table with `split` has rows for it, or is refused."""
        return self.validation is not None or self.split is not None

    @property
    def shares(self) -> dict[str, float]:
        """What is held back of `train`, by the part."""
        return {key: value for key in HELD if isinstance(value := getattr(self, key), int | float)}
