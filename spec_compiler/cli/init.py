"""`init`: a commented starting spec for a base that the user picks."""

from __future__ import annotations

import os
import re
from typing import Any

import click

from spec_compiler import catalogue
from spec_compiler.base import SUFFIXES
from spec_compiler.cli.progress import progress
from spec_compiler.compiler import check_spec, plan_spec
from spec_compiler.diagnostics import SpecError, did_you_mean
from spec_compiler.graph import Graph
from spec_compiler.keras_settings import image_data_format
from spec_compiler.spec import load_spec


@click.command()
@click.argument("base", metavar="BASE")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The spec  [default: the base's name, .yaml]")
@click.option(
    "--classes", type=click.IntRange(2), default=10, show_default=True, help="How many classes to tell apart."
)
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
def init(base: str, output: str | None, classes: int, force: bool) -> None:
    """Write a commented starting spec for BASE: an application such as ResNet50, or a model file."""
    from spec_compiler.cli.save import ready, save_text

    name = re.sub(r"\W+", "_", os.path.basename(base).removesuffix(".keras").removesuffix(".h5")).strip("_")
    output = output or f"{name}.yaml"
    ready(output, force, suffixes=(".yaml", ".yml"))
    with progress("reading the base"):
        section = base_section(base, os.path.dirname(os.path.abspath(output)))
        graph = plan_spec({"spec": 1, "base": section}).before  # reads no weights
        text = starting_spec(f"{name}_{classes}_classes", section, graph, classes)
        found = check_spec(load_spec(text, file=output))
        if found:
            raise SpecError(found)  # a base whose output a classifier does not fit
    save_text(text, output)
    click.echo(f"wrote {output}; next: spec-compiler plan {output}")


def base_section(base: str, folder: str) -> dict[str, Any]:
    """The `base` of a spec that stands in a folder.

    Raises:
        SpecError: SC203 for a name that is no application, SC501 for a file that is not there.
    """
    if base.endswith(SUFFIXES):
        if not os.path.isfile(base):
            raise SpecError.single("SC501", f"no model file `{base}`")
        near = os.path.relpath(base, folder)
        return {"file": near if not near.startswith("..") else os.path.abspath(base)}
    if base not in catalogue.application_names():
        help = did_you_mean(base, catalogue.application_names(), "name an application of Keras, or a `.keras` file")
        raise SpecError.single("SC203", f"no Keras application is called `{base}`", help=help)
    size = catalogue.application(base)["default_size"] or 224
    shape = [3, size, size] if image_data_format() == "channels_first" else [size, size, 3]
    return {"application": base, "weights": "imagenet", "include_top": False, "input_shape": shape}


_AXES = ("height, width, channels", "channels, height, width")


def starting_spec(name: str, base: dict[str, Any], graph: Graph, classes: int) -> str:
    """The spec as text; what stands in comments fits the base as well."""
    lines = [
        "# yaml-language-server: $schema=model-spec.schema.json",
        "# For completion in an editor: spec-compiler schema > model-spec.schema.json",
        "spec: 1",
        f"name: {name}",
        "base:",
    ]
    if "file" in base:
        lines.append(f"  file: {base['file']}")
    else:
        size = base["input_shape"]
        lines += [
            f"  application: {base['application']}",
            "  weights: imagenet # pretrained, Keras downloads them; `null` begins with random ones",
            "  include_top: false # without its own classifier",
            f"  input_shape: {size} # {_AXES[size[0] == 3]}",
        ]
    middle, block = _middle(graph)
    lines += [
        "",
        "# Names of layers: spec-compiler layers " + (base.get("file") or base["application"]),
        f"# cut_at: {middle} # end the base here; what only serves later layers goes",
        "# insert:",
        f"#   - after: {middle}",
        "#     layers: [{SpatialDropout2D: 0.1}]",
        "",
        "head: # new layers on its output",
        *[f"  - {entry}" for entry in _head(graph, classes)],
        "",
        "# What training leaves alone. `base` trains the head only; later a range lets the upper layers train:",
        f"# freeze: {{layers: ..{block}, batch_norm: all}}",
        "freeze: base",
    ]
    text = "\n".join(lines) + "\n"
    has_normalization = any(layer.class_name == "BatchNormalization" for layer in graph.layers.values())
    return text if has_normalization else text.replace(f"{{layers: ..{block}, batch_norm: all}}", f"..{block}")


def _head(graph: Graph, classes: int) -> list[str]:
    spec = graph.spec_of(graph.output_refs[0])
    rank = len(spec.shape) if spec is not None else 2
    pooling = [f"GlobalAveragePooling{rank - 2}D # one number for each channel"] if 3 <= rank <= 5 else []
    return [
        *pooling,
        "Dropout: 0.2",
        f"Dense: {{units: {classes}, activation: softmax, name: classes}} # a probability for each class",
    ]


def _middle(graph: Graph) -> tuple[str, str]:
    """A layer with images as its output that is a place to cut at, and one to freeze up to."""
    ends = graph.ancestors(ref.node for ref in graph.output_refs)
    through = [
        name
        for name, node in graph.nodes.items()
        if name in ends and "@" not in name and graph.layers[node.layer].kind == "layer" and _image(graph, name)
    ]
    if not through:
        through = [name for name in graph.nodes if graph.layer_of(name).kind == "layer"] or list(graph.nodes)
    for ends_block in (("_pool", "_out"), ("_add", "_output"), ("_bn",), ("",)):  # where a block ends, if names tell
        names = [name for name in through if name.endswith(ends_block)]
        if len(names) > 2:
            break
    return names[2 * len(names) // 3], names[len(names) // 2]


def _image(graph: Graph, name: str) -> bool:
    outputs = graph.nodes[name].outputs
    return len(outputs) == 1 and len(outputs[0].shape) == 4
