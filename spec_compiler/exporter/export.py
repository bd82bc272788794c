"""The public functions of an export."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from spec_compiler.compiler import SpecLike, compile_spec
from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.evaluation.targets import target_of
from spec_compiler.exporter.places import Place
from spec_compiler.exporting.comparison import Exported
from spec_compiler.exporting.formats import check_installed, check_precision
from spec_compiler.exporting.wanted import Wanted
from spec_compiler.graph import Graph
from spec_compiler.locking.held import Locked
from spec_compiler.spec import load_spec
from spec_compiler.spec.file_paths import missing_files, model_file
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike

if TYPE_CHECKING:
    from spec_compiler.backend.exporting.artefact import Prepared

Quantize = Literal["float16", "int8"]


def export_model(
    model: Any,
    output: str | os.PathLike[str],
    *,
    quantize: Quantize | None = None,
    calibration: Any = None,
    probe: Any = None,
    tolerance: float | None = None,
    labels: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    interpolation: str | None = None,
    preprocess: str | None = None,
    allow_code: bool = False,
    force: bool = False,
    compare: bool = False,
) -> Exported:
    """Exports a model for another runtime by Keras's own exporter, runs it there, and compares it with the model.

    Args:
        model: a `keras.Model`, a saved model, or the folder of a run, whose best model it is then.
        output: `.onnx`, `.tflite` (LiteRT), `.xml` (OpenVINO), or a folder for a SavedModel.
        quantize: `float16` weights, or `int8` weights and values between the layers; of LiteRT alone. What goes in and
            comes out is float32 still.
        calibration: by what int8 learns how large numbers become: a folder with images, an `.npz` file, or arrays as
            the model takes them. At most 200 samples of it.
        probe: what model and artefact are both run on, as `calibration`; left out, what calibrates, or seeded inputs.
        tolerance: how far an output may lie from Keras's, as a part of the largest number there; 1e-4, of float16
            1e-2 and of int8 1e-1 where it is left out.
        labels: what the classes are called, where the model's run does not say it.
        size: height and width of images, for a model that takes any.
        interpolation: how images of another size are resized; as in the model's run, or to the nearest pixel.
        preprocess: the application whose `preprocess_input` images go through first.
        allow_code: whether a saved model may run code.
        force: whether a file that exists is overwritten, and an export tried that needs more memory than is left.
        compare: whether nothing is written, and the artefact that is there is compared, whoever made it.

    Raises:
        SpecError: SC114 more memory is needed, SC508 for the file, SC520 the artefact does not compute what the model
            does, SC521 it cannot be made.

    Example:
        >>> export_model("runs/x", "model.onnx").worst  # doctest: +SKIP
        2.1e-07
    """
    wanted = Wanted(quantize or "float32", calibration, probe, tolerance, labels, size, interpolation, preprocess)
    place = _checked(output, wanted, force, compare)
    path = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    marks: Mapping[str, Any] = {}
    if path is not None:
        file = target_of(path).model
        model_file(file)
        if not compare:
            check_outputs(place.files, [file])
        _start()
        from spec_compiler.backend.inference import load_saved  # imports Keras
        from spec_compiler.backend.training import checkpoints

        model, marks = load_saved(file, allow_code), checkpoints.marks(file)
    _start()
    return _exported(model, place, wanted, marks, {}, compare)


def export_spec(
    spec: SpecLike,
    output: str | os.PathLike[str],
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    policy: PolicyLike | None = None,
    quantize: Quantize | None = None,
    calibration: Any = None,
    probe: Any = None,
    tolerance: float | None = None,
    labels: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    interpolation: str | None = None,
    preprocess: str | None = None,
    allow_code: bool = False,
    restrict_paths: bool = False,
    locked: Locked = False,
    force: bool = False,
    compare: bool = False,
) -> Exported:
    """Compiles a spec and exports the result, as `export_model` does.

    Where the artefact departs from the model, the error is at the line of the edit that made the first layer which
    does. `spec`, `base`, `overrides`, `policy`, `allow_code`, `restrict_paths` and `locked` are as `compile_spec` takes
    them, all else is as in `export_model`.

    Args:
        probe: what model and artefact are both run on, as `calibration`; left out, what calibrates, or seeded inputs.
        force: whether a file that exists is overwritten, and what needs more memory than is left is tried.

    Raises:
        SpecError: the spec is at fault; SC114, SC508, SC520, SC521 as in `export_model`.

    Example:
        >>> export_spec("spec.yaml", "model.tflite", quantize="int8", calibration="photos/")  # doctest: +SKIP
        <Exported model.tflite: LiteRT, 0.021 of the largest number at most>
    """
    wanted = Wanted(quantize or "float32", calibration, probe, tolerance, labels, size, interpolation, preprocess)
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    missing_files(loaded)
    place = _checked(output, wanted, force, compare)
    if not compare:
        check_outputs(place.files, spec=loaded)
    compiled = compile_spec(
        loaded, base=base, allow_code=allow_code, restrict_paths=restrict_paths, locked=locked, force=force
    )
    try:
        return _exported(compiled.model, place, wanted, {}, _causes(compiled.plan.after), compare)
    except SpecError as error:
        if all(each.path for each in error.diagnostics):
            raise loaded.source.located(error) from None
        raise  # the call is at fault, no place in the spec


def _checked(output: str | os.PathLike[str], wanted: Wanted, force: bool, compare: bool) -> Place:
    """The place of an artefact that can be made, or is there, as far as that is known without Keras.

    Raises:
        SpecError: SC501, SC508, SC521.
    """
    place = Place.there(os.fspath(output)) if compare else Place.of(os.fspath(output), force)
    check_precision(place.form, wanted.precision)
    if wanted.precision == "int8" and wanted.calibration is None and not compare:
        message = "int8 learns from samples how large numbers become, and none are named"
        help = "name a folder with images like those to come: `--calibration FOLDER`"
        raise SpecError.single("SC521", message, help=help)
    if wanted.precision != "int8" and wanted.calibration is not None:
        help = "add `--quantize int8`, or leave it out"
        raise SpecError.single("SC521", "`calibration` is for int8 alone", help=help)
    check_installed(place.form)
    for given in (wanted.calibration, wanted.probe):
        if isinstance(given, str | os.PathLike) and not os.path.exists(given):
            help = "name a folder with images, or an `.npz` file"
            raise SpecError.single("SC501", f"no folder or file `{os.fspath(given)}`", help=help)
    return place


def _start() -> None:
    from spec_compiler.backend.startup import start  # until here nothing has loaded Keras

    start()


def _check_backend() -> None:
    """Proves that Keras runs on TensorFlow, by which its exporters trace a model here.

    Raises:
        SpecError: SC521.
    """
    from spec_compiler.backend.startup import backend_name  # as above

    if (name := backend_name()) != "tensorflow":
        help = "set `KERAS_BACKEND=tensorflow`: a saved model loads on every backend"
        raise SpecError.single("SC521", f"models are exported on TensorFlow, Keras runs on {name}", help=help)


def _causes(graph: Graph) -> dict[str, Path]:
    """The places of the edits that made or changed layers, by the names that the layers have in Keras."""
    return {layer.name_in_keras: layer.cause.path for layer in graph.layers.values() if layer.cause is not None}


def _exported(
    model: Any, place: Place, wanted: Wanted, marks: Mapping[str, Any], causes: Mapping[str, Path], compare: bool
) -> Exported:
    import logging

    from spec_compiler.backend.exporting.artefact import Making  # imports Keras
    from spec_compiler.backend.exporting.subject import Subject

    _check_backend()
    prepared: Prepared = Making(Subject.of(model, causes), place.form, wanted, marks).prepared()
    logging.getLogger("spec_compiler").info("comparing" if compare else "exporting")
    files = place.files
    if compare:
        made = prepared.compare(place.output)
        files = tuple(each for each in files if os.path.exists(each))
    else:
        with place.filled() as (artefact, card):
            made = prepared.make(artefact, place.output, place.force)
            with open(card, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(made.card.to_text())
    return Exported(
        files=files,
        format=place.form,
        precision=wanted.precision,
        num_bytes=made.num_bytes,
        runtime=made.runtime,
        probes=made.probes,
        outputs=made.compared,
        card=made.card,
        notes=made.notes,
    )
