"""What images in class folders ask of a model: one input that is an image, one output with a number for each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, quoted
from spec_compiler.graph import Graph
from spec_compiler.graph.channels import channel_axis
from spec_compiler.spec import Spec
from spec_compiler.spec.data import Data

CHANNELS = (1, 3, 4)  # gray, red green blue, and those with transparency


def image_problems(spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
    """SC604 and SC102 for a model that image folders do not fit, whatever is in them."""
    assert spec.data is not None
    try:
        image_shape(spec.data, graph)
    except SpecError as error:
        yield from error.diagnostics
    if spec.compile is None:
        return
    if len(graph.output_refs) != 1:
        message = f"the model has {len(graph.output_refs)} outputs, images in class folders have one label each"
        help = "choose one with `outputs`, or give a table as `train`, with a column for each output"
        yield Diagnostic("SC604", message, ("data",), at_key=True, help=help)
        return
    output = graph.spec_of(graph.output_refs[0])
    if output is not None and len(output.shape) != 2:
        message = f"the model puts out {tuple(output.shape)}, a classifier puts out one row of numbers for each image"
        help = "add a `head`, for example `[GlobalAveragePooling2D, {Dense: {units: 10, activation: softmax}}]`"
        yield Diagnostic("SC604", message, ("data",), at_key=True, help=help)


def image_shape(data: Data, graph: Graph, index: int | None = None) -> tuple[int, int, int]:
    """Height, width and channels of the images that the model is given; `index` is that of one of several inputs.

    Raises:
        SpecError: SC604 for an input that is no image, or of another size; SC102 where the size is not said; paths
            relative to the spec.
    """
    if index is None and len(graph.input_refs) != 1:
        message = f"the model has {len(graph.input_refs)} inputs, images in class folders are one"
        help = "give a table as `train`, with a column for each input"
        raise SpecError.single("SC604", message, path=("data",), at_key=True, help=help)
    ref = graph.input_refs[index or 0]
    spec = graph.spec_of(ref)
    shape = spec.shape if spec is not None else ()
    if len(shape) == 4 and channel_axis(graph, ref.node) == 1:
        message = f"the model's input {tuple(shape)} has its channels first, images are read with theirs last"
        help = "give the data with `module:function`; or write `input: {shape: [HEIGHT, WIDTH, 3]}`,\n"
        help += "and `insert` a `Permute: [3, 1, 2]` after the input"
        raise SpecError.single("SC604", message, path=("data",), at_key=True, help=help)
    if len(shape) != 4 or shape[-1] not in CHANNELS:
        message = f"the model's input {tuple(shape)} is no image of 1, 3 or 4 channels"
        help = "change it with `input`, or give the data with `module:function`"
        raise SpecError.single("SC604", message, path=("data",), at_key=True, help=help)
    _, height, width, channels = shape
    if data.image_size is not None:
        if any(mine not in (None, size) for mine, size in zip((height, width), data.image_size, strict=True)):
            message = f"`image_size` is {list(data.image_size)}, the model takes images of {height}x{width}"
            help = "leave `image_size` out, or change the model's input with `input`"
            raise SpecError.single("SC604", message, path=("data", "image_size"), help=help)
        height, width = data.image_size
    if height is None or width is None:
        message = "the model takes images of any size, so `data` needs `image_size`"
        raise SpecError.single("SC102", message, path=("data",), at_key=True, help="add `image_size: [224, 224]`")
    assert channels is not None
    return height, width, channels


def check_classes(graph: Graph, class_names: Sequence[str], path: Path = ("data", "train"), output: int = 0) -> None:
    """Proves that the model has a number for each class.

    Raises:
        SpecError: SC604, path from the spec.
    """
    ref = graph.output_refs[output]
    spec, count = graph.spec_of(ref), len(class_names)
    units = spec.shape[-1] if spec is not None and spec.shape else None
    if units is None or (count == 2 if units == 1 else count == units):
        return
    layer = graph.layer_of(ref.node)
    names = quoted(class_names[:6]) + (" …" if count > 6 else "")
    puts_out = "tells two classes apart" if units == 1 else f"has {units} outputs"
    help = f"add a `head` that ends in `Dense: {{units: {count}, activation: softmax}}`"
    if layer.is_new:
        help = f"write `units: {count}` in `{layer.name}`"
    related = ((f"`{layer.name}` is made here", layer.origin.path),) if layer.is_new else ()
    message = f"the data has {count} {'class' if count == 1 else 'classes'}, `{layer.name}` {puts_out}"
    notes = (f"the classes are {names}",)
    raise SpecError([Diagnostic("SC604", message, path, notes=notes, help=help, related=related)])
