"""The promises of layers: that they are frozen or train, absent or present."""

from __future__ import annotations

from dataclasses import replace

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.graph.anywhere import anywhere
from spec_compiler.graph.resolve import MOST_PROBLEMS, resolve
from spec_compiler.language.selectors import Selector
from spec_compiler.plan.promises.asked import Asked, layers_text, listed


def _with_weights(asked: Asked, selector: Selector) -> list[str]:
    graph, names = asked.resolved(selector)
    weighty = [name for name in names if graph.layers[name].weights]
    if not weighty:
        message = f"none of the layers that `{selector.text}` matches has weights, {asked.says} speaks of training"
        raise SpecError.single(
            "SC320", message, notes=(f"it matches {listed(names)}",), help="name layers with weights"
        )
    return weighty


def frozen(asked: Asked, selector: Selector) -> str:
    """How many layers no training changes. Raises: SC320, and as `resolve`."""
    names = _with_weights(asked, selector)
    for state in asked.states:
        moving = [name for name in names if state.changes(name)]
        if moving:
            where = f" in the phase `{state.phase}`" if state.phase is not None else ""
            verb = "trains" if len(moving) == 1 else "train"
            raise SpecError.single(
                "SC320",
                f"{layers_text(moving)} {verb}{where}, {asked.says} says that `{selector.text}` is frozen",
                notes=(f"{listed(moving)}",) if len(moving) > 1 else (),
                help=_freeze(selector) + (" in that phase" if where else ""),
            )
    return layers_text(names, named=False)


def _freeze(selector: Selector) -> str:
    """What freezes the layers, where that can be said in a word."""
    text = selector.text
    if len(selector.terms) > 1 or selector.excluded is not None or selector.where:
        return "freeze all of them"
    return f"write `freeze: {text}`" if text[0] not in "[*" else f"write `freeze: '{text}'`"


def trains(asked: Asked, selector: Selector) -> str:
    """How many layers train, each in one phase at least. Raises: SC320, and as `resolve`."""
    names = _with_weights(asked, selector)
    still = [name for name in names if not any(state.changes(name) for state in asked.states)]
    if still:
        where = " in any phase" if asked.spec.train else ""
        verb = "does" if len(still) == 1 else "do"
        raise SpecError.single(
            "SC320",
            f"{layers_text(still)} {verb} not train{where}, {asked.says} says that `{selector.text}` does",
            notes=(f"{listed(still)}",) if len(still) > 1 else (),
            help="take them out of `freeze`, or name them in `unfreeze`",
        )
    return layers_text(names, named=False)


def absent(asked: Asked, selector: Selector) -> str:
    """That there are none. Raises: SC320."""
    problems: list[Diagnostic] = []
    for term in selector.terms:
        names = anywhere(replace(selector, terms=(term,)), asked.graph)
        if names:
            message = f"the result has {layers_text(names)}, {asked.says} says that `{term.text}` is absent"
            notes = (listed(names),) if len(names) > 1 else ()
            help = "take what it names out, with `remove` or `replace`"
            problems.append(Diagnostic("SC320", message, term.path, notes=notes, help=help))
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise SpecError(problems)
    return "none"


def present(asked: Asked, selector: Selector) -> str:
    """How many there are, one for each element at least. Raises: SC320."""
    names: dict[str, None] = {}
    for term in selector.terms:
        matched = anywhere(replace(selector, terms=(term,)), asked.graph)
        names |= dict.fromkeys(matched)
        if not matched:
            message = f"the result has no layer `{term.text}`, {asked.says} says that it is present"
            raise SpecError.single("SC320", message, path=term.path, help=_why(asked, selector))
    if selector.expect is not None and len(names) != selector.expect:
        message = f"`{selector.text}` matches {len(names)} layers, {asked.says} says {selector.expect}"
        raise SpecError.single("SC320", message, path=("expect",), notes=(listed(names),))
    return layers_text(names, named=False)


def _why(asked: Asked, selector: Selector) -> str | None:
    """What is said of a selector elsewhere that matches nothing: near names."""
    try:
        resolve(selector, asked.graph)
    except SpecError as error:
        return error.diagnostics[0].help
    return None


def is_there(asked: Asked, selector: Selector) -> str:
    """Nothing, of layers that are there. Raises: as `resolve`."""
    asked.resolved(selector)
    return ""
