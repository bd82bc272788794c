"""What a spec and a policy promise of a result, compared with it: one function for each key of `expect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, under
from spec_compiler.graph import Graph
from spec_compiler.graph.anywhere import anywhere
from spec_compiler.graph.node import ValueRef
from spec_compiler.graph.opened import opened
from spec_compiler.graph.resolve import MOST_PROBLEMS, resolve
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.language.bounds import Bounds
from spec_compiler.language.output_shapes import OutputShapes, Sizes
from spec_compiler.language.selectors import Selector
from spec_compiler.plan.costs import multiply_adds, total
from spec_compiler.spec import Spec
from spec_compiler.spec.expect import Expect
from spec_compiler.training.metric_promises import unreported
from spec_compiler.training.reported import output_names
from spec_compiler.training.trained import Trained, trained

MOST_NAMED = 4  # layers in one note


class Promise(NamedTuple):
    """A promise that the result keeps, or with `found` None one of a metric, which only the training shows."""

    key: str
    wanted: str
    found: str | None
    policy: str | None = None  # the file that makes it, where it is not the spec

    @property
    def text(self) -> str:
        """It in a line."""
        by = f" ({self.policy})" if self.policy else ""
        return f"{self.key} {self.wanted}{by}: {self.found or 'after training'}"

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        return self._asdict()


@dataclass(frozen=True)
class _Asked:
    """A result, and who wants to know of it: `expect`, or the policy."""

    spec: Spec
    graph: Graph
    is_policy: bool

    @property
    def says(self) -> str:
        return "the policy" if self.is_policy else "`expect`"

    @cached_property
    def states(self) -> tuple[Trained, ...]:
        """What trains, in each phase where there are any."""
        return trained(self.spec, self.graph)

    def resolved(self, selector: Selector) -> tuple[Graph, tuple[str, ...]]:
        """The layers that a selector matches, and the graph in which it reaches them.

        Raises:
            SpecError: as `resolve`.
        """
        # A promise that reaches into a nested model looks inside, and does not open it: it changes nothing.
        graph = opened(self.graph, [term.text for term in (*selector.terms, *_excluded(selector))])
        return graph, tuple(dict.fromkeys(graph.nodes[name].layer for name in resolve(selector, graph)))

    def bounded(self, bounds: Bounds, value: int, message: str, sizes: Mapping[str, int], key: str) -> str:
        """The figure as text, which is within its bounds; `sizes` are the shares of the layers.

        Raises:
            SpecError: SC320.
        """
        broken = bounds.broken_at(value)
        if broken is None:
            return f"{value:,}"
        path, bound = broken
        largest = [f"`{name}` {size:,}" for name, size in Counter(sizes).most_common(MOST_NAMED) if size]
        verb = "is" if len(largest) == 1 else "are"
        ways = ["change what has most of them"] if path == ("at_most",) and largest else []
        ways += [] if self.is_policy else [f"write `{(*path, key)[0]}: {value}`"]
        raise SpecError.single(
            "SC320",
            f"{message.format(f'{value:,}')}, {self.says} says {bound}",
            path=path,
            notes=(f"the largest {verb} {', '.join(largest)}",) if largest else (),
            help=", or ".join(ways) or None,
        )


def kept_promises(spec: Spec, graph: Graph) -> tuple[Promise, ...]:
    """The promises of a spec and its policy, which the result with its shapes keeps, and those of its training.

    Raises:
        SpecError: SC320 a broken one, SC321 one of a size that is not known, SC201 and the other errors of a selector,
            SC605; paths from the spec, those of the policy located in it.
    """
    return _checked(spec, graph, CHECKS)


def check_named(spec: Spec, graph: Graph) -> None:
    """As `kept_promises`, what can be said of a graph without shapes.

    Raises:
        SpecError: SC320, SC201 and the other errors of a selector.
    """
    _checked(spec, graph, NAMED)


def _checked(spec: Spec, graph: Graph, checks: Mapping[str, Callable[[_Asked, Any], str]]) -> tuple[Promise, ...]:
    promises: list[Promise] = []
    problems: list[Diagnostic] = []
    by_policy = spec.policy.name if spec.policy is not None else None
    said: list[tuple[Expect | None, str | None]] = [(spec.expect, None)]
    said += [(spec.policy.expect, by_policy)] if spec.policy is not None else []
    for expect, policy in said:
        if expect is None:
            continue
        wrong: list[Diagnostic] = []
        asked = _Asked(spec, graph, policy is not None)
        for key, wanted in expect.promises.items():
            if key in checks:
                try:
                    with under("expect", key):
                        promises.append(Promise(key, wanted_text(wanted), checks[key](asked, wanted), policy))
                except SpecError as error:
                    wrong += error.diagnostics
        if checks is CHECKS:
            wrong += [each.under("expect") for each in unreported(spec, graph, expect.metrics)]
        promises += [Promise(name, bounds.text, None, policy) for name, bounds in expect.metrics.items()]
        problems += [spec.policy.source.locate(each) for each in wrong] if policy and spec.policy else wrong
    if problems:
        raise SpecError(problems)
    return tuple(promises)


def wanted_text(wanted: Bounds | OutputShapes | Selector) -> str:
    """What was promised, in words."""
    return f"`{wanted.text}`" if isinstance(wanted, Selector) else wanted.text


# figures


def _parameters(asked: _Asked, bounds: Bounds) -> str:
    sizes = {name: layer.num_parameters for name, layer in asked.graph.layers.items()}
    return asked.bounded(bounds, asked.graph.num_parameters, "the result has {} parameters", sizes, "parameters")


def _trainable(asked: _Asked, bounds: Bounds) -> str:
    figures = []
    for state in asked.states:
        where = f" in the phase `{state.phase}`" if state.phase is not None else ""
        count = sum(state.counts.values())
        figures.append(asked.bounded(bounds, count, f"{{}} parameters train{where}", state.counts, "trainable"))
    return " and ".join(dict.fromkeys(figures))


def _multiply_adds(asked: _Asked, bounds: Bounds) -> str:
    figures = multiply_adds(asked.graph)
    count = total(figures)
    if count is None:
        open_ = [name for name, figure in figures.items() if figure is None]
        raise _unknown(
            "the multiply-adds of the result are not known",
            f"the size is open at {_listed(open_)}",
            "give the input a size: `input: {shape: [224, 224, 3]}`",
        )
    sizes: Counter[str] = Counter()
    for name, figure in figures.items():
        sizes[asked.graph.nodes[name].layer] += figure or 0
    message = "the result needs {} multiply-adds for one example"
    return asked.bounded(bounds, count, message, sizes, "multiply_adds")


def _layers(asked: _Asked, bounds: Bounds) -> str:
    count = sum(layer.kind != "operation" for layer in asked.graph.layers.values())
    return asked.bounded(bounds, count, "the result has {} layers", {}, "layers")


def _unknown(message: str, note: str, help: str | None) -> SpecError:
    return SpecError.single("SC321", message, notes=(note,), help=help)


# shapes


def _output(asked: _Asked, wanted: OutputShapes) -> str:
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


def _shape(asked: _Asked, name: str, ref: ValueRef, wanted: Sizes) -> str:
    spec = asked.graph.spec_of(ref)
    if spec is None:
        raise _unknown(f"the shape of the output `{name}` is not known", f"`{name}` has none yet", None)
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


# layers


def _excluded(selector: Selector) -> Iterable[Any]:
    return selector.excluded.terms if selector.excluded is not None else ()


def _with_weights(asked: _Asked, selector: Selector) -> tuple[Graph, list[str]]:
    graph, names = asked.resolved(selector)
    weighty = [name for name in names if graph.layers[name].weights]
    if not weighty:
        message = f"none of the layers that `{selector.text}` matches has weights, {asked.says} speaks of training"
        raise SpecError.single(
            "SC320", message, notes=(f"it matches {_listed(names)}",), help="name layers with weights"
        )
    return graph, weighty


def _frozen(asked: _Asked, selector: Selector) -> str:
    graph, names = _with_weights(asked, selector)
    for state in asked.states:
        moving = [name for name in names if state.changes(name, graph.layers[name], asked.graph)]
        if moving:
            where = f" in the phase `{state.phase}`" if state.phase is not None else ""
            verb = "trains" if len(moving) == 1 else "train"
            raise SpecError.single(
                "SC320",
                f"{_layers_text(moving)} {verb}{where}, {asked.says} says that `{selector.text}` is frozen",
                notes=(f"{_listed(moving)}",) if len(moving) > 1 else (),
                help=_freeze(selector) + (" in that phase" if where else ""),
            )
    return _layers_text(names, named=False)


def _freeze(selector: Selector) -> str:
    """What freezes the layers, where that can be said in a word."""
    text = selector.text
    if len(selector.terms) > 1 or selector.excluded is not None or selector.where:
        return "freeze all of them"
    return f"write `freeze: {text}`" if text[0] not in "[*" else f"write `freeze: '{text}'`"


def _trains(asked: _Asked, selector: Selector) -> str:
    graph, names = _with_weights(asked, selector)
    still = [
        name
        for name in names
        if not any(state.changes(name, graph.layers[name], asked.graph) for state in asked.states)
    ]
    if still:
        where = " in any phase" if asked.spec.train else ""
        verb = "does" if len(still) == 1 else "do"
        raise SpecError.single(
            "SC320",
            f"{_layers_text(still)} {verb} not train{where}, {asked.says} says that `{selector.text}` does",
            notes=(f"{_listed(still)}",) if len(still) > 1 else (),
            help="take them out of `freeze`",
        )
    return _layers_text(names, named=False)


def _absent(asked: _Asked, selector: Selector) -> str:
    problems: list[Diagnostic] = []
    for term in selector.terms:
        names = anywhere(replace(selector, terms=(term,)), asked.graph)
        if names and len(problems) < MOST_PROBLEMS:
            message = f"the result has {_layers_text(names)}, {asked.says} says that `{term.text}` is absent"
            notes = (_listed(names),) if len(names) > 1 else ()
            help = "take what it names out, with `remove` or `replace`"
            problems.append(Diagnostic("SC320", message, term.path, notes=notes, help=help))
    if problems:
        raise SpecError(problems)
    return "none"


def _present(asked: _Asked, selector: Selector) -> str:
    names = anywhere(selector, asked.graph)
    for term in selector.terms:
        if not anywhere(replace(selector, terms=(term,), expect=None), asked.graph):
            message = f"the result has no layer `{term.text}`, {asked.says} says that it is present"
            raise SpecError.single("SC320", message, path=term.path, help=_why(asked, selector))
    if selector.expect is not None and len(names) != selector.expect:
        message = f"`{selector.text}` matches {len(names)} layers, {asked.says} says {selector.expect}"
        raise SpecError.single("SC320", message, path=("expect",), notes=(_listed(names),))
    return _layers_text(names, named=False)


def _why(asked: _Asked, selector: Selector) -> str | None:
    """What is said of a selector elsewhere that matches nothing: near names."""
    try:
        resolve(selector, asked.graph)
    except SpecError as error:
        return error.diagnostics[0].help
    return None


def _layers_text(names: Iterable[str], named: bool = True) -> str:
    names = list(names)
    if len(names) == 1:
        return f"`{names[0]}`" if named else "1 layer"
    return f"{len(names)} layers"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(f"`{name}`" for name in names[:MOST_NAMED]) + (
        f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    )


def _is_there(asked: _Asked, selector: Selector) -> str:
    asked.resolved(selector)
    return ""


CHECKS: Mapping[str, Callable[[_Asked, Any], str]] = {
    "output": _output,
    "parameters": _parameters,
    "trainable": _trainable,
    "multiply_adds": _multiply_adds,
    "layers": _layers,
    "frozen": _frozen,
    "trains": _trains,
    "absent": _absent,
    "present": _present,
}
NAMED: Mapping[str, Callable[[_Asked, Any], str]] = {
    "layers": _layers,
    "frozen": _is_there,
    "trains": _is_there,
    "absent": _absent,
    "present": _present,
}
