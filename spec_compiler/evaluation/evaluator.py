"""The way of an evaluation, readable as a table of contents.

target -> files   targets                      which model, of which run
files  -> Spec    runs                         what the run says of its data and loss
       -> model   backend/training/evaluating  compiled as it was trained
data   -> batches backend/training/data         a part of the run's data, or the images of a labelled folder
both   -> counts  measured                     every batch counted, the worst samples kept
       -> value   evaluation                   what the caller gets; `files` writes it
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from spec_compiler.diagnostics import SpecError
from spec_compiler.evaluation.evaluation import Evaluation
from spec_compiler.evaluation.measured import Counted
from spec_compiler.evaluation.measures.kinds import OutputKind, kind_of
from spec_compiler.evaluation.opened import Opened
from spec_compiler.evaluation.runs import parts_of
from spec_compiler.evaluation.targets import labelled_folder, shown_files, target_of, with_classes
from spec_compiler.files.run_folder import BEST
from spec_compiler.spec.permissions import Permissions
from spec_compiler.training.sources import require_pillow

if TYPE_CHECKING:
    from spec_compiler.backend.training.evaluating import Ready

Part = Literal["train", "validation", "test"]
Seen = Callable[[int, int | None], None]

WORST = 48


def evaluate(
    target: Any,
    data: Any = None,
    *,
    part: Part | None = None,
    labels: Sequence[str] | None = None,
    batch_size: int = 32,
    size: tuple[int, int] | None = None,
    interpolation: str | None = None,
    preprocess: str | None = None,
    worst: int = WORST,
    allow_code: bool = False,
    restrict_paths: bool = False,
    seen: Seen = lambda count, total: None,
) -> Evaluation:
    """What a trained model says of labelled data: loss, metrics, a report of each output, the worst mistakes.

    Args:
        target: the folder of a run, whose best model it is then, a saved model, or a `keras.Model`.
        data: a folder with one folder a class, `(inputs, targets)`, or a dataset that Keras's `evaluate` takes; left
            out it is what the spec of the run names in `data.test`, or else in `data.validation`.
        part: which part of the run's data: `test`, `validation` or `train`.
        labels: what the model's classes are called, in their order, in place of what its run or the data says.
        batch_size: how many samples make one batch.
        size: height and width of images, for a model that takes any.
        interpolation: how images of another size are resized; as in the model's run, or to the nearest pixel.
        preprocess: the application whose `preprocess_input` images of a folder go through first.
        worst: how many of the worst mistakes are kept.
        allow_code: whether the model, and the spec of its run, may run code.
        restrict_paths: refuse data outside of the folder of the run's spec.
        seen: is told how many samples are done, of how many.

    Raises:
        SpecError: there is no such run or model, its file is damaged, or the data does not fit it.

    Example:
        >>> evaluate("runs/x").of["answer"].accuracy  # doctest: +SKIP
        0.9733
    """
    if data is not None and part is not None:
        raise ValueError("`data` and `part` exclude each other: one is in place of the run's data, the other of it")
    path = os.fspath(target) if isinstance(target, str | os.PathLike) else None
    given = os.fspath(data) if isinstance(data, str | os.PathLike) else None
    files = target_of(path) if path is not None else None
    if given is not None:
        require_pillow()
        labelled_folder(given)  # its mistakes are told before Keras is loaded
    from spec_compiler.backend.startup import start  # the first that needs Keras

    start()
    opened = Opened.of(target, files, Permissions(allow_code, not restrict_paths), of_the_run=data is None)
    if given is not None:
        options = (labels, batch_size, size, interpolation, preprocess)
        batches, images, names = _folder(opened, given, *options)
        return on_part(opened, batches, images, names, dict.fromkeys(names, True), given, worst, seen)
    if data is not None:
        batches = _in_memory(data, batch_size)
        return on_part(opened, batches, (), _names(opened, labels), {}, "the data given", worst, seen)
    return on_part(opened, *_part(opened, part, labels, seen), worst, seen)


def on_part(
    opened: Opened,
    batches: Any,
    files: Sequence[str],
    names: Mapping[str, Sequence[str]],
    single: Mapping[str, bool],
    of: str,
    worst: int = WORST,
    seen: Seen = lambda count, total: None,
) -> Evaluation:
    """What an opened model says of batches, which are called `of`.

    Raises:
        SpecError: SC606, SC609.
    """
    kinds, notes = _kinds(opened.ready, names, single)
    counted = Counted(kinds, files, worst)
    metrics = _counted(counted, opened.ready, batches, seen)
    note = opened.ready.note
    return _evaluation(counted, metrics, opened, of, (*([note] if note else []), *notes))


def _folder(
    opened: Opened,
    given: str,
    labels: Sequence[str] | None,
    batch_size: int,
    size: tuple[int, int] | None,
    interpolation: str | None,
    preprocess: str | None,
) -> tuple[Any, tuple[str, ...], Mapping[str, Sequence[str]]]:
    """The images of a labelled folder as batches, their files, and the names of the model's classes."""
    from spec_compiler.backend.inference import preprocessing, reader_for  # imports Keras
    from spec_compiler.backend.training.evaluating import FolderBatches

    ready, outputs = opened.ready, opened.ready.outputs
    if len(outputs) != 1 or len(outputs[0].shape) != 2 or outputs[0].shape[-1] is None:
        shapes = ", ".join(str(each.shape) for each in outputs)
        message = f"the model puts out {shapes}, images in class folders have one class each"
        raise SpecError.single("SC604", message, help="evaluate it on the data of its run, or in Python on arrays")
    reader = reader_for(ready.model, opened.marks.get("images") or {}, size=size, interpolation=interpolation)
    folder = with_classes(labelled_folder(given), labels or opened.class_names, outputs[0].shape[-1])
    batches = FolderBatches(folder, reader, ready.labels, batch_size, preprocessing(preprocess))
    return batches, shown_files(folder.files, folder.path), {outputs[0].name: folder.class_names}


def _part(
    opened: Opened, part: Part | None, labels: Sequence[str] | None, seen: Seen
) -> tuple[Any, tuple[str, ...], Mapping[str, Sequence[str]], Mapping[str, bool], str]:
    """A part of the data of the run's spec."""
    from spec_compiler.backend.training.data import load_part  # imports Keras
    from spec_compiler.backend.training.evaluating import graph_of

    spec = opened.spec
    if spec is None:
        message = f"it is not known what to evaluate `{opened.shown}` on"
        raise SpecError.single("SC102", message, help="name a folder with a folder for each class: `--data FOLDER`")
    graph = graph_of(opened.ready.model)
    keys: tuple[Part, ...] = (part,) if part is not None else parts_of(spec)
    for key in keys:
        if graph is None:
            break
        loaded = load_part(spec, key, graph, opened.ready.model, allow_code=opened.allowed.code, seen=seen)
        if loaded is not None:
            return (*of_part(opened, loaded, labels), f"data.{key}")
    message = f"the run's `data` has no `{keys[0]}`"
    raise SpecError.single("SC102", message, help="name another part, or a folder: `--data FOLDER`")


def of_part(
    opened: Opened, loaded: Any, labels: Sequence[str] | None = None
) -> tuple[Any, tuple[str, ...], Mapping[str, Sequence[str]], Mapping[str, bool]]:
    """The batches of a part, its files, the names of classes or labels, and whether a sample is of one class.

    `labels` are names in place of what the data or the model says.

    Raises:
        SpecError: SC604.
    """
    folders = {os.path.dirname(each) for each in loaded.files}
    common = os.path.commonpath(folders) if folders else ""
    if folders == {common}:
        common = os.path.dirname(common)  # all of one class
    single = {name: loaded.labels[name].ndim == 1 for name in loaded.class_names if name in loaded.labels}
    names = (not labels and loaded.class_names) or _names(opened, labels)
    return loaded.batches, shown_files(loaded.files, common), names, single


def _names(opened: Opened, labels: Sequence[str] | None) -> Mapping[str, Sequence[str]]:
    """The names of the only output's classes.

    Raises:
        SpecError: SC604 for names of another number of classes.
    """
    outputs = opened.ready.outputs
    if labels and len(outputs) == 1:
        units = outputs[0].shape[-1] if outputs[0].shape else None
        if len(labels) != units and (len(labels), units) != (2, 1):  # one number tells two classes apart
            raise SpecError.single("SC604", f"there are {len(labels)} labels, the model has {units} classes")
    names = labels or opened.class_names or ()
    return {each.name: names for each in outputs} if len(outputs) == 1 else {}


def _in_memory(data: Any, batch_size: int) -> Any:
    """Arrays in batches; a dataset is as it is."""
    if not isinstance(data, tuple | list):
        return data
    from spec_compiler.backend.training.batches import ArrayBatches  # imports Keras

    inputs, targets, weights = (*data, None)[:3]
    return ArrayBatches(inputs, targets, weights, batch_size)


def _kinds(
    ready: Ready, names: Mapping[str, Sequence[str]], single: Mapping[str, bool]
) -> tuple[list[OutputKind], tuple[str, ...]]:
    """How each output is read, and which are not."""
    kinds, notes = [], []
    for each in ready.outputs:
        kind = kind_of(
            each.name, each.shape, each.loss, each.activation, names.get(each.name, ()),
            single=single.get(each.name), arguments=each.arguments,
        )  # fmt: skip
        if kind is None:
            notes.append(f"no report of `{each.name}`, what it says is neither classes nor numbers of a sample")
        else:
            kinds.append(kind)
    return kinds, tuple(notes)


def _counted(counted: Counted, ready: Ready, batches: Any, seen: Seen) -> dict[str, float]:
    """Counts every batch and returns loss and metrics."""
    from spec_compiler.backend.training.measuring import measured, picture_of  # imports Keras

    total = getattr(batches, "size", None)

    def tell(inputs: Any, targets: dict[str, Any], outputs: dict[str, Any], size: int) -> None:
        counted.add(targets, outputs, size, picture_of(inputs))
        seen(counted.num_samples, total)

    return measured(ready.model, batches, tell, compiled=ready.is_compiled)


def _evaluation(
    counted: Counted, metrics: Mapping[str, float], opened: Opened, of: str, notes: tuple[str, ...]
) -> Evaluation:
    from spec_compiler.backend.training.measuring import data_address  # imports Keras

    worst = tuple(mistake._replace(picture=data_address(pixels)) for mistake, pixels in counted.worst.done())
    epoch = opened.marks.get("epoch") if os.path.basename(opened.shown) == BEST else None
    return Evaluation(
        opened.shown, of, counted.num_samples, metrics, counted.measures, worst, counted.worst.count,
        tuple(counted.predictions), epoch if isinstance(epoch, int) else None, notes,
    )  # fmt: skip
