"""`init`: a commented starting spec for a base that the user picks."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import click

from spec_compiler.cli.completing import applications_or_files
from spec_compiler.cli.documented import Documented
from spec_compiler.cli.options import force_option, of_the_call
from spec_compiler.cli.progress import progress
from spec_compiler.cli.save import save_text
from spec_compiler.cli.terminal import echo
from spec_compiler.compiler import check_spec, plan_spec
from spec_compiler.diagnostics import SpecError, did_you_mean, quoted
from spec_compiler.files import HERE
from spec_compiler.files.outputs import ready
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.graph import Graph
from spec_compiler.graph.narrow import narrow_places, places_to_cut
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.preprocessing import mode_of
from spec_compiler.keras_facts.settings import image_data_format
from spec_compiler.language.base import SUFFIXES
from spec_compiler.spec import load_spec
from spec_compiler.spec.data import form_of
from spec_compiler.spec.data_columns import class_name
from spec_compiler.training.folder import read_folder
from spec_compiler.training.kinds import name_images
from spec_compiler.training.loss import activation_of
from spec_compiler.training.tables import Table, is_empty, read_table


@click.command(cls=Documented)
@click.argument("base", metavar="BASE", shell_complete=applications_or_files)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The spec  [default: the base's name, .yaml]")
@click.option("--classes", type=click.IntRange(2), help="How many classes to tell apart  [default: 10]")
@click.option(
    "--data", type=click.Path(), help="The images to train on: a folder with one folder for each class, or a table."
)
@click.option("--label", metavar="COLUMN", help="The column of the table that names the class of each image.")
@force_option
def init(base: str, output: str | None, classes: int | None, data: str | None, label: str | None, force: bool) -> None:
    """Write a commented starting spec for BASE: an application such as ResNet50, or a model file."""
    name = re.sub(r"\W+", "_", os.path.basename(base).removesuffix(".keras").removesuffix(".h5")).strip("_")
    output = output or f"{name}.yaml"
    ready(output, force, suffixes=SPEC_SUFFIXES)
    folder = os.path.dirname(os.path.abspath(output))
    with progress("reading the base"), of_the_call():
        columns: tuple[str, str] | None = None
        if label is not None and (data is None or form_of(data) != "table"):
            raise click.UsageError("`--label` names a column of a table, which `--data` names")
        if data is not None:
            if form_of(data) == "table":
                columns, num_classes = _of_a_table(read_table(data, HERE), label)
            else:
                num_classes = len(read_folder(data, HERE).class_names)
            if classes not in (None, num_classes):
                raise click.UsageError(f"`{data}` has {num_classes} classes, not {classes}")
            classes, data = num_classes, near_path(data, folder)
        # The text names the file from the folder that the spec will stand in, which is not where the command runs.
        section = base_section(base, folder)
        graph = plan_spec({"spec": 1, "base": in_folder(section, folder)}).before  # reads no weights
        classes = classes or 10
        text = starting_spec(Start(f"{name}_{classes}_classes", section, graph, classes, data, columns))
        errors = [each for each in check_spec(load_spec(text, file=output)) if each.severity == "error"]
        if errors:
            raise SpecError(errors)  # a base whose output a classifier does not fit
    save_text(text, output, force)
    echo(f"wrote {output}; next: spec-compiler plan {output}")


def _of_a_table(table: Table, label: str | None) -> tuple[tuple[str, str], int]:
    """The columns of the images and of their classes, and how many classes there are.

    Raises:
        SpecError: SC620 for a column that is not there.
        UsageError: several columns may be meant.
    """
    files = [name for name, cells in table.rows.columns.items() if name_images(cells)]
    if len(files) != 1:
        what = f"the columns {quoted(files)} name image files" if files else "no column names image files"
        raise click.UsageError(f"{what} in `{table.name}`; write `inputs` in the spec yourself")
    others = [label] if label is not None else [name for name in table.rows.columns if name not in files]
    if len(others) != 1:
        raise click.UsageError(f"name the column with the classes: `--label COLUMN`, one of {quoted(others)}")
    cells = table.column(others[0], ())
    return (files[0], others[0]), len({class_name(cell) for cell in cells if not is_empty(cell)})


def near_path(path: str, folder: str) -> str:
    """The path from a folder, absolute where it is not below that."""
    near = os.path.relpath(path, folder)
    return near if not near.startswith("..") else os.path.abspath(path)


def in_folder(section: dict[str, Any], folder: str) -> dict[str, Any]:
    """The section as it is read from anywhere: its file by an absolute path."""
    return {"file": os.path.join(folder, section["file"])} if "file" in section else section


def base_section(base: str, folder: str) -> dict[str, Any]:
    """The `base` of a spec that stands in a folder.

    Raises:
        SpecError: SC203 for a name that is no application, SC501 for a file that is not there.
    """
    if base.endswith(SUFFIXES):
        if not os.path.isfile(base):
            raise SpecError.single("SC501", f"no model file `{base}`")
        return {"file": near_path(base, folder)}
    if base not in catalogue.application_names():
        help = did_you_mean(base, catalogue.application_names(), "name an application of Keras, or a `.keras` file")
        raise SpecError.single("SC203", f"no Keras application is called `{base}`", help=help)
    size = catalogue.application(base)["default_size"] or 224
    shape = [3, size, size] if image_data_format() == "channels_first" else [size, size, 3]
    return {"application": base, "weights": "imagenet", "include_top": False, "input_shape": shape}


_AXES = ("height, width, channels", "channels, height, width")


@dataclass(frozen=True)
class Start:
    """What a starting spec is written for; `graph` is the base, `data` the folder with the images or their table,
    `columns` which of its columns are for what, if there is one.
    """

    name: str
    base: dict[str, Any]
    graph: Graph
    classes: int
    data: str | None = None
    columns: tuple[str, str] | None = None


def starting_spec(start: Start) -> str:
    """The spec as text; what stands in comments fits the base as well."""
    base, graph = start.base, start.graph
    own_head, places = _own_head(graph), places_to_cut(graph)
    lines = [
        "# yaml-language-server: $schema=model-spec.schema.json",
        "# For completion in an editor: spec-compiler schema > model-spec.schema.json",
        "spec: 1",
        f"name: {start.name}",
        *_base_lines(base, _takes_pixels(graph)),
        "",
        "# Names of layers: spec-compiler layers " + (base.get("file") or base["application"]),
    ]
    if own_head is not None:
        lines.append(f"cut_at: {own_head} # without its own classifier")
    elif places:
        lines.append(f"# cut_at: {places[-1]} # end the base here; the layers behind it go")
    if places:
        lines += ["# insert:", f"#   - after: {places[-1]}", "#     with: [{SpatialDropout2D: 0.1}]"]
    lines += [
        "",
        "head: # new layers on its output",
        *[f"  - {entry}" for entry in _head(graph, own_head, start.classes)],
        "",
        "# If you train the built model yourself, freeze here; the phases below say it for themselves:",
        "# All of the base is frozen already." if _is_frozen(graph) else "# freeze: base",
        "",
        *_training_lines(start, places),
    ]
    return "\n".join(lines) + "\n"


def _base_lines(base: dict[str, Any], takes_pixels: bool) -> list[str]:
    if "file" in base:
        lines = ["base:", f"  file: {_scalar(base['file'])}"]
        if not takes_pixels:
            return lines
        return [*lines, "# input: {preprocess: VGG16} # if the model was trained on images as VGG16 prepares them"]
    lines = [
        "base:",
        f"  application: {base['application']}",
        "  weights: imagenet # pretrained, Keras downloads them; `null` begins with random ones",
        "  include_top: false # without its own classifier",
        f"  input_shape: {base['input_shape']} # {_AXES[base['input_shape'][0] == 3]}; images are resized to it",
    ]
    if mode_of(base["application"]) == "none":
        return [*lines, "# Images go in as pixels from 0 to 255: this application begins with its own preprocessing."]
    return [
        *lines,
        "input: {preprocess: auto} # what its weights were trained on; images go in as pixels from 0 to 255",
    ]


def _takes_pixels(graph: Graph) -> bool:
    """Whether a model takes colour images, and has no layer that prepares them."""
    spec = graph.spec_of(graph.input_refs[0])
    is_prepared = any(layer.class_name in ("Normalization", "Rescaling") for layer in graph.layers.values())
    return spec is not None and len(spec.shape) == 4 and 3 in spec.shape[1:] and not is_prepared


def _training_lines(start: Start, places: list[str]) -> list[str]:
    """`data`, `compile` and `train`; in comments where there is no data yet."""
    columns = f"inputs: {_scalar(start.columns[0])}, targets: {_scalar(start.columns[1])}, " if start.columns else ""
    lines = [
        f"data: {{train: {_scalar(start.data or 'data/train')}, {columns}validation: 0.2, batch_size: 32}}",
        "compile: {optimizer: {Adam: {learning_rate: 1.0e-3}}, loss: categorical_crossentropy, metrics: [accuracy]}",
        "train:",
        f"  - {{phase: feature_extraction, {'' if _is_frozen(start.graph) else 'freeze: base, '}epochs: 5}}",
        "  - phase: fine_tune",
        "    unfreeze: base" if _is_frozen(start.graph) else f"    freeze: {_range(start.graph, places)}",
        "    epochs: 5",
        "    optimizer: {Adam: {learning_rate: 1.0e-5}}",
    ]
    if start.data is not None:
        return ["# spec-compiler train THIS_FILE -o runs/first", *lines]
    what = "# To train, make a folder with one folder for each class, say data/train/cat/1.jpg, and take the `# ` away:"
    return [what, *(f"# {line}" for line in lines)]


def _range(graph: Graph, places: list[str]) -> str:
    """What a later phase freezes: up to the last stage, or three quarters of the layers where no stage ends."""
    layers = f"..{places[-1]}" if places else f"'[0:{max(1, 3 * len(graph.positions) // 4)}]'"
    has_normalization = any(layer.class_name == "BatchNormalization" for layer in graph.layers.values())
    return f"{{layers: {layers}, batch_norm: all}}" if has_normalization else layers


def _is_frozen(graph: Graph) -> bool:
    return not any(layer.trainable and layer.weights for layer in graph.layers.values())


def _own_head(graph: Graph) -> str | None:
    """Where a classifier's own head begins: its last images, or what its last layer takes; None for other models."""
    output = graph.spec_of(graph.output_refs[0])
    layer = graph.layer_of(graph.output_refs[0].node)
    if output is None or len(output.shape) != 2 or activation_of(layer) not in ("softmax", "sigmoid"):
        return None
    places = [name for name in narrow_places(graph) if "@" not in name]  # a call of a shared layer is no place to cut
    images = [name for name in places if len(graph.nodes[name].outputs[0].shape) > 2]
    return [*places, *images][-1] if places else None


def _head(graph: Graph, cut: str | None, classes: int) -> list[str]:
    spec = graph.nodes[cut].outputs[0] if cut is not None else graph.spec_of(graph.output_refs[0])
    rank = len(spec.shape) if spec is not None else 2
    pooling = [f"GlobalAveragePooling{rank - 2}D # one number for each channel"] if 3 <= rank <= 5 else []
    # Names are unique in a model, and the base may have a `classes` of its own.
    left = graph.layers if cut is None else {graph.nodes[each].layer for each in graph.ancestors([cut])}
    names = chain(["classes"], (f"classes_{number}" for number in count(2)))
    name = next(name for name in names if name not in left)
    return [
        *pooling,
        "Dropout: 0.2",
        f"Dense: {{units: {classes}, activation: softmax, name: {name}}} # a probability for each class",
    ]


def _scalar(text: str) -> str:
    """A path as YAML takes it, in quotes where it needs them."""
    return text if re.fullmatch(r"[\w./][\w./-]*", text) else json.dumps(text, ensure_ascii=False)
