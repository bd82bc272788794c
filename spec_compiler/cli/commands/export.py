"""`export`: a spec's result, or a saved model, for another runtime, run there and compared."""

from __future__ import annotations

import json
from typing import Any

import click

from spec_compiler.cli import options
from spec_compiler.cli.class_names import class_names
from spec_compiler.cli.documented import Documented, format_option
from spec_compiler.cli.image_options import picture_options
from spec_compiler.cli.progress import progress
from spec_compiler.cli.terminal import Shown, aligned, echo, joined, shown, style
from spec_compiler.exporting.comparison import HEAD, Exported
from spec_compiler.files.suffixes import SPEC_SUFFIXES


@click.command(cls=Documented)
@click.argument("model", metavar="SPEC_OR_MODEL", type=click.Path())
@options.set_option
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    help="`model.onnx`, `model.tflite` (LiteRT), `model.xml` (OpenVINO), or a folder for a SavedModel: `saved_model/`.",
)
@click.option(
    "--quantize", type=click.Choice(["float16", "int8"]), help="For LiteRT: weights of 16 bits, or 8 bits throughout."
)
@click.option(
    "--calibration",
    type=click.Path(),
    metavar="FOLDER",
    help="For int8: a folder with images like those to come, or an `.npz` file with an array for each input.",
)
@click.option(
    "--probe",
    type=click.Path(),
    metavar="FOLDER",
    help="Compare on the images of this folder, or on the arrays of an `.npz` file, not on random inputs.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    help="How much an output may differ from Keras's, as a part of the largest number  "
    "[default: 1e-4; float16 1e-2, int8 1e-1]",
)
@picture_options
@click.option(
    "--compare",
    is_flag=True,
    help="Write nothing: compare the artefact that is there, whoever made it, with the model.",
)
@format_option("text", "json")
@options.forced_option
@options.policy_option
@options.locked_options
@options.permission_options
@options.sandbox_option
def export(
    model: str,
    overrides: tuple[str, ...],
    policy: str | None,
    restrict_paths: bool,
    locked: bool,
    lock: str | None,
    format_: str,
    labels: str | None,
    **told: Any,
) -> None:
    """Export the result of a SPEC, a saved MODEL or the model of a run's folder for another runtime.

    Keras's own exporter writes it, its own runtime runs it, and every output is compared with Keras's. If one differs
    too much, nothing is written. A JSON file beside it says the classes, and how an image becomes the input.
    """
    from spec_compiler.exporter.export import export_model, export_spec  # loads the compiler

    told["labels"] = class_names(labels) if labels else None
    with progress("exporting"):
        if model.endswith(SPEC_SUFFIXES):
            of_spec = options.SpecCall(model, overrides, told.pop("allow_code"), restrict_paths, policy, locked, lock)
            found = export_spec(
                of_spec.spec,
                overrides=of_spec.overrides,
                policy=of_spec.policy,
                allow_code=of_spec.allow_code,
                restrict_paths=of_spec.restrict_paths,
                locked=of_spec.locked_to,
                **told,
            )
        else:
            of_specs = {"--set": overrides, "--policy": policy, "--restrict-paths": restrict_paths, "--locked": locked}
            for option, value in {**of_specs, "--lock": lock}.items():
                if value:
                    raise click.UsageError(f"`{option}` is for a spec, `{model}` is a model")
            found = export_model(model, **told)
    if format_ == "json":
        echo(json.dumps(found.to_json(), indent=1))
        return
    echo(export_text(found, saved=not told["compare"]))


def export_text(exported: Exported, *, saved: bool = True) -> Shown:
    """What came of an export, or of a comparison alone, for a terminal."""
    rows = aligned([HEAD, *(each.row for each in exported.outputs)], right={1, 2})
    precision = "" if exported.precision == "float32" else f", {exported.precision}"
    lines = [
        style(f"{exported.format.name}{precision}", bold=True) + f": {exported.title}",
        "",
        *("  " + "  ".join(row).rstrip() for row in rows),
        "",
        "A difference is a part of the largest number that Keras puts out.",
        *exported.lines(),
    ]
    if saved:
        lines.append(f"saved {', '.join(exported.files[:-1])} and {exported.files[-1]}, {_size(exported.num_bytes)}")
    return joined(map(shown, lines))


def _size(count: int) -> str:
    """A size as people say it.

    >>> _size(2_345_678)
    '2.3 MB'
    """
    for unit, of in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= of:
            return f"{count / of:.1f} {unit}"
    return f"{count} bytes"
