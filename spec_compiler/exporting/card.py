"""The card of an artefact: what it takes and puts out, as a JSON file that travels with it.

`model.onnx.json` lies beside `model.onnx`; of a SavedModel it is `assets.extra/card.json` in its folder, the place that
TensorFlow leaves to others. `python -m spec_compiler.exporting.card` writes its schema, `--check` says whether that is
stale.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spec_compiler.diagnostics import SpecError
from spec_compiler.edits.preprocess import steps_of
from spec_compiler.exporting.formats import Key, Precision, format_of
from spec_compiler.files.regular import is_inside
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.preprocessing import mode_of
from spec_compiler.reading import Damaged
from spec_compiler.reading.text import read_json
from spec_compiler.spec.generated import kept

FILE = "export.schema.json"
INSIDE = os.path.join("assets.extra", "card.json")

Shape = Annotated[tuple[int | None, ...], Field(description="The batch axis first; null where any size goes.")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A step of the preprocessing: one number, or one for each channel in the order that the step meets."""

    subtract: float | tuple[float, ...] = Field(description="What is subtracted first.")
    divide_by: float | tuple[float, ...] = Field(description="What the rest is divided by.")


class Preprocessing(_Part):
    """What is done to pixels from 0 to 255 before they go in, as an application's `preprocess_input` does it."""

    application: str = Field(description="Whose `preprocess_input` it is, of `keras.applications`.")
    channels: Literal["rgb", "bgr"] = Field(
        description="The order of the channels that the steps meet and the model takes."
    )
    steps: tuple[Step, ...] = Field(description="One after the other.")


class Image(_Part):
    """How an image file becomes an input."""

    height: int = Field(description="Pixels.")
    width: int = Field(description="Pixels.")
    color: str = Field(description="The channels that are read: `grayscale`, `rgb` or `rgba`.")
    interpolation: str = Field(description="How an image of another size is resized, as Pillow names it.")
    crop_to_aspect_ratio: bool = Field(description="Whether its middle is cut out first, so that nothing is stretched.")
    preprocessing: Preprocessing | None = Field(
        description="What is done to the pixels before they go in; null: nothing, they go in as numbers from 0 to 255."
    )


class Input(_Part):
    """An input of the artefact."""

    name: str = Field(description="What the artefact calls it.")
    layer: str = Field(description="What Keras calls it.")
    shape: Shape
    dtype: str = Field(description="Its type, as NumPy names it.")
    image: Image | None = Field(default=None, description="How an image file becomes one; null where it is no image.")


class Output(_Part):
    """An output of the artefact."""

    name: str = Field(description="What the artefact calls it.")
    layer: str = Field(description="What Keras calls it.")
    shape: Shape
    dtype: str = Field(description="Its type, as NumPy names it.")
    classes: tuple[str, ...] | None = Field(
        default=None,
        description="The classes of its scores, in their order. A single score is that of the second class. "
        "Null where the classes are unknown.",
    )
    largest_difference: float = Field(
        description="The largest difference from Keras's output on the probes, as a part of the largest number there."
    )
    tolerance: float = Field(description="What this difference had to be below.")


class Card(_Part):
    """What an artefact takes and puts out."""

    format_version: Literal[1] = Field(default=1, description="The version of this form.")
    format: Key = Field(description="Which format it is in.")
    precision: Precision = Field(
        description="The type in which its weights are stored. Inputs and outputs are float32 all the same."
    )
    model: str = Field(description="The name of the Keras model.")
    files: dict[str, str] = Field(description="Its files, each with its SHA-256.")
    inputs: tuple[Input, ...] = Field(description="What it takes.")
    outputs: tuple[Output, ...] = Field(description="What it puts out.")
    runtime: str = Field(description="What it was run in beside Keras.")
    probes: str = Field(description="What it was run on.")
    made_with: dict[str, str] = Field(description="The packages that made it, with their versions.")

    def __repr__(self) -> str:
        ends = " → ".join(
            ", ".join(f"{each.name} {each.shape}" for each in side) for side in (self.inputs, self.outputs)
        )
        return f"<Card of {next(iter(self.files), self.model)}: {self.format} in {self.precision}, {ends}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """What a notebook shows: what it takes and puts out."""
        from spec_compiler.diagnostics.cells import cell  # a command shows no cell
        from spec_compiler.exporting.card_cell import shown  # as above

        return cell(*shown(self))

    def to_text(self) -> str:
        """The card as its file holds it."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def card_place(output: str) -> str:
    """Where the card of an artefact is.

    >>> card_place("model.onnx")
    'model.onnx.json'
    """
    if format_of(output).is_folder:
        return os.path.join(output, INSIDE)
    return f"{output}.json"


def read_card(artefact: str | os.PathLike[str]) -> Card:
    """What the card of an artefact says.

    Args:
        artefact: the exported model, beside or inside of which the card lies.

    Raises:
        SpecError: SC501 there is none, SC502 it is damaged, or of other files than lie there.

    Example:
        >>> read_card("model.onnx").outputs[0].classes  # doctest: +SKIP
        ('cat', 'dog')
    """
    path = os.fspath(artefact)
    place = card_place(path)
    if not os.path.isfile(place):
        help = "`spec-compiler export` writes it with the artefact, and it is moved with it"
        raise SpecError.single("SC501", f"there is no `{place}`", help=help)
    try:
        card = Card.model_validate(read_json(place))
    except (Damaged, OSError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise SpecError.single("SC502", f"`{place}` cannot be read as a card: {reason}") from None
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    for name, digest in card.files.items():
        file = os.path.join(folder, name)
        if not is_inside(file, os.path.realpath(folder or ".")) or not os.path.isfile(file) or sha256(file) != digest:
            message = f"`{file}` is not the file that `{place}` is of"
            raise SpecError.single("SC502", message, help="export it again")
    return card


def sha256(path: str) -> str:
    """The digest of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def preprocessing_of(application: str | None) -> Preprocessing | None:
    """What an application's `preprocess_input` does, in numbers; None where that is nothing.

    Raises:
        SpecError: SC203 for an application that Keras has not.

    >>> preprocessing_of("ResNet50V2").steps
    (Step(subtract=0.0, divide_by=127.5), Step(subtract=1.0, divide_by=1.0))
    """
    if application is None or (mode := mode_of(application)) == "none":
        return None
    steps = tuple(Step(subtract=mean, divide_by=std) for mean, std in steps_of(mode))
    return Preprocessing(application=application, channels="bgr" if mode == "caffe" else "rgb", steps=steps)


def text() -> str:
    """The schema of a card as its file holds it."""
    says = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": FILE}
    return json.dumps(says | Card.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the schema, or with `--check` compares it; the exit status."""
    return kept(catalogue.schemas_folder() / FILE, text(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
