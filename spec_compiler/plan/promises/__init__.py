"""What a spec and a policy promise of a result, compared with it: one function for each key of `expect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, SpecError, under
from spec_compiler.graph import Graph
from spec_compiler.language.bounds import Bounds
from spec_compiler.language.output_shapes import OutputShapes
from spec_compiler.language.selectors import Selector
from spec_compiler.plan.promises.asked import Asked
from spec_compiler.plan.promises.figures import multiply_adds_of, num_layers, parameters, trainable
from spec_compiler.plan.promises.promise import Promise
from spec_compiler.plan.promises.selected import absent, frozen, is_there, present, trains
from spec_compiler.plan.promises.shapes import output
from spec_compiler.spec import Spec
from spec_compiler.spec.expect import Expect
from spec_compiler.training.metric_promises import unreported

__all__ = ["CHECKS", "NAMED", "Promise", "check_named", "kept_promises"]


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


def _checked(spec: Spec, graph: Graph, checks: Mapping[str, Callable[[Asked, Any], str]]) -> tuple[Promise, ...]:
    promises: list[Promise] = []
    problems: list[Diagnostic] = []
    by_policy = spec.policy.name if spec.policy is not None else None
    said: list[tuple[Expect | None, str | None]] = [(spec.expect, None)]
    said += [(spec.policy.expect, by_policy)] if spec.policy is not None else []
    for expect, policy in said:
        if expect is None:
            continue
        wrong: list[Diagnostic] = []
        asked = Asked(spec, graph, policy is not None)
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


CHECKS: Mapping[str, Callable[[Asked, Any], str]] = {
    "output": output,
    "parameters": parameters,
    "trainable": trainable,
    "multiply_adds": multiply_adds_of,
    "layers": num_layers,
    "frozen": frozen,
    "trains": trains,
    "absent": absent,
    "present": present,
}
NAMED: Mapping[str, Callable[[Asked, Any], str]] = {  # what can be said before there are shapes
    "layers": num_layers,
    "frozen": is_there,
    "trains": is_there,
    "absent": absent,
    "present": present,
}
