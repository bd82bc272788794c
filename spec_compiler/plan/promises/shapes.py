"""The promise of the shapes that a result puts out."""

from __future__ import annotations

from collections.abc import Mapping

from spec_compiler.diagnostics import SpecError, did_you_mean, under
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.output_shapes import OutputShapes, Sizes
from spec_compiler.plan.promises.asked import MOST_NAMED, Asked, unknown
from spec_compiler.training.reported import output_names


def output(asked: Asked, wanted: OutputShapes) -> str:
    """The shapes of its outputs that are spoken of. Raises: SC320, SC321, SC201."""
    there = _outputs(asked.graph)
    found = []
    for name, sizes in wanted.shapes.items():
        if name is None and len(there) > 1:
            names = ", ".join(f"{each}: […]" for each, _ in there[:MOST_NAMED])
            message = f"the result has {len(there)} outputs, {asked.says} says one shape"
            raise SpecError.single("SC320", message, help=f"say which: `output: {{{names}}}`")
        refs = [(each, ref) for each, ref in there if name in (None, each)]
        if not refs:
            names = ", ".join(f"`{each}`" for each, _ in there)
            help = did_you_mean(str(name), [each for each, _ in there], f"its outputs are {names}")
            raise SpecError.single(
                "SC201", f"the result has no output `{name}`", path=(str(name),), at_key=True, help=help
            )
        for each, ref in refs:
            with under(*(() if name is None else (name,))):
                found.append(_shape(asked, each, ref, sizes))
    return ", ".join(found)


def _outputs(graph: Graph) -> list[tuple[str, ValueRef]]:
    """The outputs by the names that Keras gives them."""
    if isinstance(graph.outputs, Mapping) and all(isinstance(ref, ValueRef) for ref in graph.outputs.values()):
        return [(str(name), ref) for name, ref in graph.outputs.items() if isinstance(ref, ValueRef)]
    return list(zip(output_names(graph), graph.output_refs, strict=True))


def _shape(asked: Asked, name: str, ref: ValueRef, wanted: Sizes) -> str:
    spec = asked.graph.spec_of(ref)
    if spec is None:
        raise unknown(f"the shape of the output `{name}` is not known", f"`{name}` has none yet", None)
    shape, by = spec.shape, f"it is put out by `{asked.graph.nodes[ref.node].layer}`"
    problem = f"the output `{name}` is {shape}, {asked.says} says `{flow(list(wanted))}`"
    if len(shape) != len(wanted):
        help = "the batch axis comes first, as `null`" if len(wanted) == len(shape) - 1 else None
        raise SpecError.single("SC320", problem, notes=(by,), help=help)
    for index, (size, promised) in enumerate(zip(shape, wanted, strict=True)):
        if promised is not None and size != promised:
            if size is None:
                raise SpecError.single("SC321", f"the size of axis {index} of the output `{name}` is open, "
                                       f"{asked.says} says {promised}", path=(index,), notes=(by,),
                                       help="give the input a size, or write `null` for any")  # fmt: skip
            raise SpecError.single("SC320", problem, path=(index,), notes=(by,))
    return str(shape)
