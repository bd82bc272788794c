"""The `data` section: the images that a model learns from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictFloat, StrictInt, StrictStr, model_validator

from spec_compiler.diagnostics import Advice, Diagnostic, SpecError, show, write
from spec_compiler.diagnostics.advice import Remove
from spec_compiler.keras_facts.function_names import is_function
from spec_compiler.language.entries import LooseEntry
from spec_compiler.language.parsed import OneOrMore
from spec_compiler.language.section import Section

HELD = ("validation", "test")  # the parts that are held back, as shares of `train` or by themselves
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")  # as `keras.utils.load_img` has them


class Data(Section):
    """A folder with one folder a class, or Python functions that give the data."""

    train: Annotated[StrictStr, Field(min_length=1)] = Field(
        description="A folder with one folder a class, relative to the spec; or `module:function`, with --allow-code.",
        examples=["data/train"],
    )
    validation: StrictFloat | StrictInt | Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None,
        description="The share of the images (of each class) to hold back, or a folder like `train`.",
        examples=[0.2, "data/validation"],
    )
    test: StrictFloat | StrictInt | Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None,
        description="The share of the images that is kept for the test, or a folder like `train`; no phase sees it.",
        examples=[0.1, "data/test"],
    )
    batch_size: Annotated[StrictInt, Field(ge=1, lt=2**31)] = Field(
        default=32, description="How many images make one step."
    )
    augment: Annotated[tuple[LooseEntry, ...], OneOrMore()] = Field(
        default=(),
        description="Layers that change the training images at random; they are no part of the model.",
        examples=[[{"RandomFlip": "horizontal"}, {"RandomRotation": 0.1}]],
    )
    image_size: (
        tuple[Annotated[StrictInt, Field(ge=1, lt=2**31)], Annotated[StrictInt, Field(ge=1, lt=2**31)]] | None
    ) = Field(default=None, description="Height and width, for a model that takes any; the model's own otherwise.")
    interpolation: Literal[INTERPOLATIONS] = Field(  # type: ignore[valid-type]
        default="bilinear", description="How images of another size are resized."
    )
    crop_to_aspect_ratio: bool = Field(
        default=False, description="Whether images are cropped, rather than stretched, to the model's aspect ratio."
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
        problems: list[Diagnostic] = []
        shares = {key: value for key in HELD if isinstance(value := getattr(self, key), int | float)}
        for key, value in shares.items():
            if not 0 < value < 1:
                share = value / 100
                help = write(share, f"write `{key}: {share:g}`") if 1 < value < 100 else None
                message = f"`{key}` must be a share between 0 and 1, got {show(value)}"
                problems.append(Diagnostic("SC103", message, (key,), help=help))
        if not problems and sum(shares.values()) >= 1:
            message = "`validation` and `test` together leave nothing to train on"
            problems.append(Diagnostic("SC103", message, ("test",), help="their sum must be below 1"))
        for key in HELD:
            value = getattr(self, key)
            if isinstance(value, str) and is_function(value) != is_function(self.train):
                at = "train" if is_function(self.train) else key
                message = f"`{at}` is a function, so the other must be one as well"
                problems.append(Diagnostic("SC108", message, (at,), help="give two functions, or two folders"))
            elif key in shares and is_function(self.train):
                message = "a share cannot be held back from what a function gives"
                problems.append(Diagnostic("SC108", message, (key,), help="give a second function"))
        for key in ("image_size", "interpolation", "crop_to_aspect_ratio"):
            if is_function(self.train) and key in self.model_fields_set:
                message = f"`{key}` says how image files are read, a function gives the data itself"
                problems.append(
                    Diagnostic("SC108", message, (key,), at_key=True, help=Advice("leave it out", Remove()))
                )
        if problems:
            raise SpecError(problems)
        return self

    @property
    def is_code(self) -> bool:
        """Whether the data comes from Python functions, which run only with permission."""
        return is_function(self.train)
